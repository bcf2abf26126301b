"""Grid search: the loss of every sequence on a grid, the best few kept. Sequence Search, Sec. II.E.4, Table IV.

Points are computed from their index, a chunk at a time, and never listed. A grid of two pulses, the first of
one phase, runs in a kernel of its own, `sequence_search.kernel.grid`, that does once what depends on a flip
angle or a delay alone; any other grid, and terms of the user's own, take `Problem.loss`.
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

from sequence_search.kernel import grid as kernel
from sequence_search.loss import is_standard, objective_factors
from sequence_search.problem import Problem
from sequence_search.search.base import Design, Meter, Monitor, Progress, Settings, clean
from sequence_search.search.finish import Finisher
from sequence_search.search.grid_state import GridPoint, GridState, load_state, save_state
from sequence_search.search.refine import polish
from sequence_search.search_space import Grid
from sequence_search.sequence import Sequence
from sequence_search.simulate.fused import KERNEL_PROPERTIES, as_numpy
from sequence_search.voxels import Voxels

GRID_N_PER_TISSUE = 256
CHUNK_VOXELS = 2**26  # points times voxels of a chunk: some tenths of a second
BATCH_VOXELS = 2**18  # the same of a call of `Problem.loss`, which keeps all its signals: 4 MB
SAVE_EVERY_S = 5.0

# Losses [stop - start] of the points from start to before stop.
GridLosses = Callable[[int, int], np.ndarray]


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
        If the problem has no grid, a number is below 1, no loss is finite, or the state file is of another
        grid search.
    """
    grid = grid_of(problem)
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    voxels = problem.voxels(n_per_tissue)
    losses = prepare_grid(problem, voxels)
    monitor = monitor or Monitor()
    key = _key(problem, voxels, top)
    start = GridState() if state_file is None else load_state(state_file, key)
    save = (lambda state: None) if state_file is None else (lambda state: save_state(state_file, key, state))
    state = _visit(losses, grid, start, len(voxels), top, monitor, save)
    if not state.top:
        raise ValueError(f"no point of the grid of '{problem.name}' has a finite loss")
    optimum, polished = _finish(problem, state.top[0], monitor if state.next == grid.n_points else None)
    if state_file is not None and polished is not None:
        state_file.unlink(missing_ok=True)
    status: Literal["done", "interrupted"] = "interrupted" if polished is None else "done"
    return GridResult(problem, status, state.next, n_per_tissue, state.seconds, state.top, optimum, polished)


def grid_chunk(
    problem: Problem, start: int, stop: int, *, n_per_tissue: int = GRID_N_PER_TISSUE, top: int = 10
) -> tuple[GridPoint, ...]:
    """Best points from start to before stop, best first: a piece of `grid_search` for a worker.

    Raises
    ------
    ValueError
        If the problem has no grid, or the range is not within it.
    """
    n_points = grid_of(problem).n_points
    if not 0 <= start <= stop <= n_points:
        raise ValueError(f"start and stop must rise within 0 to {n_points}, got {start} and {stop}")
    return best_points(prepare_grid(problem, problem.voxels(n_per_tissue)), start, stop, top)


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
        If the problem has no grid.
    """
    grid = grid_of(problem)
    if len(grid.flip_angle) == 2 and grid.phase[0].count == 1 and is_standard(problem.objective):
        return _two_pulse_losses(problem, grid, voxels)
    return _plain_losses(problem, grid, voxels)


def grid_of(problem: Problem) -> Grid:
    """The problem's grid.

    Raises
    ------
    ValueError
        If it has none.
    """
    if problem.grid is None:
        raise ValueError(f"problem '{problem.name}' has no [grid]: state flip_deg, phase_deg and delay_ms")
    return problem.grid


def _two_pulse_losses(problem: Problem, grid: Grid, voxels: Voxels) -> GridLosses:
    first, second = grid.phase
    tables = kernel.make_tables(
        tuple(axis.values for axis in grid.flip_angle),
        second.values - first.start,
        tuple(axis.values for axis in grid.delay),
        tuple(as_numpy(getattr(voxels, name)) for name in KERNEL_PROPERTIES),
    )
    factors = objective_factors(problem.objective, voxels)
    terms = kernel.Terms(
        factors.linear,
        factors.square,
        factors.mean,
        voxels.tissue.numpy(),
        np.array([pair[:2] for pair in factors.contrasts], np.int64).reshape(-1, 2),
        np.array([pair[2] for pair in factors.contrasts], np.float64),
        np.array(factors.penalties),
        factors.constant,
    )
    return lambda start, stop: kernel.losses(tables, terms, start, stop)


def _plain_losses(problem: Problem, grid: Grid, voxels: Voxels) -> GridLosses:
    step = max(1, BATCH_VOXELS // len(voxels))

    def losses(start: int, stop: int) -> np.ndarray:
        values = np.empty(stop - start)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            loss = problem.loss(grid.sequences(np.arange(first, last)), voxels)
            values[first - start : last - start] = loss.detach().numpy()
        return values

    return losses


def _visit(
    losses: GridLosses,
    grid: Grid,
    state: GridState,
    n_voxels: int,
    top: int,
    monitor: Monitor,
    save: Callable[[GridState], None],
) -> GridState:
    """Go on to the end, or until the monitor says stop; at least one chunk is done."""
    began, resumed, saved = time.perf_counter(), state, time.perf_counter()
    try:
        for next_, best in _chunks(losses, state.next, grid.n_points, max(1, CHUNK_VOXELS // n_voxels), top):
            now = time.perf_counter()
            seconds = resumed.seconds + now - began
            state = GridState(next_, merge(top, state.top, best), seconds)
            _tell(monitor, grid, state, (next_ - resumed.next) / (now - began))
            if monitor.stop():
                break
            if now - saved > SAVE_EVERY_S:
                save(state)
                saved = now
    finally:
        if state.next > resumed.next:
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
    monitor.on_progress(Progress(0, state.next, grid.n_points, best.loss, sequence, note))


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
