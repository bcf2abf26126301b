"""What the command line shows: progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from sequence_search.problem import Problem
    from sequence_search.report.study_tables import StudyTable
    from sequence_search.search.base import Monitor, Progress
    from sequence_search.search.grid import GridResult
    from sequence_search.search.result import Design, Run
    from sequence_search.study.status import ProblemStatus
    from sequence_search.study.work import Outcome

PLAIN_LINE_EVERY_S = 2.0
STOP_WITHIN_S = 4.0  # for a study's checkpoint; then the process ends, whatever it is at


@dataclass(slots=True)
class Watch:
    """A search or a study that a person watches.

    Attributes
    ----------
    monitor : Monitor
        Shows progress; its `stop` is true once a signal asked to stop.
    signals : list of int
        Signals that came.
    finished : callable
        Gets the outcome of each task of a study.
    """

    monitor: Monitor
    signals: list[int]
    finished: Callable[[Outcome], None]

    @property
    def exit_code(self) -> int | None:
        """130 after Ctrl-C, 143 after SIGTERM; None if no signal came."""
        return 128 + self.signals[0] if self.signals else None


@contextmanager
def watched(n_tasks: int | None = None, n_done: int = 0, *, seeds: bool = True) -> Iterator[Watch]:
    """Progress on stderr; Ctrl-C and SIGTERM ask to stop, a second one ends at once.

    Parameters
    ----------
    n_tasks, n_done : int
        Of a study: all its tasks, and those done before. Without, what is watched is one search.
    seeds : bool
        Whether steps are of a seed; else they are points of a grid.
    """
    from rich.console import Console

    console = Console(stderr=True)
    signals: list[int] = []
    what = "stopping with the best so far; Ctrl-C again to end at once"
    if n_tasks is not None:
        what = "stopping; the same command goes on from here"
    with _asked_to_stop(signals, lambda: console.print(what), n_tasks is not None):
        if not console.is_terminal:
            yield _plain_watch(signals, n_tasks, n_done, seeds)
            return
        with _bars(console) as bar:
            yield _bar_watch(bar, signals, n_tasks, n_done, seeds)


@contextmanager
def _asked_to_stop(signals: list[int], announce: Callable[[], None], safe: bool) -> Iterator[None]:
    """Note signals that ask to stop.

    Parameters
    ----------
    safe : bool
        Whether what runs is safe from a sudden end: then a step of more than a few seconds is cut off.
    """
    deadline: list[threading.Timer] = []

    def ask_to_stop(number: int, frame: object) -> None:
        signals.append(number)
        if len(signals) > 1:
            raise KeyboardInterrupt
        announce()
        if safe:
            deadline.append(threading.Timer(STOP_WITHIN_S, _end_now, (128 + number,)))
            deadline[0].daemon = True
            deadline[0].start()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in deadline:
            timer.cancel()


def _end_now(code: int) -> None:
    """End the process wherever it is, with the cursor of the terminal shown."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")
    sys.stderr.flush()
    os._exit(code)


def _plain_watch(signals: list[int], n_tasks: int | None, n_done: int, seeds: bool) -> Watch:
    """Lines for a log."""
    from sequence_search.search.base import Monitor

    done = itertools.count(n_done + 1)

    def finished(outcome: Outcome) -> None:
        number = f"{next(done)} of {n_tasks}" if outcome.state == "done" else f"of {n_tasks}"
        typer.echo(f"{number}  {_outcome_text(outcome)}", err=True)

    return Watch(Monitor(_plain_lines(seeds), lambda: bool(signals)), signals, finished)


def _bars(console: Console) -> Bar:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[what]}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    return Bar(*columns, console=console, transient=True)


def _bar_watch(bar: Bar, signals: list[int], n_tasks: int | None, n_done: int, seeds: bool) -> Watch:
    """Live bars: of the study, and of the seed that this process works on."""
    from sequence_search.search.base import Monitor

    whole = bar.add_task("", total=n_tasks, completed=n_done, what="study", visible=n_tasks is not None)
    of_seed = bar.add_task("", total=None, what="", visible=False)
    least = math.inf

    def show_progress(progress: Progress) -> None:
        bar.update(
            of_seed,
            visible=True,
            completed=progress.step,
            total=progress.n_steps,
            what=f"seed {progress.seed}" if seeds else "point",
            description=f"loss {progress.loss:.5g}  {progress.note}  {progress.sequence}",
        )

    def finished(outcome: Outcome) -> None:
        nonlocal least
        least = min(least, math.inf if outcome.loss is None else outcome.loss)
        best = f"best loss {least:.5g}" if math.isfinite(least) else ""
        bar.update(whole, advance=int(outcome.state == "done"), description=best)
        if outcome.state == "failed":
            bar.console.print(_outcome_text(outcome))

    return Watch(Monitor(show_progress, lambda: bool(signals)), signals, finished)


def _outcome_text(outcome: Outcome) -> str:
    """As "max-signal seed 3: done, loss 0.0115"."""
    seeds = ", ".join(str(seed) for seed in outcome.task.seeds)
    loss = "" if outcome.loss is None else f", loss {outcome.loss:.6f}"
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.task.problem} seed {seeds}: {outcome.state}{loss}{reason}"


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
    from sequence_search.report.row_match import match_headings, match_lines
    from sequence_search.report.table_formats import caption, headings, lines

    typer.echo(caption(each.table))
    print_table(headings(each.table), lines(each.table))
    for note in each.table.notes:
        typer.echo(note)
    if each.matches:
        typer.echo("\nthe paper's designs among all that were found")
        print_table(match_headings(), match_lines(list(each.matches)))


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
