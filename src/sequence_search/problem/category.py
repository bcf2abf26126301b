"""The `[[category]]` tables of a problem file: by what structure its designs are sorted."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sequence_search.classify import OTHERS, CategoryRule

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class CategoryTable(BaseModel):
    """``[[category]]``, Tables II and III."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1)
    flips_deg: tuple[Number, ...]
    flip_tolerance_deg: Number = 20.0
    early_flips_below_deg: Number | None = None
    n_rf: tuple[Annotated[int, Field(strict=True)], ...] | None = None
    refocusing_phase_deg: tuple[Number, ...] | None = None
    phase_tolerance_deg: Number = 20.0
    ti_above_ms: Number | None = None

    @model_validator(mode="after")
    def _check(self) -> CategoryTable:
        if self.name == OTHERS:
            raise ValueError(f"name must not be '{OTHERS}', which is what no category covers")
        if not self.flips_deg or not all(0 <= flip <= 360 for flip in self.flips_deg):
            raise ValueError(
                f"flips_deg must be at least one angle within 0 to 360, got {list(self.flips_deg)}"
            )
        for key in ("flip_tolerance_deg", "phase_tolerance_deg"):
            if not 0 <= getattr(self, key) <= 180:
                raise ValueError(f"{key} must lie within 0 to 180, got {getattr(self, key):g}")
        if self.n_rf is not None and not all(number >= len(self.flips_deg) for number in self.n_rf):
            raise ValueError(
                f"n_rf must be at least the {len(self.flips_deg)} of flips_deg, got {list(self.n_rf)}"
            )
        for key in ("refocusing_phase_deg", "ti_above_ms"):
            if getattr(self, key) is not None and len(self.flips_deg) < 2:
                raise ValueError(f"{key} needs flips_deg of two pulses or more, got {list(self.flips_deg)}")
        return self


def read_category(table: CategoryTable) -> CategoryRule:
    """Rule of a ``[[category]]`` table."""
    early, ti, phases = table.early_flips_below_deg, table.ti_above_ms, table.refocusing_phase_deg
    return CategoryRule(
        table.name,
        tuple(math.radians(flip) for flip in table.flips_deg),
        flip_tolerance=math.radians(table.flip_tolerance_deg),
        early_below=None if early is None else math.radians(early),
        n_rf=table.n_rf,
        refocusing_phases=None if phases is None else tuple(math.radians(phase) for phase in phases),
        phase_tolerance=math.radians(table.phase_tolerance_deg),
        ti_above=None if ti is None else ti / 1e3,
    )


def write_category(rule: CategoryRule) -> CategoryTable:
    """The table of a rule."""
    early, ti, phases = rule.early_below, rule.ti_above, rule.refocusing_phases
    return CategoryTable(
        name=rule.name,
        flips_deg=tuple(_degrees(flip) for flip in rule.flips),
        flip_tolerance_deg=_degrees(rule.flip_tolerance),
        early_flips_below_deg=None if early is None else _degrees(early),
        n_rf=rule.n_rf,
        refocusing_phase_deg=None if phases is None else tuple(_degrees(phase) for phase in phases),
        phase_tolerance_deg=_degrees(rule.phase_tolerance),
        ti_above_ms=None if ti is None else _rounded(ti * 1e3),
    )


def _degrees(angle: float) -> float:
    return _rounded(math.degrees(angle))


def _rounded(value: float) -> float:
    """Twelve digits: they undo the rounding of a unit conversion, so that 20° read is 20° written."""
    return float(f"{value:.12g}")
