"""The Pareto front of loss against a cost: its points, which of them are on it, and its knee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sequence_search.analysis.costs import Cost
from sequence_search.problem.problem import Problem
from sequence_search.storage import SCHEMA_VERSION
from sequence_search.strategies.record import design_record, environment, verdict_record
from sequence_search.strategies.result import Design, Status, Verdict


@dataclass(frozen=True, slots=True, repr=False)
class FrontPoint:
    """A design and its cost.

    Attributes
    ----------
    cost : in SI units, over the standard ensemble
    design : its loss is that of the objective without the cost
    kind : its category or structure in words
    on_front : whether no other point has at most its cost and at most its loss
    """

    cost: float
    design: Design
    kind: str
    on_front: bool

    @property
    def loss(self) -> float:
        """Of the objective without the cost."""
        return self.design.loss

    def __repr__(self) -> str:
        where = "on" if self.on_front else "off"
        return f"<FrontPoint {where} the front: cost {self.cost:.6g}, {self.design!r}>"


@dataclass(frozen=True, slots=True, repr=False)
class Front:
    """Loss against a cost.

    Attributes
    ----------
    problem : whose designs these are, with the cost as it was stated
    cost : what the loss is traded against
    points : by rising cost; those off the front are optima of families that others beat
    verdict : on the search of the problem as it stands, from which the front begins
    status, reason : as of a `Run`
    """

    problem: Problem
    cost: Cost
    points: tuple[FrontPoint, ...]
    verdict: Verdict
    status: Status
    reason: str | None
    seconds: float
    n_evaluations: int

    @property
    def front(self) -> tuple[FrontPoint, ...]:
        """The points on it, by rising cost and falling loss."""
        return tuple(point for point in self.points if point.on_front)

    @property
    def knee(self) -> FrontPoint | None:
        """Of the front; see `knee`."""
        front = self.front
        place = knee(np.array([each.cost for each in front]), np.array([each.loss for each in front]))
        return None if place is None else front[place]

    def __repr__(self) -> str:
        return f"<Front of {self.problem.name} against {self.cost.label}: {len(self.front)} points>"

    def to_dict(self) -> dict[str, Any]:
        """What `tradeoff.json` holds: costs in the unit of tables, designs as in `result.json`."""
        cost, at_knee = self.cost, self.knee
        return {
            "schema_version": SCHEMA_VERSION,
            "problem": self.problem.name,
            "problem_sha256": self.problem.digest,
            "against": cost.term.name,
            "label": cost.label,
            "unit": cost.unit,
            **environment(),
            "status": self.status,
            **({} if self.reason is None else {"reason": self.reason}),
            "verdict": verdict_record(self.verdict),
            "seconds": self.seconds,
            "evaluations": self.n_evaluations,
            "points": [
                {
                    "cost": each.cost * cost.factor,
                    "on_front": each.on_front,
                    "knee": each is at_knee,
                    "category": each.kind,
                    **design_record(each.design),
                }
                for each in self.points
            ],
        }


def is_nondominated(
    cost: Float[np.ndarray, " n_points"], loss: Float[np.ndarray, " n_points"], tolerance: float = 0.0
) -> Bool[np.ndarray, " n_points"]:
    """Whether no other point has less loss at most the cost, or the same loss at less; of equals the first.

    The tolerance is that of costs: a loss at so much more of the cost counts as one at the same.
    """
    order = np.lexsort((loss, cost))
    x, y = cost[order], loss[order]
    least = np.minimum.accumulate(y)
    before = np.append(np.inf, least[:-1])
    within = least[np.searchsorted(x, x + tolerance, side="right") - 1]
    found = np.empty(len(cost), bool)
    found[order] = (y < before) & (y <= within)
    return found


def knee(cost: Float[np.ndarray, " n_points"], loss: Float[np.ndarray, " n_points"]) -> int | None:
    """Point of a front, by rising cost, that lies furthest below the chord between its ends.

    Cost and loss each go from 0 to 1 along the front. I. Das, Structural Optimization 18:107 (1999). None
    where no point is below the chord.
    """
    if len(cost) < 3:
        return None
    x, y = ((part - part.min()) / np.ptp(part) for part in (cost, loss))
    below = 1 - x - y
    place = int(below.argmax())
    return place if below[place] > 0 else None


def thinned(
    cost: Float[np.ndarray, " n_points"], loss: Float[np.ndarray, " n_points"], n_points: int
) -> Int[np.ndarray, " kept"]:
    """Places of at most so many points of a front, in any order given, both ends among them.

    Again and again the point goes that alone dominates the least area: Beume, Naujoks and Emmerich, European
    J. of Operational Research 181:1653 (2007).
    """
    kept = np.lexsort((loss, cost))
    while len(kept) > max(n_points, 2):
        x, y = cost[kept], loss[kept]
        alone = (x[2:] - x[1:-1]) * (y[:-2] - y[1:-1])
        kept = np.delete(kept, 1 + int(alone.argmin()))
    return kept
