"""Brute force: many spins in a voxel, each rotated by itself, repetition after repetition; judge of the rest.

It shares nothing with the other engines: a pulse is a rotation of vectors, a crusher a phase that grows over
the voxel, a mean over T2' a mean over frequencies, a steady state what no longer changes. It is slow: for
tests, and to measure what the engines neglect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.engines.ensemble import (
    LARGEST_NUMBER_OF_SPOILERS,
    Ensemble,
    Spins,
    ensemble_of,
    lattice_points,
)
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import inversion_efficiency
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

EndOfTr = Literal["mean", "spoiled", "constant", "random"]
DuringPulse = Literal["ideal", "frequency", "full"]

N_MOMENTS = 2**11  # of spoilers that vary
STEADY = 1e-12  # a change of Mz that is rounding


@dataclass(frozen=True, slots=True)
class Played:
    """Means over the spins at each place across the slice.

    Attributes
    ----------
    profile : Mxy at each readout, in the unit of M0
    mz : at the end of the sequence, or of the last repetition before what ends it, in units of M0
    place : midpoints across the slice, in slice thicknesses
    extent : of all places together, in slice thicknesses; 1 if there is one place
    change : largest change of `mz` in the last repetition
    """

    profile: Complex[np.ndarray, "n_readouts n_voxels n_places"]
    mz: Float[np.ndarray, "n_voxels n_places"]
    place: Float[np.ndarray, " n_places"]
    extent: float
    change: float

    @property
    def signal(self) -> Complex[np.ndarray, "n_readouts n_voxels"]:
        """Integral of the profile: a perfect slice gives what a pulse on all spins gives."""
        return np.asarray(self.profile.mean(-1) * self.extent)


def play_spins(  # noqa: PLR0913 - each a part of the truth that the engines may leave out
    sequence: Sequence,
    voxels: Voxels,
    *,
    kinds: Mapping[str, Kind] | None = None,
    n_spins: int = 2**14,
    seed: int = 0,
    n_places: int = 1,
    extent: float = 2.0,
    repetitions: int = 1000,
    end_of_tr: EndOfTr = "mean",
    during_pulse: DuringPulse = "ideal",
    crusher_cycles: float | None = None,
    raster: float | None = None,
) -> Played:
    """Play a single sequence on many spins of each voxel.

    Parameters
    ----------
    kinds : mapping of name to Kind
        Of the pulses that are not "hard".
    n_spins : int
        At each place; the sampling error falls about as 1 / n_spins, of a long T2' slower. A power of two.
    seed : int
        Of the random shift of the lattice of spins: results of several seeds tell the sampling error.
    n_places, extent
        Midpoints of `n_places` across `extent` slice thicknesses; a single one is the middle of the slice.
    repetitions : int
        At most so many of a steady layout, fewer if Mz changes no longer; `Played.change` tells.
    end_of_tr : str
        Of a steady layout. "mean": what is transverse is zeroed, and Mz becomes its mean over the spins of a
        place, the mean-field reading of the engines; "spoiled": zeroed, each spin keeps its own Mz;
        "constant": the same spoiler after each repetition; "random": one of another moment after each.
    during_pulse : str
        What acts while a pulse of finite duration is played. "ideal": RF, b0 and the slice gradient, as in
        the engines, and as in them the efficiency of a fixed amplitude; "frequency": also each spin's own
        frequency; "full": T1 and T2 in place of an efficiency.
    crusher_cycles : float, optional
        Of one unit of the crusher, over one slice thickness, along the slice. Default: whole cycles over the
        voxel, on an axis of their own.
    raster : float, optional
        Time [s] of which all delays are whole multiples, so that frequencies count modulo 1 / raster alone
        and those of a finite T2' are a smooth function: the shorter it is, the smaller the sampling error.

    Raises
    ------
    ValueError
        If `sequence` is a batch, a kind is not given, `end_of_tr` or `during_pulse` is unknown, or there are
        more spoilers than axes.
    """
    for name, value, known in (
        ("end_of_tr", end_of_tr, get_args(EndOfTr)),
        ("during_pulse", during_pulse, get_args(DuringPulse)),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {known}, got {value!r}")
    train = _Train.of(sequence, kinds or {}, during_pulse)
    place = extent * ((np.arange(n_places) + 0.5) / n_places - 0.5)
    n_spoilers = train.layout.gradients.count(SPOILER)
    if n_spoilers > LARGEST_NUMBER_OF_SPOILERS:
        raise ValueError(f"at most {LARGEST_NUMBER_OF_SPOILERS} spoilers have an axis, got {n_spoilers}")
    points = lattice_points(n_places, n_spins, 4 + n_spoilers, np.random.default_rng(seed))
    played = []
    for number in range(len(voxels)):
        here = ensemble_of(voxels, number, points, place[:, None], crusher_cycles, raster)
        moments = np.random.default_rng(seed)
        played.append(_play_until_steady(train, here, repetitions, end_of_tr, moments))
    profile, mz, change = zip(*played, strict=True)
    m0 = voxels.m0.double().cpu().numpy()[:, None]
    return Played(
        m0 * np.stack(profile, 1), np.stack(mz), place, extent if n_places > 1 else 1.0, max(change)
    )


@dataclass(frozen=True, slots=True)
class _Train:
    """A single sequence, in numbers."""

    layout: Layout
    flip_angle: list[float]
    phase: list[float]
    interval: list[float]
    time_of_readout: list[float]
    kinds: list[Kind | None]
    during_pulse: DuringPulse

    @classmethod
    def of(cls, sequence: Sequence, kinds: Mapping[str, Kind], during_pulse: DuringPulse) -> _Train:
        single = sequence.detach().without_padding()
        flip, phase, delay = (
            part.double().cpu().numpy() for part in (single.flip_angle, single.phase, single.delay)
        )
        layout = single.layout or Layout.plain(len(flip))
        if missing := set(layout.kinds) - kinds.keys() - {HARD}:
            raise ValueError(f"kinds must hold {sorted(missing)}, got {sorted(kinds)}")
        return cls(
            layout,
            flip.tolist(),
            phase.tolist(),
            [float(np.dot(row, delay)) for row in layout.multiples],
            [float(np.dot(readout.multiples, delay)) for readout in layout.readouts],
            [kinds.get(name) for name in layout.kinds],
            during_pulse,
        )


def _play_until_steady(
    train: _Train, here: Ensemble, repetitions: int, end_of_tr: EndOfTr, moments: np.random.Generator
) -> tuple[Complex[np.ndarray, "n_readouts n_places"], Float[np.ndarray, " n_places"], float]:
    """Mean Mxy at each readout and mean Mz at the end of the last repetition, and the change of Mz in it."""
    spins, mz = Spins(np.zeros_like(here.own, complex), np.ones_like(here.own)), np.ones(len(here.place))
    for _ in range(repetitions if train.layout.steady else 1):
        # In the mean field no spin remembers an earlier repetition, so that one moment serves for all. Odd
        # ones leave no two points of the lattice in one phase.
        moment = 1 if end_of_tr == "mean" else 2 * int(moments.integers(N_MOMENTS)) + 1
        mxy, spins = _play_once(train, here, spins, moment)
        before, mz = mz, here.mean(spins.mz)
        change = float(abs(mz - before).max())
        if change < STEADY:
            break
        spins = _end(spins, here, end_of_tr, moment)
    return mxy, mz, change


def _end(spins: Spins, here: Ensemble, end_of_tr: EndOfTr, moment: int) -> Spins:
    """What the next repetition begins with."""
    if end_of_tr in ("constant", "random"):
        return spins.dephase((1 if end_of_tr == "constant" else moment) * here.spoilers[0])
    mz = spins.mz if end_of_tr == "spoiled" else here.mean(spins.mz)[:, None] + 0 * spins.mz
    return Spins(np.zeros_like(spins.mxy), mz)


def _play_once(
    train: _Train, here: Ensemble, spins: Spins, moment: int
) -> tuple[Complex[np.ndarray, "n_readouts n_places"], Spins]:
    """All pulses and intervals, spoilers of this moment: mean Mxy at each readout, spins at the end."""
    read: dict[int, np.ndarray] = {}
    frequency, spoilers = here.b0 + here.own, iter(here.spoilers[1:])
    times = list(zip(train.layout.readouts, train.time_of_readout, strict=True))
    for pulse, (interval, gradient) in enumerate(zip(train.interval, train.layout.gradients, strict=True)):
        spins = _play_pulse(train, pulse, here, spins)
        for number, (readout, time) in enumerate(times):
            if readout.pulse == pulse:
                then = spins.wait(time, frequency, here.r1, here.r2)
                read[number] = here.mean(then.dephase(readout.gradient * here.crusher).mxy)
        spins = spins.wait(interval, frequency, here.r1, here.r2)
        cycles = moment * next(spoilers) if gradient == SPOILER else gradient * here.crusher
        spins = spins.dephase(cycles)
    return np.stack([read[number] for number in range(len(times))]), spins


def _play_pulse(train: _Train, pulse: int, here: Ensemble, spins: Spins) -> Spins:
    """A pulse as a rotation, or sample by sample.

    Intervals are counted from centre to centre. So what they hold of the time of the pulse is taken back on
    both sides of it, as is the moment of its slice gradient, which is balanced on both sides.
    """
    kind, flip, field = train.kinds[pulse], train.flip_angle[pulse], here.b1 * np.exp(1j * train.phase[pulse])
    if kind is None:
        return spins.turn(flip * field)
    nominal = (flip if kind.fixed_flip is None else kind.fixed_flip) * field
    frequency = kind.frequency(here.b0, here.place)
    if train.during_pulse != "ideal":
        frequency = frequency + here.own
    r1, r2 = (here.r1, here.r2) if train.during_pulse == "full" else (0.0, 0.0)
    step = kind.duration / len(kind.waveform)
    spins = spins.wait(-kind.duration / 2, frequency, r1, r2)
    for sample in kind.waveform:
        spins = spins.wait(step / 2, 0.0, r1, r2)
        spins = spins.turn(nominal * sample, 2 * math.pi * frequency * step).wait(step / 2, 0.0, r1, r2)
    spins = spins.wait(-kind.duration / 2, frequency, r1, r2)
    if train.during_pulse == "full" or kind.fixed_flip is None:
        return spins
    t1, t2 = (1 / rate if rate else math.inf for rate in (here.r1, here.r2))
    at_place = kind.frequency(here.b0, here.place)
    return Spins(spins.mxy, spins.mz * inversion_efficiency(kind, t1, t2, here.b1, at_place))
