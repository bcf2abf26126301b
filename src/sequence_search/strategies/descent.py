"""Batched descent by gradient, which strategies share, and the echoes that it keeps together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.refine import REFOCUSED

ADAM = 0.9, 0.999, 1e-8  # decay of the mean and of the square, and what keeps from a division by 0
LAST_RATE = 0.05  # of a descent, relative to its first


def descend(
    loss_and_gradient: LossFunction,
    space: SearchSpace,
    start: Sequence,
    *,
    learning_rate: float,
    parts: Iterable[tuple[int, float]],
    meter: Meter,
) -> tuple[Float[Tensor, " kept"], Sequence]:
    """Adam on flip angles, phases [rad] and log delays of a batch, the worse dropped on the way.

    Flip angles and delays stay within the bounds of the search space. The rate falls to a twentieth, and of
    each sequence the best point counts, not the last. Delays that refocused pathways bind move by one factor,
    so that no step leaves the echo: it is narrower than a step, and a design on it is lost within few.

    Parameters
    ----------
    parts : iterable of (int, float)
        Steps of each part of the descent, and the share of sequences kept after it, the best. Each part
        begins with fresh averages.
    meter : Meter
        Counts each loss; once it says so the best so far are returned.

    Returns
    -------
    loss : tensor [kept]
        Best first.
    sequence : Sequence [kept, n_rf]
    """
    parts = list(parts)
    alive, least = start.detach(), np.full(len(start.delay), math.inf)
    taken, total = 0, sum(n_steps for n_steps, _ in parts)
    for n_steps, share in parts:
        rates = learning_rate * LAST_RATE ** (np.arange(taken, taken + n_steps) / total)
        alive, least = _descend(loss_and_gradient, space, alive, rates, meter)
        order = torch.from_numpy(least.argsort(kind="stable")[: max(1, round(share * len(least)))])
        alive, least, taken = alive[order], least[order.numpy()], taken + n_steps
        if meter.must_end():
            break
    return torch.from_numpy(least), alive


def _descend(
    loss_and_gradient: LossFunction, space: SearchSpace, start: Sequence, rates: np.ndarray, meter: Meter
) -> tuple[Sequence, np.ndarray]:
    """Best point of each sequence, and its loss [batch], on a descent with these rates."""
    low = np.array([-space.max_flip, -math.inf, math.log(space.min_rf_delay)])[:, None]
    high = np.array([space.max_flip, math.inf, math.log(space.max_delay)])[:, None]
    x = np.stack([start.flip_angle, start.phase, start.delay.clamp(min=space.min_rf_delay).log()], axis=1)
    x = x.clip(low, high)
    bound = bound_delays(np.exp(x[:, 2]), start.n_rf.numpy())
    best, least = x.copy(), np.full(len(x), math.inf)
    mean, square = np.zeros_like(x), np.zeros_like(x)
    for step in range(len(rates) + 1):
        point = _with_parameters(start, x)
        loss, slopes = loss_and_gradient(point)
        meter.spend(len(loss))
        better = loss.numpy() < least
        best[better], least[better] = x[better], loss.numpy()[better]
        if step == len(rates) or meter.must_end():
            break
        by_log_delay = (slopes.delay * point.delay).numpy()  # chain rule of the logarithm
        slope = np.stack([slopes.flip_angle, slopes.phase, (bound @ by_log_delay[..., None])[..., 0]], axis=1)
        mean += (1 - ADAM[0]) * (slope - mean)
        square += (1 - ADAM[1]) * (slope**2 - square)
        unbiased = mean / (1 - ADAM[0] ** (step + 1)), square / (1 - ADAM[1] ** (step + 1))
        x = (x - rates[step] * unbiased[0] / (np.sqrt(unbiased[1]) + ADAM[2])).clip(low, high)
    return _with_parameters(start, best), least


def _with_parameters(start: Sequence, x: np.ndarray) -> Sequence:
    """The batch with flip angles, phases and log delays [batch, 3, n_rf]."""
    flip, phase, log_delay = (torch.from_numpy(part) for part in np.moveaxis(x, 1, 0).copy())
    return replace(start, flip_angle=flip, phase=phase, delay=log_delay.exp())


def bound_delays(
    delay: Float[np.ndarray, "batch n_rf"], n_rf: Int[np.ndarray, " batch"]
) -> Float[np.ndarray, "batch n_rf n_rf"]:
    """Average over the delays that echoes bind, directly or through others: weights that add up to 1."""
    average = np.tile(np.eye(delay.shape[1]), (len(delay), 1, 1))
    for row, count in zip(range(len(delay)), n_rf, strict=True):
        group = np.arange(count)
        for echo in echoes(delay[row, :count]):
            group[np.isin(group, group[echo])] = group[echo].min()
        together = group[:, None] == group
        average[row, :count, :count] = together / together.sum(1, keepdims=True)
    return average


def echoes(delay: Float[np.ndarray, " n_rf"]) -> Bool[np.ndarray, "echoes n_rf"]:
    """Delays of each echo, at the end or before: those of a pathway that is refocused after them.

    Where an echo takes part of another's delays only the smaller counts: the larger is two in a row.

    Parameters
    ----------
    delay : array [n_rf], s
    """
    clocks = _clocks(len(delay))
    found: list[np.ndarray] = []
    for part in clocks[abs(clocks @ delay) <= REFOCUSED * delay.sum()] != 0:
        if not any((part >= smaller).all() for smaller in found):
            found.append(part)
    return np.array(found, bool).reshape(-1, len(delay))


@cache
def _clocks(n_rf: int) -> Float[np.ndarray, "clocks n_rf"]:
    """Clocks of two delays or more, each +1, -1 or 0, up to their sign; those of few delays first."""
    signs = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=n_rf)))
    n_delays = abs(signs).sum(1)
    last = signs[np.arange(len(signs)), n_rf - 1 - (signs[:, ::-1] != 0).argmax(1)]
    clocks = signs[(n_delays >= 2) & (last > 0)]
    few_first = abs(clocks).sum(1).argsort(kind="stable")
    return np.asarray(clocks[few_first])
