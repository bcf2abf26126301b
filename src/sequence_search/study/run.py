"""The work of one task, in whatever process: search, on from the checkpoint, and what is kept of it."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.storage import (
    SCHEMA_VERSION,
    StorageError,
    StudyError,
    locked,
    read_arrays,
    remove_leftovers,
    write_arrays,
    write_json,
)
from sequence_search.strategies import make_strategy
from sequence_search.strategies.base import Monitor, Progress, Settings, State
from sequence_search.strategies.operations import operations_arrays
from sequence_search.strategies.record import environment, seed_record
from sequence_search.strategies.result import Point, Run
from sequence_search.study.create import make_problem
from sequence_search.study.plan import LOCK_FILE, Plan, Task, read_plan
from sequence_search.study.seeds import (
    CHECKPOINT_FILE,
    HISTORY_FILE,
    MAX_ATTEMPTS,
    RESULT_FILE,
    SeedState,
    n_attempts,
    now,
    read_result,
    read_status,
    seed_folder,
    write_status,
)

CHECKPOINT_EVERY_S = 5.0
Folders = dict[int, Path]  # of seeds


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work on a task ended."""

    task: Task
    state: SeedState  # "failed": at least one seed; "interrupted": to go on; "running": in another process
    loss: float | None = None  # the least of its seeds that are done
    reason: str | None = None  # of a failure


