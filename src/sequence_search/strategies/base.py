"""How a search is watched, stopped, paid for and checkpointed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Status


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands."""

    seed: int
    step: int
    n_steps: int  # the most there can be; once a search has converged, as many as it ends with
    loss: float  # as in `Point`
    sequence: Sequence  # of that loss
    note: str = ""  # what the search is at, in plain words
    unit: Literal["step", "round", "point"] = "step"  # what a step is


@dataclass(frozen=True, slots=True)
class Monitor:
    """How a running search is watched and stopped.

    `on_progress` gets a `Progress` now and then. `stop` is asked often; once true, the search ends with the
    best so far.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    stop: Callable[[], bool] = lambda: False


# What a checkpoint holds: arrays, and values that JSON holds (an int of any size included), by name.
State = dict[str, Any]


@runtime_checkable
class Checkpoint(Protocol):
    """Where a search puts its state on the way, and finds it again."""

    def load(self) -> State | None:
        """State last saved; None to begin from the start."""

    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, state: State) -> None:
        """Keep the state in place of the last."""


def check_budget(max_seconds: float, max_evaluations: float) -> None:
    """Refuse a budget of nothing, with a ValueError."""
    if not (max_seconds > 0 and max_evaluations > 0):
        raise ValueError(
            f"max_seconds and max_evaluations must be above 0, got {max_seconds} and {max_evaluations}"
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How a strategy is run.

    The budget is of one seed; of a batch of seeds, its wall time and the evaluations of each. An evaluation
    is the loss of one sequence over the training voxels, with or without its gradient. What was spent before
    an interruption counts. At its end the search and any polish stop; what was found is still evaluated over
    both ensembles, once.
    """

    engine: str = "auto"  # as for `simulate`
    monitor: Monitor = Monitor()
    max_seconds: float = math.inf
    max_evaluations: float = math.inf
    checkpoint: Checkpoint | None = None  # of the one seed, or the one batch of seeds, that is run


class Meter:
    """Counts what a seed, or a batch of seeds, has spent, and says when it must end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.perf_counter()
        self.evaluations = 0
        self.status: Status = "done"
        self.reason: str | None = None

    @property
    def seconds(self) -> float:
        """Wall time since the start, and before an interruption."""
        return time.perf_counter() - self._began

    def resume(self, evaluations: int, seconds: float) -> None:
        """Count what was spent before an interruption."""
        self.evaluations += evaluations
        self._began -= seconds

    def timed(self) -> Meter:
        """Another meter, for work that ends with this one's time or when the search is stopped."""
        meter = Meter(Settings(monitor=self._settings.monitor, max_seconds=self._settings.max_seconds))
        meter.resume(0, self.seconds)
        return meter

    def spend(self, evaluations: int) -> None:
        """Count evaluations of one seed."""
        self.evaluations += evaluations

    def must_end(self) -> bool:
        """Whether the search was stopped or has spent its budget; the first such answer sets the status."""
        if self.status != "done":
            return True
        seconds, evaluations = self._settings.max_seconds, self._settings.max_evaluations
        if self._settings.monitor.stop():
            self.status, self.reason = "interrupted", "stopped; the best so far"
        elif self.seconds >= seconds:
            self.status, self.reason = "cut", f"cut at max_seconds = {seconds:g}; the best so far"
        elif self.evaluations >= evaluations:
            self.status, self.reason = "cut", f"cut at max_evaluations = {evaluations:g}; the best so far"
        return self.status != "done"
