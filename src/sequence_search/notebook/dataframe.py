"""Designs of a search as a table of pandas."""

from __future__ import annotations

from typing import Any

from sequence_search.classify import category_text
from sequence_search.extras import imported
from sequence_search.problem.problem import Problem
from sequence_search.strategies.result import Design, Run, SearchResult


def dataframe(result: SearchResult) -> Any:
    """A row for each design of each seed, best first, and one for a seed without a design.

    Times are in ms, RF energies relative to 90°-180°, signals |Mxy| of nominal voxels [a.u.]; `part_...` are
    the weighted parts of the loss.
    """
    pandas = imported("pandas", "notebook", "to_dataframe")
    rows = []
    for run in result.runs:
        designs = [
            _run_columns(run) | _design_columns(result.problem, number, design)
            for number, design in enumerate(run.families, start=1)
        ]
        rows += designs or [_run_columns(run)]
    return pandas.DataFrame(rows)


def _run_columns(run: Run) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "status": run.status,
        "reason": run.reason or "",
        "seconds": run.seconds,
        "evaluations": run.n_evaluations,
    }


def _design_columns(problem: Problem, number: int, design: Design) -> dict[str, Any]:
    found = design.evaluation
    return {
        "design": number,
        "loss": design.loss,
        "check_loss": design.check_loss,
        "meets_limits": found.meets_limits,
        **{f"signal_{tissue}": value for tissue, value in found.signal.items()},
        **{f"part_{term}": value for term, value in found.terms.items()},
        "n_rf": design.sequence.flip_angle.shape[-1],
        "relative_rf_energy": found.relative_rf_energy,
        "time_to_readout_ms": 1e3 * found.time_to_readout,
        "category": category_text(design.sequence, problem.categories),
        "sequence": str(design.sequence),
    }
