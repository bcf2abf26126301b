"""What every search strategy takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from sequence_search.problem import Evaluation, Problem
from sequence_search.sequence import Sequence

Status = Literal["done", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands: gradient steps taken of all, least loss and its sequence."""

    seed: int
    step: int
    n_steps: int
    loss: float
    sequence: Sequence


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


@dataclass(frozen=True, slots=True)
class Run:
    """Outcome of one seed.

    Attributes
    ----------
    seed : int
    status : str
        "done"; "interrupted": the best until it was stopped; "failed": see `reason`.
    sequence : Sequence or None
        Small pulses dropped, phases standardised; None if failed.
    evaluation : Evaluation or None
        Over the standard ensemble; None if failed.
    seconds : float
        Wall time, shared equally among seeds that ran as one batch.
    history : tuple of (step, loss)
        On the voxels that the strategy trained on.
    reason : str or None
        Why the run failed.
    """

    seed: int
    status: Status
    sequence: Sequence | None
    evaluation: Evaluation | None
    seconds: float
    history: tuple[tuple[int, float], ...] = ()
    reason: str | None = None

    @property
    def loss(self) -> float:
        """Over the standard ensemble; infinite if the run failed."""
        return float("inf") if self.evaluation is None else self.evaluation.loss


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

    def run(self, problem: Problem, seeds: Iterable[int], engine: str, monitor: Monitor) -> list[Run]:
        """Search once for each seed, all as one batch where that is faster."""


def finish(
    problem: Problem,
    seed: int,
    sequence: Sequence,
    *,
    engine: str,
    interrupted: bool,
    seconds: float,
    history: tuple[tuple[int, float], ...],
) -> Run:
    """Clean a found sequence as Sec. II.E does, and evaluate it on the standard ensemble."""
    clean = sequence.detach().drop_small_pulses().standardize_phases().without_padding()
    if len(clean.flip_angle) == 0:
        reason = "the best sequence has no pulse above 3°: check the units and the objective's weights"
        return failed(seed, reason, seconds, history)
    # The delay of a dropped pulse may have lengthened the one before it beyond its bound.
    clean = replace(clean, delay=clean.delay.clamp(max=problem.search_space.max_delay))
    evaluation = problem.evaluate(clean, engine)
    if not torch.isfinite(torch.tensor(evaluation.loss)):
        return failed(
            seed, f"loss is {evaluation.loss} on the standard ensemble for {clean}", seconds, history
        )
    status: Status = "interrupted" if interrupted else "done"
    return Run(seed, status, clean, evaluation, seconds, history)


def failed(seed: int, reason: str, seconds: float, history: tuple[tuple[int, float], ...] = ()) -> Run:
    """Run without a sequence."""
    return Run(seed, "failed", None, None, seconds, history, reason)
