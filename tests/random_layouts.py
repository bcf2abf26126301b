"""Random sequences with all that a layout can say, and what many spins make of them."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from conftest import random_brain_voxels
from sequence_search.engines.spins import play_spins
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

N_CASES = 240
SEEDS = range(4)
N_VOXELS = 2


class Case(NamedTuple):
    """A single sequence and voxels.

    Of every second case the voxels have one frequency each, so that spins are right to rounding: the lattice
    sums whole cycles exactly. Of the others their signal has a sampling error.
    """

    sequence: Sequence
    voxels: Voxels
    is_exact: bool


@cache
def random_case(number: int) -> Case:
    """One of `N_CASES`; of each four two are repeated, and every fifth is a train."""
    rng = np.random.default_rng(number)
    steady = number % 4 >= 2
    layout = random_train(rng, steady) if number % 5 == 0 else random_layout(rng, steady)
    if steady and number % 7 == 0:
        layout = layout.repeat(2)
    return Case(random_sequence(rng, layout), *random_voxels(number))


def random_layout(rng: np.random.Generator, steady: bool) -> Layout:
    """Up to six pulses; delays free or in several intervals; up to three readouts anywhere, in any order."""
    n_rf = int(rng.integers(1, 7))
    n_delay = int(rng.integers(1, n_rf + 1)) if rng.random() < 0.5 else n_rf
    rows = np.eye(n_delay, dtype=int)[np.arange(n_rf) % n_delay]
    if n_delay < n_rf:
        rows += rng.integers(0, 2, rows.shape) * rng.integers(0, 2, (n_rf, 1))
    if steady:
        rows = np.pad(rows, ((0, 0), (0, 1)))
        rows[-1, -1] = 1
    gradients = [
        SPOILER if draw < 0.2 else int(rng.integers(1, 3)) if draw < 0.6 else 0 for draw in rng.random(n_rf)
    ]
    readouts = [random_readout(rng, rows, gradients, at_end=n == 0) for n in range(rng.integers(1, 4))]
    return Layout(tuples(rows), tuple(gradients), ("hard",) * n_rf, tuple(readouts), steady)


def random_readout(rng: np.random.Generator, rows: np.ndarray, gradients: list, at_end: bool) -> Readout:
    """After the last pulse or any, after part of its delays and part of its gradient."""
    pulse = len(rows) - 1 if at_end else int(rng.integers(len(rows)))
    multiples = rows[pulse] if rng.random() < 0.7 else rng.integers(0, rows[pulse] + 1)
    largest = 0 if gradients[pulse] == SPOILER else gradients[pulse]
    return Readout(
        pulse, tuple(multiples.tolist()), largest if rng.random() < 0.7 else int(rng.integers(largest + 1))
    )


def random_train(rng: np.random.Generator, steady: bool) -> Layout:
    """Up to six echoes, behind up to two pulses."""
    before = [SPOILER if rng.random() < 0.5 else int(rng.integers(0, 3)) for _ in range(rng.integers(0, 3))]
    n_echoes, crusher = int(rng.integers(1, 7)), int(rng.integers(0, 3))
    return Layout.train(n_echoes, before=before, crusher=crusher, steady=steady)


def random_sequence(rng: np.random.Generator, layout: Layout) -> Sequence:
    """Any flips and phases; delays of 2 to 40 ms, a long one to recover in if it is repeated."""
    n_rf = layout.n_rf
    delay = rng.uniform(2e-3, 40e-3, layout.n_delay)
    if layout.steady:
        delay[-1] = rng.uniform(0.5, 1.5)
    parts = rng.uniform(0.2, 3.1, n_rf), rng.uniform(0, 2 * np.pi, n_rf), delay
    return Sequence(*map(torch.from_numpy, parts), layout=layout)


def random_voxels(number: int) -> tuple[Voxels, bool]:
    """T1 short enough to be steady soon; of every second case one frequency for all spins of a voxel."""
    is_exact = number % 2 == 0
    even = {"t2_prime": float("inf"), "spread": 0.0} if is_exact else {}
    voxels = random_brain_voxels(N_VOXELS, number, **even)
    voxels.t1.mul_(0.25)
    return voxels, is_exact


def tuples(rows: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, rows.tolist()))


@cache
def signal_of_spins(number: int, n_spins: int = 2**14) -> tuple[np.ndarray, float]:
    """Signal of a case [n_readouts, n_voxels], mean over shifts of the lattice, and the error it may have."""
    case = random_case(number)
    if case.is_exact:
        return play_spins(case.sequence, case.voxels, n_spins=n_spins).signal, 1e-10
    played = np.array([play_spins(case.sequence, case.voxels, n_spins=n_spins, seed=s).signal for s in SEEDS])
    return played.mean(0), 3 * abs(played - played.mean(0)).max() + 1e-6
