"""Kinds of pulse: the waveform that a pulse plays, whatever its flip angle and phase."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.checks import Fault, number
from sequence_search.pulses.expansion import expanded
from sequence_search.pulses.rotation import EffectiveRotation, effective_rotation
from sequence_search.pulses.table import RotationTable, make_table
from sequence_search.pulses.uses import ANY, Use, Uses, stated_uses

GAMMA_BAR = 42.577478518  # of the proton [Hz/uT]
FINEST_RASTER = 1e-6  # of RF in a Pulseq file [s]
LONGEST = 1.0  # s
LARGEST_OFFSET = 1e5  # Hz
REPHASER = 1e-3  # of a slice gradient, if not stated [s]
FIXED_FLIP = math.pi
SLICE_FACTORS = (0.5, 1.5)  # within the places that a slice has, to each side one thickness
FINEST = 1e-5  # accuracy across a slice that is known: more places differ by less

Lanes = Float[np.ndarray, "..."] | float  # they broadcast


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(ABC):
    """A kind of pulse.

    Attributes
    ----------
    duration : s
    use : what its pulses may be for in a search, see `pulses.uses`; None: `uses` says
    offset : frequency of the RF relative to b0 = 0, at which the flip angle is reached [Hz]
        As that of the transmitter: the waveform turns with it all along, and has its phase at its centre.
    waveform : complex [n_samples], read-only
        In each of the equal steps of the duration, the turn by RF relative to the nominal flip angle. Its sum
        is 1, so that the flip angle is reached at the frequency of the RF, unless that is fixed.
    fixed_flip : float or None
        Of a kind of fixed amplitude, as an adiabatic one, the nominal flip angle that is played whichever is
        asked for, 180° [rad].
    """

    duration: float
    use: tuple[Use, ...] | None = None
    offset: float = 0.0
    waveform: Complex[np.ndarray, " n_samples"] = field(init=False, repr=False, compare=False)
    fixed_flip: float | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "duration", number("duration", self.duration))
        if self.use is not None:
            object.__setattr__(self, "use", stated_uses(self.use))
        self._check()
        self._check_offset()
        samples, peak = self._shape()
        size, unit = np.abs(samples), samples.sum()
        if peak is not None:
            unit = size.max() * FIXED_FLIP / (2 * math.pi * peak * self.dwell)
        elif not abs(unit) > 1e-3 * size.sum():
            raise Fault("the samples of a pulse must not cancel: one whose sum is 0 needs {peak_b1}")
        waveform = np.asarray(samples / unit, complex)
        waveform.flags.writeable = False
        object.__setattr__(self, "waveform", waveform)
        object.__setattr__(self, "fixed_flip", None if peak is None else FIXED_FLIP)

    @abstractmethod
    def _check(self) -> None:
        """Refuse what is no such pulse."""

    def _check_offset(self) -> None:
        offset = number("offset", self.offset)
        object.__setattr__(self, "offset", offset)
        if not abs(offset) <= LARGEST_OFFSET:
            raise Fault("{offset} must lie within -{0:Hz} and {0:Hz}, got {1:Hz}", LARGEST_OFFSET, offset)
        if offset and not self.duration:
            raise Fault("{offset} needs a {duration} above 0: an instantaneous pulse has no frequency")
        if offset and self.slice_bandwidth:
            raise Fault("{offset} would shift the slice: it goes without {slice}")

    @abstractmethod
    def _shape(self) -> tuple[np.ndarray, float | None]:
        """The waveform in any scale [n_samples]; at a fixed amplitude, its peak gamma B1 / (2 pi) [Hz]."""

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """Number of steps of the waveform."""

    @property
    @abstractmethod
    def slice_bandwidth(self) -> float:
        """Frequency across one slice thickness [Hz]; 0 without a slice gradient."""

    @property
    @abstractmethod
    def side(self) -> float:
        """Least time from its centre to whatever else is played, to either side [s]."""

    @property
    def uses(self) -> Uses:
        """What its pulses may be for: anything if not stated, but of a fixed amplitude inversion alone."""
        if self.use is not None:
            return frozenset(self.use)
        return ANY if self.fixed_flip is None else frozenset({"inversion"})

    @property
    def dwell(self) -> float:
        """Length of a step of the waveform [s]."""
        return self.duration / self.n_samples

    def frequency(self, b0: Lanes, place: Lanes) -> Float[np.ndarray, "*lanes"]:
        """Frequency relative to the RF [Hz], of b0 [Hz] and the place in slice thicknesses from the middle.

        A frame that turns with the RF does so by its offset times half the duration on either side of the
        centre, as the free precession at that offset does, which delays from centre to centre hold: the
        rotation about the centre is that of a pulse without an offset at this frequency.
        """
        return np.asarray(b0 - self.offset + self.slice_bandwidth * np.asarray(place))

    def rotation(self, flip: Lanes, b1: Lanes, frequency: Lanes) -> EffectiveRotation:
        """Rotation about its centre, without a table; derivatives by the nominal flip angle.

        Parameters
        ----------
        flip : nominal flip angle [rad]; of no effect on a kind of fixed amplitude
            Many of many lanes are quick with an axis of length one for each axis of those.
        b1 : relative transmit field
        frequency : Hz, as `frequency` gives it
        """
        flip, field, offset = (np.asarray(part, float) for part in (flip, b1, frequency))
        shape = np.broadcast_shapes(flip.shape, field.shape, offset.shape)
        field, offset = np.broadcast_arrays(field, offset)
        nominal, by_flip = flip, field
        if self.fixed_flip is not None:
            nominal, by_flip = np.full([1] * flip.ndim, self.fixed_flip), np.zeros_like(field)
        found = expanded(self.waveform, self.dwell, nominal, field, offset)
        rotation = effective_rotation(found._replace(d_a=found.d_a * by_flip, d_b=found.d_b * by_flip))
        return EffectiveRotation(*(np.array(np.broadcast_to(part, shape)) for part in rotation))

    def table(
        self, b1: Float[np.ndarray, " n_lanes"], frequency: Float[np.ndarray, " n_lanes"]
    ) -> RotationTable:
        """Table over the flip angle, for lanes each with its b1 and its frequency [Hz]."""
        return make_table(self.waveform, self.dwell, self.fixed_flip, b1, frequency)

    def b1_ut(self, flip: float) -> Float[np.ndarray, " n_samples"]:
        """Magnitude of B1 in each step at a flip angle [uT]; inf of an instantaneous pulse that turns."""
        turn = np.abs(self.waveform) * abs(flip if self.fixed_flip is None else self.fixed_flip)
        if not self.duration:
            return np.where(turn > 0, math.inf, 0.0)
        return np.asarray(turn / (2 * math.pi * GAMMA_BAR * self.dwell))

    def peak_b1_ut(self, flip: float) -> float:
        """Largest B1 at a flip angle [uT]."""
        return float(self.b1_ut(flip).max())

    def rms_b1_ut(self, flip: float) -> float:
        """Root mean square of B1 over the duration [uT]; SAR goes by its square times the duration."""
        return math.sqrt(np.square(self.b1_ut(flip)).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard(Kind):
    """A rectangular pulse; of no duration, the instantaneous one of a sequence without kinds."""

    duration: float = 0.0

    def _check(self) -> None:
        if not 0 <= self.duration <= LONGEST:
            raise Fault("{duration} must lie within 0 and {0:s}, got {1:s}", LONGEST, self.duration)

    def _shape(self) -> tuple[np.ndarray, float | None]:
        return np.ones(1), None

    @property
    def n_samples(self) -> int:
        """A single step."""
        return 1

    @property
    def slice_bandwidth(self) -> float:
        """It selects no slice."""
        return 0.0

    @property
    def side(self) -> float:
        """Half its duration."""
        return self.duration / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped(Kind):
    """A pulse of a shape, with or without a slice gradient.

    Attributes
    ----------
    slice : bool
        Whether it is played on a slice gradient, balanced half before, half after.
    rephaser : s
        Time of that balance on either side; it counts with a slice alone.
    accuracy : float or None
        By which part of M0 the places of a search across the slice may miss it, see `slices.slice_error`;
        None: it is not asked.
    slice_factor : float
        Width of what it selects relative to the slice; a refocusing pulse takes a wider one than the
        excitation, so that the edges of the slice are refocused whole.
    """

    slice: bool = False
    rephaser: float = REPHASER
    accuracy: float | None = None
    slice_factor: float = 1.0

    def _check(self) -> None:
        if not isinstance(self.slice, bool):
            raise Fault("{slice} must be true or false, got {0}", repr(self.slice))
        object.__setattr__(self, "rephaser", number("rephaser", self.rephaser))
        if not 0 <= self.rephaser <= LONGEST:
            raise Fault("{rephaser} must lie within 0 and {0:s}, got {1:s}", LONGEST, self.rephaser)
        if self.accuracy is not None:
            object.__setattr__(self, "accuracy", number("accuracy", self.accuracy))
            if not FINEST <= self.accuracy <= 1:
                raise Fault("{accuracy} must lie within {0:} and 1, got {1:}", FINEST, self.accuracy)
            if not self.slice:
                raise Fault("{accuracy} is of a slice: state {slice} = true")
        self._check_slice_factor()
        if not 0 < self.duration <= LONGEST:
            raise Fault("{duration} must be above 0 and at most {0:s}, got {1:s}", LONGEST, self.duration)
        self._check_samples()

    def _check_slice_factor(self) -> None:
        factor = number("slice_factor", self.slice_factor)
        object.__setattr__(self, "slice_factor", factor)
        low, high = SLICE_FACTORS
        if not low <= factor <= high:
            raise Fault("{slice_factor} must lie within {0:} and {1:}, got {2:}", low, high, factor)
        if factor != 1 and not self.slice:
            raise Fault("{slice_factor} is of a slice: state {slice} = true")

    @abstractmethod
    def _check_samples(self) -> None:
        """Refuse what has no whole number of samples."""

    @property
    @abstractmethod
    def _bandwidth(self) -> float:
        """Across what it selects [Hz], as the shape defines it."""

    @property
    def slice_bandwidth(self) -> float:
        """The bandwidth across the thickness with a slice, 0 without."""
        return self._bandwidth / self.slice_factor if self.slice else 0.0

    @property
    def side(self) -> float:
        """Half its duration, and with a slice its rephaser."""
        return self.duration / 2 + (self.rephaser if self.slice else 0.0)


def is_multiple(value: float, of: float) -> bool:
    """Whether it is a whole number above 0 of them, but for rounding."""
    count = value / of
    return math.isfinite(count) and count > 0.5 and abs(count - round(count)) < 1e-6
