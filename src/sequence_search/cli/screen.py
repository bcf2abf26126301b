"""The live picture of a search or a study on a terminal; all but its sequence stays whole at 80 columns."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING

from sequence_search.cli.printing import flow, pulses_of
from sequence_search.words import counted, time_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sequence_search.study.plan import Task
    from sequence_search.study.run import Outcome
    from sequence_search.study.study import Study

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

    def best(self) -> str:
        """Least losses in a line, or several."""
        return _listed("best loss", [f"{name} {loss:.5g}" for name, loss in self.least.items()])

    def running(self) -> str:
        """Tasks that any process works on, by the files of those first in turn."""
        from sequence_search.study.seeds import view_task

        texts = []
        for task in islice(self.open, LOOK_AT):
            first = view_task(self.study.folder, task)[0]
            if first.state == "running":
                loss = "" if first.loss is None else f" (loss {first.loss:.5g})"
                texts.append(f"{task_text(task)}{loss}")
        return _listed("running", texts)


def _listed(name: str, texts: list[str]) -> str:
    return flow([*(f"{text}," for text in texts[:-1]), *texts[-1:]], 10, name) if texts else ""


class Screen:
    """Bars of the study and of the seed that this process works on, or what others work on."""

    def __init__(self, console: Console, board: Board | None) -> None:
        from sequence_search.strategies.live import SearchView

        self._console, self._board, self._search = console, board, SearchView()
        self.show = self._search.show

    def finished(self, outcome: Outcome) -> None:
        """Outcome of a task; of one that failed a line stays on the terminal."""
        self._search.progress = None
        if outcome.state == "failed":
            self._console.print(outcome_text(outcome))

    def picture(self) -> RenderableType:
        """As it stands."""
        from sequence_search.strategies.live import bar, picture

        rows, lines, now = self._search.rows(), [], self._search.progress
        if (board := self._board) is not None:
            spent = time_text(time.monotonic() - board.began)
            rows.insert(0, ("study", bar(board.total, board.done), board.count, spent))
            lines = [board.best(), board.running() if now is None else ""]
        if now is not None:
            lines += [now.note, flow(pulses_of(now.sequence), 10, "sequence")]
        return picture(rows, lines)


def outcome_text(outcome: Outcome) -> str:
    """As "max-signal seed 3: done, loss 0.0115"."""
    loss = "" if outcome.loss is None else f", loss {outcome.loss:.6f}"
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{task_text(outcome.task)}: {outcome.state}{loss}{reason}"


def task_text(task: Task) -> str:
    """As "max-signal seed 3", or "max-signal seed 0-49"."""
    from sequence_search.study.plan import ranges_text

    return f"{task.problem} seed {ranges_text(task.seeds)}"
