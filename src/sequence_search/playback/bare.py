"""The pulses, delays and readouts of a Pulseq file as a sequence, whatever its gradients do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex

from sequence_search.layout import Layout, Readout
from sequence_search.phases import wrap
from sequence_search.playback.events import PulseqError, SeqFile, Waveform
from sequence_search.playback.readouts import Read, Repetitions
from sequence_search.pulses.kinds import Hard, Kind
from sequence_search.pulses.shapes import Samples
from sequence_search.sequence import Sequence

MODULATED = 0.05  # of the peak, across the axis of the flip angle: of a pulse whose phase sweeps
OFFSET_DIGITS = 3  # of an offset [Hz]: a file's tells uses apart by less
LEAST_SUM = 0.01  # of the samples' magnitudes: below it they cancel, as off resonance


@dataclass(frozen=True, slots=True)
class Bare:
    """A repetition of a file.

    Attributes
    ----------
    sequence : its pulses; delays run from centre to centre, each piece between pulses and readouts is one
    kinds : of its pulses, by name
    pulses : numbers of its pulses in the file
    reads : in their order
    period : pulses of a repetition in the file
    """

    sequence: Sequence
    kinds: dict[str, Kind]
    pulses: tuple[int, ...]
    reads: tuple[Read, ...]
    period: int


def bare_sequence(file: SeqFile, repetitions: Repetitions, *, once: bool = False) -> Bare:
    """Of a repetition, or of all up to the last readout if nothing is repeated.

    Parameters
    ----------
    once : whether it counts as played once though it is repeated, as if it recovered in between

    Raises
    ------
    PulseqError
        If a pulse has no form as a kind.
    """
    first, period, steady = repetitions.first, repetitions.period, repetitions.tr is not None and not once
    reads = repetitions.reads
    offsets = [(read.pulse - first) % period for read in reads]
    n_rf = period if steady else max(offsets) + 1
    pulses = tuple(range(first, first + n_rf))
    centres = [file.centre(file.pulses[number]) for number in pulses]
    centres.append(centres[0] + (repetitions.tr or 0.0))
    delays: list[float] = []
    rows: list[list[int]] = []
    read_rows: list[tuple[int, list[int]]] = []
    for place in range(n_rf):
        row: list[int] = []
        last = 0.0
        for read in (read for read, offset in zip(reads, offsets, strict=True) if offset == place):
            time = read.time - file.centre(file.pulses[read.pulse])
            row.append(len(delays))
            delays.append(time - last)
            last = time
            read_rows.append((place, [*row]))
        if steady or place + 1 < n_rf:
            row.append(len(delays))
            delays.append(centres[place + 1] - centres[place] - last)
        rows.append(row)
    used = dict.fromkeys(file.pulses[number].waveform for number in pulses)
    names = {number: f"rf{place}" for place, number in enumerate(used, start=1)}
    layout = Layout(
        multiples=tuple(_counts(row, len(delays)) for row in rows),
        gradients=(0,) * n_rf,
        kinds=tuple(names[file.pulses[number].waveform] for number in pulses),
        readouts=tuple(Readout(place, _counts(row, len(delays))) for place, row in read_rows),
        steady=steady,
    )
    kinds = {name: kind_of(file.waveforms[number], file.name) for number, name in names.items()}
    angles = [_angles(file, number, kinds[names[file.pulses[number].waveform]]) for number in pulses]
    flip, phase = torch.tensor(angles, dtype=torch.float64).unbind(-1)
    sequence = Sequence(flip, wrap(phase), torch.tensor(delays, dtype=torch.float64), layout=layout)
    return Bare(sequence, kinds, pulses, reads, period)


def kind_of(waveform: Waveform, name: str, thickness: float = 0.0) -> Kind:
    """A waveform as a kind of pulse, of fixed amplitude if its phase is swept or its samples cancel.

    Parameters
    ----------
    name : of the file
    thickness : of the slice [m], if it is to be played on its slice gradient

    Raises
    ------
    PulseqError
        If it has no such form.
    """
    b1, duration = waveform.b1, round(waveform.duration, 9)
    is_selective = bool(thickness and waveform.gradient.any())
    # On a gradient it moves the slice, of whose middle the voxels are.
    offset = 0.0 if waveform.gradient.any() else round(waveform.offset, OFFSET_DIGITS) + 0.0
    if np.allclose(b1, b1[0], rtol=1e-9, atol=0) and not is_selective:
        return Hard(duration=duration, offset=offset)
    more: dict[str, Any] = {"offset": offset}
    if is_selective:
        strength = float(np.median(abs(waveform.gradient).max(1)))
        more |= {"slice": True, "time_bandwidth": strength * thickness * duration, "rephaser": 0.0}
    if is_fixed(b1):
        more["peak_b1"] = float(abs(b1).max())
    try:
        return Samples(duration=duration, samples=tuple(b1.tolist()), **more)
    except ValueError as error:
        raise PulseqError(f"{name} has an RF pulse that is no kind of pulse: {error}") from None


def is_fixed(b1: Complex[np.ndarray, " n_steps"]) -> bool:
    """Whether the flip angle of a pulse is not that on resonance, as of an adiabatic one."""
    whole, size = b1.sum(), abs(b1)
    if abs(whole) < LEAST_SUM * size.sum():
        return True
    across = (b1 * np.conj(whole) / abs(whole)).imag
    return bool(abs(across).max() > MODULATED * size.max())


def _angles(file: SeqFile, number: int, kind: Kind) -> tuple[float, float]:
    """Flip angle and phase of a pulse at its centre [rad]."""
    pulse = file.pulses[number]
    waveform = file.waveform(pulse)
    phase = file.phase_at(pulse, file.centre(pulse))
    if kind.fixed_flip is not None:
        return kind.fixed_flip, phase
    return waveform.flip_angle, phase + float(np.angle((waveform.b1 * waveform.step).sum()))


def _counts(row: list[int], n_delay: int) -> tuple[int, ...]:
    return tuple(int(place in row) for place in range(n_delay))
