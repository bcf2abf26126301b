"""What the command line shows: progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sequence_search.search.base import Design, Monitor, Progress, SearchResult
    from sequence_search.search.grid import GridResult

PLAIN_LINE_EVERY_S = 2.0


@contextmanager
def watched(*, seeds: bool = True) -> Iterator[Monitor]:
    """Progress on stderr; Ctrl-C asks the search to stop with the best so far, a second one ends at once.

    Without `seeds` the steps are points of a grid.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from sequence_search.search.base import Monitor

    console = Console(stderr=True)
    stopped = False

    def ask_to_stop(number: int, frame: object) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True
        console.print("stopping with the best so far; Ctrl-C again to end at once")

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        if not console.is_terminal:
            yield Monitor(_plain_lines(seeds), lambda: stopped)
            return
        columns = (
            TextColumn("seed {task.fields[seed]}" if seeds else "point"),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bar(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
            task = bar.add_task("", total=None, seed="")

            def show_progress(progress: Progress) -> None:
                bar.update(
                    task,
                    completed=progress.step,
                    total=progress.n_steps,
                    seed=progress.seed,
                    description=f"loss {progress.loss:.5g}  {progress.note}  {progress.sequence}",
                )

            yield Monitor(show_progress, lambda: stopped)
    finally:
        signal.signal(signal.SIGINT, before)


def _plain_lines(seeds: bool) -> Callable[[Progress], None]:
    """Progress as lines, one every few seconds and the last of each seed."""
    last = -PLAIN_LINE_EVERY_S

    def show_progress(progress: Progress) -> None:
        nonlocal last
        if progress.step < progress.n_steps and time.monotonic() - last < PLAIN_LINE_EVERY_S:
            return
        last = time.monotonic()
        where = f"seed {progress.seed}  step" if seeds else "point"
        where = f"{where} {progress.step}/{progress.n_steps}"
        typer.echo(f"{where}  loss {progress.loss:.5g}  {progress.note}  {progress.sequence}", err=True)

    return show_progress


def print_runs(result: SearchResult) -> None:
    """One row for each seed, then the families of the best."""
    rows = []
    for each in result.runs:
        loss = "" if each.evaluation is None else f"{each.loss:.6f}"
        what = str(each.sequence) if each.sequence is not None else each.reason or ""
        rows.append([str(each.seed), each.status, loss, f"{each.seconds:.1f}", what])
    print_table(["seed", "status", "loss", "seconds", "sequence"], rows)
    for each in result.runs:
        if each.status == "cut":
            typer.echo(f"seed {each.seed}: {each.reason}")
    best = min(result.runs, key=lambda each: each.loss)
    if not best.families:
        return
    typer.echo(
        f"\nbest: seed {best.seed}; what it found, by structure, with the loss over 1,024 voxels per tissue,"
    )
    typer.echo("how far it moves on 4,096 others, and |Mxy| of the nominal voxel")
    tissues = list(best.families[0].evaluation.signal)
    rows = []
    for design in best.families:
        mark = " (polished on the larger ensemble)" if design.repolished else ""
        rows.append([*_design_cells(design), f"{design.sequence}{mark}"])
    print_table(["loss", "moves", *tissues, "sequence"], rows)


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


def print_json(content: object) -> None:
    """Print JSON that any reader takes, without NaN."""
    typer.echo(json.dumps(_json_ready(content), indent=2, ensure_ascii=False, allow_nan=False))


def _json_ready(content: object) -> object:
    """Infinite numbers, which a T2' may be, as text: JSON has none."""
    if isinstance(content, dict):
        return {key: _json_ready(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_json_ready(value) for value in content]
    return str(content) if isinstance(content, float) and math.isinf(content) else content


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
