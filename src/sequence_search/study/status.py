"""How a study stands, from its files alone: while it runs, from elsewhere, on a read-only disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sequence_search.study.plan import Plan
from sequence_search.study.seeds import SeedView, read_result, seed_folder, view_task

BEST_KEYS = ("seed", "loss", "category", "reason", "sequence")  # of result.json, in the record of a status
STATES = ("done", "running", "interrupted", "waiting", "failed")


@dataclass(frozen=True, slots=True)
class ProblemStatus:
    """Where the seeds of one problem stand."""

    problem: str
    counts: dict[str, int]  # of seeds by each of STATES
    best: dict[str, Any] | None  # content of result.json of the seed with the least loss within the limits
    mean_seconds: float | None  # of a seed that is done
    views: tuple[SeedView, ...]  # of all seeds

    @property
    def left(self) -> int:
        """Seeds that are not done and have not failed."""
        return sum(self.counts[state] for state in ("running", "interrupted", "waiting"))

    @property
    def rate(self) -> float | None:
        """Seeds an hour with as many at a time as run now; None if none runs or none is done."""
        running = self.counts["running"]
        return 3600 * running / self.mean_seconds if running and self.mean_seconds else None

    @property
    def seconds_left(self) -> float | None:
        """At that rate; None without one."""
        return 3600 * self.left / self.rate if self.rate else None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many seeds of a study are done, have failed, and are left."""

    done: int
    failed: int
    left: int


def study_status(folder: Path, plan: Plan) -> list[ProblemStatus]:
    """Status of each problem of a study."""
    return [_problem_status(folder, plan, name) for name in plan.problems]


def _problem_status(folder: Path, plan: Plan, problem: str) -> ProblemStatus:
    views = tuple(view for task in plan.tasks if task.problem == problem for view in view_task(folder, task))
    counted = Counter[str](view.state for view in views)
    losses = {
        view.seed: (not view.status.get("meets_limits", True), view.loss)
        for view in views
        if view.state == "done" and view.loss is not None
    }
    first = min(losses, key=lambda seed: losses[seed], default=None)
    best = None if first is None else read_result(seed_folder(folder, problem, first))
    seconds = [view.status["seconds"] for view in views if view.seed in losses and "seconds" in view.status]
    mean = sum(seconds) / len(seconds) if seconds else None
    return ProblemStatus(problem, {state: counted[state] for state in STATES}, best, mean, views)


def status_record(status: ProblemStatus) -> dict[str, Any]:
    """What `status --format json` prints of a problem."""
    best = status.best
    return {
        "problem": status.problem,
        **status.counts,
        "best": best and {key: best.get(key) for key in BEST_KEYS},
        "seeds_per_hour": status.rate,
        "seconds_left": status.seconds_left,
        "failures": [
            {"seed": view.seed} | {key: view.status.get(key) for key in ("attempts", "reason")}
            for view in status.views
            if view.state == "failed"
        ],
        "under_way": [
            {"seed": view.seed, "state": view.state}
            | {key: view.status.get(key) for key in ("step", "n_steps", "loss", "updated")}
            for view in status.views
            if view.state in ("running", "interrupted")
        ],
    }
