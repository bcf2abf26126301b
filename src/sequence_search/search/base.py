"""What every search strategy takes and returns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from sequence_search.problem import Evaluation, Problem
from sequence_search.sequence import Sequence

Status = Literal["done", "cut", "interrupted", "failed"]

# Designs closer than this in every flip angle [rad] and, as a ratio, in every delay are one family.
FAMILY_FLIP = math.radians(8)
FAMILY_DELAY = 0.15


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands.

    Attributes
    ----------
    seed : int
    step, n_steps : int
        Taken, and the most there can be; a search that has converged stops before.
    loss : float
        As in `Point`.
    sequence : Sequence
        Of that loss.
    note : str
        What else the strategy has to say, such as starts alive and families found.
    """

    seed: int
    step: int
    n_steps: int
    loss: float
    sequence: Sequence
    note: str = ""


class Point(NamedTuple):
    """Of the history of a run, and what had been spent by then.

    `loss` is the least so far on the training voxels; with `proxyless` that of the design as it stood, on 64
    Sobol voxels per tissue.
    """

    step: int
    loss: float
    evaluations: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Monitor:
    """How a running search is watched and stopped.

    Attributes
    ----------
    on_progress : callable
        Gets a `Progress` now and then.
    stop : callable
        Asked often; once true, the search ends with the best so far.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    stop: Callable[[], bool] = lambda: False


# Where a search stands: arrays, and values that JSON holds (an int of any size included), by name.
State = dict[str, Any]


@runtime_checkable
class Checkpoint(Protocol):
    """Where a search puts its state on the way, and finds it again.

    A search that goes on from a state ends at the very result of one that was never interrupted.
    """

    def load(self) -> State | None:
        """State last saved; None to begin from the start."""

    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, state: State) -> None:
        """Keep the state in place of the last."""


class NoCheckpoint:
    """Keeps nothing."""

    def load(self) -> State | None:
        """None."""
        return None

    def due(self) -> bool:
        """Never."""
        return False

    def save(self, state: State) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a strategy is run.

    Attributes
    ----------
    engine : str
        As for `simulate`.
    monitor : Monitor
    max_seconds, max_evaluations : float
        Budget of one seed; of a batch of seeds, its wall time and the evaluations of each. An evaluation
        is the loss of one sequence over the training voxels, with or without its gradient. What was spent
        before an interruption counts.
    checkpoint : Checkpoint
        Of the one seed, or the one batch of seeds, that is run.
    """

    engine: str = "auto"
    monitor: Monitor = field(default_factory=Monitor)
    max_seconds: float = math.inf
    max_evaluations: float = math.inf
    checkpoint: Checkpoint = field(default_factory=NoCheckpoint)


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

    @property
    def interrupted(self) -> bool:
        """Whether the search was stopped."""
        return self.status == "interrupted"

    def resume(self, evaluations: int, seconds: float) -> None:
        """Count what was spent before an interruption."""
        self.evaluations += evaluations
        self._began -= seconds

    def without_budget(self) -> Meter:
        """Another meter, for work that ends only when the search is stopped."""
        return Meter(Settings(monitor=self._settings.monitor))

    def spend(self, evaluations: int) -> None:
        """Count evaluations of one seed."""
        self.evaluations += evaluations

    def must_end(self) -> bool:
        """Whether the search was stopped or has spent its budget; the first such answer sets the status."""
        if self.status != "done":
            return True
        if self._settings.monitor.stop():
            self.status, self.reason = "interrupted", "stopped; the best so far"
        elif self.seconds >= self._settings.max_seconds:
            self.status, self.reason = (
                "cut",
                f"cut at max_seconds = {self._settings.max_seconds:g}; the best so far",
            )
        elif self.evaluations >= self._settings.max_evaluations:
            limit = f"{self._settings.max_evaluations:g}"
            self.status, self.reason = "cut", f"cut at max_evaluations = {limit}; the best so far"
        return self.status != "done"


