"""The paper's seven conditions: their names and labels, and how near to its values counts as agreement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from sequence_search.paper.values import PaperRow, paper_rows
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis

# By label, in the order of the paper: Table V; VI-a, VI-b, VII; VIII-a, VIII-b.
CONDITIONS = {
    "1": "max-signal",
    "2a": "gm-wm-t2-w30",
    "2b": "gm-wm",
    "2c": "gm-wm-t2-w20",
    "2d": "gm-wm-t2-w50",
    "3a": "csf-null-w0.25",
    "3b": "csf-null-w1",
}
LABELS = {problem: label for label, problem in CONDITIONS.items()}
# Sec. IV.A: the refocusing phase that each contrast weight of Table VII prefers; near means as in Table II.
PREFERRED_PHASES_DEG = {"gm-wm-t2-w20": 180.0, "gm-wm-t2-w30": 180.0, "gm-wm-t2-w50": 0.0}
NEAR_DEG = 20.0
# Around the echo times of Table VII, every 0.5 ms; phases every 5°, negative ones being their mirror.
MAP_TE = Axis(12.4e-3, 0.5e-3, 90)
MAP_PHASE = Axis(0.0, math.radians(5), 37)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """By how much a row may differ from the paper's."""

    flip_deg: float = 1.5
    phase_deg: float | None = None  # None: a phase counts by the category alone
    time: float = 0.02  # relative
    time_ms: float | None = None  # in place of `time`
    signal: float = 0.02  # of signals and contrast, in the unit of M0
    energy_percent: float = 1.5  # points of the relative RF energy

    def __str__(self) -> str:
        """As "1.5° in flip angles, 2 % in times, ..."."""
        phase = "" if self.phase_deg is None else f"{self.phase_deg:g}° in phase, "
        time = f"{100 * self.time:g} % in times" if self.time_ms is None else f"{self.time_ms:g} ms in time"
        rest = f"{self.signal:g} in signals and contrast, {self.energy_percent:g} points in RF energy"
        return f"{self.flip_deg:g}° in flip angles, {phase}{time}, {rest}"


CATEGORY = Tolerances()
CONVENTIONAL = Tolerances(flip_deg=0.05, phase_deg=0.05, time=0.01, signal=0.01, energy_percent=0.05)
# A step of the grid is 1° of a flip angle, 1° or 5° of a phase; of a delay 0.1, 0.5 and 10 ms in experiments
# 1, 2 and 3, in the last two of which the loss is flat over several of them.
GRID_TIMES_MS = {"1": 0.1, "2": 2.0, "3": 30.0}


def tolerances(kind: str, problem: str) -> Tolerances:
    """Of a row of the paper, by its kind ("conventional", "grid", "category") and built-in problem."""
    if kind == "grid":
        return Tolerances(flip_deg=1.0, phase_deg=2.0, time_ms=GRID_TIMES_MS[LABELS[problem][0]])
    return CONVENTIONAL if kind == "conventional" else CATEGORY


def is_of_paper(problem: Problem) -> bool:
    """Whether it is one of the paper's conditions; a user's file may have kept the name of one."""
    return problem.name in LABELS and problem.digest == _digest(problem.name)


def rows_of(problem: Problem) -> tuple[PaperRow, ...]:
    """Rows of the paper's tables for a problem; none if it is not the paper's."""
    return paper_rows(problem.name) if is_of_paper(problem) else ()


@cache
def _digest(name: str) -> str:
    return Problem.load(name).digest


def read_labels(text: str) -> list[str]:
    """Names of the problems of conditions such as "1,2a,3b", in the paper's order.

    Raises
    ------
    ValueError
        If there is no such condition.
    """
    asked = [label.strip() for label in text.split(",")]
    for label in asked:
        if label not in CONDITIONS:
            known = ", ".join(f"{known} ({name})" for known, name in CONDITIONS.items())
            raise ValueError(f"--only takes conditions such as 1,2a; got '{label}', known are {known}")
    return [name for label, name in CONDITIONS.items() if label in asked]
