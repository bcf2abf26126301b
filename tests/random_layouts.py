"""Random sequences with all that a layout can say, and what many spins make of them."""

from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch

from conftest import random_brain_voxels
from sequence_search.engines.spins import play_spins
from sequence_search.layout import HARD, SPOILER, Layout, Readout
from sequence_search.pulses.shapes import Hard, Samples
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

N_CASES = 240
SEEDS = range(4)
N_VOXELS = 2
RASTER = 4e-3  # s
N_PLACES = 3  # across the slice, where a pulse selects one
FEW_SAMPLES = (0.1 + 0.3j, 1.0, 0.6 - 0.2j, -0.1)
KINDS = {
    "block": Hard(duration=1e-3, offset=-150.0),
    "slice": Samples(duration=1.2e-3, samples=FEW_SAMPLES, slice=True, time_bandwidth=3.0),
    "fixed": Samples(duration=2e-3, samples=FEW_SAMPLES, peak_b1=400.0),
}


class Case(NamedTuple):
    """A single sequence and voxels, whose spins differ in frequency as `spins` says.

    "alike": not at all, so that spins are right to rounding, since their lattice sums whole cycles exactly.
    "raster": a Lorentzian, with all delays on a raster, so that the sampling error is often as small.
    "any": a Lorentzian and a spread, with a sampling error of about 1e-4.
    """

    sequence: Sequence
    voxels: Voxels
    spins: str


@cache
def random_case(number: int) -> Case:
    """One of `N_CASES`; of four two are repeated, of five one is a train, of three one has kinds of pulse."""
    rng = np.random.default_rng(number)
    steady = number % 4 >= 2
    layout = random_train(rng, steady) if number % 5 == 0 else random_layout(rng, steady)
    if number % 3 == 1:
        layout = replace(layout, kinds=tuple(rng.choice([HARD, *KINDS], layout.n_rf).tolist()))
    if steady and number % 7 == 0:
        layout = layout.repeat(2)
    spins = ("alike", "raster", "alike", "any", "alike", "any", "alike", "raster")[number % 8]
    return Case(random_sequence(rng, layout, spins), random_voxels(number, spins), spins)


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
    return Layout(tuples(rows), tuple(gradients), (HARD,) * n_rf, tuple(readouts), steady)


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


def random_sequence(rng: np.random.Generator, layout: Layout, spins: str) -> Sequence:
    """Any flips and phases; delays of 2 to 40 ms, a long one to recover in if it is repeated."""
    n_rf = layout.n_rf
    delay = rng.uniform(2e-3, 40e-3, layout.n_delay)
    if layout.steady:
        delay[-1] = rng.uniform(0.5, 1.5)
    if spins == "raster":
        delay = RASTER * np.ceil(delay / RASTER)
    parts = rng.uniform(0.2, 3.1, n_rf), rng.uniform(0, 2 * np.pi, n_rf), delay
    return Sequence(*map(torch.from_numpy, parts), layout=layout)


def random_voxels(number: int, spins: str) -> Voxels:
    """T1 short enough to be steady soon; on a raster, T2' short enough to be smooth."""
    given = {"alike": {"t2_prime": float("inf"), "spread": 0.0}, "raster": {"spread": 0.0}, "any": {}}[spins]
    voxels = random_brain_voxels(N_VOXELS, number, **given)
    voxels.t1.mul_(0.25)
    if spins == "raster":
        voxels.t2_prime.mul_(0.1)
    return voxels


def tuples(rows: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, rows.tolist()))


@cache
def signal_of_spins(number: int, n_spins: int = 2**14) -> tuple[np.ndarray, float]:
    """Signal of a case [n_readouts, n_voxels], mean over shifts of the lattice, and the error it may have."""
    sequence, voxels, spins = random_case(number)
    selects = sequence.layout is not None and "slice" in sequence.layout.kinds
    n_places = N_PLACES if selects else 1
    raster = RASTER if spins == "raster" else None
    play = partial(
        play_spins, sequence, voxels, kinds=KINDS, n_places=n_places, n_spins=n_spins, raster=raster
    )
    if spins == "alike":
        return play().signal, 1e-10
    played = np.array([play(seed=seed).signal for seed in SEEDS])
    return played.mean(0), 3 * abs(played - played.mean(0)).max() + 1e-10
