"""Grid search: every sequence on a grid, the best few kept, the best polished. Sequence Search, Sec. II.E.4.

Points are computed from their index, a chunk at a time, and never listed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from sequence_search.engines.fused import KERNEL_PROPERTIES
from sequence_search.grid.losses import (
    GRID_N_PER_TISSUE,
    GridLosses,
    best_points,
    grid_of,
    merge,
    prepare_grid,
)
from sequence_search.grid.state import GridPoint, GridState, load_state, save_state
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Grid
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Monitor, Progress, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.refine import polish
from sequence_search.strategies.result import Design, clean
from sequence_search.voxels import Voxels

CHUNK_VOXELS = 2**26  # points times voxels of a chunk: some tenths of a second
SAVE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class GridResult:
    """Outcome of a grid search.

    Attributes
    ----------
    problem : Problem
        Of whose `grid` the points are.
    status : str
        "done" or "interrupted".
    n_done : int
        Points visited, of `problem.grid.n_points`.
    n_per_tissue : int
        Sobol voxels of each tissue over which the points were compared.
    seconds : float
        Wall time of the points, including that before an interruption.
    top : tuple of GridPoint
        Best points, best first; of equal losses the lower index first.
    optimum : Design
        The best point, over the standard ensemble.
    polished : Design or None
        The optimum refined by gradient, off the grid, on the standard ensemble; None if interrupted.
    """

    problem: Problem
    status: Literal["done", "interrupted"]
    n_done: int
    n_per_tissue: int
    seconds: float
    top: tuple[GridPoint, ...]
    optimum: Design
    polished: Design | None

    def sequences(self) -> list[Sequence]:
        """Of the best points, best first."""
        batch = grid_of(self.problem).sequences(np.array([point.index for point in self.top]))
        return [batch[i] for i in range(len(self.top))]


def grid_search(
    problem: Problem,
    *,
    n_per_tissue: int = GRID_N_PER_TISSUE,
    top: int = 10,
    monitor: Monitor | None = None,
    state_file: Path | None = None,
) -> GridResult:
    """Visit every point of the problem's grid, on as many threads as torch has, and polish the best.

    Parameters
    ----------
    problem : Problem
        With a grid.
    n_per_tissue : int
        Sobol voxels of each tissue.
    top : int
        Number of best points to keep.
    monitor : Monitor, optional
        To watch, with step and n_steps counting points, and to stop with the best so far.
    state_file : Path, optional
        Written every few seconds; a search that finds one goes on from there. Removed at the end.

    Raises
    ------
    ValueError
        If the problem has no grid or one outside its search space, a number is below 1, no loss is finite,
        or the state file is of another grid search.
    """
    grid = grid_of(problem)
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    voxels = problem.voxels(n_per_tissue)
    monitor = monitor or Monitor()
    key = _key(problem, voxels, top)
    start = GridState() if state_file is None else load_state(state_file, key)
    size = max(1, CHUNK_VOXELS // len(voxels))
    chunks = _chunks(prepare_grid(problem, voxels), start.next, grid.n_points, size, top)

    def save(state: GridState) -> None:
        if state_file is not None:
            save_state(state_file, key, state)

    state = _visit(chunks, grid, start, top, monitor, save)
    if not state.top:
        raise ValueError(f"no point of the grid of '{problem.name}' has a finite loss")
    optimum, polished = _finish(problem, state.top[0], monitor if state.next == grid.n_points else None)
    if state_file is not None and polished is not None:
        state_file.unlink(missing_ok=True)
    status: Literal["done", "interrupted"] = "interrupted" if polished is None else "done"
    return GridResult(problem, status, state.next, n_per_tissue, state.seconds, state.top, optimum, polished)


def _visit(
    chunks: Iterator[tuple[int, tuple[GridPoint, ...]]],
    grid: Grid,
    start: GridState,
    top: int,
    monitor: Monitor,
    save: Callable[[GridState], None],
) -> GridState:
    """Go on to the end, or until the monitor says stop; at least one chunk is done."""
    state, began, saved = start, time.perf_counter(), time.perf_counter()
    try:
        for done, best in chunks:
            now = time.perf_counter()
            state = GridState(done, merge(top, state.top, best), start.seconds + now - began)
            _tell(monitor, grid, state, (done - start.next) / (now - began))
            if monitor.stop():
                break
            if now - saved > SAVE_EVERY_S:
                save(state)
                saved = now
    finally:
        if state.next > start.next:
            save(state)
    return state


def _chunks(
    losses: GridLosses, start: int, n_points: int, size: int, top: int
) -> Iterator[tuple[int, tuple[GridPoint, ...]]]:
    """End and best points of each chunk, in order; as many run at a time as torch has threads."""
    n_threads = torch.get_num_threads()
    ranges = ((first, min(first + size, n_points)) for first in range(start, n_points, size))
    pool = ThreadPoolExecutor(n_threads)
    try:
        # One more than threads, so that none waits for the results to be merged.
        running = deque(
            (stop, pool.submit(best_points, losses, first, stop, top))
            for first, stop in islice(ranges, n_threads + 1)
        )
        while running:
            stop, best = running.popleft()
            yield stop, best.result()
            for first, last in islice(ranges, 1):
                running.append((last, pool.submit(best_points, losses, first, last, top)))
    finally:
        pool.shutdown(cancel_futures=True)


def _tell(monitor: Monitor, grid: Grid, state: GridState, rate: float) -> None:
    if not state.top:
        return
    left = (grid.n_points - state.next) / rate
    best = state.top[0]
    sequence = grid.sequences(np.array(best.index))
    note = f"{rate / 1e6:.2f} million points/s, {left:.0f} s left"
    monitor.on_progress(Progress(0, state.next, grid.n_points, best.loss, sequence, note, "point"))


def _finish(problem: Problem, best: GridPoint, monitor: Monitor | None) -> tuple[Design, Design | None]:
    """The best point and, unless the search was stopped, its polish, on the standard ensemble."""
    finisher = Finisher(problem, "auto")
    sequence = grid_of(problem).sequences(np.array(best.index))
    optimum = finisher.design(sequence)
    if monitor is None:
        return optimum, None
    loss_and_gradient = problem.loss_and_gradient(problem.voxels())
    meter = Meter(Settings(monitor=monitor))
    _, polished = polish(loss_and_gradient, problem.search_space, sequence, meter=meter)
    return optimum, finisher.design(clean(problem, polished))


def _key(problem: Problem, voxels: Voxels, top: int) -> str:
    """SHA-256 of all that the best points depend on."""
    digest = hashlib.sha256(f"{problem.digest} {top}".encode())
    digest.update(json.dumps(asdict(grid_of(problem))).encode())
    for name in (*KERNEL_PROPERTIES, "tissue", "weight"):
        digest.update(getattr(voxels, name).numpy().tobytes())
    return digest.hexdigest()
