"""Time and peak memory of a grid search, beside the plain engine on points of the same grid.

python benchmarks/grid.py                     # largest grid of Table IV; saves benchmarks/results/grid.json
python benchmarks/grid.py --problem max-signal --out out/grid.json
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import machine

from sequence_search import Problem
from sequence_search.grid.losses import GRID_N_PER_TISSUE, grid_of, prepare_grid
from sequence_search.grid.search import grid_search

RESULTS = Path(__file__).parent / "results" / "grid.json"
PLAIN_POINTS = 1024
PLAIN_CALLS = 5  # before the grid search, and as many after it
ROUNDING = 1e-12


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--problem", default="gm-wm-t2-w30")
    parser.add_argument("--n-per-tissue", type=int, default=GRID_N_PER_TISSUE)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    record = measure(Problem.load(arguments.problem), arguments.n_per_tissue)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


def measure(problem: Problem, n_per_tissue: int) -> dict[str, Any]:
    """Wall times, their ratio for a point, and the peak resident memory of this process."""
    grid, voxels = grid_of(problem), problem.voxels(n_per_tissue)
    # Compile, or load the compiled code, outside the time; and no time without agreement.
    index = np.random.default_rng(0).integers(0, grid.n_points, PLAIN_POINTS)
    batch, losses = grid.sequences(index), prepare_grid(problem, voxels)
    plain = problem.loss(batch, voxels).numpy()
    difference = max(abs(float(losses(i, i + 1)[0]) - plain[k]) for k, i in enumerate(index[:200].tolist()))
    if difference > ROUNDING:
        raise ValueError(f"the grid's losses differ from the plain ones by {difference:g}")
    quiet, seconds = machine.Quiet(), []
    seconds += [plain_seconds(problem, batch, voxels) for _ in range(PLAIN_CALLS)]
    result = grid_search(problem, n_per_tissue=n_per_tissue)
    seconds += [plain_seconds(problem, batch, voxels) for _ in range(PLAIN_CALLS)]
    by_point = result.seconds / grid.n_points
    plain_by_point = min(seconds) / PLAIN_POINTS
    return {
        "problem": problem.name,
        "n_points": grid.n_points,
        "n_voxels": len(voxels),
        "seconds": round(result.seconds, 2),
        "nanoseconds_per_point_and_voxel": round(1e9 * by_point / len(voxels), 3),
        "plain_nanoseconds_per_point_and_voxel": round(1e9 * plain_by_point / len(voxels), 3),
        "plain_over_grid": round(plain_by_point / by_point, 1),
        "largest_difference": difference,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": torch.get_num_threads(),
        "processors_busy_with_others": quiet.others(),
        **machine.describe(),
    }


def plain_seconds(problem: Problem, batch: Any, voxels: Any) -> float:
    """Wall time of the losses of a batch by `Problem.loss`."""
    began = time.perf_counter()
    problem.loss(batch, voxels)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
