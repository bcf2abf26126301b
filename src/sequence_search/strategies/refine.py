"""Polishing of one sequence to convergence, which strategies share; the descent of many is in `descent`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.constrained import (
    NEARLY_MET,
    Constraint,
    Inequalities,
    Smooth,
    augmented_least,
)
from sequence_search.strategies.drafts import (
    Draft,
    delay_bounds,
    flip_bound,
    is_repetition_free,
    with_repetition,
)

# A clock below this part of the time to readout counts as refocused.
REFOCUSED = 1e-4
POLISH_ROUNDS = 4
LAST_TRY = 20  # iterations of SLSQP


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def polish(
    loss_and_gradient: LossFunction,
    space: SearchSpace,
    sequence: Sequence,
    *,
    constraints: Iterable[Constraint] = (),
    fixed: Bool[Tensor, " n_rf"] | None = None,
    meter: Meter | None = None,
    max_iterations: int = 200,
    tolerance: float = 1e-12,
) -> tuple[float, Sequence]:
    """Converge a single sequence, on flip angles, phases, log delays and a free TR within their bounds.

    L-BFGS-B stalls where a pathway refocuses: there the loss has a kink in the delays, and optima like to
    sit in it. So it takes turns with SLSQP along the kinks reached, with the delays held to refocus.
    Constraints are in an augmented Lagrangian for L-BFGS-B, and as they are for SLSQP.

    Parameters
    ----------
    loss_and_gradient : LossFunction
    space : SearchSpace
    sequence : Sequence
        At least one pulse; it may violate the constraints.
    constraints : iterable of Constraint
        Each g(sequence) at most 0; then losses need a size near 1. Where no sequence near the start meets
        all, the result violates them little; where one does, by less than 1e-7.
    fixed : bool tensor [n_rf], optional
        Pulses whose flip angle, phase and delay stay as they are, within the bounds or not.
    meter : Meter, optional
        Counts each loss; asked after each iteration, and once it says so the best so far is returned.
    max_iterations : int
        Of each turn.
    tolerance : float
        A turn ends once an iteration lowers the loss by less than this part of it, and the polish once a
        round of turns does by less than a thousand times that.

    Returns
    -------
    loss : float
    sequence : Sequence
    """
    meter = meter or Meter(Settings())
    variables = _Variables(sequence.detach().without_padding(), space, fixed)
    limits = Inequalities([partial(variables.value_and_slopes, each) for each in constraints])

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        meter.spend(1)
        return variables.value_and_slopes(loss_and_gradient, x)

    turns = _Turns(loss, limits, variables, meter, max_iterations, tolerance)
    # SLSQP's last bits depend on the threads of BLAS, and a result must not.
    with _libraries().limit(limits=1, user_api="blas"):
        best = turns.taken()
    return best.loss, variables.sequence(best.x)


class _Reached(NamedTuple):
    """By how much the limits are violated at an array of the variables, and the loss: less is better so."""

    violation: float
    loss: float
    x: np.ndarray


@dataclass(frozen=True, slots=True)
class _Turns:
    """The turns that a polish takes; the meter may end each."""

    loss: Smooth
    limits: Inequalities
    variables: _Variables
    meter: Meter
    max_iterations: int
    tolerance: float

    def taken(self) -> _Reached:
        """The best of turns without and along the kinks, until they gain nothing."""
        best = _Reached(math.inf, math.inf, self.variables.start)
        for _ in range(POLISH_ROUNDS):
            before = best
            least = self._reached(augmented_least(self.loss, self.limits, self.smooth, best.x))
            best = _better(best, least)
            echoes = refocused_clocks(self.variables.delays(least.x))
            held = _keep_refocused(echoes, self.variables.n_rf, len(least.x)) + self.limits.for_slsqp()
            if held and not self.meter.must_end():
                best = _better(best, self._reached(self.held(least.x, held, least.violation)))
            gain = before.loss - best.loss
            settled = before.violation <= best.violation and gain < 1e3 * self.tolerance * abs(best.loss)
            if not len(echoes) or settled or self.meter.must_end():
                break
        return best

    def smooth(self, function: Smooth, x: np.ndarray) -> np.ndarray:
        """Least of a function of all variables, by L-BFGS-B."""
        options = {"maxiter": self.max_iterations, "ftol": self.tolerance, "gtol": 1e-8}
        return self._least(function, x, method="L-BFGS-B", options=options)

    def held(self, x: np.ndarray, constraints: list[dict[str, Any]], violation: float) -> np.ndarray:
        """Least of the loss within constraints, by SLSQP, from where the limits are violated so much."""
        # Constraints that are far from met now will hardly be.
        most = self.max_iterations if violation <= NEARLY_MET else min(self.max_iterations, LAST_TRY)
        options = {"maxiter": most, "ftol": self.tolerance / 10}
        return self._least(self.loss, x, method="SLSQP", constraints=constraints, options=options)

    def _reached(self, x: np.ndarray) -> _Reached:
        return _Reached(self.limits.violation(x), self.loss(x)[0], x)

    def _least(self, function: Smooth, x: np.ndarray, **how: Any) -> np.ndarray:
        turn = partial(minimize, jac=True, bounds=self.variables.bounds, callback=self._end_if_stopped)
        return np.asarray(turn(function, x, **how).x)

    def _end_if_stopped(self, _: np.ndarray) -> None:
        if self.meter.must_end():
            raise StopIteration


def _better(best: _Reached, now: _Reached) -> _Reached:
    """The one of less violation, or of the same and less loss; the first if they are alike."""
    return min(best, now, key=lambda each: (each.violation, each.loss))


@dataclass(frozen=True, slots=True)
class _Variables:
    """What a polish moves: flip angles, phases and log delays of a single sequence, in one array [3 n_rf].

    Where a repetition time is searched its place between its bounds comes last.
    """

    single: Sequence
    space: SearchSpace
    fixed: Bool[Tensor, " n_rf"] | None

    @property
    def n_rf(self) -> int:
        return len(self.single.flip_angle)

    @property
    def start(self) -> np.ndarray:
        """The sequence, within the bounds."""
        single, space = self.single, self.space
        most = flip_bound(single, space)
        flip = single.flip_angle.maximum(-most).minimum(most)
        shortest, longest = delay_bounds(single, space)
        delay = single.delay.maximum(shortest).minimum(longest)
        if self.fixed is not None:
            flip = torch.where(self.fixed, single.flip_angle, flip)
            delay = torch.where(self.fixed, single.delay, delay)
        return torch.cat([flip, single.phase, delay.log(), self._repetition(single)]).numpy()

    @property
    def bounds(self) -> list[tuple[float | None, float | None]]:
        """Least and largest value of each variable."""
        space, n_rf = self.space, self.n_rf
        delays = list(zip(*(end.log().tolist() for end in delay_bounds(self.single, space)), strict=True))
        bounds: list[tuple[float | None, float | None]]
        flips = [(-most, most) for most in flip_bound(self.single, space).tolist()]
        bounds = [*flips, *[(None, None)] * n_rf, *delays]
        bounds += [(0.0, 1.0)] * len(self._repetition(self.single))
        if self.fixed is None:
            return bounds
        fixed = [*self.fixed.repeat(3).tolist(), False][: len(bounds)]
        return [(at, at) if held else pair for at, held, pair in zip(self.start, fixed, bounds, strict=True)]

    def sequence(self, x: np.ndarray) -> Sequence:
        """The sequence of such an array."""
        flip, phase, log_delay, repetition = torch.from_numpy(x.copy()).split(
            [*[self.n_rf] * 3, len(x) - 3 * self.n_rf]
        )
        delay = log_delay.exp()
        if self.fixed is not None:
            delay = torch.where(self.fixed, self.single.delay, delay)
        moved = replace(self.single, flip_angle=flip, phase=phase, delay=delay)
        return with_repetition(moved, repetition) if len(repetition) else moved

    def delays(self, x: np.ndarray) -> np.ndarray:
        """The delays [n_rf] of such an array [s]."""
        return np.asarray(np.exp(x[2 * self.n_rf : 3 * self.n_rf]))

    def _repetition(self, sequence: Sequence) -> Tensor:
        """That of a single sequence, or of derivatives by it; empty where it is not searched."""
        searched = isinstance(sequence, Draft) and is_repetition_free(self.single)
        return sequence.repetition[:1] if searched else sequence.delay[:0]  # type: ignore[attr-defined]

    def value_and_slopes(self, function: Constraint, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value of a function of the sequence, and its derivatives by the variables."""
        point = self.sequence(x)
        value, gradient = function(point)
        by_log_delay = gradient.delay * point.delay
        slopes = [gradient.flip_angle, gradient.phase, by_log_delay, self._repetition(gradient)]
        return float(value), torch.cat(slopes).numpy()


