"""The one loop of every search: steps from state to state, watched, stopped, paid for and checkpointed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from sequence_search.problem.problem import Problem
from sequence_search.strategies.base import Meter, Progress, Settings
from sequence_search.strategies.plain import from_plain, to_plain
from sequence_search.strategies.result import Run


@runtime_checkable
class HasStep(Protocol):
    """A state: a frozen dataclass of arrays, sequences and plain values, as `to_plain` takes them."""

    @property
    def step(self) -> int:
        """Steps taken."""


S = TypeVar("S", bound=HasStep)
R_co = TypeVar("R_co", covariant=True)


@runtime_checkable
class Search(Protocol[S, R_co]):
    """A search made ready: it holds what does not change from step to step, its state what does."""

    def init(self, seeds: tuple[int, ...]) -> S:
        """Return the start of the search of a seed, or of seeds that run as one batch."""

    def step(self, state: S, meter: Meter) -> S:
        """Go on by one step, spending from the meter.

        A long step asks the meter whether it must end, and then returns the best so far at once.
        """

    def is_over(self, state: S) -> bool:
        """Whether there is no further step."""

    def progress(self, state: S) -> Progress | None:
        """What to tell after a step; None for nothing."""

    def finish(self, state: S, meter: Meter) -> R_co:
        """Make the result out of the last state, be it at the end of the search or not."""


def drive(search: Search[S, R_co], seeds: tuple[int, ...], settings: Settings) -> R_co:
    """Step a search to its end or that of its budget, or until it is stopped; on from its checkpoint if any.

    A search that goes on from a checkpoint ends at the very result of one that was never interrupted: what
    is kept is always the state after a whole step.
    """
    meter, checkpoint = Meter(settings), settings.checkpoint
    state, saved = search.init(seeds), checkpoint.load() if checkpoint is not None else None
    if saved is not None:
        state = from_plain(type(state), saved["state"], saved)
        meter.resume(saved["evaluations"], saved["seconds"])
    whole, spent = state, meter.evaluations

    def save() -> None:
        if checkpoint is not None:
            checkpoint.save(to_plain(whole) | {"evaluations": spent, "seconds": meter.seconds})

    try:
        # A search that has nothing yet takes one step, whatever the budget.
        while not search.is_over(state) and not (state.step and meter.must_end()):
            state = search.step(state, meter)
            if meter.status == "done":  # else the step may have ended early
                whole, spent = state, meter.evaluations
            progress = search.progress(state)
            if progress is not None:
                settings.monitor.on_progress(progress)
            if checkpoint is not None and checkpoint.due():
                save()
        result = search.finish(state, meter)
    except KeyboardInterrupt:
        save()
        raise
    if meter.status == "interrupted":
        save()
    return result


@dataclass(frozen=True, slots=True)
class Strategy(ABC):
    """A search algorithm: a frozen dataclass whose fields are its options.

    A seed draws all its randomness from a generator of its own, so that its result does not depend on
    the seeds beside it.
    """

    # Seeds of a study that run as one batch where that is faster; 1 if they follow each other.
    batch_size: ClassVar[int] = 1
    presets: ClassVar[dict[str, dict[str, Any]]] = {}  # options by name, for `--schedule`

    @abstractmethod
    def prepare(self, problem: Problem, engine: str) -> Search[Any, list[Run]]:
        """Make ready what all seeds share, such as losses over voxels."""

    def check(self, problem: Problem) -> None:  # noqa: B027 - most strategies fit any problem
        """Refuse options that do not fit the problem, with a ValueError that names the option."""

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """Search once for each seed, all as one batch or one after the other; options as `check` wants them.

        Seeds that a stopped search had not begun have no run.
        """
        search, numbers = self.prepare(problem, settings.engine), tuple(seeds)
        batches = [numbers] if self.batch_size > 1 else [(seed,) for seed in numbers]
        runs: list[Run] = []
        for batch in batches:
            if runs and settings.monitor.stop():
                break
            runs += drive(search, batch, settings)
        return runs
