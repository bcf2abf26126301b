"""When each tissue's Mz recovers through zero, and how near to the excitation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor

from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import start_mz
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sections import section, up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


@dataclass(frozen=True, slots=True)
class Crossing:
    """A tissue's Mz that recovers through zero in the delay after a pulse.

    Attributes
    ----------
    pulse : counted from 0
    nominal, mean : times from the crossing to the readout's first pulse, of the nominal voxel and of the mean
        over the tissue's voxels of the standard ensemble [s]; negative where it would cross so long after;
        None if it does not
    """

    tissue: str
    pulse: int
    nominal: float | None = field(metadata={"unit": "s"})
    mean: float | None = field(metadata={"unit": "s"})


def zero_crossings(problem: Problem, sequence: Sequence, reading: int) -> tuple[Crossing, ...]:
    """Crossings of every tissue before the pulse that begins the readout, and after it, were it left out."""
    ensembles = problem.voxels(method="nominal"), problem.voxels()
    delay = up_to_readout(sequence).delay
    ends = delay[:reading].cumsum(-1).tolist()
    simulators = (Simulator(each, kinds=problem.pulses, n_places=MIDDLE) for each in ensembles)
    after = [mz_after_pulses(each, sequence, reading) for each in simulators]
    found = []
    for index, tissue in enumerate(problem.tissues):
        mine = [(each.is_of((index,)), each.of_tissues((index,))) for each in ensembles]
        for pulse in range(reading):
            latest = math.inf if pulse == reading - 1 else float(delay[pulse])
            left = ends[-1] - ends[pulse] + float(delay[pulse])
            times = [
                crossing_time(voxels, mz[pulse][chosen], latest)
                for mz, (chosen, voxels) in zip(after, mine, strict=True)
            ]
            if times != [None, None]:
                found.append(Crossing(tissue.name, pulse, *(None if t is None else left - t for t in times)))
    return tuple(found)


def mz_after_pulses(
    simulator: Simulator, sequence: Sequence, n_pulses: int
) -> list[Float[Tensor, " n_voxels"]]:
    """Mz of each voxel just after each of the first pulses, in units of M0."""
    start, read, found = start_mz(simulator, sequence), up_to_readout(sequence), []
    for pulse in range(n_pulses):
        after = section(read, range(pulse + 1))
        at_pulse = replace(after, delay=torch.where(torch.arange(pulse + 1) < pulse, after.delay, 0.0))
        found.append(simulator.magnetization(at_pulse, start)[1])
    return found


def crossing_time(voxels: Voxels, mz: Float[Tensor, " n_voxels"], latest: float = math.inf) -> float | None:
    """Time at which the mean Mz of voxels recovers through zero [s]; None if not by the latest.

    Mz = 1 + (Mz(0) - 1) exp(-t / T1) rises in each voxel, and so does the mean.
    """

    def mean_mz(time: float) -> float:
        recovered = 1 + (mz - 1) * torch.exp(-time / voxels.t1)
        return float((recovered * voxels.weight).sum())

    # Each voxel has crossed by T1 ln 2, if at all.
    end = min(latest, float(voxels.t1.max()))
    if not mean_mz(0.0) < 0 < mean_mz(end) or not math.isfinite(end):
        return None
    return float(brentq(mean_mz, 0.0, end, xtol=1e-9))