@cache
def all_clocks(n_rf: int) -> Float[np.ndarray, "clocks n_rf"]:
    """Every clock m of n_rf delays, each m +1, -1 or 0."""
    return np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=n_rf)))


def refocused_clocks(delay: Float[np.ndarray, " n_rf"]) -> Float[np.ndarray, "echoes n_rf"]:
    """Independent clocks m of pathways that refocus, m · delay = 0; each m is +1, -1 or 0, the last +1.

    Parameters
    ----------
    delay : array [n_rf], s
    """
    clocks = all_clocks(len(delay))
    clocks = clocks[clocks[:, -1] == 1]
    chosen: list[np.ndarray] = []
    for clock in clocks[abs(clocks @ delay) <= REFOCUSED * delay.sum()]:
        if np.linalg.matrix_rank(np.array([*chosen, clock])) > len(chosen):
            chosen.append(clock)
    return np.array(chosen).reshape(-1, len(delay))


def _keep_refocused(echoes: np.ndarray, n_rf: int, n_variables: int) -> list[dict[str, Any]]:
    """SLSQP's constraint that the pathways stay refocused; none without echoes."""
    if not len(echoes):
        return []

    delays = slice(2 * n_rf, 3 * n_rf)

    def clocks(x: np.ndarray) -> np.ndarray:
        return np.asarray(echoes @ np.exp(x[delays]))

    def jacobian(x: np.ndarray) -> np.ndarray:
        slopes = np.zeros((len(echoes), n_variables))
        slopes[:, delays] = echoes * np.exp(x[delays])
        return slopes

    return [{"type": "eq", "fun": clocks, "jac": jacobian}]
