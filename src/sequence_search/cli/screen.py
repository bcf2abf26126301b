"""The live picture of a search or a study on a terminal; all but its sequence stays whole at 80 columns."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING

from sequence_search.cli.printing import flow, pulses
from sequence_search.cli.results import time_text
from sequence_search.words import counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sequence_search.strategies.base import Progress
    from sequence_search.study.plan import Task
    from sequence_search.study.run import Outcome
    from sequence_search.study.study import Study

BAR_WIDTH = 16
LOOK_AT = 16  # tasks, whose files tell whether another process runs them


class Board:
    """Seeds of a study that are done, and the least loss of each problem, as tasks end."""

    def __init__(self, study: Study) -> None:
        self.study, self.began = study, time.monotonic()
        self.open: list[Task] = study.open_tasks()
        self.total, self.done = sum(len(task.seeds) for task in study.plan.tasks), 0
        self.least: dict[str, float] = {}
        for each in study.status():
            self.done += each.counts["done"]
            if each.best is not None:
                self.least[each.problem] = each.best["loss"]

    def finished(self, outcome: Outcome) -> None:
        """Count the outcome of a task; some seeds of a batch may have been done before."""
        task = outcome.task
        if outcome.state == "done":
            self.done = min(self.done + len(task.seeds), self.total)
        if outcome.loss is not None:
            self.least[task.problem] = min(self.least.get(task.problem, math.inf), outcome.loss)
        self.open = [each for each in self.open if each != task]

    @property
    def count(self) -> str:
        """As "2 of 6 seeds"."""
        return f"{self.done:,} of {counted(self.total, 'seed')}"

    def running(self) -> list[str]:
        """Tasks that any process works on, by the files of those first in turn."""
        from sequence_search.study.seeds import view_task

        texts = []
        for task in islice(self.open, LOOK_AT):
            first = view_task(self.study.folder, task)[0]
            if first.state == "running":
                loss = "" if first.loss is None else f" (loss {first.loss:.5g})"
                texts.append(f"{task_text(task)}{loss}")
        return texts


class Screen:
    """Bars of the study and of the seed that this process works on, or what others work on."""

    def __init__(self, console: Console, board: Board | None) -> None:
        self._console, self._board = console, board
        self._progress: Progress | None = None
        self._began = 0.0

    def show(self, progress: Progress) -> None:
        """Progress of the search of this process."""
        if self._progress is None or self._progress.seed != progress.seed:
            self._began = time.monotonic()
        self._progress = progress

    def finished(self, outcome: Outcome) -> None:
        """Outcome of a task; of one that failed a line stays on the terminal."""
        self._progress = None
        if outcome.state == "failed":
            self._console.print(outcome_text(outcome))

    def picture(self) -> RenderableType:
        """As it stands."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bars = Table.grid(padding=(0, 2, 0, 0))
        lines = []
        if (board := self._board) is not None:
            bar = ProgressBar(board.total, board.done, BAR_WIDTH)
            bars.add_row("study", bar, board.count, time_text(time.monotonic() - board.began))
            lines = self._study_lines(board)
        if (now := self._progress) is not None:
            name = "grid" if now.unit == "point" else f"seed {now.seed}"
            bar = ProgressBar(now.n_steps, now.step, BAR_WIDTH)
            spent = time_text(time.monotonic() - self._began)
            bars.add_row(name, bar, count_text(now), spent, f"loss {now.loss:.5g}")
            lines += [*([now.note] if now.note else ()), flow(pulses(now.sequence), 10, "sequence")]
        for column in bars.columns:
            column.no_wrap = True
        return Group(bars, *map(Text, lines))

    def _study_lines(self, board: Board) -> list[str]:
        """Best losses so far; what other processes work on, if this one does not."""
        lines = [_listed("best loss", [f"{name} {loss:.5g}" for name, loss in board.least.items()])]
        if self._progress is None:
            lines.append(_listed("running", board.running()))
        return [line for line in lines if line]


def _listed(name: str, texts: list[str]) -> str:
    return flow([*(f"{text}," for text in texts[:-1]), texts[-1]], 10, name) if texts else ""


def count_text(progress: Progress) -> str:
    """As "step 300 of 20,000"; rounds may end before the last, once they bring nothing."""
    most = ", at most" if progress.unit == "round" else " of"
    return f"{progress.unit} {progress.step:,}{most} {progress.n_steps:,}"


def outcome_text(outcome: Outcome) -> str:
    """As "max-signal seed 3: done, loss 0.0115"."""
    loss = "" if outcome.loss is None else f", loss {outcome.loss:.6f}"
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{task_text(outcome.task)}: {outcome.state}{loss}{reason}"


def task_text(task: Task) -> str:
    """As "max-signal seed 3", or "max-signal seed 0-49"."""
    from sequence_search.study.plan import ranges_text

    return f"{task.problem} seed {ranges_text(task.seeds)}"
