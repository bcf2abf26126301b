"""Batched descent by gradient, which strategies share, and the echoes that it keeps together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.drafts import (
    Draft,
    delay_bounds,
    flip_bound,
    is_repetition_free,
    with_repetition,
)
from sequence_search.strategies.refine import REFOCUSED, all_clocks

ADAM = 0.9, 0.999, 1e-8  # decay of the mean and of the square, and what keeps from a division by 0
LAST_RATE = 0.05  # of a descent, relative to its first
MOST_PATTERNS = 4096  # of echoes that are remembered: most sequences share them


def descend(
    loss_and_gradient: LossFunction,
    space: SearchSpace,
    start: Sequence,
    *,
    learning_rate: float,
    parts: Iterable[tuple[int, float]],
    meter: Meter,
) -> tuple[Float[Tensor, " kept"], Sequence]:
    """Adam on flip angles, phases [rad], log delays and a free TR of a batch, the worse dropped on the way.

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
        walk = _Walk(alive, space)
        for step in range(n_steps + 1):
            loss, slopes = loss_and_gradient(walk.point)
            meter.spend(len(loss))
            walk.note(loss.numpy())
            if step == n_steps or meter.must_end():
                break
            walk.step(slopes, learning_rate * LAST_RATE ** ((taken + step) / total))
        kept = walk.least.argsort(kind="stable")[: max(1, round(share * len(walk.least)))]
        alive, least, taken = walk.best[torch.from_numpy(kept)], walk.least[kept], taken + n_steps
        if meter.must_end():
            break
    return torch.from_numpy(least), alive


class _Walk:
    """Adam from the sequences of a batch, on flip angles, phases and log delays [batch, 3, n_rf].

    Where a repetition time is searched a fourth row is its place between its bounds, of the first pulse.

    Attributes
    ----------
    point : where it stands
    least : array [batch], the least loss of each sequence so far
    """

    def __init__(self, start: Sequence, space: SearchSpace) -> None:
        self._start = start
        shortest, longest = delay_bounds(start, space)
        angles = np.array([0.0, math.inf, 0.0, 1.0][: 3 + is_repetition_free(start)])[:, None]
        self._high = np.broadcast_to(angles, (len(start.delay), len(angles), start.delay.shape[1])).copy()
        self._high[:, 0] = flip_bound(start, space).numpy()
        self._low = -self._high
        self._low[:, 2], self._high[:, 2] = shortest.log().numpy(), longest.log().numpy()
        log_delay = start.delay.maximum(shortest).log()
        rows = [start.flip_angle, start.phase, log_delay]
        if isinstance(start, Draft) and len(angles) > 3:
            self._low[:, 3] = 0.0
            rows.append(start.repetition)
        self._x = np.stack(rows, axis=1).clip(self._low, self._high)
        self._bound = bound_delays(np.exp(self._x[:, 2]), start.n_rf.numpy())
        self._best_x, self.least = self._x.copy(), np.full(len(self._x), math.inf)
        self._mean, self._square, self._n_steps = np.zeros_like(self._x), np.zeros_like(self._x), 0
        self.point = self._sequence(self._x)

    @property
    def best(self) -> Sequence:
        """The batch where the loss of each was the least."""
        return self._sequence(self._best_x)

    def note(self, loss: np.ndarray) -> None:
        """Keep the points whose loss is less than before."""
        better = loss < self.least
        self._best_x[better], self.least[better] = self._x[better], loss[better]

    def step(self, slopes: Sequence, rate: float) -> None:
        """Go on by the derivatives of the loss by flip angle, phase and delay."""
        by_log_delay = (slopes.delay * self.point.delay).numpy()[..., None]  # chain rule of the logarithm
        rows = [slopes.flip_angle, slopes.phase, (self._bound @ by_log_delay)[..., 0]]
        if isinstance(slopes, Draft) and self._x.shape[1] > 3:
            rows.append(slopes.repetition)
        slope = np.stack(rows, axis=1)
        self._mean += (1 - ADAM[0]) * (slope - self._mean)
        self._square += (1 - ADAM[1]) * (slope**2 - self._square)
        self._n_steps += 1
        mean = self._mean / (1 - ADAM[0] ** self._n_steps)
        square = self._square / (1 - ADAM[1] ** self._n_steps)
        self._x = (self._x - rate * mean / (np.sqrt(square) + ADAM[2])).clip(self._low, self._high)
        self.point = self._sequence(self._x)

    def _sequence(self, x: np.ndarray) -> Sequence:
        flip, phase, log_delay, *more = (torch.from_numpy(part) for part in np.moveaxis(x, 1, 0).copy())
        moved = replace(self._start, flip_angle=flip, phase=phase, delay=log_delay.exp())
        return with_repetition(moved, more[0][:, :1]) if more else moved


def bound_delays(
    delay: Float[np.ndarray, "batch n_rf"], n_rf: Int[np.ndarray, " batch"]
) -> Float[np.ndarray, "batch n_rf n_rf"]:
    """Average over the delays that echoes bind, directly or through others: weights that add up to 1."""
    average = np.tile(np.eye(delay.shape[1]), (len(delay), 1, 1))
    for count in np.unique(n_rf):
        rows = np.flatnonzero(n_rf == count)
        refocused = _refocused(delay[rows, :count])
        for row, clocks in zip(rows[refocused.any(1)], refocused[refocused.any(1)], strict=True):
            average[row, :count, :count] = _average(int(count), clocks.tobytes())
    return average


def echoes(delay: Float[np.ndarray, " n_rf"]) -> Bool[np.ndarray, "echoes n_rf"]:
    """Delays of each echo, at the end or before: those of a pathway that is refocused after them.

    Where an echo takes part of another's delays only the smaller counts: the larger is two in a row.

    Parameters
    ----------
    delay : array [n_rf], s
    """
    return _echoes(len(delay), _refocused(delay[None])[0].tobytes())


def _refocused(delay: Float[np.ndarray, "batch n_rf"]) -> Bool[np.ndarray, "batch clocks"]:
    """Which of all clocks are at 0."""
    return np.asarray(abs(delay @ _clocks(delay.shape[1]).T) <= REFOCUSED * delay.sum(1, keepdims=True))


@lru_cache(maxsize=MOST_PATTERNS)
def _average(n_rf: int, refocused: bytes) -> Float[np.ndarray, "n_rf n_rf"]:
    group = np.arange(n_rf)
    for echo in _echoes(n_rf, refocused):
        group[np.isin(group, group[echo])] = group[echo].min()
    together = group[:, None] == group
    return np.asarray(together / together.sum(1, keepdims=True))


@lru_cache(maxsize=MOST_PATTERNS)
def _echoes(n_rf: int, refocused: bytes) -> Bool[np.ndarray, "echoes n_rf"]:
    found: list[np.ndarray] = []
    for part in _clocks(n_rf)[np.frombuffer(refocused, bool)] != 0:
        if not any((part >= smaller).all() for smaller in found):
            found.append(part)
    return np.array(found, bool).reshape(-1, n_rf)


@cache
def _clocks(n_rf: int) -> Float[np.ndarray, "clocks n_rf"]:
    """Clocks of two delays or more, each +1, -1 or 0, up to their sign; those of few delays first."""
    signs = all_clocks(n_rf)
    n_delays = abs(signs).sum(1)
    last = signs[np.arange(len(signs)), n_rf - 1 - (signs[:, ::-1] != 0).argmax(1)]
    clocks = signs[(n_delays >= 2) & (last > 0)]
    few_first = abs(clocks).sum(1).argsort(kind="stable")
    return np.asarray(clocks[few_first])
