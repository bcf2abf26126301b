"""Hard limits of a design: what it may cost, what each tissue may give, and pulses that are given."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from sequence_search.checks import Fault, check_type, number, tuple_of, whole_number
from sequence_search.frame import Frame
from sequence_search.layout import HARD, Layout
from sequence_search.search_space import GRADIENTS, MOMENTS, ROUNDING, SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.system import System

# RF energy of 90°-180°, against which relative ones are stated, as in Tables V to VIII [rad²].
CONVENTIONAL_RF_ENERGY = (math.pi / 2) ** 2 + math.pi**2
MOST_PULSES = 8


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included; 0 and inf are no bound.

    Raises
    ------
    ValueError
        If a bound is negative, both are none, or they cross.
    """

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not 0 <= self.low <= self.high or self.high == 0 or math.isinf(self.low):
            message = "a limit must be above 0, and low not above high, got low {0} and high {1}"
            raise Fault(message, f"{self.low:g}", f"{self.high:g}")
        if not self.low and math.isinf(self.high):
            raise Fault("a limit needs low, high or both")


@dataclass(frozen=True, slots=True)
class SignalLimits:
    """Limits of |Mxy| over the voxels of a tissue [a.u.].

    Attributes
    ----------
    tissue : name
    mean, percentile_95 : of the voxels, 1,024 of the standard ensemble
    """

    tissue: str
    mean: Range | None = None
    percentile_95: Range | None = None

    def __post_init__(self) -> None:
        if self.mean is None and self.percentile_95 is None:
            raise Fault("limits of a signal need {mean} or {percentile_95}")


@dataclass(frozen=True, slots=True)
class FixedPulses:
    """Pulses that are given, with the delay after each; of their phases the differences count.

    Attributes
    ----------
    flip_angle, phase : tuple of float, rad
    delay : tuple of float, s
    pulses : tuple of str
        Name of the kind of each; empty for instantaneous ones.
    gradients : tuple of "none", "crusher" and "spoiler"
        After each; empty for none.
    """

    flip_angle: tuple[float, ...]
    phase: tuple[float, ...]
    delay: tuple[float, ...]
    pulses: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = ("flip_angle", "phase", "delay")
        counts = [len(getattr(self, name)) for name in columns]
        if not counts[0] == counts[1] == counts[2] > 0:
            given = ", ".join(map(str, counts))
            raise Fault("{flip_angle}, {phase} and {delay} need one number for each pulse, got {0}", given)
        for name in columns:
            numbers = tuple(number(name, value) for value in getattr(self, name))
            if not all(map(math.isfinite, numbers)):
                raise Fault(f"{{{name}}} must be finite, got {{0}}", list(numbers))
            object.__setattr__(self, name, numbers)
        for name in ("pulses", "gradients"):
            names = tuple_of(str, getattr(self, name))
            if names and len(names) != len(self):
                raise Fault(
                    f"{{{name}}} need one name for each of {{0}} pulses, got {{1}}", len(self), len(names)
                )
            object.__setattr__(self, name, names)
        for name in self.gradients:
            if name not in GRADIENTS:
                raise Fault(f"{{gradients}} must be of {', '.join(GRADIENTS)}, got {{0}}", name)

    def __len__(self) -> int:
        return len(self.delay)

    @property
    def sequence(self) -> Sequence:
        """The pulses as a single sequence, read after the last delay."""
        columns = (self.flip_angle, self.phase, self.delay)
        flip_angle, phase, delay = (torch.tensor(column, dtype=torch.float64) for column in columns)
        moments = [MOMENTS[name] for name in self.gradients]
        layout = Layout.plain(len(self), gradients=moments, kinds=self.pulses)
        return Sequence(flip_angle, phase, delay, layout=layout)


