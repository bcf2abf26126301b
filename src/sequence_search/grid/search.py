"""Grid search: every sequence on a grid, the best few kept, the best polished. Sequence Search, Sec. II.E.4.

Points are computed from their index, a chunk at a time, and never listed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sequence_search.checks import check_type
from sequence_search.grid.losses import (
    GRID_N_PER_TISSUE,
    GridPoint,
    best_points,
    grid_of,
    merge,
    prepare_grid,
)
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.storage import read_arrays, write_arrays
from sequence_search.strategies.base import Meter, Monitor, Progress, Settings, State
from sequence_search.strategies.drive import drive
from sequence_search.strategies.evaluator import Evaluator
from sequence_search.strategies.refine import polish
from sequence_search.strategies.result import Design
from sequence_search.voxels import PROPERTIES, Voxels

CHUNK_VOXELS = 2**26  # points times voxels of a chunk: some tenths of a second
SAVE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class GridResult:
    """Outcome of a grid search."""

    problem: Problem
    n_done: int  # points visited, of `problem.grid.n_points`
    n_per_tissue: int  # Sobol voxels over which the points were compared
    seconds: float  # wall time of the points, including that before an interruption
    top: tuple[GridPoint, ...]  # best first; of equal losses the lower index first
    optimum: Design  # the best point, over the standard ensemble
    polished: Design | None  # refined by gradient, off the grid; None if interrupted

    @property
    def status(self) -> Literal["done", "interrupted"]:
        """Whether every point was visited and the best polished."""
        return "interrupted" if self.polished is None else "done"

    def sequences(self) -> list[Sequence]:
        """Of the best points, best first."""
        grid = grid_of(self.problem)
        return [grid.sequences(np.array(point.index)) for point in self.top]


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
        If the problem has no grid or one outside its search space, its sequences have layouts, a number is
        below 1, no loss is finite, or the state file is of another grid search.
    """
    check_type(problem, Problem)
    problem.refuse_layouts("a grid search")
    if top < 1:
        raise ValueError(f"top must be at least 1, got {top}")
    voxels = problem.voxels(n_per_tissue)
    checkpoint = None if state_file is None else StateFile(state_file, _key(problem, voxels, top))
    settings = Settings(monitor=monitor or Monitor(), checkpoint=checkpoint)
    with closing(GridSearch(problem, voxels, n_per_tissue, top)) as search:
        result = drive(search, (), settings)
    if state_file is not None and result.polished is not None:
        state_file.unlink(missing_ok=True)
    return result


@dataclass(frozen=True, slots=True)
class GridState:
    """All points before `step` are done; the best of them, best first."""

    step: int = 0
    top: tuple[GridPoint, ...] = ()


class GridSearch:
    """The points of a grid in chunks, as many at a time as torch has threads: a `Search`."""

    def __init__(self, problem: Problem, voxels: Voxels, n_per_tissue: int, top: int) -> None:
        self._problem, self._grid = problem, grid_of(problem)
        self._n_per_tissue, self._top = n_per_tissue, top
        self._losses = prepare_grid(problem, voxels)
        self._size = max(1, CHUNK_VOXELS // len(voxels))
        self._chunks: Generator[tuple[int, tuple[GridPoint, ...]]] | None = None
        self._began, self._first = 0.0, 0

    def init(self, seeds: tuple[int, ...]) -> GridState:
        """No point done; a grid has no seeds."""
        return GridState()

    def is_over(self, state: GridState) -> bool:
        """Whether all points are done."""
        return state.step == self._grid.n_points

    def step(self, state: GridState, meter: Meter) -> GridState:
        """One chunk more."""
        if self._chunks is None:
            self._chunks, self._began, self._first = self._run(state.step), time.perf_counter(), state.step
        done, best = next(self._chunks)
        return GridState(done, merge(self._top, state.top, best))

    def progress(self, state: GridState) -> Progress | None:
        """Best point so far; steps are points."""
        if not state.top:
            return None
        best, n_points = state.top[0], self._grid.n_points
        rate = (state.step - self._first) / (time.perf_counter() - self._began)
        note = f"{rate / 1e6:.2f} million points/s, {(n_points - state.step) / rate:.0f} s left"
        sequence = self._grid.sequences(np.array(best.index))
        return Progress(0, state.step, n_points, best.loss, sequence, note, "point")

    def finish(self, state: GridState, meter: Meter) -> GridResult:
        """The best point and, unless the search was stopped, its polish, on the standard ensemble."""
        if not state.top:
            raise ValueError(f"no point of the grid of '{self._problem.name}' has a finite loss")
        problem, seconds = self._problem, meter.seconds
        evaluator = Evaluator(problem, "auto")
        found = evaluator.evaluate([self._grid.sequences(np.array(state.top[0].index))])
        is_over = self.is_over(state)
        if is_over:
            loss_and_gradient = problem.loss_and_gradient(problem.voxels())
            _, refined = polish(loss_and_gradient, problem.search_space, found[0].sequence, meter=meter)
            found += evaluator.clean([refined])
        designs = evaluator.designs(found)
        polished = min(reversed(designs), key=lambda design: design.loss) if is_over else None
        return GridResult(problem, state.step, self._n_per_tissue, seconds, state.top, designs[0], polished)

    def close(self) -> None:
        """End the threads."""
        if self._chunks is not None:
            self._chunks.close()

    def _run(self, start: int) -> Generator[tuple[int, tuple[GridPoint, ...]]]:
        """End and best points of each chunk, in order."""
        n_threads = torch.get_num_threads()
        size, n_points = self._size, self._grid.n_points
        ranges = ((first, min(first + size, n_points)) for first in range(start, n_points, size))
        pool = ThreadPoolExecutor(n_threads)
        chunks = (
            (stop, pool.submit(best_points, self._losses, first, stop, self._top)) for first, stop in ranges
        )
        try:
            # One more than threads, so that none waits for the results to be merged.
            running = deque(islice(chunks, n_threads + 1))
            while running:
                stop, best = running.popleft()
                yield stop, best.result()
                running.extend(islice(chunks, 1))
        finally:
            pool.shutdown(cancel_futures=True)


class StateFile:
    """Where a grid search goes on from: a checkpoint of its own, written every few seconds."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key, self._saved = path, key, time.perf_counter()

    def load(self) -> State | None:
        """State last saved; None if there is no file.

        Raises
        ------
        ValueError
            If the file cannot be read, or is of another grid.
        """
        if not self._path.exists():
            return None
        content: dict[str, Any] = read_arrays(self._path) or {}
        if "grid_sha256" not in content:
            raise ValueError(f"{self._path} is not the state of a grid search: remove it")
        if content["grid_sha256"] != self._key:
            raise ValueError(
                f"{self._path} is of another grid search (problem, grid, voxels or number of best points"
                " differ): remove it to begin anew, or choose another folder"
            )
        return content

    def due(self) -> bool:
        """Every few seconds."""
        return time.perf_counter() - self._saved > SAVE_EVERY_S

    def save(self, state: State) -> None:
        """Write the file, aside and then into place."""
        write_arrays(self._path, state | {"grid_sha256": self._key})
        self._saved = time.perf_counter()


def _key(problem: Problem, voxels: Voxels, top: int) -> str:
    """SHA-256 of all that the best points depend on."""
    digest = hashlib.sha256(f"{problem.digest} {top}".encode())
    digest.update(json.dumps(asdict(grid_of(problem))).encode())
    for name in (*PROPERTIES, "tissue", "weight"):
        digest.update(getattr(voxels, name).numpy().tobytes())
    return digest.hexdigest()
