"""Which design here stands for which row of Tables V to VIII, and whether its numbers agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sequence_search.classify import classify, standardized
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.paper.conditions import rows_of, tolerances
from sequence_search.paper.measures import Values, measure, published
from sequence_search.paper.values import PaperRow, Stat
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Run

ROUNDING = 1e-9  # 178° in radians and back misses 177° by more than the 1° allowed


@dataclass(frozen=True, slots=True)
class Check:
    """One number of a row beside that of the design, in the unit of its name, and how far they may differ."""

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

    def __str__(self) -> str:
        """As "TI (ms): 3325, paper 3340 ± 10, tolerance 66.8"."""
        sd = "" if self.paper.sd is None else f" ± {self.paper.sd:g}"
        return (
            f"{self.quantity}: {self.ours:.4g}, paper {self.paper.mean:g}{sd}, tolerance {self.tolerance:.3g}"
        )


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A row of the paper and the sequence that stands for it: of a category, the nearest design found."""

    row: PaperRow
    sequence: Sequence | None = None  # standardised
    seed: int | None = None  # in which it was found
    rank: int | None = None  # among the designs of its run, 1 for the best
    checks: tuple[Check, ...] = ()

    @property
    def agrees(self) -> bool:
        """There is a sequence, and every number is within its tolerance."""
        return self.sequence is not None and all(check.agrees for check in self.checks)

    @property
    def verdict(self) -> Literal["yes", "within the paper's SD", "no", "no such design"]:
        """Whether it agrees, in words; within the SD means in all that is beyond its tolerance."""
        if self.sequence is None:
            return "no such design"
        if self.agrees:
            return "yes"
        beyond = (check for check in self.checks if not check.agrees)
        return "within the paper's SD" if all(check.within_sd for check in beyond) else "no"

    @property
    def largest_difference(self) -> str:
        """The check that is most of its tolerance, as text; a dash without one."""
        return str(max(self.checks, key=lambda check: check.deviation, default="–"))


def match_rows(problem: Problem, runs: list[Run]) -> list[RowMatch]:
    """Nearest design, among all families of all runs, to each category row of the paper for the problem.

    It is of the row's category, with as many pulses, and phases count by the category alone; the nearest is
    the one whose largest difference, in the tolerances of `CATEGORY`, is least.
    """
    found = [
        (run.seed, rank, design.sequence, measure(problem, design.sequence, design.evaluation))
        for run in runs
        for rank, design in enumerate(run.families, start=1)
    ]
    matches = []
    for row in rows_of(problem):
        if row.kind != "category":
            continue
        near = [
            RowMatch(row, standardized(sequence), seed, rank, tuple(_checks(row, values)))
            for seed, rank, sequence, values in found
            if len(values["flips"]) == len(row.flips_deg)
            and classify(sequence, problem.categories) == row.name
        ]
        matches.append(min(near, key=_farthest, default=RowMatch(row)))
    return matches


def match_references(problem: Problem, grid: Sequence | None) -> list[RowMatch]:
    """The conventional sequence and the grid optimum beside the paper's rows of them."""
    sequences = {"conventional": conventional_sequence(problem), "grid": grid}
    matches = []
    for row in rows_of(problem):
        sequence = sequences.get(row.kind)
        if sequence is not None:
            values = measure(problem, sequence, problem.evaluate(sequence))
            matches.append(RowMatch(row, standardized(sequence), checks=tuple(_checks(row, values))))
        elif row.kind in sequences:
            matches.append(RowMatch(row))
    return matches


def match_record(match: RowMatch) -> dict[str, Any]:
    """Plain data for JSON; without a design all but the row is null or empty."""
    return {
        "table": match.row.table,
        "category": match.row.name,
        "agrees": match.agrees,
        "seed": match.seed,
        "rank": match.rank,
        "sequence": None if match.sequence is None else match.sequence.to_dict(),
        "checks": [
            {**asdict(check), "agrees": check.agrees, "within_sd": check.within_sd} for check in match.checks
        ],
    }


def _farthest(match: RowMatch) -> float:
    return max(check.deviation for check in match.checks)


def _checks(row: PaperRow, values: Values) -> Iterator[Check]:
    """Each number that the paper prints in a row beside that of a design with as many pulses."""
    allowed = tolerances(row.kind, row.problem)
    for number, (ours, paper) in enumerate(zip(values["flips"], row.flips_deg, strict=True), start=1):
        yield Check(f"flip angle {number} (°)", ours, paper, allowed.flip_deg)
    printed = {key: stats[0] for key, stats in published(row).items() if key not in ("flips", "occurrence")}
    names = {"time": "first RF to readout (ms)", "ti": "TI (ms)", "rf_energy": "relative RF energy (%)"}
    for key, stat in printed.items():
        (mine,) = values.get(key) or (math.nan,)
        if key in ("time", "ti"):
            yield Check(names[key], mine, stat, allowed.time_ms or allowed.time * stat.mean)
        elif key == "rf_energy":
            yield Check(names[key], mine, stat, allowed.energy_percent)
        elif key != "phase":
            yield Check(key.replace("signal:", "signal of "), mine, stat, allowed.signal)
        elif allowed.phase_deg is not None:
            # Up to sign, which standardised phases do not have.
            yield Check("refocusing phase (°)", abs(mine), stat, allowed.phase_deg)
