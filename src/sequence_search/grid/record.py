"""Outcome of a grid search as plain data and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sequence_search.grid.losses import grid_of
from sequence_search.grid.search import GridResult
from sequence_search.problem.problem import STANDARD_N_PER_TISSUE
from sequence_search.problem.writing import write_table
from sequence_search.storage import write_json
from sequence_search.strategies.evaluator import CHECK_N_PER_TISSUE
from sequence_search.strategies.record import design_record, environment

GRID_FILE = "grid.json"


def grid_record(result: GridResult) -> dict[str, Any]:
    """The content of grid.json; `polished` is null if the search was interrupted."""
    points = zip(result.top, result.sequences(), strict=True)
    return {
        "problem": result.problem.name,
        "problem_sha256": result.problem.digest,
        "grid": write_table("grid", grid_of(result.problem)),
        "status": result.status,
        "n_points": grid_of(result.problem).n_points,
        "n_done": result.n_done,
        "grid_ensemble": f"{result.n_per_tissue} Sobol voxels per tissue",
        "ensemble": f"{STANDARD_N_PER_TISSUE} Sobol voxels per tissue",
        "check_ensemble": f"{CHECK_N_PER_TISSUE} others per tissue",
        "seconds": result.seconds,
        **environment(),
        "top": [
            {"loss": point.loss, "index": point.index, "sequence": sequence.to_dict()}
            for point, sequence in points
        ],
        "optimum": design_record(result.optimum),
        "polished": None if result.polished is None else design_record(result.polished),
    }


def save_grid(result: GridResult, folder: Path) -> Path:
    """Write grid.json, aside and then into place.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_json(folder / GRID_FILE, grid_record(result))
    return folder / GRID_FILE
