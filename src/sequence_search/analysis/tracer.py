"""Families of designs followed over levels of a cost, each polished within the level."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sequence_search.analysis.costs import Cost
from sequence_search.analysis.front import is_nondominated, thinned
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import simulator_of
from sequence_search.strategies.result import same_family

N_PER_TISSUE = 128  # Sobol voxels, as in the polish of a search
MOST_STARTS = 3  # structures that are polished at a level
# Of the polish, of a range of losses: digits beyond take twice the time, and change nothing in a front.
TOLERANCE = 1e-9
# Parts of the range of costs by which a level may be missed, and of losses below which nothing is gained.
RESOLUTION, NO_GAIN = 1e-4, 1e-6


class Reached(NamedTuple):
    """A polished sequence with cost and loss on the voxels of the polish, and the family it began in."""

    cost: float
    loss: float
    sequence: Sequence
    family: int


class Tracer:
    """Follows families of designs from level to level of a cost; `reached` is all that it polished and kept.

    It keeps what a search of the problem would, within the limits and with pulses that do what they are for,
    beside the sequences that families begin with where no polish of them is kept.
    """

    def __init__(self, cost: Cost, engine: str, meter: Meter) -> None:
        self.simulator = simulator_of(cost.rest, cost.rest.voxels(N_PER_TISSUE), engine)
        self._loss = self.simulator.loss_and_gradient
        self._cost = cost.of_proposals(N_PER_TISSUE, engine)
        self.limited, self._meter = Limited(cost.rest, engine), meter
        self.reached: list[Reached] = []
        self.optima: list[Reached] = []  # of families, whatever their cost
        self._scale = 0.0  # largest size of their costs
        self._levels: list[float] = []
        self._floors: list[float] = []  # least cost of each family
        self._missed: dict[tuple[int, float], float] = {}  # highest level missed from a family's cost

    @property
    def front(self) -> list[Reached]:
        """What no other beats, by rising cost."""
        costs, losses = (np.array([each[i] for each in self.reached], float) for i in (0, 1))
        kept = is_nondominated(costs, losses)
        return sorted((each for each, is_on in zip(self.reached, kept, strict=True) if is_on), key=_by_cost)

    def add(self, sequence: Sequence) -> None:
        """Families that begin at the optimum near a sequence, of any cost, and at the sequence's cost."""
        if not any(same_family(sequence, each.sequence) for each in self.optima):
            reached = self._begin(sequence, math.inf) or self._as_it_is(sequence)
            self.optima.append(reached)
            self._scale = max(self._scale, abs(reached.cost))
        self.add_at_its_cost(sequence)

    def add_at_its_cost(self, sequence: Sequence) -> None:
        """A family that begins with the best of at most the sequence's cost."""
        level = float(self._cost(sequence)[0])
        known = any(same_family(sequence, each.sequence) and each.cost <= level for each in self.reached)
        if not known and self._begin(sequence, level) is None:
            self._as_it_is(sequence)

    def _as_it_is(self, sequence: Sequence) -> Reached:
        """The family begun last, of a sequence that a polish left, or stopped before it met the limits."""
        cost, loss = (float(value(sequence)[0]) for value in (self._cost, self._loss))
        self.reached.append(Reached(cost, loss, sequence, len(self._floors) - 1))
        return self.reached[-1]

    def _begin(self, sequence: Sequence, level: float) -> Reached | None:
        """A family, of the best within a level near a sequence, and without the pulses that do nothing."""
        least, _ = self.limited.polish(self._cost, sequence, self._meter)
        self._floors.append(min(least, float(self._cost(sequence)[0])))
        family = len(self._floors) - 1
        reached = self._reach(sequence, math.inf, family, level)
        if reached is None:
            return None
        needed = self.limited.proposals.without_small_pulses(reached.sequence)
        if not 0 < len(needed.flip_angle) < len(reached.sequence.flip_angle):
            return reached
        without = self._reach(needed, math.inf, family, level)
        if without is None or without.loss > reached.loss:
            return reached
        self.reached = [each for each in self.reached if each is not reached]
        return without

    def add_cheapest(self) -> None:
        """The best of about the least cost of any family: the lower end of the front."""
        least = min(self._floors)
        self.solve(least + RESOLUTION * (self.front[-1].cost - least))

    def slopes(self) -> list[float]:
        """Loss saved for a unit of cost along the edges of the front's convex hull, the largest box first."""
        hull: list[Reached] = []
        for each in self.front:
            while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], each):
                hull.pop()
            hull.append(each)
        edges = sorted(pairwise(hull), key=_box, reverse=True)
        return [_slope(*edge) for edge in edges]

    def next_level(self) -> float | None:
        """Middle of the largest box between neighbours on the front in which a family may gain, if any."""
        boxes = [(0.0, math.nan)]
        for left, right in pairwise(self.front):
            solved = (level for level in self._levels if level < right.cost)
            floors = (self._floors[each.family] for each in self._gaining(right.cost, left.loss))
            low = max(left.cost, *solved, min(floors, default=math.inf))
            if right.cost - low > 2 * RESOLUTION * self._scale:
                boxes.append(((right.cost - low) * (left.loss - right.loss), (low + right.cost) / 2))
        size, level = max(boxes)
        return level if size else None

    def solve(self, level: float) -> None:
        """Polish within a level of the cost whatever may be best there."""
        self._levels.append(level)
        below = [each for each in self.front if each.cost <= level][-1:]
        gaining = self._gaining(level, below[0].loss if below else math.inf)
        starts: list[Reached] = []
        for each in gaining:
            known = any(same_family(each.sequence, other.sequence) for other in starts)
            if self._is_able(each, level) and not known:
                starts.append(each)
        for start in below + starts[:MOST_STARTS]:
            if not self._meter.must_end():
                self._reach(start.sequence, start.cost, start.family, level)

    def settle(self, n_points: int) -> None:
        """Of so many points, solve the levels that were not, and polish each from the families beside it."""
        for each in self._few(n_points):
            if each.cost not in self._levels and not self._meter.must_end():
                self.solve(each.cost)
        for left, right in pairwise(self._few(n_points)):
            for start, end in ((left, right), (right, left)):
                able = start.family != end.family and self._is_able(start, end.cost)
                if able and not self._meter.must_end():
                    self._reach(start.sequence, start.cost, start.family, end.cost)

    def _is_able(self, start: Reached, level: float) -> bool:
        """Whether a family may meet a level from there: its costs reach down to it, and it was not missed."""
        missed = self._missed.get((start.family, start.cost), -math.inf)
        return max(self._floors[start.family], missed) < level

    def _few(self, n_points: int) -> list[Reached]:
        """The front, thinned."""
        front = self.front
        costs, losses = (np.array([each[i] for each in front], float) for i in (0, 1))
        return [front[place] for place in thinned(costs, losses, n_points)]

    def remove_pulses(self) -> None:
        """From the best of each number of pulses on, polish it without each of them, for one pulse less."""
        for count in range(max(len(each.sequence.flip_angle) for each in self.optima), 1, -1):
            of_count = [each for each in self.reached if len(each.sequence.flip_angle) == count]
            for best in sorted(of_count, key=_by_loss)[:1]:
                is_free = ~self.limited.frame.is_fixed(best.sequence)
                playing = self.limited.playing
                n_of_train = 0 if playing is None else playing.acquisition.n_train
                for pulse in is_free[: count - n_of_train].nonzero()[:, 0].tolist():
                    if not self._meter.must_end():
                        kept = torch.arange(count) != pulse
                        left = best.sequence.from_events(kept, **best.sequence.columns())
                        left = left if playing is None else playing.bounded(left)
                        if self.limited.proposals.is_in_order(left):
                            self._begin(left, math.inf)

    def _gaining(self, level: float, least: float) -> list[Reached]:
        """Where families begin that may come below a loss within a level: their nearest at no lower cost.

        The loss there is a bound of what a family reaches; the least comes first.
        """
        nearest: dict[int, Reached] = {}
        for each in sorted(self.reached, key=_by_cost, reverse=True):
            if each.cost >= level:
                nearest[each.family] = each
        gain = NO_GAIN * (self.front[0].loss - self.front[-1].loss)
        return sorted((each for each in nearest.values() if each.loss < least - gain), key=_by_loss)

    def _reach(self, sequence: Sequence, cost: float, family: int, level: float) -> Reached | None:
        """The best within the level near a sequence, of a cost in its family; None if it may not stand."""
        within = [] if math.isinf(level) else [partial(self._excess, level)]
        loss, best = self.limited.polish(
            self._loss, sequence, self._meter, constraints=within, tolerance=TOLERANCE
        )
        its_cost, near = float(self._cost(best)[0]), RESOLUTION * self._scale
        is_met = math.isfinite(loss) and its_cost <= level + near
        if not is_met or not self.limited.may_stand(best):
            self._missed[family, cost] = max(self._missed.get((family, cost), -math.inf), level)
            return None
        # One that ends at the level is of that cost, whatever the rounding, so that losses decide.
        its_cost = level if abs(its_cost - level) < near else its_cost
        self.reached.append(Reached(its_cost, loss, best, family))
        return self.reached[-1]

    def _excess(self, level: float, sequence: Sequence) -> tuple[Tensor, Sequence]:
        """Cost above the level, in units of the scale, and its derivatives."""
        cost, slopes = self._cost(sequence)
        scale = self._scale or 1.0
        parts = {name: part / scale for name, part in slopes.columns().items()}
        return (cost - level) / scale, slopes.with_columns(parts)


def _by_cost(each: Reached) -> tuple[float, float]:
    return each.cost, each.loss


def _by_loss(each: Reached) -> float:
    return each.loss


def _box(edge: tuple[Reached, Reached]) -> float:
    left, right = edge
    return (right.cost - left.cost) * (left.loss - right.loss)


def _slope(left: Reached, right: Reached) -> float:
    return (left.loss - right.loss) / (right.cost - left.cost) if right.cost > left.cost else 0.0
