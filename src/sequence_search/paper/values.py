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
    """One row of a table of the paper, in its units; what it does not print is None or empty.

    Attributes
    ----------
    problem, table : str
        Built-in problem; number of the table, such as "VI-b".
    kind : str
        "conventional", "grid", "category" or "others".
    signal : dict of Stat
        |Mxy| by tissue, in the unit of M0.
    name : str
        Of the category; else empty.
    flips_deg : tuple of Stat, degrees
    occurrence_percent : Stat or None, %
    contrast : Stat or None
        GM - WM, in the unit of M0.
    rf_energy_percent : Stat or None, %
        Relative to 90°-180°.
    time_ms, ti_ms : Stat or None, ms
        From the first pulse to the readout; the inversion time where the text states it.
    refocusing_phase_deg : Stat or None, degrees
    error_percent : Stat or None, %
        Variation of the GM signal over b0 and b1 that the text quotes; see `RobustnessMap.error`.
    """

    problem: str
    table: str
    kind: RowKind
    signal: dict[str, Stat]
    name: str = ""
    flips_deg: tuple[Stat, ...] = ()
    occurrence_percent: Stat | None = None
    contrast: Stat | None = None
    rf_energy_percent: Stat | None = None
    time_ms: Stat | None = None
    ti_ms: Stat | None = None
    refocusing_phase_deg: Stat | None = None
    error_percent: Stat | None = None

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
    return tuple(_row(table) for table in tomllib.loads(text)["row"])


def _row(table: dict[str, Any]) -> PaperRow:
    flips = tuple(_stat(value) for value in table.pop("flips_deg", ()))
    signal = {tissue: _stat(value) for tissue, value in table.pop("signal").items()}
    rest: dict[str, Any] = {
        key: value if isinstance(value, str) else _stat(value) for key, value in table.items()
    }
    return PaperRow(signal=signal, flips_deg=flips, **rest)


def _stat(value: float | list[float]) -> Stat:
    return Stat(*value) if isinstance(value, list) else Stat(value)
