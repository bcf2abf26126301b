"""Shapes of pulses by name: each a kind with the parameters that a file states."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sequence_search.checks import Fault, number
from sequence_search.pulses.kinds import FINEST_RASTER, Hard, Kind, Shaped, is_multiple
from sequence_search.pulses.slr import HEIGHTS, slr_pulse

WINDOWS = {"none": 1.0, "hann": 0.5, "hamming": 0.54}  # constant part of each
TRUNCATION = 5.3  # of a hyperbolic secant, where it has fallen to 1 %
MOST_SAMPLES = 10_000
STEPS_PER_CYCLE = 4  # of the bandwidth, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Designed(Shaped):
    """A pulse that is computed on a raster.

    Attributes
    ----------
    raster : s
        Length of a step, a whole number of microseconds, so that a Pulseq file has the same waveform.
    """

    raster: float = 1e-5

    def _check_samples(self) -> None:
        object.__setattr__(self, "raster", number("raster", self.raster))
        if not is_multiple(self.raster, FINEST_RASTER):
            raise Fault("{raster} must be a whole number of {0:s}, got {1:s}", FINEST_RASTER, self.raster)
        if not is_multiple(self.duration, self.raster):
            message = "{duration} must be a whole number of {raster}, {0:s}, got {1:s}"
            raise Fault(message, self.raster, self.duration)
        if self.n_samples > MOST_SAMPLES:
            message = "{duration} has at most {0} steps of {raster}, got {1}"
            raise Fault(message, MOST_SAMPLES, self.n_samples)

    @property
    def n_samples(self) -> int:
        """Number of steps."""
        return round(self.duration / self.raster)

    @property
    def _time(self) -> Float[np.ndarray, " n_samples"]:
        """Middles of the steps, within -1/2 and 1/2 of the duration."""
        return (np.arange(self.n_samples) - (self.n_samples - 1) / 2) / self.n_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Selective(Designed):
    """One whose bandwidth follows from the product with its duration.

    Attributes
    ----------
    time_bandwidth : product of duration and bandwidth
    """

    time_bandwidth: float

    def _shape(self) -> tuple[np.ndarray, float | None]:
        object.__setattr__(self, "time_bandwidth", number("time_bandwidth", self.time_bandwidth))
        most = self.n_samples / STEPS_PER_CYCLE
        if not 1 <= self.time_bandwidth <= most:
            message = "{time_bandwidth} must lie within 1 and {0}, a quarter of its steps, got {1}"
            raise Fault(message, f"{most:g}", f"{self.time_bandwidth:g}")
        return self._real(), None

    @abstractmethod
    def _real(self) -> Float[np.ndarray, " n_samples"]:
        """The waveform in any scale."""

    @property
    def _bandwidth(self) -> float:
        return self.time_bandwidth / self.duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinc(Selective):
    """A sinc, windowed.

    Attributes
    ----------
    time_bandwidth : float
        Number of zero crossings; the bandwidth is that of the sinc without end, at half its height.
    apodisation : "none", "hann" or "hamming"
    """

    apodisation: Literal["none", "hann", "hamming"] = "hann"

    def _real(self) -> Float[np.ndarray, " n_samples"]:
        _check_word("apodisation", self.apodisation, WINDOWS)
        flat = WINDOWS[self.apodisation]
        window = flat + (1 - flat) * np.cos(2 * math.pi * self._time)
        return np.sinc(self.time_bandwidth * self._time) * window


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauss(Selective):
    """A Gaussian, exp(-pi (bandwidth t)²), cut at its ends.

    Its bandwidth is the width of the rectangle of equal height and area in frequency, 1.06 times that at half
    height.
    """

    def _real(self) -> Float[np.ndarray, " n_samples"]:
        return np.exp(-math.pi * np.square(self.time_bandwidth * self._time))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slr(Selective):
    """An equiripple pulse of linear phase by the Shinnar-Le Roux transform, see `pulses.slr`.

    Attributes
    ----------
    time_bandwidth : of the width at half |b|
    purpose : "small_tip", "excitation", "refocusing" or "inversion"
        For which flip angle it is designed; at another the profile is another.
    passband_ripple, stopband_ripple : relative to M0, to first order, see `slr_pulse`
    """

    purpose: Literal["small_tip", "excitation", "refocusing", "inversion"]
    passband_ripple: float = 0.01
    stopband_ripple: float = 0.01

    def _real(self) -> Float[np.ndarray, " n_samples"]:
        _check_word("purpose", self.purpose, HEIGHTS)
        ripples = []
        for name in ("passband_ripple", "stopband_ripple"):
            ripple = number(name, getattr(self, name))
            if not 1e-5 <= ripple <= 0.2:
                raise Fault(f"{{{name}}} must lie within 1e-5 and 0.2, got {{0}}", f"{ripple:g}")
            object.__setattr__(self, name, ripple)
            ripples.append(ripple)
        return slr_pulse(self.n_samples, self.time_bandwidth, self.purpose, *ripples)


@dataclass(frozen=True, slots=True, kw_only=True)
class HyperbolicSecant(Designed):
    """The adiabatic inversion sech(beta t)^(1 + i mu), of a fixed amplitude; its flip angle has no effect.

    Silver et al. 1985, doi:10.1103/PhysRevA.31.2753.

    Attributes
    ----------
    peak_b1 : gamma B1 / (2 pi) at its peak [Hz]
    bandwidth : of the sweep, mu beta / pi [Hz]
    """

    peak_b1: float
    bandwidth: float

    def _shape(self) -> tuple[np.ndarray, float | None]:
        object.__setattr__(self, "bandwidth", number("bandwidth", self.bandwidth))
        object.__setattr__(self, "peak_b1", _checked_peak(self.peak_b1))
        low, high = 1 / self.duration, 1 / (STEPS_PER_CYCLE * self.raster)
        if not low <= self.bandwidth <= high:
            message = "{bandwidth} must lie within {0:Hz} and {1:Hz} for {duration} and {raster}, got {2:Hz}"
            raise Fault(message, low, high, self.bandwidth)
        mu = math.pi * self.bandwidth * self.duration / (2 * TRUNCATION)
        return np.cosh(2 * TRUNCATION * self._time) ** -(1 + 1j * mu), self.peak_b1

    @property
    def _bandwidth(self) -> float:
        return self.bandwidth


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples(Shaped):
    """A pulse of one's own.

    Attributes
    ----------
    samples : tuple of complex [n_samples]
        In any scale, and turned so that on resonance the flip angle is about x; each for an equal part of the
        duration, a whole number of microseconds.
    time_bandwidth : float or None
        Product of duration and the bandwidth across the slice, which a slice needs.
    peak_b1 : float or None
        gamma B1 / (2 pi) at its peak [Hz] if the amplitude is fixed, as of an adiabatic pulse.
    """

    samples: tuple[complex, ...]
    time_bandwidth: float | None = None
    peak_b1: float | None = None

    def _check_samples(self) -> None:
        try:
            values = np.array(self.samples, complex)
        except (TypeError, ValueError):
            raise Fault("{samples} must be complex numbers") from None
        if values.ndim != 1 or not 0 < len(values) <= MOST_SAMPLES:
            message = "{samples} must be 1 to {0} numbers in a row, got {1}"
            raise Fault(message, MOST_SAMPLES, " x ".join(map(str, values.shape)))
        if not np.isfinite(values).all() or not values.any():
            raise Fault("{samples} must be finite and not all 0")
        object.__setattr__(self, "samples", tuple(values.tolist()))
        if not is_multiple(self.dwell, FINEST_RASTER):
            message = "{duration} must be a whole number of {0:s} for each of the {1} {samples}, got {2:s}"
            raise Fault(message, FINEST_RASTER, len(values), self.duration)

    def _shape(self) -> tuple[np.ndarray, float | None]:
        if self.peak_b1 is not None:
            object.__setattr__(self, "peak_b1", _checked_peak(self.peak_b1))
        if self.time_bandwidth is None:
            if self.slice:
                raise Fault("{slice} needs {time_bandwidth}: how wide the slice of these samples is")
        else:
            product = number("time_bandwidth", self.time_bandwidth)
            object.__setattr__(self, "time_bandwidth", product)
            if not 0 < product <= self.n_samples:
                raise Fault(
                    "{time_bandwidth} must be above 0 and at most {0}, the number of samples, got {1}",
                    self.n_samples,
                    f"{product:g}",
                )
        return np.array(self.samples), self.peak_b1

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def _bandwidth(self) -> float:
        return (self.time_bandwidth or 0.0) / self.duration


SHAPES: dict[str, type[Kind]] = {
    "hard": Hard,
    "sinc": Sinc,
    "gauss": Gauss,
    "slr": Slr,
    "hs": HyperbolicSecant,
    "samples": Samples,
}


def shape_name(kind: Kind) -> str:
    """Name of the shape of a kind."""
    return next(name for name, shape in SHAPES.items() if isinstance(kind, shape))


def _check_word(name: str, word: str, known: dict[str, float]) -> None:
    if word not in known:
        raise Fault(f"{{{name}}} must be one of {{0}}, got {{1}}", ", ".join(known), repr(word))


def _checked_peak(peak: float) -> float:
    peak = number("peak_b1", peak)
    if not 0 < peak <= 1e5:
        raise Fault("{peak_b1} must be above 0 and at most 100 kHz, got {0:Hz}", peak)
    return peak
