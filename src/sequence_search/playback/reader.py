"""A Pulseq file as what it plays in time."""

from __future__ import annotations

import math
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.extras import imported
from sequence_search.playback.events import AXES, Adc, Gradient, Pulse, PulseqError, SeqFile, Waveform
from sequence_search.playback.kspace import LARGEST_EXCITATION
from sequence_search.playback.text import check_shapes, is_changed, read_text
from sequence_search.pulses.kinds import FINEST_RASTER, GAMMA_BAR

LONGEST_STEP = 1e-5  # of a waveform whose samples differ [s]
LONGEST_CONSTANT = 5e-5  # of one whose samples are equal, by relaxation [s]
# What pypulseq raises of a file that is cut off or damaged.
DAMAGED = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, RuntimeError)
UNDEFINED = (
    "it does not say what its pulses are for: up to 100° they count as excitation, others as refocusing"
)


def read_seq(source: Any, field: float | None = None) -> SeqFile:
    """What a Pulseq file plays, of format 1.4 or 1.5.

    Parameters
    ----------
    source : path of a file, or pypulseq.Sequence
    field : B0 of the scanner [T], for offsets in ppm

    Raises
    ------
    PulseqError
        If it cannot be read, is no such file, is cut off or damaged, or plays what is not understood: soft
        delays, rotations, shims, triggers that it waits for, an extension or label that is not known, offsets
        in ppm without a field.
    MissingExtraError
        If pypulseq is not installed.
    """
    if not isinstance(source, str | Path):
        return _played(source, "sequence", "in memory", field)
    path = Path(source)
    text, version = read_text(path)
    sequence = _read(text, path)
    check_shapes(sequence, path)
    notes = (
        ("its signature is of another text: it was changed after it was written",) if is_changed(text) else ()
    )
    try:
        return _played(sequence, str(path), version, field, notes)
    except PulseqError:
        raise
    except DAMAGED as error:
        raise PulseqError(f"{path} is damaged or cut off: {_told(error)}") from None


def _read(text: str, path: Path) -> Any:
    """The file as pypulseq reads it.

    It reads without end where a shape is cut off: so a last section is put behind the text.
    """
    pypulseq = imported("pypulseq", "pulseq", "reading a Pulseq file")
    sequence = pypulseq.Sequence()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", DeprecationWarning)  # of numpy, for a line that is no row of numbers
        whole = Path(folder) / "whole.seq"
        whole.write_text(f"{text}\n\n[SIGNATURE]\n\n", encoding="utf-8")
        fault = ""
        try:
            sequence.read(str(whole), remove_duplicates=False)
        except (*DAMAGED, DeprecationWarning) as error:
            fault = _told(error)  # and the file, which pypulseq leaves open, is closed with the error
    if fault:
        raise PulseqError(f"{path} is damaged or cut off: {fault}")
    return sequence


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"an event {error} that it plays is not there"
    return str(error).partition("\n")[0] or type(error).__name__


def _played(
    sequence: Any, name: str, version: str, field: float | None, notes: tuple[str, ...] = ()
) -> SeqFile:
    found = _Events(name, field)
    start = 0.0
    for number in sequence.block_events:
        block = sequence.get_block(number)
        found.add(int(number), block, start)
        start += float(block.block_duration)
    if not found.pulses:
        raise PulseqError(f"{name} plays no RF pulse")
    x, y, z = (found.gradient(axis) for axis in AXES)
    waveforms, pulses = _shared(found.pulses, (x, y, z))
    definitions = {key: value for key, value in sequence.definitions.items() if "Raster" not in key}
    told = (*notes, *found.notes)
    return SeqFile(name, version, start, waveforms, pulses, tuple(found.adcs), (x, y, z), definitions, told)


class _Events:
    """Events of a file, block after block."""

    def __init__(self, name: str, field: float | None) -> None:
        self.name, self.field = name, field
        self.pulses: list[tuple[Pulse, Waveform]] = []
        self.adcs: list[Adc] = []
        self.points: dict[str, list[np.ndarray]] = {axis: [] for axis in AXES}
        self.labels: dict[str, int] = {}
        self.notes: dict[str, None] = {}

    def add(self, number: int, block: SimpleNamespace, start: float) -> None:
        """Take the events of a block."""
        where = f"block {number} of {self.name}"
        if getattr(block, "soft_delay", None) is not None:
            raise PulseqError(f"{where} has a soft delay, whose length is chosen at the scanner")
        for trigger in getattr(block, "trigger", {}).values():
            if trigger.type != "output":
                raise PulseqError(f"{where} waits for a trigger, {trigger.channel}: its time is not known")
            self.notes["its output triggers have no effect"] = None
        for axis in AXES:
            gradient = getattr(block, f"g{axis}")
            if gradient is not None:
                self.points[axis].append(_points(gradient, start))
        if block.rf is not None:
            self.pulses.append(self._pulse(block.rf, start, number, where))
        self._set_labels(block.label)
        if block.adc is not None:
            adc = block.adc
            if len(adc.phase_modulation):
                raise PulseqError(f"{where} has a readout whose phase is modulated, which is not understood")
            frequency, phase = self._offsets(adc, where)
            self.adcs.append(
                Adc(
                    start + adc.delay, adc.dwell, adc.num_samples, phase, frequency, dict(self.labels), number
                )
            )

    def gradient(self, axis: str) -> Gradient:
        """The gradient of an axis over the whole file."""
        points = self.points[axis]
        time, value = np.concatenate(points, 1) if points else np.zeros((2, 0))
        if (np.diff(time) < -1e-9).any():
            raise PulseqError(f"{self.name} plays two gradients on {axis} at one time")
        return Gradient(np.maximum.accumulate(time), value)

    def _pulse(self, rf: SimpleNamespace, start: float, number: int, where: str) -> tuple[Pulse, Waveform]:
        offset, phase = self._offsets(rf, where)
        begin, step, b1 = _steps(rf, where)
        waveform = Waveform(step, b1, np.zeros((len(step), 3)), offset, float(rf.center) - begin)
        phase += 2 * math.pi * offset * begin
        use = rf.use
        if use == "undefined":
            self.notes[UNDEFINED] = None
            use = "excitation" if waveform.flip_angle <= LARGEST_EXCITATION else "refocusing"
        return Pulse(0, start + float(rf.delay) + begin, phase, use, number), waveform

    def _offsets(self, event: SimpleNamespace, where: str) -> tuple[float, float]:
        """Frequency [Hz] and phase [rad] of an RF event or readout."""
        mega = 0.0
        if event.freq_ppm or event.phase_ppm:
            if self.field is None:
                raise PulseqError(f"{where} has an offset in ppm: state the field of the scanner, --b0-tesla")
            mega = GAMMA_BAR * self.field  # MHz
        return (
            float(event.freq_offset + event.freq_ppm * mega),
            float(event.phase_offset + event.phase_ppm * mega),
        )

    def _set_labels(self, labels: dict[int, SimpleNamespace] | None) -> None:
        changes = list((labels or {}).values())
        for label in sorted(changes, key=lambda one: one.type, reverse=True):  # set before inc
            before = self.labels.get(label.label, 0) if label.type == "labelinc" else 0
            self.labels[label.label] = before + int(label.value)


