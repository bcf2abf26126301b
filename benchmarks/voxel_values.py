"""Signals of a sequence in many voxels, by spins or by the engine; what they are worth, and how surely."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from voxel_spins import play_voxels

from sequence_search import Problem, Sequence, Voxels
from sequence_search.engines.simulator import STEP
from sequence_search.engines.spins import play_spins
from sequence_search.layout import SPOILER, Layout
from sequence_search.objective import Prepared, Slopes
from sequence_search.pulses.slices import IN_REPORT, selects_slice
from sequence_search.voxels import more_and_less

CHUNK = 5_000  # voxels at a time, so that memory stays below 1 GB
N_GROUPS = 20  # of voxels, each left out in turn
SPINS = tuple(2**power for power in range(10, 14))  # of a voxel, at all places across the slice together
MANY, MANY_PLACES = 2**14, 64  # right to 1e-4, and to 1e-5
N_TRIED, SPIN_ERROR = 512, 3e-5  # voxels in which few spins must give a mean |Mxy| as many do [M0]
N_JUDGED, FEW, AGREEMENT = (
    2,
    16,
    1e-7,
)  # voxels and spins played by `play_spins` as well; furthest signal [M0]

Play = Callable[[Voxels, int], Tensor]  # signal of voxels, the first of which has this number


class Signals(NamedTuple):
    """Signal [n_voxels] or [n_readouts, n_voxels], and the slopes of |signal| that the objective needs."""

    signal: Tensor
    slopes: Slopes

    def of(self, voxels: Any) -> Signals:
        """Of some of the voxels, by slice, mask or index tensor."""
        return Signals(self.signal[..., voxels], {name: s[..., voxels] for name, s in self.slopes.items()})


def by_spins(
    problem: Problem,
    sequence: Sequence,
    n_spins: int,
    voxels: Voxels,
    seed: int,
    *,
    n_places: int = IN_REPORT,
    keeps_mz: bool = False,
) -> Signals:
    """By brute force, see `play_voxels`; a voxel of more or less T1 or T2 has the same spins."""
    n_places = places(problem, sequence, n_places)
    number = {"n_spins": n_spins // n_places, "n_places": n_places}
    return signals(
        problem,
        voxels,
        lambda of, first: play_voxels(
            sequence, of, problem.pulses, seed=seed + first, keeps_mz=keeps_mz, **number
        ),
    )


def by_engine(problem: Problem, sequence: Sequence, voxels: Voxels) -> Signals:
    """By the package's engine, at as many places across the slice as for what is reported."""
    return signals(problem, voxels, lambda of, _: problem.simulator(of, n_places=IN_REPORT).signal(sequence))


def signals(problem: Problem, voxels: Voxels, play: Play) -> Signals:
    """Signals, and slopes of those of more and less T1 or T2, chunk by chunk."""
    chunks = [(voxels[first : first + CHUNK], first) for first in range(0, len(voxels), CHUNK)]
    slopes = {}
    for name in problem.objective.estimated:
        sides = []
        for part in (slice(len(voxels)), slice(len(voxels), None)):
            side = more_and_less(voxels, name, STEP)[part]
            sides.append(
                torch.cat([play(side[first : first + CHUNK], first).abs() for _, first in chunks], -1)
            )
        slopes[name] = (sides[0] - sides[1]) / (2 * STEP)
    return Signals(torch.cat([play(*chunk) for chunk in chunks], -1), slopes)


def places(problem: Problem, sequence: Sequence, count: int = IN_REPORT) -> int:
    """Places across the slice that spins are put at; 1 without one."""
    layout = sequence.layout or Layout.plain(1)
    return count if selects_slice(layout.kinds, problem.pulses) else 1


def enough_spins(problem: Problem, sequence: Sequence, voxels: Voxels, seed: int) -> int:
    """Fewest spins of a voxel, from 1,024 on, that give each tissue's mean |Mxy| as many do."""
    some = voxels[:N_TRIED]

    def means(n_spins: int) -> np.ndarray:
        return values(problem, sequence, some, by_spins(problem, sequence, n_spins, some, seed))[1:]

    many = means(MANY)
    return next((n for n in SPINS if np.abs(means(n) - many).max() < SPIN_ERROR), MANY)


