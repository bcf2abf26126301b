"""Sequence Search: automated MR pulse-sequence design through an exact, differentiable Bloch simulation."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequence_search.objective import Objective, Term
    from sequence_search.problem import Evaluation, Problem
    from sequence_search.problem_file import ProblemError
    from sequence_search.problem_library import builtin_problems
    from sequence_search.search import search
    from sequence_search.search.base import Monitor, Progress
    from sequence_search.search.grid import GridResult, grid_search
    from sequence_search.search.result import Run, SearchResult
    from sequence_search.search_space import Axis, Grid, SearchSpace
    from sequence_search.sequence import Sequence
    from sequence_search.simulate import evolve, simulate
    from sequence_search.study.grid_record import save_grid
    from sequence_search.study.study import Study
    from sequence_search.tissue import Imaging, Tissue
    from sequence_search.voxels import Voxels

# Loaded on first use: the command line answers `--help` without torch.
_HOME = {
    "Axis": "search_space",
    "Evaluation": "problem",
    "Grid": "search_space",
    "GridResult": "search.grid",
    "Imaging": "tissue",
    "Monitor": "search.base",
    "Objective": "objective",
    "Problem": "problem",
    "ProblemError": "problem_file",
    "Progress": "search.base",
    "Run": "search.result",
    "SearchResult": "search.result",
    "SearchSpace": "search_space",
    "Sequence": "sequence",
    "Term": "objective",
    "Tissue": "tissue",
    "Voxels": "voxels",
    "builtin_problems": "problem_library",
    "Study": "study.study",
    "save_grid": "study.grid_record",
    "evolve": "simulate",
    "grid_search": "search.grid",
    "search": "search",
    "simulate": "simulate",
}
__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'sequence_search' has no attribute '{name}'")
    return getattr(import_module(f"sequence_search.{_HOME[name]}"), name)


class _Package(ModuleType):
    """Keeps `search` and `simulate` the functions of that name when their modules are imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
