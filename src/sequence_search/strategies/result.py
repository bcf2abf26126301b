"""What every search strategy returns: runs of seeds, and the families of designs that they found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.shown import Shown, above
from sequence_search.strategies.operations import Operations
from sequence_search.words import counted

Status = Literal["done", "cut", "interrupted", "failed"]

# Designs closer than this in every flip angle [rad] and, as a ratio, in every delay are one family.
FAMILY_FLIP = math.radians(8)
FAMILY_DELAY = 0.15
CLOSE = 0.005  # of the least loss: islands that end so near agree
ELUSIVE = 1 / 3  # how often islands may find a better design, relative to the best
SURE = 0.05  # a chance below which the search is enough


class Point(NamedTuple):
    """Of the history of a run, and what had been spent by then.

    `loss` is the least so far on the training voxels; with `proxyless` that of the design as it stood, on 64
    Sobol voxels per tissue.
    """

    step: int
    loss: float
    evaluations: int
    seconds: float


@dataclass(frozen=True, slots=True, repr=False)
class Design(Shown):
    """A sequence that a search found, and what it achieves.

    `repolished` is true if the two losses differed by more than 1 %, and this is the design polished again on
    a third ensemble, as large as that of the check, which lowered `check_loss`.
    """

    sequence: Sequence  # without pulses below 3° where that does not raise the loss, and the first phase 0
    evaluation: Evaluation  # over the standard ensemble
    check_loss: float  # over an independent ensemble, four times as large, with slices half as large
    repolished: bool

    @property
    def loss(self) -> float:
        """Over the standard ensemble."""
        return self.evaluation.loss

    def plot(self, problem: Problem | None = None, ax: Any = None) -> Any:
        """Figure of the design.

        Parameters
        ----------
        problem : Problem, optional
            In which it was found; without it there are no curves and no shapes of pulses.
        ax : matplotlib axes, optional
            For the diagram alone. If not given and there is a problem, |Mxy| and Mz over time stand below it.

        Returns
        -------
        matplotlib Figure
        """
        return above("notebook.plots", "plot_design")(self.sequence, problem, ax)

    def __repr__(self) -> str:
        return f"<Design: loss {self.loss:.6g}, {self.sequence}>"


@dataclass(frozen=True, slots=True, repr=False)
class Run(Shown):
    """Outcome of one seed.

    Its status is "done": converged, or all its steps taken; "cut": at a budget; "interrupted": stopped; or
    "failed". All but "failed" have designs, the best so far. Families are distinct local optima, by
    structure, best first; designs that differ in phases alone, as mirrors do, are one, of which the best is
    kept.
    """

    seed: int
    status: Status
    families: tuple[Design, ...]
    seconds: float  # wall time, shared equally among seeds that ran as one batch
    n_evaluations: int  # losses of single sequences computed
    history: tuple[Point, ...] = ()
    reason: str | None = None  # why the run failed or ended early
    operations: Operations | None = None  # of `proxyless`: how likely each was on the way

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

    @property
    def meets_limits(self) -> bool:
        """Whether the best meets every limit of the problem; if not, it is what came nearest."""
        return bool(self.families) and self.families[0].evaluation.meets_limits

    def __repr__(self) -> str:
        what = f"loss {self.loss:.6g}, {self.sequence}" if self.families else self.reason
        return f"<Run of seed {self.seed}: {self.status}, {what}>"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the best design of several islands, searches that know nothing of each other, is the best.

    Attributes
    ----------
    n_islands : int
        Islands that ended by themselves.
    n_agree : int
        Of them, those whose loss is within 0.5 % of the least of all.
    n_families : int
        Distinct designs at which they ended.
    """

    n_islands: int
    n_agree: int
    n_families: int

    @property
    def chance_left(self) -> float:
        """Chance that a better design, which islands find a third as often as the best, was never met.

        Of n islands of which k agree each misses it with probability 1 - k / 3n. 1 where none agrees: the
        best is of an island that a budget cut, or none has a design.
        """
        return (1 - ELUSIVE * self.n_agree / self.n_islands) ** self.n_islands if self.n_islands else 1.0

    @property
    def is_sure(self) -> bool:
        """Whether this chance is below 5 %."""
        return self.chance_left < SURE

    @property
    def word(self) -> str:
        """The verdict in two words."""
        return "best found" if self.is_sure else "more search"

    def __str__(self) -> str:
        """In a sentence."""
        if self.n_islands == 0:
            return "no search ended by itself, so nothing tells whether a better design is left"
        if self.n_islands == 1:
            return "one search alone does not tell whether a better design is left"
        agree = f"{self.n_agree} of {self.n_islands} independent searches agree on the best design"
        chance = f"the chance that a better one was missed is about {100 * self.chance_left:.2g} %"
        return f"{agree}; {chance}" if self.is_sure else f"{agree}: more search is worth it; {chance}"


