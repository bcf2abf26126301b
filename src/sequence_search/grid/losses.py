"""Losses of the points of a grid, and the best of a range of them: what a thread does in a grid search.

A grid of two pulses, the first of one phase, runs in a kernel of its own, `engines.kernel.grid`, that does
once what depends on a flip angle or a delay alone; any other grid, and terms of the user's own, take
`Problem.loss`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from sequence_search.engines.fused import KERNEL_PROPERTIES, as_numpy, encode
from sequence_search.engines.kernel import grid as kernel
from sequence_search.objective import Prepared
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Grid
from sequence_search.voxels import Voxels

GRID_N_PER_TISSUE = 256
BATCH_VOXELS = 2**18  # points times voxels of a call of `Problem.loss`, which keeps all its signals: 4 MB

# Losses [stop - start] of the points from start to before stop.
GridLosses = Callable[[int, int], np.ndarray]


@dataclass(frozen=True, slots=True, order=True)
class GridPoint:
    """A point of a grid; the lesser has the lesser loss, or the same and the lesser index."""

    loss: float  # over the voxels of the grid search
    index: int  # of `Grid.sequences`


def merge(top: int, *parts: tuple[GridPoint, ...]) -> tuple[GridPoint, ...]:
    """Best points of several chunks, in whatever order."""
    return tuple(sorted(point for part in parts for point in part)[:top])


def best_points(losses: GridLosses, start: int, stop: int, top: int) -> tuple[GridPoint, ...]:
    """Best points from start to before stop, best first; losses that are not finite are left out."""
    values = losses(start, stop)
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite) > top:
        # All that tie with the last stay until the sort, so that the choice does not depend on chunks.
        last = np.partition(values[finite], top - 1)[top - 1]
        finite = finite[values[finite] <= last]
    return merge(top, tuple(GridPoint(float(values[i]), start + int(i)) for i in finite))


def prepare_grid(problem: Problem, voxels: Voxels) -> GridLosses:
    """Prepare the losses of the grid's points over the voxels; the function returned lets threads run.

    Raises
    ------
    ValueError
        As `grid_of`.
    """
    grid = grid_of(problem)
    if len(grid.flip_angle) == 2 and grid.phase[0].count == 1 and problem.simulator(voxels).has_kernel_loss:
        return _two_pulse_losses(problem, grid, voxels)
    return _plain_losses(problem, grid, voxels)


def grid_of(problem: Problem) -> Grid:
    """The problem's grid.

    Raises
    ------
    ValueError
        If it has none, or one that leaves the search space.
    """
    grid = problem.grid
    if grid is None:
        raise ValueError(f"problem '{problem.name}' has no [grid]: state flip_deg, phase_deg and delay_ms")
    # The first point has the least of every parameter, the last the largest.
    for corner in (0, grid.n_points - 1):
        try:
            problem.search_space.check(grid.sequences(np.array(corner)), problem.name)
        except ValueError as error:
            raise ValueError(f"grid: {error}") from None
    return grid


def _two_pulse_losses(problem: Problem, grid: Grid, voxels: Voxels) -> GridLosses:
    first, second = grid.phase
    tables = kernel.make_tables(
        tuple(axis.values for axis in grid.flip_angle),
        second.values - first.start,
        tuple(axis.values for axis in grid.delay),
        tuple(as_numpy(getattr(voxels, name)) for name in KERNEL_PROPERTIES),
    )
    encoding = encode(Prepared(problem.objective, voxels))
    return lambda start, stop: kernel.losses(tables, encoding, start, stop)


def _plain_losses(problem: Problem, grid: Grid, voxels: Voxels) -> GridLosses:
    step = max(1, BATCH_VOXELS // len(voxels))

    def losses(start: int, stop: int) -> np.ndarray:
        parts = np.split(np.arange(start, stop), range(step, stop - start, step))
        batches = [problem.loss(grid.sequences(part), voxels) for part in parts]
        return torch.cat(batches).detach().numpy()

    return losses
