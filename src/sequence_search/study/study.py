"""A study: created, run, resumed and read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.storage import StorageError, StudyError, locked, read_arrays, read_json, write_bytes
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.record import read_run
from sequence_search.strategies.result import Point, Run, failed, points
from sequence_search.study.begin import check_new, join_plans, make_plan, write_plan
from sequence_search.study.plan import (
    DERIVED,
    FACTS_FILE,
    LOCK_FILE,
    PLAN_FILE,
    Plan,
    Task,
    read_facts,
    read_plan,
)
from sequence_search.study.records import csv_text, markdown_text, problem_row, seed_row
from sequence_search.study.run import Outcome, fail, make_problem, run_task
from sequence_search.study.seeds import MAX_ATTEMPTS, attempts, read_result, seed_folder
from sequence_search.study.status import ProblemStatus, problem_status
from sequence_search.study.workers import LOOK_EVERY_S, map_chunks

if TYPE_CHECKING:
    from distributed import Client

BUSY_WAIT_S = 1.0
RESULTS_FILE, TABLE_FILE = f"{DERIVED}/results.csv", f"{DERIVED}/table.md"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many seeds of a study are done, have failed, and are left."""

    done: int
    failed: int
    left: int


class Study:
    """Many seeds of one or more problems in a folder.

    Made by `Study.create` or `Study.open`.

    Attributes
    ----------
    folder : Path
    plan : Plan
    problems : dict of Problem
        By name.
    """

    def __init__(self, folder: Path, plan: Plan, problems: dict[str, Problem]) -> None:
        self.folder, self.plan, self.problems = folder, plan, problems

    @classmethod
    def create(
        cls,
        folder: str | Path,
        problems: Problem | Iterable[Problem],
        strategy: str = "multistart",
        seeds: Iterable[int] = (0,),
        *,
        engine: str = "auto",
        max_seconds: float = float("inf"),
        max_evaluations: float = float("inf"),
        **options: Any,
    ) -> Study:
        """Begin a study in a folder, or open the one that is there already, if it is the same.

        Seeds may be added to a study that is there; they run as batches of their own.

        Parameters
        ----------
        folder : path
        problems : Problem, or several of different names
        strategy, seeds, engine, max_seconds, max_evaluations, **options
            As for `search`.

        Raises
        ------
        StudyError
            If the folder holds another study, with the differences, or other files.
        StorageError
            If the folder cannot be written to.
        ProblemError
            If a problem has a term in Python, which a file cannot hold.
        ValueError
            If there is no such strategy, option or engine, no seed or no budget.
        """
        folder = Path(folder)
        problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        plan = make_plan(problems, strategy, engine, seeds, max_seconds, max_evaluations, options)
        if not (folder / PLAN_FILE).exists():
            check_new(folder)
        with locked(folder / LOCK_FILE, wait=True):
            if (folder / PLAN_FILE).exists():
                plan = join_plans(folder, cls.open(folder).plan, plan)
            write_plan(folder, plan)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """Study in a folder.

        Raises
        ------
        StudyError
            If there is none, it cannot be read, or a problem was changed since.
        """
        folder = Path(folder)
        plan = read_plan(folder)
        digests = read_facts(folder)["problems"]
        problems = {name: make_problem(plan, name) for name in plan.problems}
        for name, problem in problems.items():
            if digests.get(name) != problem.digest:
                raise StudyError(
                    f"{folder / PLAN_FILE}: problem '{name}' is not the one that the study began with: its "
                    f"hash is {problem.digest[:12]}, in {FACTS_FILE} {digests.get(name, 'nothing')[:12]}; "
                    "undo the change, or begin another study"
                )
        return cls(folder, plan, problems)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All work, in a fixed order."""
        return self.plan.tasks

    def open_tasks(self, share: tuple[int, int] = (0, 1)) -> list[Task]:
        """Tasks of a share with a seed that is not done and may be tried again."""
        return [task for task in self.tasks[share[0] :: share[1]] if self._is_open(task)]

    def run(
        self,
        *,
        workers: int = 1,
        scheduler: str | None = None,
        client: Client | None = None,
        share: tuple[int, int] = (0, 1),
        monitor: Monitor | None = None,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    ) -> Tally:
        """Compute what is not done: interrupted seeds from their checkpoints, failed ones once more.

        Parameters
        ----------
        workers, scheduler, client
            As for `map_chunks`.
        share : (int, int)
            (i, n): only the i-th, from 0, of n fixed shares of the tasks, for processes that know nothing of
            each other.
        monitor : Monitor, optional
            To watch a search in this process, and to stop all.
        on_outcome : callable
            Gets each task's outcome.

        Returns
        -------
        Tally
            Of the whole study.

        Raises
        ------
        StorageError
            If a file cannot be written. Nothing that is done is lost.
        StudyError
            As from `map_chunks`.
        """
        monitor = monitor or Monitor()
        open_tasks = self.open_tasks(share)
        on_progress = monitor.on_progress if workers == 1 and not (scheduler or client) else None
        work = partial(_work, self.folder.resolve(), on_progress)
        while open_tasks and not monitor.stop():
            busy = []
            for done in map_chunks(
                work, open_tasks, workers=workers, scheduler=scheduler, client=client, stop=monitor.stop
            ):
                outcome = self._outcome(done.chunk, done.result, done.error)
                if outcome.state == "busy":
                    busy.append(outcome.task)
                else:
                    on_outcome(outcome)
            open_tasks = [task for task in busy if self._is_open(task)]
            _sleep(BUSY_WAIT_S if open_tasks else 0.0, monitor.stop)
        self.derive()
        return self.tally()

    def tally(self) -> Tally:
        """Seeds that are done, have failed and are left, as the files tell."""
        statuses = self.status()
        done, lost = (sum(each.counts[state] for each in statuses) for state in ("done", "failed"))
        return Tally(done, lost, sum(each.left for each in statuses))

    def status(self) -> list[ProblemStatus]:
        """Where each problem's seeds stand."""
        return [problem_status(self.folder, self.plan, name) for name in self.plan.problems]

    def runs(self, problem: str) -> list[Run]:
        """Runs of a problem's seeds that are done or have failed, in the order of the seeds.

        Raises
        ------
        StudyError
            If the study has no such problem.
        """
        if problem not in self.problems:
            known = ", ".join(self.problems)
            raise StudyError(f"{self.folder} has no problem '{problem}'; it has {known}")
        runs = []
        for seed in self.plan.all_seeds:
            folder = seed_folder(self.folder, problem, seed)
            status, result = read_json(folder.status) or {}, read_result(folder)
            seconds = status.get("seconds", 0.0)
            if result is not None:
                runs.append(read_run(result, _history(read_arrays(folder.history)), seconds))
            elif status.get("state") == "failed":
                runs.append(failed(seed, status["reason"], seconds))
        return runs

    def results(self) -> Any:
        """Tidy table, a row for each seed that is done or has failed.

        Returns
        -------
        pandas.DataFrame, or list of dict where pandas is not installed
        """
        rows = [
            {**seed_row(name, run), "seconds": run.seconds}
            for name in self.problems
            for run in self.runs(name)
        ]
        try:
            import pandas
        except ImportError:
            return rows
        return pandas.DataFrame(rows)

    def table(self) -> list[dict[str, Any]]:
        """A row for each problem: seeds done and failed, and the best design of all."""
        return [problem_row(name, self.runs(name)) for name in self.problems]

    def derive(self) -> list[Path]:
        """Write the tables of `derived/`, which hold nothing that the seeds' folders do not.

        Raises
        ------
        StorageError
            If they cannot be written.
        """
        # Read under the lock too: a process that read early must not put back a table without the last seed.
        with locked(self.folder / LOCK_FILE, wait=True):
            rows = [seed_row(name, run) for name in self.problems for run in self.runs(name)]
            files = {RESULTS_FILE: csv_text(rows), TABLE_FILE: markdown_text(self.table())}
            for name, text in files.items():
                write_bytes(self.folder / name, text.encode())
        return [self.folder / name for name in files]

    def _is_open(self, task: Task) -> bool:
        """Whether a seed is not done and may be tried again."""
        folders = [seed_folder(self.folder, task.problem, seed) for seed in task.seeds]
        return any(read_result(each) is None and attempts(each) < MAX_ATTEMPTS for each in folders)

    def _outcome(self, task: Task, outcome: Outcome | None, error: Exception | None) -> Outcome:
        """What came of a task; an error that is the study's ends the run, one of the worker is on record."""
        if outcome is not None:
            return outcome
        if isinstance(error, StorageError | StudyError):
            raise error
        return fail(self.folder, task, f"{type(error).__name__}: {error}")


def _work(
    folder: Path, on_progress: Callable[..., None] | None, task: Task, stop: Callable[[], bool]
) -> Outcome:
    """In a worker or here; with `on_progress` it cannot be pickled."""
    return run_task(folder, task, stop, on_progress or (lambda progress: None))


def _history(arrays: dict[str, Any] | None) -> tuple[Point, ...]:
    """Points of history.npz; none if it is damaged."""
    if arrays is None or not set(Point._fields) <= set(arrays):
        return ()
    return points(np.stack([arrays[name] for name in Point._fields], 1))


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    """Sleep, unless stopped."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop():
        time.sleep(LOOK_EVERY_S)