def _points(gradient: SimpleNamespace, start: float) -> Float[np.ndarray, "2 n_points"]:
    """Times [s] and values [Hz/m] of a gradient event, 0 at its ends."""
    if gradient.type == "trap":
        lengths = (gradient.rise_time, gradient.flat_time, gradient.fall_time)
        time = np.cumsum([0.0, *lengths])
        value = gradient.amplitude * np.array([0.0, 1.0, 1.0, 0.0])
    else:
        time, value = np.asarray(gradient.tt, float), np.asarray(gradient.waveform, float)
        if gradient.time_id <= 0:  # samples at the middles of the raster, and what is at its ends
            time = np.concatenate([[0.0], time, [gradient.shape_dur]])
            value = np.concatenate([[gradient.first], value, [gradient.last]])
        time, value = np.pad(time, 1, "edge"), np.pad(value, 1)
    return np.stack([start + gradient.delay + time, value])


def _steps(
    rf: SimpleNamespace, where: str
) -> tuple[float, Float[np.ndarray, " n_steps"], Complex[np.ndarray, " n_steps"]]:
    """Start of the waveform of an RF event, lengths of its steps [s], and the mean B1 in each [Hz]."""
    signal, time = np.asarray(rf.signal, complex), np.asarray(rf.t, float)
    if len(signal) != len(time) or not np.isfinite(signal).all() or not np.any(signal):
        raise PulseqError(f"{where} has an RF pulse without samples")
    dwell = 2 * time[0]
    is_raster = dwell > 0 and np.allclose(time, (np.arange(len(time)) + 0.5) * dwell, rtol=1e-6, atol=0)
    if is_raster:  # each sample holds for its interval
        time = np.repeat(np.arange(len(time) + 1) * dwell, 2)[1:-1]
        signal = np.repeat(signal, 2)
    duration = time[-1] - time[0]
    if not duration > 0:
        raise PulseqError(f"{where} has an RF pulse of no duration")
    is_constant = np.allclose(signal, signal[0], rtol=1e-9, atol=0)
    longest = LONGEST_CONSTANT if is_constant else max(LONGEST_STEP, dwell)
    ends = time[0] + np.linspace(0, duration, _count(duration, longest) + 1)
    area = Gradient(time, signal.real).moment(ends) + 1j * Gradient(time, signal.imag).moment(ends)
    step = np.diff(ends)
    return float(time[0]), step, np.diff(area) / step


def _count(duration: float, longest: float) -> int:
    """Number of equal steps of whole microseconds, each at most this long [s], if the duration is whole."""
    whole = round(duration / FINEST_RASTER)
    if abs(duration / FINEST_RASTER - whole) > 1e-3:
        return math.ceil(duration / longest - 1e-6)
    most = max(1, int(longest / FINEST_RASTER + 1e-6))
    return whole // max(step for step in range(1, most + 1) if whole % step == 0)


def _shared(
    pulses: list[tuple[Pulse, Waveform]], gradients: tuple[Gradient, Gradient, Gradient]
) -> tuple[tuple[Waveform, ...], tuple[Pulse, ...]]:
    """Waveforms, each once, with the gradients during them, and the pulses that play them."""
    waveforms: dict[bytes, tuple[int, Waveform]] = {}
    numbered = []
    for pulse, alone in pulses:
        ends = pulse.start + np.append(0.0, np.cumsum(alone.step))
        mean = np.stack([np.diff(each.moment(ends)) / alone.step for each in gradients], -1)
        largest = max((abs(each.value).max(initial=0.0) for each in gradients), default=0.0)
        mean[abs(mean) < 1e-6 * largest] = 0.0  # rounding of times and sums
        rounded = [np.round(mean / (1e-6 * largest or 1.0)), np.round(alone.b1, 6), np.round(alone.step, 9)]
        key = b"".join((part + 0.0).tobytes() for part in rounded) + f"{alone.offset:.6f}".encode()
        number, _ = waveforms.setdefault(key, (len(waveforms), replace(alone, gradient=mean)))
        numbered.append(replace(pulse, waveform=number))
    return tuple(waveform for _, waveform in waveforms.values()), tuple(numbered)