@dataclass(frozen=True, slots=True)
class Limits:
    """What every design must keep. None and empty: no limit.

    Attributes
    ----------
    time_to_readout : from the first pulse [s]
    te, ti : as `structure.find_structure` defines them [s]; a design without one meets `high` alone
    te_readout : of several readouts the one that `te` is of, from 1
    relative_rf_energy : sum of squared flip angles relative to that of 90°-180°
    max_flip : largest flip angle [rad]
    n_rf : number of pulses; the last refocusing pulses of a train, which are alike, count as one
    signal : of tissues
    head, tail : first and last pulses
    system : scanner on which every design can be played, with the least times of `export`
    slice_thickness : there [m]; 5 mm if not given

    Raises
    ------
    ValueError
        If a limit is none.
    """

    time_to_readout: Range | None = None
    te: Range | None = None
    ti: Range | None = None
    relative_rf_energy: Range | None = None
    max_flip: float = math.inf
    n_rf: Range | None = None
    signal: tuple[SignalLimits, ...] = ()
    head: FixedPulses | None = None
    tail: FixedPulses | None = None
    te_readout: int = 1
    system: System | None = None
    slice_thickness: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "te_readout", whole_number("te_readout", self.te_readout, 1, 10**6))
        if self.te_readout != 1 and self.te is None:
            raise Fault("{te_readout} is of a limit of {te}, which is not stated")
        object.__setattr__(self, "max_flip", number("max_flip", self.max_flip))
        if self.max_flip <= 0:
            raise Fault("{max_flip} must be above 0, got {0:rad}", self.max_flip)
        if self.system is not None:
            check_type(self.system, System)
        if self.slice_thickness is not None:
            if self.system is None:
                raise Fault("{slice_thickness} is of a {system}, which is not stated")
            object.__setattr__(self, "slice_thickness", number("slice_thickness", self.slice_thickness))
            if not 0 < self.slice_thickness < math.inf:
                raise Fault("{slice_thickness} must be above 0, got {0:m}", self.slice_thickness)
        if self.n_rf is not None:
            for bound in (self.n_rf.low, self.n_rf.high):
                if math.isfinite(bound):
                    whole_number("n_rf", int(bound) if bound.is_integer() else bound, 0, MOST_PULSES)
        object.__setattr__(self, "signal", tuple_of(SignalLimits, self.signal))
        names = [each.tissue for each in self.signal]
        if len(set(names)) < len(names):
            raise Fault("the tissues of {signal} must differ, got {0}", names)

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return self != Limits()

    @property
    def n_fixed(self) -> int:
        """Number of the pulses that are given."""
        return sum(len(part) for part in (self.head, self.tail) if part is not None)

    @property
    def frame(self) -> Frame:
        """The pulses that are given."""
        return Frame(*(None if part is None else part.sequence for part in (self.head, self.tail)))

    def narrowed(self, space: SearchSpace) -> SearchSpace:
        """Search space of whole sequences, within the limits on each pulse."""
        longest = space.max_delay if self.time_to_readout is None else self.time_to_readout.high
        most = space.max_rf if self.n_rf is None else min(space.max_rf, self.n_rf.high)
        return _within(space, int(most), self.max_flip, longest)

    def admitted(self, space: SearchSpace) -> SearchSpace:
        """Search space in which whole sequences lie: what is given may be of other kinds and gradients."""
        given = [part for part in (self.head, self.tail) if part is not None]
        pulses = [name for part in given for name in part.pulses or (HARD,)]
        gradients = [name for part in given for name in part.gradients]
        return replace(
            space,
            pulses=tuple(dict.fromkeys([*space.pulses, *pulses])),
            gradients=tuple(dict.fromkeys([*space.gradients, *gradients])),
        )

    def free(self, space: SearchSpace) -> SearchSpace:
        """Search space of the pulses that are not given."""
        narrow = self.narrowed(space)
        longest = narrow.max_delay
        if self.time_to_readout is not None:
            longest = min(longest, self.time_to_readout.high - float(self.frame.alone.time_to_readout))
        return _within(narrow, narrow.max_rf - self.n_fixed, self.max_flip, longest)

    def check(
        self, space: SearchSpace, m0: dict[str, float], most_m0: dict[str, float] | None = None
    ) -> None:
        """Refuse limits that no sequence of a search space can meet.

        Parameters
        ----------
        space : SearchSpace
        m0 : mean of each tissue by name, in its unit
        most_m0 : of each what at most one in a hundred of its voxels exceeds; the mean if not given

        Raises
        ------
        ValueError
        """
        for each in self.signal:
            if each.tissue not in m0:
                raise Fault(
                    "{signal}: tissue '{0}' is not defined; known are {1}", each.tissue, ", ".join(m0)
                )
            if each.mean is not None and each.mean.low > m0[each.tissue]:
                message = "{signal}: {0} gives at most its m0, {1}, and low is {2}"
                raise Fault(message, each.tissue, f"{m0[each.tissue]:g}", f"{each.mean.low:g}")
            most = (most_m0 or m0)[each.tissue]
            if each.percentile_95 is not None and each.percentile_95.low > most:
                message = "{signal}: 95 % of the voxels of {0} give at most {1}, and low is {2}"
                raise Fault(message, each.tissue, f"{most:g}", f"{each.percentile_95.low:g}")
        self._check_numbers(space)
        self._check_fixed(space)

    def _check_numbers(self, space: SearchSpace) -> None:
        given, n_rf = self.frame.alone, self.n_rf or Range(low=1.0)
        if n_rf.low > space.max_rf:
            raise Fault("{n_rf}: low must be at most max_rf, {0}, got {1}", space.max_rf, f"{n_rf.low:g}")
        most, fixed = min(space.max_rf, n_rf.high), self.n_fixed
        if fixed and most <= fixed:
            what = "{n_rf}" if most < space.max_rf else "max_rf of the search space"
            message = "{head} and {tail} have {0} pulses, which leaves none to find: " + what + " is {1}"
            raise Fault(message, fixed, f"{most:g}")
        energy = self.relative_rf_energy
        least = float(given.rf_energy) / CONVENTIONAL_RF_ENERGY
        if energy is not None and energy.high < least * (1 - ROUNDING):
            message = "{relative_rf_energy} must be at least {0}, that of the given pulses, got {1}"
            raise Fault(message, f"{least:.6g}", f"{energy.high:g}")

    def _check_fixed(self, space: SearchSpace) -> None:
        max_flip = min(space.max_flip, self.max_flip) * (1 + ROUNDING)
        low, high = space.min_rf_delay * (1 - ROUNDING), space.max_delay * (1 + ROUNDING)
        for name in ("head", "tail"):
            part = getattr(self, name)
            if part is None:
                continue
            check_type(part, FixedPulses)
            for flip in part.flip_angle:
                if abs(flip) > max_flip:
                    message = f"{{{name}}} has a flip angle of {{0:rad}}, beyond {{max_flip}}, {{1:rad}}"
                    raise Fault(message, flip, max_flip)
            for delay in part.delay:
                if not low <= delay <= high:
                    message = f"{{{name}}} has a delay of {{0:s}}, which must lie within {{1:s}} and {{2:s}}"
                    of = ", min_rf_delay_ms and max_delay_ms of the search space"
                    raise Fault(message + of, delay, space.min_rf_delay, space.max_delay)


def _within(space: SearchSpace, max_rf: int, max_flip: float, max_delay: float) -> SearchSpace:
    """Search space with bounds no wider than these, and its ranges within them."""
    max_flip, max_delay = min(space.max_flip, max_flip), min(space.max_delay, max_delay)
    # A search space needs some room for its delays.
    max_delay = max(max_delay, space.min_rf_delay * (1 + ROUNDING))
    low, high = space.flip_range
    waits = [(min(least, max_delay), min(most, max_delay)) for least, most in space.wait_ranges]
    return replace(
        space,
        max_rf=max_rf,
        max_flip=max_flip,
        max_delay=max_delay,
        flip_range=(low if low < max_flip else 0.0, min(high, max_flip)),
        wait_ranges=tuple(waits),
    )
