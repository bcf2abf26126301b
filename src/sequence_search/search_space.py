"""Which sequences a search may propose, and which a grid search visits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from sequence_search.sequence import Sequence


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Bounds of the search and the candidate operations of the scheduler. Sequence Search, Sec. II.B, Fig. 3.

    Attributes
    ----------
    max_rf : int
        Number of layers, thus the most pulses of a sequence.
    rf_candidates : int
        RF operations in a layer, one for each equal part of `flip_range`.
    flip_range : (float, float), rad
        Flip angles at the start of a search; afterwards they are free.
    wait_ranges : tuple of (float, float), s
        Range of the initial wait of each waiting operation in a layer, log-uniform.
    min_rf_delay : float, s
        Shortest delay after a pulse, and the idle time of RF operations at the start.
    max_delay : float, s
        Longest delay after a pulse.
    """

    max_rf: int = 5
    rf_candidates: int = 5
    flip_range: tuple[float, float] = (0.0, math.pi)
    wait_ranges: tuple[tuple[float, float], ...] = ((1e-3, 1e-2), (1e-2, 1e-1), (1e-1, 1.0))
    min_rf_delay: float = 6.2e-3
    max_delay: float = 10.0

    def check(self, sequence: Sequence, problem_name: str) -> None:
        """Refuse a sequence outside the bounds.

        Raises
        ------
        ValueError
            Naming the pulse, the bound and the problem.
        """
        n_rf = sequence.flip_angle.shape[-1]
        if not 1 <= n_rf <= self.max_rf:
            raise ValueError(
                f"a sequence must have 1 to {self.max_rf} pulses (max_rf), got {n_rf} in '{problem_name}'"
            )
        # A delay that was stated in ms and converted may miss the bound by rounding.
        low, high = self.min_rf_delay * (1 - 1e-9), self.max_delay * (1 + 1e-9)
        delays = sequence.delay.reshape(-1, n_rf)
        outside = ((delays < low) | (delays > high)).nonzero()
        if not len(outside):
            return
        of_batch, pulse = outside[0].tolist()
        given = float(delays[of_batch, pulse])
        bound = (
            f"at least {self.min_rf_delay * 1e3:g} (min_rf_delay_ms)"
            if given < low
            else f"at most {self.max_delay * 1e3:g} (max_delay_ms)"
        )
        raise ValueError(
            f"delay_ms must be {bound}, got {given * 1e3:.6g} in pulse {pulse + 1}"
            f" of problem '{problem_name}'"
        )


@dataclass(frozen=True, slots=True)
class Axis:
    """Evenly spaced values of one parameter: `start`, and `count` in all, `step` apart."""

    start: float
    step: float = 0.0
    count: int = 1

    @property
    def values(self) -> Float[np.ndarray, " count"]:
        """In the unit of start and step."""
        return self.start + self.step * np.arange(self.count)


@dataclass(frozen=True, slots=True)
class Grid:
    """Sequences of one number of pulses on a grid. Sequence Search, Table IV.

    A point goes by its index. Counting on, the phase of the last pulse changes fastest, then the phases
    before it, the flip angles and the delays, each from the last to the first.

    Attributes
    ----------
    flip_angle, phase : tuple of Axis [n_rf], rad
    delay : tuple of Axis [n_rf], s
    """

    flip_angle: tuple[Axis, ...]
    phase: tuple[Axis, ...]
    delay: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of the delays, the flip angles and the phases, [3 n_rf]."""
        return tuple(axis.count for axis in (*self.delay, *self.flip_angle, *self.phase))

    @property
    def n_points(self) -> int:
        """Number of sequences."""
        return math.prod(self.shape)

    def sequences(self, index: Int[np.ndarray, "*batch"]) -> Sequence:
        """Sequences [*batch, n_rf] of some points."""
        axes = (*self.delay, *self.flip_angle, *self.phase)
        digits = np.unravel_index(index, self.shape)
        columns = [axis.values[digit] for axis, digit in zip(axes, digits, strict=True)]
        delay, flip, phase = torch.from_numpy(np.stack(columns, -1)).chunk(3, -1)
        return Sequence(flip, phase, delay)