@dataclass(frozen=True, slots=True, repr=False)
class SearchResult(Shown):
    """Runs of one strategy on one problem, in the order of the seeds.

    Seeds that a stopped search had not begun have no run. `options` are all of the strategy, defaults written
    out.
    """

    problem: Problem
    strategy: str
    runs: tuple[Run, ...]
    options: dict[str, Any] = field(default_factory=dict)
    engine: str = "auto"

    @property
    def best(self) -> Run:
        """The run of least loss, of those that meet all limits if any does.

        Raises
        ------
        ValueError
            If every run failed.
        """
        run = best_run(self.runs)
        if run is None:
            reasons = "; ".join(f"seed {run.seed}: {run.reason}" for run in self.runs)
            raise ValueError(f"no run of '{self.problem.name}' ended with a sequence: {reasons}")
        return run

    @property
    def verdict(self) -> Verdict:
        """Whether the runs agree, each an island, and what they may have missed."""
        return judge(self.runs)

    def plot(self, ax: Any = None) -> Any:
        """Figure of the best design, as `Design.plot` with its problem; ValueError if every run failed."""
        return self.best.families[0].plot(self.problem, ax)

    def to_dataframe(self) -> Any:
        """Pandas table of all designs, a row each, best first of each seed; of a failed seed one row.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        return above("notebook.dataframe", "dataframe")(self)

    def __repr__(self) -> str:
        best = best_run(self.runs) or next(iter(self.runs), None)
        of = f"{self.problem.name}, {self.strategy}, {counted(len(self.runs), 'run')}"
        return f"<SearchResult of {of}; best: {best!r}>"


def judge(runs: Iterable[Run]) -> Verdict:
    """Verdict on runs of one problem, each an island."""
    found = [run for run in runs if run.families]
    best = best_run(found)
    if best is None:
        return Verdict(0, 0, 0)
    ended = [run for run in found if run.status == "done"]
    most = best.loss + CLOSE * abs(best.loss)
    n_agree = sum(run.loss <= most and run.meets_limits == best.meets_limits for run in ended)
    families: list[Design] = []
    for run in ended:
        if not any(same_family(run.families[0].sequence, other.sequence) for other in families):
            families.append(run.families[0])
    return Verdict(len(ended), n_agree, len(families))


def best_run(runs: Iterable[Run]) -> Run | None:
    """That of least loss, of those that meet all limits if any does; None if none has a design."""
    found = (run for run in runs if run.families)
    return min(found, key=lambda run: (not run.meets_limits, run.loss), default=None)


def failed(
    seed: int, reason: str, seconds: float, n_evaluations: int = 0, history: tuple[Point, ...] = ()
) -> Run:
    """Run without a design."""
    return Run(seed, "failed", (), seconds, n_evaluations, history, reason)


def same_family(first: Sequence, second: Sequence) -> bool:
    """Whether two single sequences have one structure: one layout, nearly equal flip angles and delays.

    Phases do not count: often they are free, alone or together.
    """
    if first.layout != second.layout:
        return False
    mine, other = family_place(first), family_place(second)
    return len(mine) == len(other) and bool((abs(mine - other) < 1).all())


def family_place(sequence: Sequence) -> Float[np.ndarray, " numbers"]:
    """Numbers of a single sequence, in each of which all of its family are less than 1 apart."""
    flip, _, delay, *more = sequence.columns().values()
    parts = [flip.abs() / FAMILY_FLIP, delay.log() / FAMILY_DELAY, *more]
    return np.concatenate([part.numpy() for part in parts])
