"""What of the paper's results comes out again and what does not, row by row: `summary.md`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sequence_search.classify import standardized
from sequence_search.grid.phase_map import PhaseMap
from sequence_search.paper.conventional import conventional_sequence
from sequence_search.paper.formats import markdown_table
from sequence_search.paper.match import Check, RowMatch, Tolerances, compare, largest_difference
from sequence_search.paper.measures import measure
from sequence_search.paper.study_tables import StudyTable, markdown, study_table
from sequence_search.paper.values import PaperRow, paper_rows
from sequence_search.problem.problem import Problem
from sequence_search.report.robustness import robustness_map
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run

CONVENTIONAL = Tolerances(flip_deg=0.05, phase_deg=0.05, time=0.01, signal=0.01, energy_percent=0.05)
# A step of the grid is 1° of a flip angle, 1° or 5° of a phase; of a delay 0.1, 0.5 and 10 ms in experiments
# 1, 2 and 3, in the last two of which the loss is flat over several of them.
GRID_TIMES_MS = {"max-signal": 0.1, "csf-null-w0.25": 30.0, "csf-null-w1": 30.0}
# Sec. IV.A, by contrast weight; near means 20°, as in Table II.
PREFERRED_PHASES_DEG = {"gm-wm-t2-w20": 180.0, "gm-wm-t2-w30": 180.0, "gm-wm-t2-w50": 0.0}
NEAR_DEG = 20.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the paper's conditions as a study has it.

    Attributes
    ----------
    label : str
        Such as "2a".
    problem : Problem
    runs : tuple of Run
    grid : Design or None
        Optimum of the problem's grid.
    tables : StudyTable
    """

    label: str
    problem: Problem
    runs: tuple[Run, ...]
    grid: Design | None
    tables: StudyTable


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the paper, whether it comes out again, and by which design.

    Attributes
    ----------
    label, table, row : str
        Condition, number of the table, name of the row.
    checks : tuple of Check
        Empty if there is no design to compare.
    sequence : Sequence or None
    occurrence : (float, float) or None, %
        Ours and the paper's, of a category.
    """

    label: str
    table: str
    row: str
    checks: tuple[Check, ...]
    sequence: Sequence | None
    occurrence: tuple[float, float] | None = None

    @property
    def agrees(self) -> bool:
        """There is a design, and every number is within its tolerance."""
        return bool(self.checks) and all(check.agrees for check in self.checks)


def make_condition(label: str, problem: Problem, runs: list[Run], grid: Design | None) -> Condition:
    """A condition with its tables made."""
    tables = study_table(problem, runs, None if grid is None else grid.sequence)
    return Condition(label, problem, tuple(runs), grid, tables)


def verdicts(condition: Condition) -> list[Verdict]:
    """The conventional and the grid-optimal row, and each category row, of the paper's tables."""
    label, problem = condition.label, condition.problem
    grid = None if condition.grid is None else condition.grid.sequence
    grid_tolerances = _grid_tolerances(problem.name)
    out = []
    for row in paper_rows(problem.name):
        if row.kind == "conventional":
            sequence = conventional_sequence(problem)
            out.append(_verdict(label, problem, row, "Conventional sequence", sequence, CONVENTIONAL))
        elif row.kind == "grid":
            out.append(_verdict(label, problem, row, "Optimal grid-search sequence", grid, grid_tolerances))
    return out + [_category_verdict(condition, match) for match in condition.tables.matches]


def summary(
    conditions: list[Condition],
    maps: list[PhaseMap],
    command: str,
    strategy: str,
    pictures: dict[str, list[str]],
) -> str:
    """Text of `summary.md`.

    Parameters
    ----------
    conditions : list of Condition
    maps : list of PhaseMap
        Of the problems of Table VII among them.
    command, strategy : str
        By which they were made.
    pictures : dict
        Names of picture files, relative to the summary, by label.
    """
    parts = [
        _head(conditions, command, strategy),
        _agreement([verdict for condition in conditions for verdict in verdicts(condition)]),
        _phases(maps),
        _errors(conditions),
        *(_condition_text(each, pictures.get(each.label, [])) for each in conditions),
    ]
    return "\n".join(part for part in parts if part)


def _head(conditions: list[Condition], command: str, strategy: str) -> str:
    rows = []
    for each in conditions:
        n_failed = sum(run.status == "failed" for run in each.runs)
        hours = sum(run.seconds for run in each.runs) / 3600
        rows.append(
            [
                each.label,
                each.problem.name,
                each.problem.title,
                str(len(each.runs)),
                str(n_failed),
                f"{hours:.2f}",
            ]
        )
    table = markdown_table(["Label", "Problem", "Condition", "Seeds", "Failed", "Hours of search"], rows)
    return f"# The paper's results, made again\n\nMade by `{command}`, strategy {strategy}.\n\n{table}"