@dataclass(frozen=True, slots=True)
class Design:
    """A sequence that a search found, and what it achieves.

    Attributes
    ----------
    sequence : Sequence
        Small pulses dropped, phases standardised.
    evaluation : Evaluation
        Over the standard ensemble.
    check_loss : float
        Over an independent ensemble, four times as large.
    repolished : bool
        The two losses differed by more than 1 %, and this is the design polished again on a third ensemble,
        as large, which lowered `check_loss`.
    """

    sequence: Sequence
    evaluation: Evaluation
    check_loss: float
    repolished: bool

    @property
    def loss(self) -> float:
        """Over the standard ensemble."""
        return self.evaluation.loss


@dataclass(frozen=True, slots=True)
class Run:
    """Outcome of one seed.

    Attributes
    ----------
    seed : int
    status : str
        "done": converged, or all its steps taken. "cut": at a budget. "interrupted": stopped. "failed".
        All but "failed" have designs, the best so far.
    families : tuple of Design
        Distinct local optima, by structure, best first; empty if failed. Designs that differ in phases
        alone are one family, of which the best is kept.
    seconds : float
        Wall time, shared equally among seeds that ran as one batch.
    n_evaluations : int
        Losses of single sequences computed.
    history : tuple of Point
    reason : str or None
        Why the run failed or ended early.
    """

    seed: int
    status: Status
    families: tuple[Design, ...]
    seconds: float
    n_evaluations: int
    history: tuple[Point, ...] = ()
    reason: str | None = None

    @property
    def sequence(self) -> Sequence | None:
        """The best; None if the run failed."""
        return self.families[0].sequence if self.families else None

    @property
    def evaluation(self) -> Evaluation | None:
        """Of the best; None if the run failed."""
        return self.families[0].evaluation if self.families else None

    @property
    def loss(self) -> float:
        """Of the best over the standard ensemble; infinite if the run failed."""
        return self.families[0].loss if self.families else math.inf


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Runs of one strategy on one problem, in the order of the seeds.

    Seeds that a stopped search had not begun have no run.

    Attributes
    ----------
    problem : Problem
    strategy : str
    runs : tuple of Run
    options : dict
        Every option of the strategy, defaults written out.
    engine : str
    """

    problem: Problem
    strategy: str
    runs: tuple[Run, ...]
    options: dict[str, Any] = field(default_factory=dict)
    engine: str = "auto"

    @property
    def best(self) -> Run:
        """The run of least loss.

        Raises
        ------
        ValueError
            If every run failed.
        """
        run = min(self.runs, key=lambda run: run.loss, default=None)
        if run is None or run.sequence is None:
            reasons = "; ".join(f"seed {run.seed}: {run.reason}" for run in self.runs)
            raise ValueError(f"no run of '{self.problem.name}' ended with a sequence: {reasons}")
        return run


@runtime_checkable
class Strategy(Protocol):
    """A search algorithm: a frozen dataclass whose fields are its options.

    A seed draws all its randomness from a generator of its own, so that its result does not depend on
    the seeds beside it.
    """

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """Search once for each seed, all as one batch where that is faster."""


def points(table: np.ndarray) -> tuple[Point, ...]:
    """History from its array [n_points, 4], the columns as in `Point`."""
    return tuple(
        Point(int(step), loss, int(evaluations), seconds)
        for step, loss, evaluations, seconds in table.tolist()
    )


def failed(
    seed: int,
    reason: str,
    seconds: float,
    n_evaluations: int = 0,
    history: tuple[Point, ...] = (),
) -> Run:
    """Run without a design."""
    return Run(seed, "failed", (), seconds, n_evaluations, history, reason)


def same_family(first: Sequence, second: Sequence) -> bool:
    """Whether two single sequences have one structure: as many pulses, nearly equal flip angles and delays.

    Phases do not count: often they are free, alone or together.
    """
    if len(first.flip_angle) != len(second.flip_angle):
        return False
    flips = (first.flip_angle.abs() - second.flip_angle.abs()).abs()
    return bool(
        (flips < FAMILY_FLIP).all() and ((first.delay / second.delay).log().abs() < FAMILY_DELAY).all()
    )


def clean(problem: Problem, sequence: Sequence) -> Sequence:
    """Drop small pulses and standardise phases as Sec. II.E does; delays stay within their bounds."""
    single = sequence.detach().drop_small_pulses().standardize_phases().without_padding()
    # The delay of a dropped pulse may have lengthened the one before it beyond its bound.
    return replace(single, delay=single.delay.clamp(max=problem.search_space.max_delay))
