"""The best points of a range of a grid: what a thread does in a grid search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sequence_search.engines.in_batches import GridLosses
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Grid
from sequence_search.voxels import Voxels

GRID_N_PER_TISSUE = 256


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
    """Prepare the losses of the grid's points over the voxels; errors as `grid_of`."""
    return problem.simulator(voxels).grid_losses(grid_of(problem))


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
