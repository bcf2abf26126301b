"""What results look like on a terminal: runs, designs, grids, status and tables of a study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sequence_search.cli.printing import flow, print_table, pulses_of, rounded, say
from sequence_search.words import counted, time_text

if TYPE_CHECKING:
    from sequence_search.grid.search import GridResult
    from sequence_search.paper.tables import Table
    from sequence_search.problem.evaluation import Evaluation
    from sequence_search.problem.problem import Problem
    from sequence_search.sequence import Sequence as PulseSequence
    from sequence_search.strategies.result import Design, Run
    from sequence_search.study.status import ProblemStatus


def print_runs(runs: Sequence[Run], problem: Problem) -> None:
    """One row for each seed, whether they agree, then the designs of the best."""
    from sequence_search.classify import category_text
    from sequence_search.strategies.result import best_run, judge

    rows = []
    for each in runs:
        loss = f"{each.loss:.6f}" if each.families else ""
        found = (
            each.reason or "" if each.sequence is None else category_text(each.sequence, problem.categories)
        )
        rows.append([str(each.seed), each.status, loss, f"{each.seconds:.1f}", found])
    print_table(["seed", "status", "loss", "seconds", "best design"], rows)
    for each in runs:
        if each.reason and each.status != "failed":
            say(f"seed {each.seed}: {each.reason}")
    best = best_run(runs)
    if best is not None:
        say(f"\n{judge(runs)}\n")
        print_designs([best], problem)


def explained(record: dict[str, Any], runs: Sequence[Run], problem: Problem) -> dict[str, Any]:
    """A `result_record` with its best design explained in short; null if there is none."""
    from sequence_search.strategies.result import best_run

    best = best_run(runs)
    if best is None or best.sequence is None:
        return record | {"explanation": None}
    structures, sentences = _in_short(problem, best.sequence)
    return record | {"explanation": {"structures": structures, "sentences": sentences}}


def _in_short(problem: Problem, sequence: PulseSequence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Structures and sentences of a design."""
    from sequence_search.explanation.explanation import summarize

    summary = summarize(problem, sequence)
    return summary.structures, summary.sentences


def print_designs(runs: Sequence[Run], problem: Problem) -> None:
    """Every design of each run, numbered: its numbers, its category or structure, and its pulses.

    The best of a single run is explained in two sentences.
    """
    from sequence_search.classify import category_text

    for run in runs:
        which = "best: seed" if len(runs) == 1 else "seed"
        say(f"{which} {run.seed}, {counted(len(run.families), 'design')}, best first:")
        say(_about(problem))
        for number, design in enumerate(run.families, start=1):
            say()
            say(flow(_numbers(design), 5, f"{number:3}"))
            kind = category_text(design.sequence, problem.categories)
            say(flow(kind.split(" "), 5))
            if design.repolished:
                say(flow(["(polished on the larger ensemble)"], 5))
            say(flow(pulses_of(design.sequence), 5))
        print_wishes(run.families[0].evaluation, "the best design")
    if len(runs) == 1:
        _, sentences = _in_short(problem, runs[0].families[0].sequence)
        say(f"\nThe first: {' '.join(sentences)}")


def print_wishes(evaluation: Evaluation, of: str) -> None:
    """A row for each limit of the problem: what was asked for, what was found, and whether that is met."""
    rows = [[wish.name, wish.asked, wish.found, wish.verdict] for wish in evaluation.wishes]
    if rows:
        say()
        print_table(["limit", "asked", of, ""], rows, flexible=0)


def _numbers(design: Design) -> list[str]:
    """Loss, how far it moves on other voxels, and nominal signals."""
    moved = 100 * (design.check_loss - design.loss) / abs(design.loss) if design.loss else 0.0
    others = f"{rounded(moved, 2, '+')} %" if math.isfinite(moved) else "no number"
    signals = (f" {tissue} {value:.3f}" for tissue, value in design.evaluation.signal.items())
    return [f"loss {design.loss:9.6f}", f"({others} on others)", *signals]


def _about(problem: Problem) -> str:
    """What the numbers of designs are of."""
    from sequence_search.problem.problem import STANDARD_N_PER_TISSUE
    from sequence_search.strategies.evaluator import n_check

    voxels = f"{STANDARD_N_PER_TISSUE:,} voxels per tissue and how it differs on {n_check(problem):,} others"
    return f"loss over {voxels}; |Mxy| of the nominal voxel"


def print_grid(result: GridResult) -> None:
    """Best points, then the optimum and its polish over the standard ensemble."""
    points = counted(result.n_done, "point")
    say(f"{points} on {result.n_per_tissue:,} Sobol voxels per tissue in {result.seconds:.1f} s; the best:")
    for point, sequence in zip(result.top, result.sequences(), strict=True):
        say(flow(pulses_of(sequence), 11, f"{point.loss:9.6f}"))
    say(f"\n{_about(result.problem)}")
    for name, design in {"best point": result.optimum, "polished": result.polished}.items():
        if design is not None:
            say(flow(_numbers(design), 12, name))
            say(flow(pulses_of(design.sequence), 12))
    print_wishes((result.polished or result.optimum).evaluation, "the best, whatever the limits")


def print_status(statuses: list[ProblemStatus]) -> None:
    """A row for each problem, then how fast it goes and what failed."""
    rows = []
    for each in statuses:
        loss = "" if each.best is None else f"{each.best['loss']:.6f}"
        rows.append([each.problem, *map(str, each.counts.values()), loss])
    print_table(["problem", *statuses[0].counts, "best loss"], rows, flexible=0)
    for each in statuses:
        if each.best is not None and each.best.get("category"):
            say(f"{each.problem}: the best is of {each.best['category']}")
        if each.best is not None and not all(wish["met"] for wish in each.best.get("wishes", ())):
            say(f"{each.problem}: {each.best['reason']}")
        if each.rate is not None and each.seconds_left is not None:
            left = time_text(each.seconds_left)
            say(f"{each.problem}: {each.rate:.3g} seeds an hour, {left} left at this rate")
        for view in each.views:
            if view.state == "failed":
                tried = counted(view.status.get("attempts", 1), "time")
                say(f"{each.problem} seed {view.seed} failed {tried}: {view.status.get('reason')}")


def print_study_table(table: Table) -> None:
    """Table, its notes, and the paper's designs among those found."""
    from sequence_search.paper.formats import caption, headings, lines

    say(caption(table))
    if not print_table(headings(table), lines(table), flexible=0):
        _print_transposed(headings(table)[2:], lines(table))
    for note in table.notes:
        say(note)
    if table.matches:
        say("\nthe paper's designs among all that were found")
    for match in table.matches:
        where = "" if match.sequence is None else f"; seed {match.seed}, design {match.rank}"
        say(flow(f"{match.row.title}: {match.verdict}{where}".split(" "), 8, match.row.table))
        if match.sequence is not None:
            say(flow(match.largest_difference.split(" "), 8))
            say(flow(pulses_of(match.sequence), 8))


def _print_transposed(quantities: list[str], lines: list[list[str]]) -> None:
    """Each row of a table that is too wide as a table of its own, with a quantity or a pulse in each line."""
    blocks: list[tuple[str, list[str], list[list[str]]]] = []
    for name, kind, *cells in lines:
        if name:
            blocks.append((name, [], []))
        blocks[-1][1].append(kind)
        blocks[-1][2].append([cell.strip("[]").replace(", ", "\n") for cell in cells])
    for name, kinds, columns in blocks:
        say(f"\n{name}")
        rows = zip(quantities, *columns, strict=True)
        print_table(["", *kinds], [list(row) for row in rows], flexible=0)
    say()
