"""The values of the paper's Tables V to VIII, as data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

RowKind = Literal["conventional", "grid", "category", "others"]
TITLES = {"conventional": "Conventional sequence", "grid": "Optimal grid-search sequence"}


@dataclass(frozen=True, slots=True)
class Stat:
    """Mean and standard deviation; None where the value is a single one."""

    mean: float
    sd: float | None = None

    def scaled(self, factor: float) -> Stat:
        """The same in another unit."""
        return Stat(self.mean * factor, None if self.sd is None else self.sd * factor)


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One row of a table of the paper, in its units; what it does not print is None or empty."""

    problem: str  # built-in
    table: str  # such as "VI-b"
    kind: RowKind
    signal: dict[str, Stat]  # |Mxy| by tissue, in the unit of M0
    name: str = ""  # of the category
    flips_deg: tuple[Stat, ...] = ()
    occurrence_percent: Stat | None = None
    contrast: Stat | None = None  # GM - WM, in the unit of M0
    rf_energy_percent: Stat | None = None  # relative to 90°-180°
    time_ms: Stat | None = None  # from the first pulse to the readout
    ti_ms: Stat | None = None  # where the text states it
    refocusing_phase_deg: Stat | None = None
    error_percent: Stat | None = None  # of the GM signal, that the text quotes; see `RobustnessMap.error`

    @property
    def title(self) -> str:
        """Name of the category, or of the reference sequence."""
        return self.name or TITLES.get(self.kind, "Others")


def paper_rows(problem_name: str) -> tuple[PaperRow, ...]:
    """Rows of Tables V to VIII for a built-in problem, in the paper's order; none for any other problem."""
    return tuple(row for row in _all_rows() if row.problem == problem_name)


@cache
def _all_rows() -> tuple[PaperRow, ...]:
    text = (resources.files("sequence_search") / "paper" / "tables.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["row"]
    return tuple(PaperRow(**{key: _value(key, value) for key, value in row.items()}) for row in rows)


def _value(key: str, value: Any) -> Any:
    """Numbers, or a mean and its deviation, as Stat, wherever they stand in a row."""
    if isinstance(value, dict):
        return {tissue: _value("", each) for tissue, each in value.items()}
    if key == "flips_deg":
        return tuple(_value("", each) for each in value)
    if isinstance(value, str):
        return value
    return Stat(*value) if isinstance(value, list) else Stat(value)
