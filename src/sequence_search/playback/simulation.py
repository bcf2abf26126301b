"""A Pulseq file played on many spins of each voxel: its own times, samples and gradients, and relaxation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.engines.ensemble import Ensemble, ensemble_of, lattice_points
from sequence_search.playback.events import PulseqError, SeqFile
from sequence_search.playback.maps import Map, Spin, spin_maps
from sequence_search.playback.readouts import Read, Repetitions
from sequence_search.playback.voxel import Voxel
from sequence_search.voxels import Voxels

N_SPINS = 2**13
MEMORY = 8.0  # T1 of the slowest tissue, after which what was before has faded to 3e-4
MOST_WAVEFORMS = 64
N_AXES = 5  # frequencies of T2' and of the spread, and places along x, y, z
N_ALONG = (
    64  # places of every frequency along the axis of the crushers, which leave nothing of up to 16 cycles
)


@dataclass(frozen=True, slots=True)
class _Gap:
    """From one pulse to the next, or to a readout: the time between their middles, and that without RF [s].

    moment : of the gradients between the middles [1/m]
    """

    whole: float
    free: float
    moment: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Step:
    """A pulse, the gap before it, and the readouts after it, each with the gap up to it."""

    pulse: int
    waveform: int
    phase: float
    before: _Gap
    reads: tuple[tuple[int, _Gap, complex], ...]


def play_file(
    file: SeqFile,
    repetitions: Repetitions,
    voxel: Voxel,
    voxels: Voxels,
    *,
    n_spins: int = N_SPINS,
    seed: int = 0,
    first: int | None = None,
) -> Complex[np.ndarray, "n_readouts n_voxels"]:
    """Signal of each voxel at each readout that counts, in the unit of M0.

    From equilibrium at the start of the file, or of that repetition before the first readout from which on
    eight T1 of the slowest voxel pass.

    Parameters
    ----------
    n_spins : int
        Of each voxel, a power of two.
    seed : int
        Of the places where they stand.
    first : int, optional
        Number of the first pulse that is played; `first_pulse` of these voxels if not given.

    Raises
    ------
    PulseqError
        If the file plays more than 64 waveforms.
    """
    if len(file.waveforms) > MOST_WAVEFORMS:
        raise PulseqError(
            f"{file.name} plays {len(file.waveforms)} different RF waveforms: at most {MOST_WAVEFORMS} can be"
            " played here"
        )
    first = first_pulse(file, repetitions, voxels) if first is None else first
    steps = _steps(file, repetitions, first)
    generator = np.random.default_rng(seed)
    points = even_points(n_spins, voxel.slice_axis, generator)
    signal = np.empty((len(repetitions.reads), len(voxels)), complex)
    for number in range(len(voxels)):
        # Shifted anew for each voxel, so that their errors differ.
        shifted = (points + generator.random((N_AXES, 1, 1))) % 1
        here = ensemble_of(voxels, number, shifted, np.zeros((1, 1)), None, None)
        signal[:, number] = _play(file, steps, here, *voxel.place(shifted[2:, 0]), voxel.slice_axis)
    return np.asarray(signal * voxels.m0.double().cpu().numpy())


def even_points(
    n_spins: int, slice_axis: int | None, generator: np.random.Generator
) -> Float[np.ndarray, "n_axes 1 n_spins"]:
    """Even points in the unit cube of two frequencies and x, y, z, a power of two of at least 64.

    A lattice; across a slice 64 places for each point of the others, so that what a crusher dephases along
    it cancels whatever the frequencies: of 2^13 spins of a spin echo an error of 0.016 falls to 3e-4.
    """
    if slice_axis is None:
        return lattice_points(1, n_spins, N_AXES, generator)
    others = lattice_points(1, n_spins // N_ALONG, N_AXES - 1, generator)[:, 0]
    along = (np.arange(N_ALONG)[:, None] + generator.random(n_spins // N_ALONG)) / N_ALONG
    return np.insert(np.tile(others, N_ALONG), 2 + slice_axis, along.ravel(), axis=0)[:, None]


def first_pulse(file: SeqFile, repetitions: Repetitions, voxels: Voxels) -> int:
    """Number of the first pulse that is played, so that what was before has faded at the first readout."""
    earliest = min(read.time for read in repetitions.reads) - MEMORY * float(voxels.t1.max())
    starts = range(repetitions.first, len(file.pulses), repetitions.period)
    before = [place for place in starts if file.pulses[place].start <= earliest]
    return before[-1] if before else 0


def _steps(file: SeqFile, repetitions: Repetitions, first: int) -> list[_Step]:
    """Pulses and readouts up to the last that counts."""
    last = max(read.pulse for read in repetitions.reads)
    steps = []
    time = end = file.pulses[first].start
    for number in range(first, last + 1):
        pulse = file.pulses[number]
        middle = file.middle(pulse)
        before = _gap(file, time, middle, pulse.start - end)
        if before.free < -1e-9:
            raise PulseqError(f"block {pulse.block} of {file.name} plays a pulse before the last one ends")
        time, end = middle, file.end(pulse)
        reads = tuple(
            (place, *_reading(file, read, time, end))
            for place, read in enumerate(repetitions.reads)
            if read.pulse == number
        )
        steps.append(_Step(number, pulse.waveform, file.phase_at(pulse, middle), before, reads))
    return steps


def _gap(file: SeqFile, start: float, stop: float, free: float) -> _Gap:
    x, y, z = (file.moment(stop) - file.moment(start)).tolist()
    return _Gap(round(stop - start, 12), round(free, 12), (x, y, z))


def _reading(file: SeqFile, read: Read, time: float, end: float) -> tuple[_Gap, complex]:
    """Gap up to a readout, less the moment of its encoding, and the turn by its receiver."""
    gap = _gap(file, time, read.time, read.time - end)
    adc = file.adcs[read.adc]
    phase = adc.phase + 2 * math.pi * adc.frequency * (read.time - adc.start)
    x, y, z = (mine - its for mine, its in zip(gap.moment, read.encoding, strict=True))
    return _Gap(gap.whole, gap.free, (x, y, z)), complex(math.cos(phase), -math.sin(phase))


class _Gaps:
    """Turns and decays of the spins of a voxel in gaps; of those that return they are kept."""

    def __init__(
        self,
        here: Ensemble,
        frequency: Float[np.ndarray, " n_spins"],
        place: Float[np.ndarray, "3 n_spins"],
        steps: list[_Step],
    ) -> None:
        self.here, self.frequency, self.place = here, frequency, place
        self.counts = Counter(gap for step in steps for gap in _gaps_of(step))
        self.known: dict[_Gap, np.ndarray] = {}

    def factor(self, gap: _Gap) -> Complex[np.ndarray, " n_spins"]:
        """What multiplies Mxy."""
        if gap in self.known:
            return self.known[gap]
        cycles = self.frequency * gap.whole
        for moment, place in zip(gap.moment, self.place, strict=True):
            if moment:
                cycles = cycles + moment * place
        angle = 2 * math.pi * cycles
        decay = math.exp(-self.here.r2 * gap.free)
        factor = decay * np.cos(angle) + 1j * (decay * np.sin(angle))
        if self.counts[gap] > 1:
            self.known[gap] = factor
        return factor


def _gaps_of(step: _Step) -> Iterator[_Gap]:
    yield step.before
    for _, gap, _ in step.reads:
        yield gap


def _play(
    file: SeqFile,
    steps: list[_Step],
    here: Ensemble,
    place: Float[np.ndarray, "3 n_spins"],
    weight: Float[np.ndarray, " n_spins"],
    slice_axis: int | None,
) -> Complex[np.ndarray, " n_readouts"]:
    """Signal of one voxel at each readout, in units of M0."""
    own, spin = here.own[0], Spin(here.r1, here.r2, here.b1, here.b0)
    along = np.zeros_like(own) if slice_axis is None else place[slice_axis]
    maps: dict[int, Map] = {}
    gaps = _Gaps(here, here.b0 + own, place, steps)
    counts = weight * here.weight[0] if np.ndim(here.weight) else weight
    mxy, mz = np.zeros(len(own), complex), np.ones(len(own))
    signal: dict[int, complex] = {}
    for step in steps:
        mxy = mxy * gaps.factor(step.before)
        mz = 1 + (mz - 1) * math.exp(-here.r1 * step.before.free)
        if step.waveform not in maps:
            maps[step.waveform] = spin_maps(file.waveforms[step.waveform], spin, slice_axis, own, along)
        mxy, mz = maps[step.waveform].apply(mxy, mz, step.phase)
        for number, gap, receiver in step.reads:
            signal[number] = complex((counts * mxy * gaps.factor(gap)).mean()) * receiver
    return np.array([signal[number] for number in range(len(signal))])
