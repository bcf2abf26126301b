"""Grid optima that the designs of a study are measured by, each computed once and kept in the study."""

from __future__ import annotations

from pathlib import Path

from sequence_search.grid.losses import grid_of
from sequence_search.grid.record import grid_record
from sequence_search.grid.search import grid_search
from sequence_search.problem.problem import Problem
from sequence_search.problem.writing import write_table
from sequence_search.storage import read_json, write_json
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.record import read_design
from sequence_search.strategies.result import Design
from sequence_search.study.plan import DERIVED

GRIDS = f"{DERIVED}/grid"


def grid_optimum(folder: Path, problem: Problem, monitor: Monitor | None = None) -> Design | None:
    """Best point of a problem's grid, from `derived/grid/` of a study, or searched for and put there.

    None if the problem has no grid, or the search was stopped; it then goes on from there the next time.
    A StorageError if a file cannot be written.
    """
    if problem.grid is None:
        return None
    stored = stored_optimum(folder, problem)
    if stored is not None:
        return stored
    state_file = folder / GRIDS / f"{problem.name}-state.npz"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    result = grid_search(problem, monitor=monitor, state_file=state_file)
    if result.status != "done":
        return None
    write_json(_file(folder, problem), grid_record(result))
    # As read, whose last digits are rounded: tables made now and later are the same.
    return stored_optimum(folder, problem)


def stored_optimum(folder: Path, problem: Problem) -> Design | None:
    """Best point as kept; None if it is not there, damaged, or of another problem or grid."""
    record = read_json(_file(folder, problem))
    if record is None:
        return None
    known = {
        "problem_sha256": problem.digest,
        "grid": write_table("grid", grid_of(problem)),
        "status": "done",
    }
    return read_design(record["optimum"]) if known.items() <= record.items() else None


def _file(folder: Path, problem: Problem) -> Path:
    return folder / GRIDS / f"{problem.name}.json"