def agree_with_judge(problem: Problem, sequence: Sequence, voxels: Voxels, seed: int) -> None:
    """Raise a RuntimeError unless the first voxels get the signal that `play_spins` gives their spins."""
    number = {"n_spins": FEW, "n_places": places(problem, sequence)}
    ours = play_voxels(sequence, voxels[:N_JUDGED], problem.pulses, seed=seed, **number)
    for at in range(N_JUDGED):
        one = voxels[at : at + 1]
        judge = play_spins(
            sequence, one, kinds=problem.pulses, seed=seed + at, repetitions=10_000, **number
        ).signal[:, 0]
        apart = float(abs(ours[..., at].reshape(-1).numpy() - judge).max())
        if not apart <= AGREEMENT:
            raise RuntimeError(f"{problem.name}: {apart:.1e} M0 from the signal of play_spins")


def values(problem: Problem, sequence: Sequence, voxels: Voxels, found: Signals) -> np.ndarray:
    """Loss, and the mean |Mxy| of each tissue over its voxels and all readouts."""
    loss = Prepared(problem.objective, voxels, problem.pulses).loss(found.signal, sequence, found.slopes)
    magnitude = found.signal.abs().reshape(-1, len(voxels)).mean(0)
    means = [magnitude[voxels.tissue == index].mean() for index in range(len(problem.tissues))]
    return torch.stack([loss, *means]).numpy()


def difference(
    problem: Problem, sequence: Sequence, voxels: Voxels, found: Signals, other: Signals
) -> tuple[np.ndarray, np.ndarray]:
    """Values of signals less those of others in the same voxels, and its standard error."""
    return jackknife(
        len(voxels),
        lambda some: np.subtract(
            *(values(problem, sequence, voxels[some], each.of(some)) for each in (found, other))
        ),
    )


def jackknife(n_voxels: int, statistic: Callable[[Tensor], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A statistic of voxels by mask, and its standard error, by leaving out each of some groups of voxels."""
    group = torch.arange(n_voxels) % N_GROUPS
    without = np.stack([statistic(group != each) for each in range(N_GROUPS)])
    spread = np.square(without - without.mean(0)).sum(0)
    return statistic(group >= 0), np.sqrt((N_GROUPS - 1) / N_GROUPS * spread)


def closed_forms() -> dict[str, float]:
    """How far the spins are from formulas of textbooks, in voxels of many b1 and b0 [M0]."""
    voxels = Voxels(t1=0.8, t2=0.08, b1=torch.linspace(0.7, 1.3, 64).tolist(), b0=torch.arange(64).tolist())
    b1, flips = voxels.b1, (math.radians(100), math.radians(150))
    a, b = (flip * b1 for flip in flips)

    def apart(sequence: Sequence, of: Voxels, expected: Tensor, n_spins: int = 512) -> float:
        played = play_voxels(sequence, of, {}, n_spins=n_spins, n_places=1, seed=0).abs()
        return float((played - expected.abs()).abs().max())

    def recovery(time: float) -> float:
        return math.exp(-time / 0.8)

    make = Sequence.from_degrees_ms
    gradient_echo = make([100], [0], [5, 45], layout=Layout.plain(1, steady=True))
    spin_echo = make([100, 150], [0, 90], [8, 8, 484], layout=Layout.plain(2, gradients=(1, 1), steady=True))
    decaying = Voxels(t1=0.8, t2=0.08, t2_prime=0.1, spread=20.0, b1=b1.tolist(), b0=0.0)
    spoiled = make([80] * 8, [0, 40] * 4, [50] * 8, layout=Layout.plain(8, gradients=(SPOILER,) * 8))
    flip, mz = math.radians(80) * b1, 1.0
    for _ in range(7):
        mz = 1 - (1 - mz * flip.cos()) * recovery(0.05)
    tr, e1 = recovery(0.5), recovery(0.05)
    crushed = torch.sin(a) * torch.sin(b / 2) ** 2 * math.exp(-0.016 / 0.08)
    crushed *= 1 - b.cos() * tr - (1 - b.cos()) * recovery(0.5 - 0.008)
    free = torch.sin(a) * math.exp(-0.01 / 0.08 - 0.01 / 0.1) * np.sinc(2 * 20 * 0.01)
    return {
        "spoiled gradient echo": apart(
            gradient_echo, voxels, a.sin() * (1 - e1) / (1 - a.cos() * e1) * math.exp(-0.005 / 0.08)
        ),
        "crushed spin echo of any flips, TR 0.5 s": apart(
            spin_echo, voxels, crushed / (1 - a.cos() * b.cos() * tr)
        ),
        "eight spoiled pulses": apart(spoiled, voxels, mz * flip.sin() * math.exp(-0.05 / 0.08), 2**12),
        "free decay by T2' and a spread": apart(make([100], [0], [10]), decaying, free, MANY),
    }
