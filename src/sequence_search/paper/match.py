"""Whether the paper's designs are among those found: the nearest to each category of Tables V to VIII."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sequence_search.classify import classify, inversion_time
from sequence_search.paper.measures import Values, measure
from sequence_search.paper.values import PaperRow, Stat, paper_rows
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run

ROUNDING = 1e-9  # 178° in radians and back misses 177° by more than the 1° allowed


@dataclass(frozen=True, slots=True)
class Tolerances:
    """By how much a row may differ from the paper's.

    Attributes
    ----------
    flip_deg, phase_deg : float, degrees
        Without the latter, a phase counts by the category alone.
    time : float
        Relative.
    time_ms : float or None, ms
        In place of `time`.
    signal : float
        Of signals and contrast, in the unit of M0.
    energy_percent : float
        Points of the relative RF energy.
    """

    flip_deg: float = 1.5
    phase_deg: float | None = None
    time: float = 0.02
    time_ms: float | None = None
    signal: float = 0.02
    energy_percent: float = 1.5


@dataclass(frozen=True, slots=True)
class Check:
    """One number of a row beside that of the nearest design, in the unit of its name.

    Attributes
    ----------
    quantity : str
    ours : float
    paper : Stat
    tolerance : float
        By which they may differ.
    """

    quantity: str
    ours: float
    paper: Stat
    tolerance: float

    @property
    def deviation(self) -> float:
        """Magnitude of the difference over the tolerance: agrees up to 1."""
        return abs(self.ours - self.paper.mean) / self.tolerance

    @property
    def agrees(self) -> bool:
        """Within the tolerance."""
        return self.deviation <= 1 + ROUNDING

    @property
    def within_sd(self) -> bool:
        """Within the standard deviation that the paper states."""
        return self.paper.sd is not None and abs(self.ours - self.paper.mean) <= self.paper.sd


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A category row of the paper and the design found that is nearest to it.

    Attributes
    ----------
    row : PaperRow
    design : Design or None
        None if no run has a design of that category.
    seed : int or None
        In which it was found.
    rank : int or None
        Of the design among those of its run, 1 for the best.
    checks : tuple of Check
    """

    row: PaperRow
    design: Design | None = None
    seed: int | None = None
    rank: int | None = None
    checks: tuple[Check, ...] = ()

    @property
    def agrees(self) -> bool:
        """A design of the category was found, and every number is within its tolerance."""
        return self.design is not None and all(check.agrees for check in self.checks)


def match_rows(problem: Problem, runs: list[Run]) -> list[RowMatch]:
    """Nearest design, among all families of all runs, to each category row of the paper for the problem.

    It is of the row's category, with as many pulses; phases count by the category alone. Flip angles may
    differ by 1.5°, times by 2 %, signals and contrast by 0.02, the relative RF energy by 1.5 points; the
    nearest is the one whose largest difference, in tolerances, is least.
    """
    found = [
        (run.seed, rank, design, measure(problem, design.sequence, design.evaluation))
        for run in runs
        for rank, design in enumerate(run.families, start=1)
    ]
    matches = []
    for row in paper_rows(problem.name):
        if row.kind != "category":
            continue
        near = [
            RowMatch(row, design, seed, rank, compare(row, design.sequence, values))
            for seed, rank, design, values in found
            if len(values["flips"]) == len(row.flips_deg)
            and classify(design.sequence, problem.categories) == row.name
        ]
        matches.append(min(near, key=_distance, default=RowMatch(row)))
    return matches


def match_headings() -> list[str]:
    """Heading of each column of `match_lines`."""
    return ["Table", "Row", "Found", "Seed", "Rank", "Largest difference", "Design"]


def match_lines(matches: list[RowMatch]) -> list[list[str]]:
    """Text of the matches, a line for each; the difference that is most of its tolerance stands for all."""
    return [
        [match.row.table, match.row.name, _verdict(match), *_found(match), _difference(match), _design(match)]
        for match in matches
    ]


def match_record(match: RowMatch) -> dict[str, Any]:
    """Plain data for JSON; without a design all but the row is null or empty."""
    return {
        "table": match.row.table,
        "category": match.row.name,
        "agrees": match.agrees,
        "seed": match.seed,
        "rank": match.rank,
        "sequence": None if match.design is None else match.design.sequence.to_dict(),
        "checks": [
            {**asdict(check), "agrees": check.agrees, "within_sd": check.within_sd} for check in match.checks
        ],
    }


def _verdict(match: RowMatch) -> str:
    if match.design is None:
        return "no design of the category"
    if match.agrees:
        return "yes"
    beyond = [check for check in match.checks if not check.agrees]
    return "within the paper's SD" if all(check.within_sd for check in beyond) else "differs"


def _found(match: RowMatch) -> list[str]:
    return ["–", "–"] if match.design is None else [str(match.seed), str(match.rank)]


def _difference(match: RowMatch) -> str:
    return largest_difference(match.checks)


def largest_difference(checks: tuple[Check, ...]) -> str:
    """The check that is most of its tolerance, as text."""
    if not checks:
        return "–"
    worst = max(checks, key=lambda check: check.deviation)
    sd = "" if worst.paper.sd is None else f" ± {worst.paper.sd:g}"
    return (
        f"{worst.quantity}: {worst.ours:.4g}, paper {worst.paper.mean:g}{sd}, tolerance {worst.tolerance:.3g}"
    )


def _design(match: RowMatch) -> str:
    return "–" if match.design is None else str(match.design.sequence)


def _distance(match: RowMatch) -> float:
    return max(check.deviation for check in match.checks)


def compare(
    row: PaperRow, sequence: Sequence, values: Values, tolerances: Tolerances | None = None
) -> tuple[Check, ...]:
    """Each number that the paper prints in a row beside that of a single standardised design.

    Parameters
    ----------
    row : PaperRow
        With as many flip angles as the sequence has pulses.
    values : dict
        Of `measure`.
    """
    return tuple(_checks(row, sequence, values, tolerances or Tolerances()))


def _checks(row: PaperRow, sequence: Sequence, values: Values, allowed: Tolerances) -> Iterator[Check]:
    for number, (ours, paper) in enumerate(zip(values["flips"], row.flips_deg, strict=True), start=1):
        yield Check(f"flip angle {number} (°)", ours, paper, allowed.flip_deg)
    ti = inversion_time(sequence)
    for name, time_ms, stat in (
        ("first RF to readout (ms)", values["time"][0], row.time_ms),
        ("TI (ms)", math.nan if ti is None else 1e3 * ti, row.ti_ms),
    ):
        if stat is not None:
            yield Check(name, time_ms, stat, allowed.time_ms or allowed.time * stat.mean)
    for tissue, stat in row.signal.items():
        yield Check(f"signal of {tissue}", values[f"signal:{tissue}"][0], stat, allowed.signal)
    if row.contrast is not None:
        yield Check("contrast", values["contrast"][0], row.contrast, allowed.signal)
    if row.rf_energy_percent is not None:
        yield Check(
            "relative RF energy (%)", values["rf_energy"][0], row.rf_energy_percent, allowed.energy_percent
        )
    if allowed.phase_deg is not None and row.refocusing_phase_deg is not None:
        # Up to sign, which standardised phases do not have.
        phase = abs(values["phase"][0]) if values["phase"] else math.nan
        yield Check("refocusing phase (°)", phase, row.refocusing_phase_deg, allowed.phase_deg)
