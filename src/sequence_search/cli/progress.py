"""Watching a search or a study on the command line: progress on stderr, and signals that ask to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sequence_search.cli.printing import make_console, say
from sequence_search.cli.screen import Board, Screen, outcome_text

if TYPE_CHECKING:
    from sequence_search.strategies.base import Monitor, Progress
    from sequence_search.study.run import Outcome
    from sequence_search.study.study import Study

PLAIN_LINE_EVERY_S = 2.0
STOP_WITHIN_S = 4.0  # for a study's checkpoint; then the process ends, whatever it is at


@dataclass(slots=True)
class Watch:
    """A search or a study that a person watches.

    Its monitor shows progress and stops once a signal came; `finished` gets the outcomes of a study's tasks.
    """

    monitor: Monitor
    signals: list[int]
    finished: Callable[[Outcome], None]

    @property
    def exit_code(self) -> int | None:
        """130 after Ctrl-C, 143 after SIGTERM; None if no signal came."""
        return 128 + self.signals[0] if self.signals else None


@contextmanager
def watched(study: Study | None = None) -> Iterator[Watch]:
    """Progress on stderr of a study or else one search; Ctrl-C and SIGTERM ask to stop, a second one ends."""
    from sequence_search.strategies.base import Monitor
    from sequence_search.strategies.live import live

    console = make_console(err=True)
    signals: list[int] = []
    board = None if study is None else Board(study)
    view = Screen(console, board) if console.is_terminal else _Lines(board)

    def finished(outcome: Outcome) -> None:
        if board is not None:
            board.finished(outcome)
        view.finished(outcome)

    drawn = live(console, view.picture) if isinstance(view, Screen) else nullcontext()
    with _asked_to_stop(signals, console.print, study is not None), drawn:
        yield Watch(Monitor(view.show, lambda: bool(signals)), signals, finished)


@contextmanager
def _asked_to_stop(signals: list[int], tell: Callable[[str], None], is_study: bool) -> Iterator[None]:
    """Note signals that ask to stop; a study, safe from a sudden end, is cut off where it takes too long."""
    deadline: list[threading.Timer] = []

    def ask_to_stop(number: int, frame: object) -> None:
        signals.append(number)
        if len(signals) > 1:
            raise KeyboardInterrupt
        if not is_study:
            return tell("stopping with the best so far; Ctrl-C again to end at once")
        tell("stopping; the same command goes on from here")
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


class _Lines:
    """Lines for a log: each outcome of a study; of a seed one every few seconds, and its last."""

    def __init__(self, board: Board | None) -> None:
        self._board, self._last = board, -PLAIN_LINE_EVERY_S

    def show(self, progress: Progress) -> None:
        """Progress of the search of this process."""
        from sequence_search.strategies.live import count_text

        if progress.step < progress.n_steps and time.monotonic() - self._last < PLAIN_LINE_EVERY_S:
            return
        self._last = time.monotonic()
        name = "" if progress.unit == "point" else f"seed {progress.seed}"
        loss, sequence = f"loss {progress.loss:.5g}", str(progress.sequence)
        parts = (name, count_text(progress), loss, progress.note, sequence)
        say("  ".join(part for part in parts if part), err=True)

    def finished(self, outcome: Outcome) -> None:
        """Outcome of a task."""
        if self._board is not None:
            say(f"{self._board.count}  {outcome_text(outcome)}", err=True)
