"""Inequality constraints of a polish: in an augmented Lagrangian on the way, in SLSQP at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.wishes import Measure
from sequence_search.sequence import Sequence

# g(sequence) of a single sequence, to be at most 0, and its derivatives by flip angle and phase [1/rad] and
# delay [1/s]. Of a size near 1 where it is far from met, as value / bound - 1.
Constraint = Callable[[Sequence], tuple[Any, Sequence]]
# Value and slopes of a function of all variables.
Smooth = Callable[[np.ndarray], tuple[float, np.ndarray]]
# Least of a function, from a start.
Minimize = Callable[[Smooth, np.ndarray], np.ndarray]

MET = 1e-7  # of g: SLSQP's rounding
# Updates of the multipliers, and the factor of the weight of violations at each.
UPDATES, GROWTH, HEAVIEST = 6, 4.0, 1e5
NEARLY_MET = 1e-3  # from where SLSQP, which linearises the constraints, goes on alone
LEAST_FALL = 0.8  # of the violation at an update; else the constraints exclude each other nearby


class Inequalities:
    """All constraints g <= 0 of an array of variables; the last point is kept, which SLSQP asks for twice.

    Multipliers and the weight of violations stay from one minimisation to the next of a polish.
    """

    def __init__(self, functions: list[Smooth]) -> None:
        self._functions = functions
        self.multipliers, self.weight = np.zeros(len(functions)), 10.0
        self._last: tuple[bytes, np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._functions)

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values [n_constraints] and slopes [n_constraints, n_variables]."""
        name = x.tobytes()
        if self._last is None or self._last[0] != name:
            values, slopes = zip(*(function(x) for function in self._functions), strict=True)
            self._last = name, np.array(values), np.array(slopes)
        return self._last[1:]

    def press(self, x: np.ndarray) -> None:
        """Update the multipliers, and let violations weigh more."""
        self.multipliers = np.maximum(0.0, self.multipliers + self.weight * self(x)[0])
        self.weight = min(GROWTH * self.weight, HEAVIEST)

    def violation(self, x: np.ndarray) -> float:
        """Largest g beyond rounding; 0 where all are met or there is none."""
        worst = max(self(x)[0], default=0.0) if self._functions else 0.0
        return float(worst) if worst > MET else 0.0

    def for_slsqp(self) -> list[dict[str, Any]]:
        """In the form of `scipy.optimize.minimize`, where they are at least 0."""
        if not self._functions:
            return []
        return [{"type": "ineq", "fun": lambda x: -self(x)[0], "jac": lambda x: -self(x)[1]}]


def augmented_least(
    loss: Smooth, inequalities: Inequalities, minimize: Minimize, x: np.ndarray
) -> np.ndarray:
    """Least of a loss nearly within its constraints, by smooth minimisations alone, from any start.

    Augmented Lagrangian of Powell, Hestenes and Rockafellar; Nocedal and Wright, "Numerical Optimization",
    2nd ed., Sec. 17.3 and 17.4: loss + sum of (max(0, m + w g)² - m²) / 2w, then m becomes max(0, m + w g).
    It ends once the constraints are met within 0.001, or come no nearer; without any it is one minimisation
    of the loss. Violations weigh against losses as they are, so that both must be of a size near 1.
    """
    violation = np.inf

    def augmented(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = loss(x)
        g, by_x = inequalities(x)
        pressed = np.maximum(0.0, inequalities.multipliers + inequalities.weight * g)
        price = float((pressed**2 - inequalities.multipliers**2).sum()) / (2 * inequalities.weight)
        return value + price, slopes + pressed @ by_x

    if not len(inequalities):
        return minimize(loss, x)
    for _ in range(UPDATES):
        x = minimize(augmented, x)
        before, violation = violation, inequalities.violation(x)
        if violation <= NEARLY_MET or violation > LEAST_FALL * before:
            break
        inequalities.press(x)
    return x


def relative_loss(
    loss_and_gradient: LossFunction, size: float, sequence: Sequence
) -> tuple[Tensor, Sequence]:
    """Loss in units of its range, and 1: constraints weigh against a size near 1, however small the loss."""
    loss, gradient = loss_and_gradient(sequence)
    parts = {name: part / size for name, part in gradient.columns().items()}
    return 1 + loss / size, gradient.with_columns(parts)


def constraints_of(measures: list[Measure], sequence: Sequence) -> list[Constraint]:
    """A constraint for each bound that moving the pulses of a single sequence can meet."""
    found: list[Constraint] = []
    for each in measures:
        value, _ = each.value_and_gradient(sequence)
        if not each.is_smooth or value.isnan():
            continue
        scales = (1 / each.limit.high, -1 / each.limit.low if each.limit.low else 0.0)
        found += [partial(_relative, each, scale) for scale in scales if scale]
    return found


def _relative(measure: Measure, scale: float, sequence: Sequence) -> tuple[Tensor, Sequence]:
    """Constraint g = value times scale, less its bound, 1 or -1."""
    value, gradient = measure.value_and_gradient(sequence)
    scaled = {name: scale * part for name, part in gradient.columns().items()}
    return scale * value - math.copysign(1.0, scale), gradient.with_columns(scaled)
