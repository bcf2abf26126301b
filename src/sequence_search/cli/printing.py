"""What the command line prints: tables and JSON, on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sequence_search.grid.search import GridResult
    from sequence_search.paper.tables import Table as StudyTable
    from sequence_search.problem.problem import Problem
    from sequence_search.strategies.result import Design, Run
    from sequence_search.study.status import ProblemStatus


def print_runs(runs: Sequence[Run], problem: Problem) -> None:
    """One row for each seed, then the families of the best with their categories."""
    from sequence_search.classify import category_text

    rows = []
    for each in runs:
        loss = "" if each.evaluation is None else f"{each.loss:.6f}"
        what = str(each.sequence) if each.sequence is not None else each.reason or ""
        rows.append([str(each.seed), each.status, loss, f"{each.seconds:.1f}", what])
    print_table(["seed", "status", "loss", "seconds", "sequence"], rows)
    for each in runs:
        if each.status == "cut":
            typer.echo(f"seed {each.seed}: {each.reason}")
    best = min(runs, key=lambda each: each.loss, default=None)
    if best is None or not best.families:
        return
    typer.echo(
        f"\nbest: seed {best.seed}; what it found, by structure, with the loss over 1,024 voxels per tissue,"
    )
    typer.echo("how far it moves on 4,096 others, and |Mxy| of the nominal voxel")
    tissues = list(best.families[0].evaluation.signal)
    rows = []
    for design in best.families:
        mark = " (polished on the larger ensemble)" if design.repolished else ""
        kind = category_text(design.sequence, problem.categories)
        rows.append([*_design_cells(design), kind, f"{design.sequence}{mark}"])
    print_table(["loss", "moves", *tissues, "category", "sequence"], rows)


def _design_cells(design: Design) -> list[str]:
    """Loss, how far it moves, and nominal signals."""
    moved = f"{100 * (design.check_loss - design.loss) / abs(design.loss):+.2f} %"
    signals = [f"{value:.3f}" for value in design.evaluation.signal.values()]
    return [f"{design.loss:.6f}", moved, *signals]


def print_grid(result: GridResult) -> None:
    """Best points, then the optimum and its polish over the standard ensemble."""
    voxels = f"{result.n_per_tissue:,} Sobol voxels per tissue"
    typer.echo(f"{result.n_done:,} points on {voxels} in {result.seconds:.1f} s; the best:")
    points = zip(result.top, result.sequences(), strict=True)
    print_table(["loss", "sequence"], [[f"{point.loss:.6f}", str(sequence)] for point, sequence in points])
    typer.echo(
        "\nwith the loss over 1,024 voxels per tissue, how far it moves on 4,096 others, and |Mxy| of the"
    )
    typer.echo("nominal voxel")
    designs = {"best point": result.optimum, "polished": result.polished}
    rows = [
        [name, *_design_cells(design), str(design.sequence)] for name, design in designs.items() if design
    ]
    print_table(["", "loss", "moves", *result.optimum.evaluation.signal, "sequence"], rows)


def print_status(statuses: list[ProblemStatus]) -> None:
    """A row for each problem, then how fast it goes and what failed."""
    rows = []
    for each in statuses:
        loss = "" if each.best is None else f"{each.best['loss']:.6f}"
        rows.append([each.problem, *map(str, each.counts.values()), loss])
    print_table(["problem", *statuses[0].counts, "best loss"], rows)
    for each in statuses:
        if each.best is not None and each.best.get("category"):
            typer.echo(f"{each.problem}: the best is of {each.best['category']}")
        if each.rate is not None and each.seconds_left is not None:
            left = _time_text(each.seconds_left)
            typer.echo(f"{each.problem}: {each.rate:.3g} seeds an hour, {left} left at this rate")
        for view in each.views:
            if view.state == "failed":
                tried = f"{view.status.get('attempts')} times"
                typer.echo(f"{each.problem} seed {view.seed} failed {tried}: {view.status.get('reason')}")


def _time_text(seconds: float) -> str:
    """As "2:05:09", or "5:09"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def print_study_table(each: StudyTable) -> None:
    """Table, its notes, and the paper's designs among those found."""
    from sequence_search.paper.formats import caption, headings, lines
    from sequence_search.paper.match import match_headings, match_lines

    typer.echo(caption(each))
    print_table(headings(each), lines(each))
    for note in each.notes:
        typer.echo(note)
    if each.matches:
        typer.echo("\nthe paper's designs among all that were found")
        print_table(match_headings(), match_lines(list(each.matches)))


def print_json(content: object) -> None:
    """Print JSON that any reader takes, without NaN."""
    from sequence_search.storage import json_text

    typer.echo(json_text(content))


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print rows of text, numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column, cell in zip(table.columns, rows[0] if rows else [], strict=False):
        column.justify = "right" if is_number(cell) else "left"
    for row in rows:
        table.add_row(*row)
    # Without a terminal a table is as wide as it needs to be: a log or a pipe has no width.
    console = Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=240)
    console.print(table)


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
