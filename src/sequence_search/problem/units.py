"""Values of a problem file in their units: numbers, distributions and axes, read to SI and written back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, PlainValidator
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function

from sequence_search.checks import FILE_UNITS, number
from sequence_search.limits import Range
from sequence_search.search_space import Axis
from sequence_search.tissue import Distribution, Normal, Uniform

# A stop within this part of a step is meant to be reached: 7.2 is 6.2 + 10 * 0.1 but for rounding.
PART_OF_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Unit:
    """SI unit of a field, by which its value is read from the file and written to it."""

    si: str = ""

    def read(self, value: Any) -> Any:
        """SI value of one in the file's unit; of a distribution, a limit, an axis or a tuple part by part."""
        # Milliseconds are round numbers of seconds, but 180° are not of radians.
        return _each(value, math.radians if self.si == "rad" else lambda part: _rounded(part / self._factor))

    def write(self, value: Any) -> Any:
        """Plain data in the file's unit."""
        return plain(_each(value, lambda part: _rounded(part * self._factor)))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The field's own checks, in the file's unit, then to SI."""
        return no_info_after_validator_function(self.read, handler(source))

    @property
    def _factor(self) -> float:
        return FILE_UNITS[self.si][1] if self.si else 1.0


def _each(value: Any, change: Callable[[float], float]) -> Any:
    match value:
        case tuple():
            return tuple(_each(part, change) for part in value)
        case Normal():
            return Normal(change(value.mean), change(value.sd))
        case Uniform():
            return Uniform(change(value.low), change(value.high))
        case Range():
            return Range(change(value.low), change(value.high))
        case Axis():
            return Axis(change(value.start), change(value.step), value.count)
        case _:
            return None if value is None else change(value)


def plain(value: Any) -> Any:
    """Lists, tables and numbers as a file has them."""
    match value:
        case tuple():
            return [plain(part) for part in value]
        case Normal():
            return {"mean": value.mean, "sd": value.sd} if value.sd else value.mean
        case Uniform():
            return {"low": value.low, "high": value.high}
        case Range():
            bounds = {"low": value.low, "high": value.high}
            stated = {name: bound for name, bound in bounds.items() if 0 < bound < math.inf}
            return stated if value.low else value.high
        case Axis():
            stop = _rounded(value.start + value.step * (value.count - 1))
            several = {"start": value.start, "stop": stop, "step": value.step}
            return value.start if value.count == 1 else several
        case _:
            return value


def _rounded(value: float) -> float:
    """Twelve digits: they undo the rounding of a unit conversion, so that 110 ms read is 110 ms written."""
    return float(f"{value:.12g}")


def real(value: object) -> float:
    """A number other than nan; JSON has no infinity, so it is written there as text."""
    return number("", float(value) if value in ("inf", "-inf") else value)


def _distribution(value: object) -> Distribution:
    """A number, { mean, sd } or { low, high }."""
    if not isinstance(value, dict):
        return Normal(real(value))
    for keys, kind in ((("mean", "sd"), Normal), (("low", "high"), Uniform)):
        if set(value) == set(keys):
            return kind(*(real(value[key]) for key in keys))
    raise ValueError(f"must be a number, {{ mean, sd }} or {{ low, high }}, got the keys {sorted(value)}")


def range_of(value: object) -> Range:
    """A number, at most, or { low, high }, of which one may be left out."""
    if not isinstance(value, dict):
        return Range(high=real(value))
    if not value or not value.keys() <= {"low", "high"}:
        raise ValueError(f"must be a number, at most, or {{ low, high }}, got the keys {sorted(value)}")
    return Range(**{key: real(part) for key, part in value.items()})


def _axis(value: object) -> Axis:
    """A number, or { start, stop, step } with the stop included."""
    if not isinstance(value, dict):
        return Axis(real(value))
    if set(value) != {"start", "stop", "step"}:
        raise ValueError(f"must be a number or {{ start, stop, step }}, got the keys {sorted(value)}")
    start, stop, step = (real(value[key]) for key in ("start", "stop", "step"))
    if not 0 < step < math.inf or not -math.inf < start <= stop < math.inf:
        given = f"start {start:g}, stop {stop:g}, step {step:g}"
        raise ValueError(f"step must be above 0 and stop not below start, all finite, got {given}")
    steps = (stop - start) / step
    if abs(steps - round(steps)) > PART_OF_STEP:
        near = f"{start + math.floor(steps) * step:.12g}"
        raise ValueError(f"stop must be a whole number of steps from start, for example {near}, got {stop:g}")
    return Axis(start, step, round(steps) + 1) if round(steps) else Axis(start)


Number = Annotated[float, BeforeValidator(real)]
Degrees = Annotated[Number, Unit("rad")]
Time = Annotated[Number, Unit("s")]
Quantity = Annotated[Distribution, PlainValidator(_distribution), Unit()]
Milliseconds = Annotated[Distribution, PlainValidator(_distribution), Unit("s")]
Limit = Annotated[Range, PlainValidator(range_of), Unit()]
TimeLimit = Annotated[Range, PlainValidator(range_of), Unit("s")]
Axes = tuple[Annotated[Axis, PlainValidator(_axis)], ...]
WholeNumber = Annotated[int, Field(strict=True)]
