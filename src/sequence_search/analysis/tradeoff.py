"""The Pareto front of a problem's loss against a cost: search, then polish within levels of the cost.

A search of the problem as it stands, by islands until they agree, gives families of designs, and eight of
one island, with the cost weighed by slopes of the front so far, those that win only where the cost is lower
(Aneja and Nair, Management Science 25:73, 1979). Then the cost is limited to one level after another, and
the families that may win there are polished within it, each from its nearest design at a higher cost, and
from the best at a lower one. The next level halves the largest box between neighbours on the front, in which
designs that are not known may lie (Hamacher, Pedersen and Ruzika, Operations Research Letters 35:336, 2007).
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sequence_search.analysis.costs import Cost, cost_of
from sequence_search.analysis.front import Front, FrontPoint, is_nondominated, thinned
from sequence_search.analysis.tracer import RESOLUTION, Tracer
from sequence_search.checks import check_type, whole_number
from sequence_search.classify import category_text
from sequence_search.problem.problem import STANDARD_N_PER_TISSUE, Problem
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies import search
from sequence_search.strategies.base import Meter, Monitor, Progress, Settings, check_budget
from sequence_search.strategies.drafting import draft_of
from sequence_search.strategies.evaluator import Evaluator, has_pulses
from sequence_search.strategies.live import live_progress
from sequence_search.strategies.played import played_as
from sequence_search.strategies.result import Design, SearchResult, Status, same_family

N_WEIGHED, NEAR = 8, 0.05  # searches with the cost weighed; slopes that differ by less, relative, are one
PART_OF_BUDGET, PART_OF_REST = 0.5, 0.1  # that the first search may spend, and each after it of what is left
MOST_FAMILIES = 5  # of a search with the cost weighed


def tradeoff(
    problem: Problem,
    against: str,
    *,
    n_points: int = 20,
    engine: str = "auto",
    monitor: Monitor | None = None,
    progress: bool = True,
    max_seconds: float = math.inf,
    max_evaluations: float = math.inf,
) -> Front:
    """The front of a problem's loss against a cost, every point polished.

    The loss is that of the objective without the cost.

    Parameters
    ----------
    against : str
        "rf_energy", "time_to_readout", "rf_number", or the name of a term of the objective, which then counts
        without its weight.
    n_points : int
        The most points of the front; against "rf_number" there is one for each number at most.
    engine, monitor, progress : as for `search`
    max_seconds, max_evaluations : float
        Budget of the whole, half of which the first search may spend; at its end the front is what was found.
        With `max_evaluations`, which islands do not share, the first search is of one seed.

    Raises
    ------
    ValueError
        If there is no such cost, nothing to trade against it, fewer than 2 points, no budget or no design.
    """
    check_type(problem, Problem)
    cost, n_points = cost_of(problem, against), whole_number("n_points", n_points, 2, 1000)
    check_budget(max_seconds, max_evaluations)
    with live_progress(progress and monitor is None) as live:
        return _Tradeoff(problem, cost, engine, monitor or live, max_seconds, max_evaluations).run(n_points)


class _Tradeoff:
    """The steps of a front, which share a budget."""

    def __init__(
        self,
        problem: Problem,
        cost: Cost,
        engine: str,
        monitor: Monitor,
        max_seconds: float,
        max_evaluations: float,
    ) -> None:
        self._problem, self._cost, self._engine, self._monitor = problem, cost, engine, monitor
        self._budget = np.array([max_seconds, max_evaluations])
        self._meter = Meter(Settings(engine, monitor, max_seconds, max_evaluations))
        self._tracer = Tracer(cost, engine, self._meter)

    def run(self, n_points: int) -> Front:
        """Search, trace, and judge what was found."""
        seeds = None if math.isinf(self._budget[1]) else (0,)
        found = self._search(self._problem, PART_OF_BUDGET * self._budget, seeds)
        families = self._families(found)
        if not families:
            raise ValueError(f"there is no front of '{self._problem.name}': {found.best.reason}")
        for each in families:
            self._tracer.add(each)
        if self._cost.is_discrete:
            self._tracer.remove_pulses()
        else:
            self._search_low_costs()
            self._trace(n_points)
        return self._front(n_points, found)

    def _search(
        self, problem: Problem, budget: Float[np.ndarray, " 2"], seeds: tuple[int, ...] | None
    ) -> SearchResult:
        seconds, evaluations = budget.tolist()
        found = search(
            problem,
            seeds=seeds,
            engine=self._engine,
            monitor=self._monitor,
            max_seconds=seconds,
            max_evaluations=evaluations,
        )
        self._meter.spend(sum(run.n_evaluations for run in found.runs))
        return found

    def _search_low_costs(self) -> None:
        """Families that win at lower costs: with slopes of the front so far, each from another seed."""
        self._tracer.add_cheapest()
        searched: list[float] = []
        for seed in range(N_WEIGHED):
            new = (slope for slope in self._tracer.slopes() if not _is_near(slope, searched))
            slope = next(new, None)
            if slope is None or self._meter.must_end():
                break
            searched.append(slope)
            left = self._budget - (self._meter.seconds, self._meter.evaluations)
            found = self._search(self._cost.weighed(slope), PART_OF_REST * left, (seed,))
            for each in self._families(found)[:MOST_FAMILIES]:
                self._tracer.add_at_its_cost(each)

    def _trace(self, n_points: int) -> None:
        """A level for each point, of which some do not give one, but families do."""
        for number in range(n_points):
            level = self._tracer.next_level()
            if level is None or self._meter.must_end():
                break
            self._tracer.solve(level)
            note = f"{len(self._tracer.front)} points of the front against {self._cost.label}"
            best = self._tracer.front[-1]
            shown = played_as(self._tracer.simulator, best.sequence)
            self._monitor.on_progress(Progress(0, number + 1, n_points, best.loss, shown, note))
        self._tracer.settle(n_points)

    def _front(self, n_points: int, first: SearchResult) -> Front:
        """Judge the points found, and the optima of families, over the standard ensemble."""
        traced = self._tracer.front
        traced += [each for each in self._tracer.optima if not any(each is other for other in traced)]
        worth = [each.sequence for each in traced if has_pulses(each.sequence)]
        # Small pulses are kept where no design has others, as where an Ernst angle is below 3°.
        worth = [each for each in worth if has_pulses(each, SMALL_PULSE)] or worth
        evaluator = Evaluator(self._cost.rest, self._engine)
        standing = evaluator.standing(worth)
        designs = [one for one in evaluator.designs(standing) if one.evaluation.meets_limits]
        if not designs:
            raise ValueError(f"no design of '{self._problem.name}' has a pulse and meets its limits")
        value = self._cost.value_and_gradient(STANDARD_N_PER_TISSUE, self._engine)
        costs = np.array([float(value(each.sequence)[0]) for each in designs])
        losses = np.array([each.loss for each in designs])
        on_front = is_nondominated(costs, losses, RESOLUTION * np.ptp(costs))
        kept = set(np.flatnonzero(on_front)[thinned(costs[on_front], losses[on_front], n_points)].tolist())
        for place in np.argsort(losses):
            near = (same_family(designs[place].sequence, designs[other].sequence) for other in kept)
            if not on_front[place] and not any(near):
                kept.add(int(place))
        points = [
            FrontPoint(float(costs[i]), designs[i], self._kind(designs[i]), bool(on_front[i]))
            for i in sorted(kept, key=lambda i: (costs[i], losses[i]))
        ]
        return Front(self._problem, self._cost, tuple(points), first.verdict, *self._ended(first))

    def _families(self, found: SearchResult) -> list[Sequence]:
        """Distinct designs of all runs, as a search proposes them, best first.

        Without those that miss limits, or whose pulses do what they are not for.
        """
        designs = [each for run in found.runs for each in run.families if each.evaluation.meets_limits]
        distinct: list[Sequence] = []
        for each in sorted(designs, key=lambda each: each.loss):
            proposed = draft_of(self._problem, each.sequence)
            if proposed is None or not self._tracer.limited.may_stand(proposed):
                continue
            if not any(same_family(proposed, other) for other in distinct):
                distinct.append(proposed)
        return distinct

    def _kind(self, design: Design) -> str:
        return category_text(design.sequence, self._problem.categories)

    def _ended(self, first: SearchResult) -> tuple[Status, str | None, float, int]:
        """Status, reason, seconds and evaluations of the whole."""
        status, reason = self._meter.status, self._meter.reason
        cut = next((run for run in first.runs if run.status == "cut"), None)
        if status == "done" and cut is not None:
            status, reason = "cut", f"the first search was {cut.reason}"
        return status, reason, self._meter.seconds, self._meter.evaluations


def _is_near(slope: float, others: list[float]) -> bool:
    return any(math.isclose(slope, other, rel_tol=NEAR) for other in others)