def run_task(
    study: Path,
    task: Task,
    stop: Callable[[], bool],
    on_progress: Callable[[Progress], None] = lambda progress: None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> Outcome:
    """Compute the seeds of a task that are not done; nothing is computed if another process is at it.

    A StudyError if the study cannot be read, a StorageError if a file cannot be written, as on a full disk.
    """

    def compute(missing: Folders) -> None:
        for folder in missing.values():
            remove_leftovers(folder)
        plan = read_plan(study)
        problem = make_problem(plan, task.problem)
        status = TaskStatus(missing, on_progress)
        checkpoint = seed_folder(study, task.problem, task.seeds[0]) / CHECKPOINT_FILE
        recorder = TaskRecorder(problem, checkpoint, status, checkpoint_every_s)
        monitor = Monitor(status.show, stop)
        settings = Settings(plan.engine, monitor, plan.max_seconds, plan.max_evaluations, recorder)
        status.write("running")
        try:
            runs = _search(plan, problem, task, settings)
        except (StorageError, StudyError):
            raise
        except Exception as error:
            status.write_failures(f"{type(error).__name__}: {error}", traceback.format_exc())
        else:
            recorder.finish(runs)

    return _with_lock(study, task, compute)


def fail(study: Path, task: Task, reason: str) -> Outcome:
    """Count a failed attempt of every seed of a task that is not done."""
    return _with_lock(study, task, lambda missing: TaskStatus(missing).write_failures(reason))


def _search(plan: Plan, problem: Problem, task: Task, settings: Settings) -> list[Run]:
    return make_strategy(plan.strategy, plan.options, problem).run(problem, task.seeds, settings)


def _with_lock(study: Path, task: Task, work: Callable[[Folders], None]) -> Outcome:
    """Work on the seeds of a task without a result, unless another process does; then say how it stands."""
    folders = {seed: seed_folder(study, task.problem, seed) for seed in task.seeds}
    with locked(folders[task.seeds[0]] / LOCK_FILE) as mine:
        if not mine:
            return Outcome(task, "running")
        missing = {seed: folder for seed, folder in folders.items() if read_result(folder) is None}
        if missing:
            work(missing)
        results = {folder: read_result(folder) for folder in folders.values()}
        statuses = [read_status(folder) for folder, result in results.items() if result is None]
    loss = min((result["loss"] for result in results.values() if result is not None), default=None)
    if not statuses:
        return Outcome(task, "done", loss)
    failure = next((status for status in statuses if status.get("state") == "failed"), None)
    if failure is not None:
        return Outcome(task, "failed", loss, failure.get("reason"))
    return Outcome(task, "interrupted", loss)


class TaskStatus:
    """The status files of the seeds of a task that are not done, `missing`."""

    def __init__(
        self, missing: Folders, on_progress: Callable[[Progress], None] = lambda progress: None
    ) -> None:
        self.missing = missing
        self.note: dict[str, str] = {}  # what a reader of the files should know
        self._attempts = {seed: n_attempts(folder) for seed, folder in missing.items()}
        self.is_last_attempt = max(self._attempts.values()) >= MAX_ATTEMPTS - 1  # of a seed
        self._on_progress = on_progress
        self._progress: Progress | None = None
        self._started = now()

    def show(self, progress: Progress) -> None:
        """Pass on how far the search is, and note it for the next time that the files are written."""
        self._progress = progress
        self._on_progress(progress)

    def write(self, state: SeedState) -> None:
        """Write the files of all seeds, with how far the search is."""
        reached: dict[str, Any] = {}
        if (at := self._progress) is not None:
            loss = at.loss if math.isfinite(at.loss) else None
            reached = {"step": at.step, "n_steps": at.n_steps, "loss": loss, "sequence": str(at.sequence)}
        for seed in self.missing:
            self._write(seed, state, reached)

    def write_failures(self, reason: str, trace: str | None = None) -> None:
        """Count a failed attempt of all seeds."""
        for seed in self.missing:
            self._write(seed, "failed", {"reason": reason, "traceback": trace})

    def write_end(self, run: Run) -> None:
        """Write the file of a seed whose search ended."""
        spent = {"finished": now(), "seconds": run.seconds}
        if run.status == "failed":
            self._write(run.seed, "failed", {"reason": run.reason, "traceback": None, **spent})
        else:
            missed = {} if run.meets_limits else {"meets_limits": False}
            self._write(run.seed, "done", {"loss": run.loss, **missed, **spent})

    def _write(self, seed: int, state: SeedState, content: dict[str, Any]) -> None:
        self._attempts[seed] += state == "failed"
        known = {"seed": seed, "attempts": self._attempts[seed], "started": self._started}
        write_status(self.missing[seed], state, known | content | self.note | environment())


class TaskRecorder:
    """Keeps where the search of a task stands, as its `Checkpoint`, and what it found in the end."""

    def __init__(self, problem: Problem, file: Path, status: TaskStatus, every_s: float) -> None:
        self._problem, self._file, self._status, self._every_s = problem, file, status, every_s
        self._made_with = {"schema_version": SCHEMA_VERSION, "problem_sha256": problem.digest}
        self._made_with |= environment()
        self._saved = time.monotonic()

    def load(self) -> State | None:
        """Read the checkpoint; None, with a note, if it is damaged or of another version."""
        if self._status.is_last_attempt:  # which does not trust the state of those that failed
            self._file.unlink(missing_ok=True)
        if not self._file.exists():
            return None
        state = read_arrays(self._file)
        if state is None or state.pop("made_with") != self._made_with:
            what = "damaged" if state is None else "of other versions or another machine"
            self._status.note = {"note": f"the checkpoint was {what}: begun again"}
            self._status.write("running")
            return None
        return state

    def due(self) -> bool:
        """Whether the last checkpoint is some seconds old."""
        return time.monotonic() - self._saved >= self._every_s

    def save(self, state: State) -> None:
        """Write the checkpoint, then how far the search is."""
        write_arrays(self._file, state | {"made_with": self._made_with})
        self._status.write("running")
        self._saved = time.monotonic()

    def finish(self, runs: list[Run]) -> None:
        """Write what ended; an interrupted search is no result, and goes on from its checkpoint."""
        if any(run.status == "interrupted" for run in runs):
            self._status.write("interrupted")
            return
        for run in runs:
            if run.seed in self._status.missing:
                self._write_result(run, self._status.missing[run.seed])
        self._file.unlink(missing_ok=True)

    def _write_result(self, run: Run, folder: Path) -> None:
        """The result comes last: its presence means done."""
        columns = np.array(run.history, np.float64).reshape(-1, len(Point._fields))
        points = dict(zip(Point._fields, columns.T, strict=True))
        write_arrays(folder / HISTORY_FILE, points | operations_arrays(run.operations))
        self._status.write_end(run)
        if run.status != "failed":
            write_json(folder / RESULT_FILE, seed_record(self._problem, run))
