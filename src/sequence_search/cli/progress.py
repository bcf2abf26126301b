"""Watching a search or a study on the command line: progress on stderr, and signals that ask to stop."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from sequence_search.strategies.base import Monitor, Progress
    from sequence_search.study.run import Outcome

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
def watched(n_seeds: int | None = None, n_done: int = 0, *, seeds: bool = True) -> Iterator[Watch]:
    """Progress on stderr; Ctrl-C and SIGTERM ask to stop, a second one ends at once.

    Parameters
    ----------
    n_seeds, n_done : int
        Of a study: all its seeds, and those done before. Without, what is watched is one search.
    seeds : bool
        Whether steps are of a seed; else they are points of a grid.
    """
    from rich.console import Console

    console = Console(stderr=True)
    signals: list[int] = []
    what = "stopping with the best so far; Ctrl-C again to end at once"
    if n_seeds is not None:
        what = "stopping; the same command goes on from here"
    with _asked_to_stop(signals, lambda: console.print(what), n_seeds is not None):
        if not console.is_terminal:
            yield _plain_watch(signals, n_seeds, n_done, seeds)
            return
        with _bars(console) as bar:
            yield _bar_watch(bar, signals, n_seeds, n_done, seeds)


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
    from sequence_search.study.workers import kill_local

    kill_local()
    os._exit(code)


def _plain_watch(signals: list[int], n_seeds: int | None, n_done: int, seeds: bool) -> Watch:
    """Lines for a log."""
    from sequence_search.strategies.base import Monitor

    done = n_done

    def finished(outcome: Outcome) -> None:
        nonlocal done
        done = min(done + _n_done(outcome), n_seeds or 0)  # some of a batch may have been done before
        typer.echo(f"{done} of {n_seeds}  {_outcome_text(outcome)}", err=True)

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


def _bar_watch(bar: Bar, signals: list[int], n_seeds: int | None, n_done: int, seeds: bool) -> Watch:
    """Live bars: of the study, and of the seed that this process works on."""
    from sequence_search.strategies.base import Monitor

    whole = bar.add_task("", total=n_seeds, completed=n_done, what="study", visible=n_seeds is not None)
    of_seed = bar.add_task("", total=None, what="", visible=False)
    least: dict[str, float] = {}

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
        problem, loss = outcome.task.problem, math.inf if outcome.loss is None else outcome.loss
        least[problem] = min(least.get(problem, math.inf), loss)
        best = f"{problem}: best loss {least[problem]:.5g}" if math.isfinite(least[problem]) else ""
        bar.update(whole, advance=_n_done(outcome), description=best)
        if outcome.state == "failed":
            bar.console.print(_outcome_text(outcome))

    return Watch(Monitor(show_progress, lambda: bool(signals)), signals, finished)


def _n_done(outcome: Outcome) -> int:
    return len(outcome.task.seeds) if outcome.state == "done" else 0


def _outcome_text(outcome: Outcome) -> str:
    """As "max-signal seed 3: done, loss 0.0115"."""
    from sequence_search.study.plan import ranges_text

    loss = "" if outcome.loss is None else f", loss {outcome.loss:.6f}"
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{outcome.task.problem} seed {ranges_text(outcome.task.seeds)}: {outcome.state}{loss}{reason}"


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