def _agreement(found: list[Verdict]) -> str:
    n_agreeing = sum(verdict.agrees for verdict in found)
    headings = ["", "Table", "Row", "Agrees", "Occurrence (%)", "Paper (%)", "Largest difference", "Design"]
    text = f"""## Row by row

{n_agreeing} of {len(found)} rows of Tables V to VIII agree.

- A row of a category stands for the nearest design among all that all seeds found, not only the best of
  each. It agrees within 1.5° in every flip angle, 2 % in every time, 0.02 in signals and contrast, 1.5 points
  in relative RF energy; the phase decides its category.
- The optimal grid-search sequence agrees within 1° in flip angles, 2° in phase, and in time within 0.1 ms
  (experiment 1), 2 ms (2) and 30 ms (3); the rest as above.
- The conventional sequence agrees within 0.01 in signals and contrast and 1 % in time.
- The occurrence is of the best design of each seed, successful and of that category.
- The largest difference is the one that is most of its tolerance.

"""
    return text + markdown_table(headings, [_line(verdict) for verdict in found])


def _line(verdict: Verdict) -> list[str]:
    if verdict.sequence is None:
        answer = "no such design"
    elif verdict.agrees:
        answer = "yes"
    else:
        beyond = [check for check in verdict.checks if not check.agrees]
        answer = "within the paper's SD" if all(check.within_sd for check in beyond) else "**no**"
    occurrence = (
        ["–", "–"] if verdict.occurrence is None else [f"{share:.0f}" for share in verdict.occurrence]
    )
    design = "–" if verdict.sequence is None else str(verdict.sequence)
    place = [verdict.label, verdict.table, verdict.row]
    return [*place, answer, *occurrence, largest_difference(verdict.checks), design]


def _phases(maps: list[PhaseMap]) -> str:
    if not maps:
        return ""
    rows = []
    for each in maps:
        te, phase = each.best
        ours, wanted = math.degrees(each.phase[phase]), PREFERRED_PHASES_DEG[each.problem.name]
        other = int(np.argmin(abs(np.degrees(each.phase) - (0 if ours > 90 else 180))))
        above = float(each.loss[:, other].min() - each.loss.min())
        answer = "yes" if abs(ours - wanted) <= NEAR_DEG else "**no**"
        rows.append(
            [
                each.problem.name,
                f"{ours:.0f}",
                f"{1e3 * each.te[te]:.1f}",
                f"near {wanted:.0f}",
                answer,
                f"{above:.5f}",
            ]
        )
    headings = [
        "Problem",
        "Phase (°)",
        "TE (ms)",
        "Paper (°)",
        "Agrees",
        "Loss at the other of 0° and 180° above it",
    ]
    text = (
        "## Preferred refocusing phase, Sec. IV.A\n\nOf the least loss of two pulses over TE and phase.\n\n"
    )
    return text + markdown_table(headings, rows)


def _errors(conditions: list[Condition]) -> str:
    rows = []
    for each in conditions:
        designs = {match.row.name: match.design for match in each.tables.matches} | {"": each.grid}
        for row in paper_rows(each.problem.name):
            design = designs.get(row.name)
            if row.error_percent is not None and design is not None:
                error = 100 * robustness_map(each.problem, design.sequence).error
                name = row.name or "Optimal grid-search sequence"
                paper = row.error_percent.mean
                rows.append([each.label, name, f"{error:.1f}", f"{paper:.1f}", f"{error - paper:+.1f}"])
    if not rows:
        return ""
    text = "## Error under field inhomogeneity, Secs. III.A to C\n\n"
    text += "Mean over b0 and b1 of |S/S0 - 1| of GM. The paper does not define its own.\n\n"
    return text + markdown_table(["", "Design", "Error (%)", "Paper (%)", "Difference"], rows)


def _condition_text(each: Condition, pictures: list[str]) -> str:
    images = "".join(f"\n![{name}]({name})\n" for name in pictures)
    return f"## {each.label}\n\n{markdown([each.tables])}{images}"


def _category_verdict(condition: Condition, match: RowMatch) -> Verdict:
    name = match.row.name
    row = next(row for row in condition.tables.table.rows if row.name == name)
    paper = match.row.occurrence_percent
    occurrence = None if paper is None else (row.cells["occurrence"].ours[0].mean, paper.mean)
    sequence = None if match.design is None else match.design.sequence
    return Verdict(condition.label, match.row.table, name, match.checks, sequence, occurrence)


def _verdict(
    label: str, problem: Problem, row: PaperRow, name: str, sequence: Sequence | None, allowed: Tolerances
) -> Verdict:
    if sequence is None:
        return Verdict(label, row.table, name, (), None)
    single = standardized(sequence)
    values = measure(problem, single, problem.evaluate(single))
    return Verdict(label, row.table, name, compare(row, single, values, allowed), single)


def _grid_tolerances(problem: str) -> Tolerances:
    return Tolerances(flip_deg=1.0, phase_deg=2.0, time_ms=GRID_TIMES_MS.get(problem, 2.0))
