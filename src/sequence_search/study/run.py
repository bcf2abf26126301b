"""The work of one task, in whatever process: search, on from the checkpoint, and what is kept of it."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.problem.units import toml_text
from sequence_search.storage import (
    StorageError,
    StudyError,
    locked,
    read_arrays,
    read_json,
    remove_leftovers,
    write_arrays,
    write_json,
)
from sequence_search.strategies import make_strategy
from sequence_search.strategies.base import Monitor, Progress, Settings, State
from sequence_search.strategies.record import environment, seed_record
from sequence_search.strategies.result import Point, Run
from sequence_search.study.plan import Plan, Task, read_plan
from sequence_search.study.seeds import (
    MAX_ATTEMPTS,
    SeedFolder,
    attempts,
    now,
    read_result,
    seed_folder,
    write_status,
)

CHECKPOINT_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work on a task ended.

    Attributes
    ----------
    task : Task
    state : str
        "done"; "failed", at least one seed, with the reason; "interrupted", to go on later; "busy", another
        process is at it.
    loss : float or None
        Least of its seeds that are done.
    reason : str or None
    """

    task: Task
    state: Literal["done", "failed", "interrupted", "busy"]
    loss: float | None = None
    reason: str | None = None


def run_task(
    study: Path,
    task: Task,
    stop: Callable[[], bool],
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Compute the seeds of a task that are not done; nothing is computed if another process is at it.

    Raises
    ------
    StudyError
        If the study cannot be read.
    StorageError
        If a file cannot be written, as on a full disk.
    """
    with locked(seed_folder(study, task.problem, task.seeds[0]).lock) as mine:
        if not mine:
            return Outcome(task, "busy")
        folders = {seed: seed_folder(study, task.problem, seed) for seed in task.seeds}
        missing = {seed: folder for seed, folder in folders.items() if read_result(folder) is None}
        if missing:
            for folder in missing.values():
                remove_leftovers(folder.path)
            plan = read_plan(study)
            problem = make_problem(plan, task.problem)
            keeper = _Keeper(problem, folders[task.seeds[0]], missing, on_progress)
            runs = keeper.run(lambda settings: _search(plan, problem, task, settings), plan, stop)
            keeper.conclude(runs)
        return _outcome(task, folders)


def make_problem(plan: Plan, name: str) -> Problem:
    """Problem of a study, from its tables."""
    return Problem.from_toml(toml_text(plan.problems[name]), f"problem '{name}' of the study")


def fail(study: Path, task: Task, reason: str, trace: str | None = None) -> Outcome:
    """Count a failed attempt of every seed of a task that is not done."""
    with locked(seed_folder(study, task.problem, task.seeds[0]).lock) as mine:
        if not mine:
            return Outcome(task, "busy")
        folders = {seed: seed_folder(study, task.problem, seed) for seed in task.seeds}
        for seed, folder in folders.items():
            if read_result(folder) is None:
                _write_failure(seed, folder, reason, trace)
        return _outcome(task, folders)


def _search(plan: Plan, problem: Problem, task: Task, settings: Settings) -> list[Run]:
    options = {
        name: tuple(value) if isinstance(value, list) else value for name, value in plan.options.items()
    }
    return make_strategy(plan.strategy, options, problem).run(problem, task.seeds, settings)


def _outcome(task: Task, folders: dict[int, SeedFolder]) -> Outcome:
    """From the files, as they are now."""
    results = {seed: read_result(folder) for seed, folder in folders.items()}
    losses = [record["loss"] for record in results.values() if record is not None]
    loss = min(losses, default=None)
    statuses = [read_json(folders[seed].status) or {} for seed, record in results.items() if record is None]
    if not statuses:
        return Outcome(task, "done", loss)
    failure = next((status for status in statuses if status.get("state") == "failed"), None)
    if failure is not None:
        return Outcome(task, "failed", loss, failure.get("reason"))
    return Outcome(task, "interrupted", loss)


def _write_failure(seed: int, folder: SeedFolder, reason: str, trace: str | None, **more: Any) -> None:
    content = {"seed": seed, "attempts": attempts(folder) + 1, "reason": reason, "traceback": trace}
    write_status(folder, "failed", content | more | environment())


class _Keeper:
    """Keeps the state of a task on the way, and its results in the end; the checkpoint of its search."""

    def __init__(
        self,
        problem: Problem,
        first: SeedFolder,
        missing: dict[int, SeedFolder],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._problem, self._first, self._missing = problem, first, missing
        self._on_progress = on_progress
        self._made_with = {"problem_sha256": problem.digest, **environment()}
        self._attempts = {seed: attempts(folder) for seed, folder in missing.items()}
        self._progress: Progress | None = None
        self._note: str | None = None
        self._started, self._saved = now(), time.monotonic()

    def run(self, search: Callable[[Settings], list[Run]], plan: Plan, stop: Callable[[], bool]) -> list[Run]:
        """Runs of the search; none if it raised, which is then on record as a failed attempt."""
        if max(self._attempts.values()) >= MAX_ATTEMPTS - 1:
            # The last attempt does not trust the state of those that failed.
            self._first.checkpoint.unlink(missing_ok=True)
        self._write_statuses("running")
        settings = Settings(
            plan.engine, Monitor(self._watch, stop), plan.max_seconds, plan.max_evaluations, self
        )
        try:
            return search(settings)
        except (StorageError, StudyError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            for seed, folder in self._missing.items():
                _write_failure(seed, folder, reason, traceback.format_exc())
            return []

    def conclude(self, runs: list[Run]) -> None:
        """Keep what ended; an interrupted search is no result, and goes on from its checkpoint."""
        if any(run.status == "interrupted" for run in runs):
            self._write_statuses("interrupted")
            return
        for run in runs:
            if run.seed in self._missing:
                self._keep(run, self._missing[run.seed])
        if runs:
            self._first.checkpoint.unlink(missing_ok=True)

    def load(self) -> State | None:
        """The checkpoint; None, with a note, if it is damaged or of another version."""
        if not self._first.checkpoint.exists():
            return None
        state = read_arrays(self._first.checkpoint)
        if state is None or state.pop("made_with") != self._made_with:
            what = "damaged" if state is None else "of other versions or another machine"
            self._note = f"the checkpoint was {what}: begun again"
            self._write_statuses("running")
            return None
        return state

    def due(self) -> bool:
        """Every few seconds."""
        return time.monotonic() - self._saved >= CHECKPOINT_EVERY_S

    def save(self, state: State) -> None:
        """Write the checkpoint, then how far the search is."""
        write_arrays(self._first.checkpoint, state | {"made_with": self._made_with})
        self._write_statuses("running")
        self._saved = time.monotonic()

    def _watch(self, progress: Progress) -> None:
        self._progress = progress
        self._on_progress(progress)

    def _write_statuses(self, state: Literal["running", "interrupted"]) -> None:
        content = self._content()
        for seed, folder in self._missing.items():
            write_status(folder, state, {"seed": seed, "attempts": self._attempts[seed], **content})

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {"started": self._started}
        if self._note is not None:
            content["note"] = self._note
        if self._progress is not None:
            content |= {
                "step": self._progress.step,
                "n_steps": self._progress.n_steps,
                "loss": self._progress.loss if math.isfinite(self._progress.loss) else None,
                "sequence": str(self._progress.sequence),
            }
        return content | environment()

    def _keep(self, run: Run, folder: SeedFolder) -> None:
        """The result comes last: its presence means done."""
        columns = np.array(run.history, np.float64).reshape(-1, len(Point._fields))
        write_arrays(folder.history, dict(zip(Point._fields, columns.T, strict=True)))
        spent = {"started": self._started, "finished": now(), "seconds": run.seconds}
        if run.status == "failed":
            _write_failure(run.seed, folder, run.reason or "", None, **spent)
            return
        content = {"seed": run.seed, "attempts": self._attempts[run.seed], "loss": run.loss, **spent}
        write_status(folder, "done", content | environment())
        write_json(folder.result, seed_record(self._problem, run))
