"""The `[grid]` table of a problem file: the values that a grid search visits, pulse by pulse."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from sequence_search.search_space import Axis, Grid

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# A stop within this part of a step is meant to be reached: 7.2 is 6.2 + 10 * 0.1 but for rounding.
PART_OF_STEP = 1e-6


class AxisTable(BaseModel):
    """A number, or { start, stop, step } with the stop included."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    start: Number
    stop: Number
    step: Number

    @model_validator(mode="before")
    @classmethod
    def _number_stands_alone(cls, value: Any) -> Any:
        return value if isinstance(value, dict | AxisTable) else {"start": value, "stop": value, "step": 1.0}

    @model_validator(mode="after")
    def _steps_reach_the_stop(self) -> AxisTable:
        if self.step <= 0 or self.stop < self.start:
            raise ValueError(
                "step must be above 0 and stop not below start,"
                f" got start {self.start:g}, stop {self.stop:g}, step {self.step:g}"
            )
        steps = (self.stop - self.start) / self.step
        if abs(steps - round(steps)) > PART_OF_STEP:
            raise ValueError(
                f"stop must be a whole number of steps from start, for example"
                f" {self.start + math.floor(steps) * self.step:.12g}, got {self.stop:g}"
            )
        return self

    @model_serializer
    def _dump(self) -> float | dict[str, float]:
        if self.start == self.stop:
            return self.start
        return {"start": self.start, "stop": self.stop, "step": self.step}


class GridTable(BaseModel):
    """``[grid]``, Table IV; each list has one entry for each pulse."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    flip_deg: tuple[AxisTable, ...]
    phase_deg: tuple[AxisTable, ...]
    delay_ms: tuple[AxisTable, ...]

    @model_validator(mode="after")
    def _one_for_each_pulse(self) -> GridTable:
        counts = [len(axes) for axes in (self.flip_deg, self.phase_deg, self.delay_ms)]
        if not counts[0] == counts[1] == counts[2] > 0:
            raise ValueError(
                "flip_deg, phase_deg and delay_ms need one entry for each pulse,"
                f" got {', '.join(map(str, counts))}"
            )
        return self


def read_grid(table: GridTable) -> Grid:
    """Grid of the ``[grid]`` table, in SI units."""
    degree = math.pi / 180
    return Grid(
        tuple(_axis(axis, degree) for axis in table.flip_deg),
        tuple(_axis(axis, degree) for axis in table.phase_deg),
        tuple(_axis(axis, 1e-3) for axis in table.delay_ms),
    )


def write_grid(grid: Grid) -> GridTable:
    """The table of a grid."""
    return GridTable(
        flip_deg=tuple(_table(axis, 180 / math.pi) for axis in grid.flip_angle),
        phase_deg=tuple(_table(axis, 180 / math.pi) for axis in grid.phase),
        delay_ms=tuple(_table(axis, 1e3) for axis in grid.delay),
    )


def _axis(table: AxisTable, unit: float) -> Axis:
    count = round((table.stop - table.start) / table.step) + 1
    return Axis(table.start * unit, table.step * unit if count > 1 else 0.0, count)


def _table(axis: Axis, unit: float) -> AxisTable:
    """Twelve digits: they undo the rounding of the unit conversion."""
    start, stop, step = (
        float(f"{value * unit:.12g}")
        for value in (axis.start, axis.start + axis.step * (axis.count - 1), axis.step)
    )
    return AxisTable(start=start, stop=stop, step=step if axis.count > 1 else 1.0)
