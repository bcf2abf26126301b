"""Which sequences a search may propose, and which a grid search visits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from sequence_search.checks import Fault, number, tuple_of, whole_number
from sequence_search.layout import HARD, SPOILER, Gradient, Layout
from sequence_search.sections import n_apart
from sequence_search.sequence import Sequence

# By which a value that was stated in another unit and converted may miss a bound.
ROUNDING = 1e-9
NO_GRADIENT = "none"
MOMENTS: dict[str, Gradient] = {NO_GRADIENT: 0, "crusher": 1, SPOILER: SPOILER}
GRADIENTS = tuple(MOMENTS)
# Where these very objects stand, nothing was stated, and they follow the bounds.
FLIP_RANGE = (0.0, math.pi)
WAIT_RANGES = ((1e-3, 1e-2), (1e-2, 1e-1), (1e-1, 1.0))


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Bounds of the search and the candidate operations of the scheduler. Sequence Search, Sec. II.B, Fig. 3.

    Attributes
    ----------
    max_rf : number of layers, thus the most pulses of a sequence, 1 to 8
    rf_candidates : RF operations in a layer, one for each equal part of `flip_range`
    flip_range : (float, float), rad
        Flip angles at the start of a search; afterwards they are free up to `max_flip`. If not stated,
        0 to 180 degrees or to `max_flip`.
    wait_ranges : tuple of (float, float), s
        Range of the initial wait of each waiting operation in a layer, log-uniform. If not stated, decades
        from 1 ms to 1 s, up to `max_delay`.
    min_rf_delay : shortest delay after a pulse, and the idle time of RF operations at the start [s]
    max_delay : longest delay after a pulse [s]
    max_flip : largest flip angle of a pulse, at the start and afterwards [rad]; inf for none
    pulses : tuple of str
        Names of the kinds of pulse that a search may play.
    gradients : tuple of "none", "crusher" and "spoiler"
        What a search may play between two pulses.
    crusher : time that a crusher or spoiler adds to the least delay it stands in [s]

    Raises
    ------
    ValueError
        If a bound is none, or a range leaves the bounds.
    """

    max_rf: int = 5
    rf_candidates: int = 5
    flip_range: tuple[float, float] = FLIP_RANGE
    wait_ranges: tuple[tuple[float, float], ...] = WAIT_RANGES
    min_rf_delay: float = 6.2e-3
    max_delay: float = 10.0
    max_flip: float = math.inf
    pulses: tuple[str, ...] = (HARD,)
    gradients: tuple[str, ...] = (NO_GRADIENT,)
    crusher: float = 0.0

    def __post_init__(self) -> None:
        self._set("max_rf", whole_number("max_rf", self.max_rf, 1, 8))
        self._set("rf_candidates", whole_number("rf_candidates", self.rf_candidates, 1, 180))
        for name in ("min_rf_delay", "max_delay", "max_flip"):
            self._set(name, number(name, getattr(self, name)))
        if not 0 < self.min_rf_delay < self.max_delay < math.inf:
            message = "{min_rf_delay} must be above 0 and below {max_delay}, got {0:s} and {1:s}"
            raise Fault(message, self.min_rf_delay, self.max_delay)
        if self.max_flip <= 0:
            raise Fault("{max_flip} must be above 0, got {0:rad}", self.max_flip)
        if self.flip_range is FLIP_RANGE and self.max_flip < math.pi:
            self._set("flip_range", (0.0, self.max_flip))
        if self.wait_ranges is WAIT_RANGES and self.max_delay < WAIT_RANGES[-1][1]:
            within = [(low, min(high, self.max_delay)) for low, high in WAIT_RANGES if low < self.max_delay]
            self._set("wait_ranges", tuple(within) or ((self.min_rf_delay, self.max_delay),))
        self._check_ranges()
        self._check_played()

    def _check_played(self) -> None:
        self._set("crusher", number("crusher", self.crusher))
        if not 0 <= self.crusher < self.max_delay:
            raise Fault("{crusher} must be at least 0 and below {max_delay}, got {0:s}", self.crusher)
        for name, known in (("pulses", None), ("gradients", GRADIENTS)):
            chosen = tuple_of(str, getattr(self, name))
            if not chosen or len(set(chosen)) < len(chosen):
                raise Fault(f"{{{name}}} must be one or more different names, got {{0}}", list(chosen))
            if known and (unknown := set(chosen) - set(known)):
                raise Fault(f"{{{name}}} must be of {', '.join(known)}, got {{0}}", sorted(unknown)[0])
            self._set(name, chosen)

    def _check_ranges(self) -> None:
        if self.flip_range is not FLIP_RANGE:
            self._set("flip_range", _range("flip_range", self.flip_range))
        if self.wait_ranges is not WAIT_RANGES:
            ranges = self.wait_ranges
            given = ranges if isinstance(ranges, list | tuple) else (ranges,)
            self._set("wait_ranges", tuple(_range("wait_ranges", each) for each in given))
        low, high = self.flip_range
        bound, name = min((2 * math.pi, ""), (self.max_flip, " ({max_flip})"))
        if not 0 <= low < high <= bound * (1 + ROUNDING):
            message = "{flip_range} must rise within 0 to {0:rad}" + name + ", got {1:rad} to {2:rad}"
            raise Fault(message, bound, low, high)
        for low, high in self.wait_ranges:
            if not 0 < low <= high <= self.max_delay * (1 + ROUNDING):
                message = "{wait_ranges} must rise within 0 to {max_delay}, {0:s}, got {1:s} to {2:s}"
                raise Fault(message, self.max_delay, low, high)
        if not self.wait_ranges:
            raise Fault("{wait_ranges} needs at least one range")

    @property
    def ranges_that_follow(self) -> set[str]:
        """Ranges that are as the bounds alone make them."""
        plain = SearchSpace(min_rf_delay=self.min_rf_delay, max_delay=self.max_delay, max_flip=self.max_flip)
        return {name for name in ("flip_range", "wait_ranges") if getattr(self, name) == getattr(plain, name)}

    @property
    def has_choice(self) -> bool:
        """Whether there are other pulses than instantaneous ones, or gradients."""
        return self.pulses != (HARD,) or self.gradients != (NO_GRADIENT,)

    def _set(self, name: str, value: object) -> None:
        """While it is made: the type is frozen."""
        object.__setattr__(self, name, value)

    def check(self, sequence: Sequence, problem_name: str) -> None:
        """Raise a ValueError that names the bound and the problem if a sequence is outside the bounds.

        Of a train of echoes the last refocusing pulses that are alike count as one; what follows the last
        readout does not count.
        """
        played = sequence.flip_angle.shape[-1]
        n_rf = int(n_apart(sequence).max()) if played else 0
        if not 1 <= n_rf <= self.max_rf:
            raise ValueError(
                f"a sequence must have 1 to {self.max_rf} pulses (max_rf), got {n_rf} in '{problem_name}'"
            )
        low, high = self.min_rf_delay * (1 - ROUNDING), self.max_delay * (1 + ROUNDING)
        largest = float(sequence.flip_angle.abs().max())
        if largest > self.max_flip * (1 + ROUNDING):
            raise ValueError(
                f"flip_deg must be at most {math.degrees(self.max_flip):g} (max_flip_deg),"
                f" got {math.degrees(largest):.6g} in '{problem_name}'"
            )
        delays = sequence.intervals
        if sequence.is_steady:
            left = sequence.time_to_readout[..., None] - (delays.cumsum(-1) - delays)
            delays = torch.where(left > 0, torch.minimum(left, delays), delays)
        delays = delays.reshape(-1, played)
        outside = ((delays < low) | (delays > high)).nonzero()
        if len(outside):
            row, pulse = outside[0].tolist()
            given = float(delays[row, pulse])
            bound = f"at most {self.max_delay * 1e3:g} (max_delay_ms)"
            if given < low:
                bound = f"at least {self.min_rf_delay * 1e3:g} (min_rf_delay_ms)"
            raise ValueError(
                f"delay_ms must be {bound}, got {given * 1e3:.6g} in pulse {pulse + 1}"
                f" of problem '{problem_name}'"
            )
        if sequence.layout is not None:
            self._check_layout(sequence.layout, problem_name)

    def _check_layout(self, layout: Layout, problem_name: str) -> None:
        gradients = {moment if moment in {0, SPOILER} else 1 for moment in layout.gradients}
        played = {(NO_GRADIENT, "crusher")[each] if isinstance(each, int) else each for each in gradients}
        for key, names, allowed in (
            ("pulses", set(layout.kinds), self.pulses),
            ("gradients", played - {NO_GRADIENT}, self.gradients),
        ):
            if others := names.difference(allowed):
                raise ValueError(
                    f"{key} must be of {', '.join(allowed)}, got {sorted(others)[0]} in '{problem_name}'"
                )


