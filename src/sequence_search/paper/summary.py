"""What of the paper's results comes out again and what does not, row by row: `summary.md`."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np

from sequence_search.grid.phase_map import PhaseMap
from sequence_search.paper.conditions import (
    CATEGORY,
    CONVENTIONAL,
    GRID_TIMES_MS,
    LABELS,
    NEAR_DEG,
    PREFERRED_PHASES_DEG,
    tolerances,
)
from sequence_search.paper.formats import markdown
from sequence_search.paper.match import RowMatch, match_references
from sequence_search.paper.rates import PAPER_RUNS, Rate
from sequence_search.paper.tables import Table, make_table
from sequence_search.problem.problem import Problem
from sequence_search.report.robustness import robustness_map
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run
from sequence_search.study.records import markdown_table


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the paper's conditions as a study has it."""

    label: str  # such as "2a"; the problem's name if the paper does not have it
    problem: Problem
    runs: tuple[Run, ...]
    grid: Sequence | None  # optimum
    table: Table
    matches: tuple[RowMatch, ...]  # what stands for each row of the paper: references, then categories


def make_condition(problem: Problem, runs: list[Run], grid: Design | None) -> Condition:
    """A condition with its table made, and the paper's rows found."""
    best = None if grid is None else grid.sequence
    table = make_table(problem, runs, best)
    matches = (*match_references(problem, best), *table.matches)
    return Condition(LABELS.get(problem.name, problem.name), problem, tuple(runs), best, table, matches)


def summary(
    conditions: list[Condition],
    maps: list[PhaseMap],
    command: str,
    strategy: str,
    pictures: dict[str, list[str]],
) -> str:
    """Text of `summary.md`, with maps of the problems of Table VII and, by label, names of picture files."""
    parts = [
        _head(conditions, command, strategy),
        _agreement(conditions),
        _phases(maps),
        _errors(conditions),
        "## Tables and figures\n",
    ]
    for each in conditions:
        images = "".join(f"\n![{name}]({name})\n" for name in pictures.get(each.label, []))
        parts.append(markdown([each.table]) + images)
    return "\n".join(part for part in parts if part)


def occurrence_rows(conditions: list[Condition], strategy: str) -> list[dict[str, object]]:
    """How often each category is that of a seed's best design, beside the paper's rate; a row each."""
    rows: list[dict[str, object]] = []
    for each in conditions:
        for row in each.table.rows:
            cell = row.cells["occurrence"]
            if cell.ours:
                place = {"strategy": strategy, "seeds": len(each.runs), "problem": each.problem.name}
                rates = {
                    "percent": f"{cell.ours[0].mean:g}",
                    "paper_percent": f"{cell.paper[0].mean:g}" if cell.paper else "",
                }
                rows.append({**place, "table": each.table.paper_table, "category": row.name, **rates})
    return rows


def _head(conditions: list[Condition], command: str, strategy: str) -> str:
    rows = []
    for each in conditions:
        n_failed = sum(run.status == "failed" for run in each.runs)
        hours = sum(run.seconds for run in each.runs) / 3600
        counts = [str(len(each.runs)), str(n_failed), f"{hours:.2f}"]
        rows.append([each.label, each.problem.name, each.problem.title, *counts])
    table = markdown_table(["Label", "Problem", "Condition", "Seeds", "Failed", "Hours of search"], rows)
    return f"# The paper's results, made again\n\nMade by `{command}`, strategy {strategy}.\n\n{table}"


def _agreement(conditions: list[Condition]) -> str:
    found = [(each, match) for each in conditions for match in each.matches]
    n_agreeing = sum(match.agrees for _, match in found)
    grid = tolerances("grid", "max-signal")
    times = ", ".join(f"{ms:g}" for ms in GRID_TIMES_MS.values()) + " ms"
    notes = (
        "A row of a category stands for the nearest design among all that all seeds found, not only the best "
        f"of each. It agrees within {CATEGORY}; the phase decides its category.",
        f"The optimal grid-search sequence agrees within {grid.flip_deg:g}° in flip angles, "
        f"{grid.phase_deg:g}° in phase, and in times within {times} in experiments 1, 2 and 3; "
        "the rest as above.",
        f"The conventional sequence agrees within {CONVENTIONAL}.",
        "The occurrence is of the best design of each seed, successful and of that category, "
        "with Wilson's interval of 95 %.",
        "The largest difference is the one that is most of its tolerance.",
    )
    listed = "\n".join(textwrap.fill(f"- {note}", 110, subsequent_indent="  ") for note in notes)
    text = f"## Row by row\n\n{n_agreeing} of {len(found)} rows of Tables V to VIII agree.\n\n{listed}\n\n"
    headings = ["", "Table", "Row", "Agrees", "Occurrence (%)", "Paper (%)", "Largest difference", "Design"]
    return text + markdown_table(headings, [_line(condition, match) for condition, match in found])


def _line(condition: Condition, match: RowMatch) -> list[str]:
    found = {row.name: row.n_designs for row in condition.table.rows}
    row, occurrence = match.row, ["–", "–"]
    if row.occurrence_percent is not None and condition.runs:
        of_paper = Rate(round(row.occurrence_percent.mean), PAPER_RUNS)
        occurrence = [str(Rate(found[row.name], len(condition.runs))), str(of_paper)]
    answer = "**no**" if match.verdict == "no" else match.verdict
    design = "–" if match.sequence is None else str(match.sequence)
    return [condition.label, row.table, row.title, answer, *occurrence, match.largest_difference, design]


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
        te_ms = f"{1e3 * each.te[te]:.1f}"
        rows.append([each.problem.name, f"{ours:.0f}", te_ms, f"near {wanted:.0f}", answer, f"{above:.5f}"])
    last = "Loss at the other of 0° and 180° above it"
    text = "## Preferred refocusing phase, Sec. IV.A\n\n"
    text += "Of the least loss of two pulses over TE and phase.\n\n"
    return text + markdown_table(["Problem", "Phase (°)", "TE (ms)", "Paper (°)", "Agrees", last], rows)


def _errors(conditions: list[Condition]) -> str:
    rows = []
    for each in conditions:
        for match in each.matches:
            if match.row.error_percent is not None and match.sequence is not None:
                error = 100 * robustness_map(each.problem, match.sequence).error
                paper = match.row.error_percent.mean
                numbers = [f"{error:.1f}", f"{paper:.1f}", f"{error - paper:+.1f}"]
                rows.append([each.label, match.row.title, *numbers])
    if not rows:
        return ""
    text = "## Error under field inhomogeneity, Secs. III.A to C\n\n"
    text += "Mean over b0 and b1 of |S/S0 - 1| of GM. The paper does not define its own.\n\n"
    return text + markdown_table(["", "Design", "Error (%)", "Paper (%)", "Difference"], rows)
