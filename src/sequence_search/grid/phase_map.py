"""Loss of a two-pulse echo against TE and refocusing phase. Sequence Search, Sec. IV.A."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequence_search.grid.losses import GRID_N_PER_TISSUE, grid_of
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis, Grid


@dataclass(frozen=True, slots=True, eq=False)
class PhaseMap:
    """Least loss over flip angles, for each TE and refocusing phase."""

    problem: Problem
    te: Float[np.ndarray, " n_te"]  # s
    phase: Float[np.ndarray, " n_phase"]  # rad, of the second pulse relative to the first
    loss: Float[np.ndarray, "n_te n_phase"]

    @property
    def best(self) -> tuple[int, int]:
        """Where in `loss` the least is."""
        te, phase = np.unravel_index(np.argmin(self.loss), self.loss.shape)
        return int(te), int(phase)


def phase_map(problem: Problem, te: Axis, phase: Axis, *, n_per_tissue: int = GRID_N_PER_TISSUE) -> PhaseMap:
    """Least loss over the flip angles of the problem's grid, with both delays TE/2 [s] and a phase [rad].

    Raises
    ------
    ValueError
        If the problem has no grid of two pulses, its sequences have layouts, or half of a TE lies outside its
        search space.
    """
    problem.refuse_layouts("a map over TE and phase")
    flips = grid_of(problem).flip_angle
    if len(flips) != 2:
        raise ValueError(f"the grid of '{problem.name}' must have 2 pulses, got {len(flips)}")
    simulator = problem.simulator(problem.voxels(n_per_tissue))
    rows = []
    for each in te.values:
        delay = Axis(float(each) / 2)
        grid = Grid(flips, (Axis(0.0), phase), (delay, delay))
        problem.search_space.check(grid.sequences(np.arange(1)), problem.name)
        losses = simulator.grid_losses(grid)(0, grid.n_points)
        rows.append(losses.reshape(-1, phase.count).min(0))
    return PhaseMap(problem, te.values, phase.values, np.stack(rows))
