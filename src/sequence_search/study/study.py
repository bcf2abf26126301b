"""A study: created, run, resumed and read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sequence_search.problem.problem import Problem
from sequence_search.storage import StorageError, StudyError, locked, write_bytes
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.islands import MOST_ISLANDS
from sequence_search.strategies.record import result_record
from sequence_search.strategies.result import Run, SearchResult
from sequence_search.study.create import (
    add_seeds,
    append_seeds,
    check_new,
    make_plan,
    read_problems,
    write_plan,
)
from sequence_search.study.plan import (
    DERIVED,
    LOCK_FILE,
    PLAN_FILE,
    Plan,
    Task,
    ranges_text,
    read_files,
    read_plan,
)
from sequence_search.study.records import csv_text, markdown_text, problem_row, read_runs, seed_row
from sequence_search.study.run import CHECKPOINT_EVERY_S, Outcome, fail, run_task
from sequence_search.study.seeds import MAX_ATTEMPTS, n_attempts, read_result, seed_folder
from sequence_search.study.status import ProblemStatus, Tally, study_status
from sequence_search.study.workers import LOOK_EVERY_S, map_tasks

if TYPE_CHECKING:
    from distributed import Client

ELSEWHERE_WAIT_S = 1.0  # until a task at which another process is, is looked at again
SEEDS_AT_A_TIME = 8  # as few as can agree that the best is found
RESULTS_FILE, TABLE_FILE = f"{DERIVED}/results.csv", f"{DERIVED}/table.md"


def seeds_to_begin(folder: Path, first: int) -> tuple[int, ...]:
    """Seeds of a study that goes on until they agree: those that are there, or the first few."""
    if (folder / PLAN_FILE).exists():
        return read_plan(folder).all_seeds
    return tuple(range(first, first + SEEDS_AT_A_TIME))


class Study:
    """Many seeds of one or more problems, the latter by name, in a folder; from `create` or `open`."""

    def __init__(self, folder: Path, plan: Plan, problems: dict[str, Problem]) -> None:
        self.folder, self.plan, self.problems = folder, plan, problems

    def __repr__(self) -> str:
        """One line: the folder, what is searched, and how it stands."""
        tally, seeds = self.tally(), ranges_text(self.plan.all_seeds)
        return (
            f"Study('{self.folder}': {', '.join(self.problems)}, {self.plan.strategy}, seeds {seeds}; "
            f"{tally.done} done, {tally.failed} failed, {tally.left} left)"
        )

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
                add_seeds(folder, cls.open(folder).plan, plan)
            else:
                write_plan(folder, plan)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """Study in a folder; a StudyError if there is none, it cannot be read, or a problem was changed."""
        folder = Path(folder)
        plan = read_plan(folder)
        return cls(folder, plan, read_problems(folder, plan))

    def extended(self) -> Study:
        """The study with more seeds where the verdict on a problem is not sure, up to 32; else as it is."""
        n_seeds = len(self.plan.all_seeds)
        if n_seeds >= MOST_ISLANDS or all(self.result(name).verdict.is_sure for name in self.problems):
            return self
        with locked(self.folder / LOCK_FILE, wait=True):
            next_seed = max(self.plan.all_seeds) + 1
            append_seeds(
                self.folder, range(next_seed, next_seed + min(SEEDS_AT_A_TIME, MOST_ISLANDS - n_seeds))
            )
        return type(self).open(self.folder)

    def open_tasks(self, share: tuple[int, int] = (0, 1)) -> list[Task]:
        """Tasks of a share with a seed that is not done and may be tried again."""
        return [task for task in self.plan.tasks[share[0] :: share[1]] if self._is_open(task)]

    def run(
        self,
        *,
        workers: int = 1,
        scheduler: str | None = None,
        client: Client | None = None,
        share: tuple[int, int] = (0, 1),
        monitor: Monitor | None = None,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    ) -> Tally:
        """Compute what is not done: interrupted seeds from their checkpoints, failed ones once more; tally.

        Parameters
        ----------
        workers, scheduler, client
            As for `map_tasks`.
        share : (int, int)
            (i, n): only the i-th, from 0, of n fixed shares of the tasks, for processes that know nothing of
            each other.
        monitor : Monitor, optional
            To watch a search in this process, and to stop all.
        on_outcome : callable
            Gets each task's outcome.
        checkpoint_every_s : float
            Time between two checkpoints of a search.

        Raises
        ------
        StorageError
            If a file cannot be written. Nothing that is done is lost.
        StudyError
            As from `map_tasks`.
        """
        monitor = monitor or Monitor()
        open_tasks = self.open_tasks(share)
        work = partial(run_task, self.folder.resolve(), checkpoint_every_s=checkpoint_every_s)
        if workers == 1 and not (scheduler or client):  # for other processes it must be pickled
            work = partial(work, on_progress=monitor.on_progress)
        while open_tasks and not monitor.stop():
            elsewhere = []
            for task, result in map_tasks(
                work, open_tasks, workers=workers, scheduler=scheduler, client=client, stop=monitor.stop
            ):
                if isinstance(result, StorageError | StudyError):
                    raise result
                if isinstance(result, Exception):  # of the worker, as it died
                    outcome = fail(self.folder, task, f"{type(result).__name__}: {result}")
                else:
                    outcome = result
                if outcome.state == "running":
                    elsewhere.append(task)
                else:
                    on_outcome(outcome)
            open_tasks = [task for task in elsewhere if self._is_open(task)]
            end = time.monotonic() + ELSEWHERE_WAIT_S
            while open_tasks and time.monotonic() < end and not monitor.stop():
                time.sleep(LOOK_EVERY_S)
        self.derive()
        return self.tally()

    def tally(self) -> Tally:
        """Seeds that are done, have failed and are left, as the files tell."""
        statuses = self.status()
        done, failed = (sum(each.counts[state] for each in statuses) for state in ("done", "failed"))
        return Tally(done, failed, sum(each.left for each in statuses))

    def status(self) -> list[ProblemStatus]:
        """Where each problem's seeds stand."""
        return study_status(self.folder, self.plan)

    def runs(self, problem: str) -> list[Run]:
        """Runs of a problem's seeds that are done or have failed, in the order of the seeds.

        A StudyError if the study has no such problem.
        """
        if problem not in self.problems:
            known = ", ".join(self.problems)
            raise StudyError(f"{self.folder} has no problem '{problem}'; it has {known}")
        return read_runs(self.folder, problem, self.plan.all_seeds)

    def result(self, problem: str) -> SearchResult:
        """Runs of a problem's seeds as what `search` returns; errors as of `runs`."""
        plan = self.plan
        runs = tuple(self.runs(problem))
        return SearchResult(self.problems[problem], plan.strategy, runs, plan.options, plan.engine)

    def records(self) -> list[dict[str, Any]]:
        """Each problem's `result_record`."""
        facts, _ = read_files(self.folder)
        made_with = {name: facts[name] for name in ("versions", "device")}
        return [result_record(self.result(name), made_with) for name in self.problems]

    def results(self) -> Any:
        """Tidy pandas table, or list of dict without pandas: a row for each seed done or failed."""
        rows = [
            seed_row(name, run) | {"seconds": run.seconds}
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

    def derive(self) -> None:
        """Write the tables of `derived/`, which hold nothing that the seeds' folders do not.

        A StorageError if they cannot be written.
        """
        # Read under the lock too: a process that read early must not put back a table without the last seed.
        with locked(self.folder / LOCK_FILE, wait=True):
            rows = [seed_row(name, run) for name in self.problems for run in self.runs(name)]
            write_bytes(self.folder / RESULTS_FILE, csv_text(rows).encode())
            write_bytes(self.folder / TABLE_FILE, markdown_text(self.table()).encode())

    def _is_open(self, task: Task) -> bool:
        """Whether a seed is not done and may be tried again."""
        folders = [seed_folder(self.folder, task.problem, seed) for seed in task.seeds]
        return any(read_result(each) is None and n_attempts(each) < MAX_ATTEMPTS for each in folders)
