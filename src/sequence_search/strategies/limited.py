"""A search within the limits of its problem: priced on the way, held by the polish, checked at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED, FindStructures, Measure
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.constrained import Constraint, constraints_of, relative_loss
from sequence_search.strategies.played import DraftSimulator, simulator_of
from sequence_search.strategies.playing import Playing
from sequence_search.strategies.priced import of_proposals, price
from sequence_search.strategies.proposals import Proposals
from sequence_search.strategies.refine import polish
from sequence_search.strategies.rounds.propose import random_designs
from sequence_search.strategies.standing import stand_as_meant
from sequence_search.strategies.structures import NearStructures, RecentStructures
from sequence_search.voxels import Voxels

PRICE = 3.0  # of missing a bound by a factor of e, in units of the range of the losses of random designs
# A loss below this part of that range, without limits of 1, is polished in units of itself, at least of the
# least part.
SMALL, LEAST = 1e-4, 1e-9
N_RANDOM, N_RANDOM_FINE = 256, 32  # designs; fewer where voxels are many, only to know the size of losses
N_PER_TISSUE = 32  # voxels over which the size of losses is found where a descent has many
STRUCTURES_EVERY = 32  # evaluations of a descent: finding them costs 100 times as much as a loss


class Limited:
    """What a search needs to keep the limits of its problem; without limits it changes nothing.

    Attributes
    ----------
    proposals : what the search proposes
    space, free_space, frame, playing : as theirs
    nothing : part of a loss by which polishes that end at one optimum may differ
    """

    def __init__(self, problem: Problem, engine: str) -> None:
        self._problem, self._engine = problem, engine
        self.proposals = Proposals(problem)
        self.space, self.free_space = self.proposals.space, self.proposals.free_space
        self.frame, self.playing = self.proposals.frame, self.proposals.playing
        # Along a limit the loss has a slope, and follows the last digits of what is held.
        self.nothing = 1e-6 if problem.limits else 1e-9

    def descent_loss(self, voxels: Voxels) -> Callable[[], LossFunction]:
        """Maker of the loss of one descent over some voxels: with a price of what misses a limit.

        The derivatives by given pulses are 0. TE and TI are those of structures found now and then, so that
        the loss of a descent depends on its steps.
        """
        simulator = simulator_of(self._problem, voxels, self._engine)
        plain = simulator.loss_and_gradient
        if not self._problem.limits:
            return lambda: plain
        structures = RecentStructures(STRUCTURES_EVERY)
        measured = self._paid(voxels, structures)
        weight = PRICE * self._range(plain, N_RANDOM)

        def loss_of_a_descent() -> LossFunction:
            structures.forget()
            return partial(self._priced, plain, measured, weight)

        return loss_of_a_descent

    def price_of(self, voxels: Voxels) -> LossFunction | None:
        """What misses a limit over some voxels, priced as in a descent; None without limits.

        TE and TI are those of structures of sequences that are nearly the same.
        """
        if not self._problem.limits:
            return None
        return partial(price, self._paid(voxels, self._near), self._weight)

    def _paid(self, voxels: Voxels, find: FindStructures) -> list[Measure]:
        """What takes a price, signals over some voxels."""
        every = self._problem.measures(voxels, self._engine, find)
        simulator = simulator_of(self._problem, voxels, self._engine)
        return of_proposals(simulator, [each for each in every if not each.is_bound])

    @cached_property
    def _near(self) -> NearStructures:
        return NearStructures()

    @cached_property
    def _weight(self) -> float:
        simulator = simulator_of(self._problem, self._problem.voxels(N_PER_TISSUE), self._engine)
        return PRICE * self._range(simulator.loss_and_gradient, N_RANDOM)

    @property
    def may_all_stand(self) -> bool:
        """Whether pulses of all kinds that are not given may excite, so that no sequence may not stand."""
        return self.playing is None or not self.playing.not_exciting

    def may_stand(self, sequence: Sequence) -> bool:
        """Whether what a sequence reads first is excited and refocused by pulses that may, or are given.

        Behind an excitation of a small angle a pulse for refocusing could excite all that is read, and before
        one of 0° an inversion could refocus it.
        """
        if self.playing is None or self.may_all_stand:
            return True
        is_given = self.frame.is_fixed(sequence.without_padding()).tolist()
        kinds = self.playing.not_exciting, self.playing.only_before
        return stand_as_meant(self._nominal.play(sequence), *kinds, is_given)

    @cached_property
    def _nominal(self) -> DraftSimulator:
        voxels = self._problem.voxels(method="nominal")
        return DraftSimulator(self._problem.simulator(voxels, self._engine), cast(Playing, self.playing))

    @property
    def follows_structure(self) -> bool:
        """Whether a limit depends on the structure of a sequence, which changes on the way."""
        return self._problem.limits.te is not None or self._problem.limits.ti is not None

    def polish(
        self,
        loss_and_gradient: LossFunction,
        sequence: Sequence,
        meter: Meter,
        max_iterations: int = 200,
        constraints: Iterable[Constraint] = (),
        tolerance: float = 1e-12,
    ) -> tuple[float, Sequence]:
        """Converge a single sequence within all limits, signals over the standard ensemble, as `polish`.

        The loss is infinite if a limit is still missed; of further constraints nothing is said.
        """
        more = list(constraints)
        how = partial(polish, meter=meter, max_iterations=max_iterations, tolerance=tolerance)

        def polished(size: float, start: Sequence) -> tuple[float, Sequence]:
            scaled = partial(relative_loss, loss_and_gradient, size)
            loss, best = self._polished_within(partial(how, scaled, self.space), start, more)
            return size * (loss - 1), best

        if self._problem.limits or more:
            size = self._range(loss_and_gradient, N_RANDOM_FINE)
            found = polished(size, self.frame.hold(sequence.without_padding()))
        else:
            size, found = 1.0, how(loss_and_gradient, self.space, sequence)
        if 0 < abs(found[0]) < SMALL * size and not meter.must_end():
            # The tolerances of a polish are those of a loss near 1.
            found = min(found, polished(max(abs(found[0]), LEAST * size), found[1]), key=lambda each: each[0])
        return found

    def _polished_within(
        self, how: Callable[..., tuple[float, Sequence]], sequence: Sequence, more: list[Constraint]
    ) -> tuple[float, Sequence]:
        """A single sequence polished within all limits; its loss is infinite if one is still missed."""
        fixed, best = self.frame.is_fixed(sequence) if self.frame else None, sequence
        # Where the structure, thus what TE and TI are, changed on the way, a second time.
        for _ in range(1 + self.follows_structure):
            self._structures.forget()
            loss, best = how(best, constraints=[*more, *constraints_of(self._held, best)], fixed=fixed)
            if self.missed([best])[0] <= ALLOWED:
                return loss, best
        return math.inf, best

    def missed(self, sequences: list[Sequence]) -> list[float]:
        """By which part of its bound the worst limit of each single sequence is missed; 0 if all are met."""
        if not self._measured or not sequences:
            return [0.0] * len(sequences)
        batch = Sequence.stack(sequences)
        excess = [each.excess(each.value_and_gradient(batch)[0])[0] for each in self._measured]
        worst: list[float] = torch.stack(excess).amax(0).tolist()
        return worst

    @cached_property
    def _measured(self) -> list[Measure]:
        return self._over_standard(None)

    @cached_property
    def _structures(self) -> RecentStructures:
        return RecentStructures(every=2**62)

    @cached_property
    def _held(self) -> list[Measure]:
        """As measured, with TE and TI of a structure that stays."""
        return self._over_standard(self._structures)

    def _over_standard(self, structures: RecentStructures | None) -> list[Measure]:
        if not self._problem.limits:
            return []
        voxels = self._problem.voxels()
        simulator = simulator_of(self._problem, voxels, self._engine)
        return of_proposals(simulator, self._problem.measures(voxels, self._engine, structures))

    def _range(self, plain: LossFunction, n_random: int) -> float:
        """Range of the losses of random designs, the same for every seed."""
        free = random_designs(self.free_space, n_random, np.random.default_rng(0))
        losses = plain(self.proposals.stacked(free, alone=False))[0]
        finite = losses[losses.isfinite()]
        return float(finite.max() - finite.min() if len(finite) else 0) or 1.0

    def _priced(
        self, plain: LossFunction, measured: list[Measure], weight: float, sequence: Sequence
    ) -> tuple[Float[Tensor, "*batch"], Sequence]:
        sequence = self.frame.hold(sequence)
        loss, gradient = plain(sequence)
        missed, by = price(measured, weight, sequence)
        columns = {name: part + by.columns()[name] for name, part in gradient.columns().items()}
        if self.frame:
            fixed = self.frame.is_fixed(sequence)
            columns = {name: torch.where(fixed, 0.0, part) for name, part in columns.items()}
        return loss + missed, gradient.with_columns(columns)