@dataclass(frozen=True, slots=True)
class Axis:
    """Evenly spaced values of one parameter: `count` from `start`, `step` > 0 apart."""

    start: float
    step: float = 0.0
    count: int = 1

    def __post_init__(self) -> None:
        whole_number("count", self.count, 1, 2**53)
        start, step = number("start", self.start), number("step", self.step)
        if math.isinf(start) or not 0 <= step < math.inf or (step == 0 and self.count > 1):
            message = "an axis needs a finite start and a step above 0, got {0:}, {1:} and {2} values"
            raise Fault(message, start, step, self.count)

    @property
    def values(self) -> Float[np.ndarray, " count"]:
        """In the unit of start and step."""
        return self.start + self.step * np.arange(self.count)


@dataclass(frozen=True, slots=True)
class Grid:
    """Sequences of one number of pulses on a grid. Sequence Search, Table IV.

    Each parameter has an axis for each pulse, in rad and s. A point goes by its index. Counting on, the phase
    of the last pulse changes fastest, then the phases before it, the flip angles and the delays, each from
    the last to the first.
    """

    flip_angle: tuple[Axis, ...]
    phase: tuple[Axis, ...]
    delay: tuple[Axis, ...]

    def __post_init__(self) -> None:
        counts = [len(axes) for axes in (self.flip_angle, self.phase, self.delay)]
        if not counts[0] == counts[1] == counts[2] > 0:
            message = "{flip_angle}, {phase} and {delay} need one entry for each pulse, got {0}"
            raise Fault(message, ", ".join(map(str, counts)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of the delays, the flip angles and the phases, [3 n_rf]."""
        return tuple(axis.count for axis in (*self.delay, *self.flip_angle, *self.phase))

    @property
    def n_points(self) -> int:
        """Number of sequences."""
        return math.prod(self.shape)

    def sequences(self, index: Int[np.ndarray, "*batch"]) -> Sequence:
        """Sequences [*batch, n_rf] of some points."""
        axes = (*self.delay, *self.flip_angle, *self.phase)
        digits = np.unravel_index(index, self.shape)
        columns = [axis.values[digit] for axis, digit in zip(axes, digits, strict=True)]
        delay, flip, phase = torch.from_numpy(np.stack(columns, -1)).chunk(3, -1)
        return Sequence(flip, phase, delay)


def _range(name: str, value: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        what = "(low, high) ranges" if name == "wait_ranges" else "a range (low, high)"
        raise Fault(f"{{{name}}} must be {what}, got {{0}}", repr(value))
    return number(name, value[0]), number(name, value[1])
