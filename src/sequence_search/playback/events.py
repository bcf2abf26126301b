"""What a Pulseq file plays, in time: RF waveforms, gradients and readouts, without its blocks and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

AXES = ("x", "y", "z")


class PulseqError(ValueError):
    """What is wrong with a Pulseq file, or not understood of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """A gradient over the whole file: straight lines between points, which may stand at one time.

    Attributes
    ----------
    time : s, never falling
    value : gamma G / (2 pi) [Hz/m]
    """

    time: Float[np.ndarray, " n_points"]
    value: Float[np.ndarray, " n_points"]
    _moment: Float[np.ndarray, " n_points"] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps = np.diff(self.time) * (self.value[1:] + self.value[:-1]) / 2
        object.__setattr__(self, "_moment", np.append(0.0, np.cumsum(steps)))

    def moment(self, time: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Integral from the start of the file [1/m], exactly."""
        if len(self.time) < 2:
            return np.zeros_like(time)
        at = np.clip(np.searchsorted(self.time, time, side="right") - 1, 0, len(self.time) - 2)
        step = self.time[at + 1] - self.time[at]
        past = np.clip(time - self.time[at], 0, step)
        share = np.divide(past, step, out=np.zeros_like(past), where=step > 0)
        slope = self.value[at + 1] - self.value[at]
        return np.asarray(self._moment[at] + past * (self.value[at] + share * slope / 2))


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """What RF events of any phase play, in steps of their own lengths.

    Attributes
    ----------
    step : length of each step [s]
    b1 : gamma B1 / (2 pi) in each step, at the frequency of the event and its phase 0 [Hz]
    gradient : mean in each step, by axis [Hz/m]
    offset : frequency of the event [Hz]
    centre : of its rotation, from the start of the waveform [s]
    """

    step: Float[np.ndarray, " n_steps"]
    b1: Complex[np.ndarray, " n_steps"]
    gradient: Float[np.ndarray, "n_steps 3"]
    offset: float
    centre: float

    @property
    def duration(self) -> float:
        """Of all steps [s]."""
        return float(self.step.sum())

    @property
    def flip_angle(self) -> float:
        """That on resonance, if the phase of the waveform is constant [rad]."""
        return 2 * math.pi * float(abs((self.b1 * self.step).sum()))

    @property
    def square(self) -> float:
        """Integral of the squared B1 [Hz² s]."""
        return float((np.abs(self.b1) ** 2 * self.step).sum())


@dataclass(frozen=True, slots=True)
class Pulse:
    """An RF event.

    Attributes
    ----------
    waveform : number of its waveform in the file
    start : of the waveform [s]
    phase : at the start [rad]
    use : "excitation", "refocusing", "inversion", "saturation", "preparation", "other" or "undefined"
    block : number of its block
    """

    waveform: int
    start: float
    phase: float
    use: str
    block: int


@dataclass(frozen=True, slots=True)
class Adc:
    """A readout.

    Attributes
    ----------
    start : of its first sample's interval [s]
    dwell : s
    n_samples : int
    phase, frequency : of the receiver, from its start [rad, Hz]
    labels : those set when it is played
    block : number of its block
    """

    start: float
    dwell: float
    n_samples: int
    phase: float
    frequency: float
    labels: Mapping[str, int]
    block: int

    @property
    def samples(self) -> Float[np.ndarray, " n_samples"]:
        """Time of each sample, the middle of its interval [s]."""
        return self.start + self.dwell * (np.arange(self.n_samples) + 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class SeqFile:
    """All that a Pulseq file plays.

    Attributes
    ----------
    name : of the file
    version : of the format, as "1.5.0"
    duration : s
    waveforms : those of the pulses, each once
    pulses, adcs : in their order
    gradients : of x, y and z
    definitions : those of the file, as numbers, arrays or text
    notes : what of the file has no effect here, a sentence each
    """

    name: str
    version: str
    duration: float
    waveforms: tuple[Waveform, ...]
    pulses: tuple[Pulse, ...]
    adcs: tuple[Adc, ...]
    gradients: tuple[Gradient, Gradient, Gradient]
    definitions: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def moment(self, time: Float[np.ndarray, "..."] | float) -> Float[np.ndarray, "... 3"]:
        """Gradient moments from the start of the file [1/m]."""
        return np.stack([each.moment(np.asarray(time, float)) for each in self.gradients], -1)

    def waveform(self, pulse: Pulse) -> Waveform:
        """What a pulse plays."""
        return self.waveforms[pulse.waveform]

    def middle(self, pulse: Pulse) -> float:
        """Time of the middle of a pulse's waveform [s]."""
        return pulse.start + self.waveform(pulse).duration / 2

    def centre(self, pulse: Pulse) -> float:
        """Time of a pulse's rotation [s]."""
        return pulse.start + self.waveform(pulse).centre

    def end(self, pulse: Pulse) -> float:
        """Time at which a pulse's waveform ends [s]."""
        return pulse.start + self.waveform(pulse).duration

    def phase_at(self, pulse: Pulse, time: float) -> float:
        """Phase of a pulse [rad] at a time [s]."""
        return pulse.phase + 2 * math.pi * self.waveform(pulse).offset * (time - pulse.start)
