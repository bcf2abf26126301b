"""Search results as plain data and as files."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sequence_search.objective import TERMS
from sequence_search.problem import STANDARD_N_PER_TISSUE, Evaluation
from sequence_search.search.base import Design, Run, SearchResult
from sequence_search.search.finish import CHECK_N_PER_TISSUE

RESULT_FILES = ("problem.toml", "sequence.png", "result.json")
DESIGN_KEYS = (
    "loss",
    "check_loss",
    "repolished",
    "terms",
    "sequence",
    "signal",
    "rf_energy",
    "relative_rf_energy",
    "time_to_readout_ms",
)
LIBRARIES = ("sequence-search", "torch", "numpy", "scipy", "numba")


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """What `evaluate` prints as JSON; signals in the unit of m0, energy in rad² and relative to 90°-180°."""
    return {
        "loss": evaluation.loss,
        "terms": evaluation.terms,
        "signal": evaluation.signal,
        "rf_energy": evaluation.rf_energy,
        "relative_rf_energy": evaluation.relative_rf_energy,
        "time_to_readout_ms": evaluation.time_to_readout * 1e3,
    }


def run_record(run: Run, *, history: bool = True) -> dict[str, Any]:
    """One run: its best design, then all families found; what a failed run does not have is null."""
    record: dict[str, Any] = {"seed": run.seed, "status": run.status}
    if run.reason is not None:
        record["reason"] = run.reason
    record |= design_record(run.families[0]) if run.families else dict.fromkeys(DESIGN_KEYS)
    record |= {
        "seconds": run.seconds,
        "evaluations": run.n_evaluations,
        "families": [design_record(design) for design in run.families],
    }
    if history:
        record["history"] = [
            {**point._asdict(), "loss": point.loss if math.isfinite(point.loss) else None}
            for point in run.history
        ]
    return record


def design_record(design: Design) -> dict[str, Any]:
    """A design with its losses over both ensembles."""
    evaluation = evaluation_record(design.evaluation)
    return {
        "loss": evaluation.pop("loss"),
        "check_loss": design.check_loss,
        "repolished": design.repolished,
        "terms": evaluation.pop("terms"),
        "sequence": design.sequence.to_dict(),
        **evaluation,
    }


def result_record(result: SearchResult, *, history: bool = True) -> dict[str, Any]:
    """The content of result.json."""
    return {
        "problem": result.problem.name,
        "problem_sha256": result.problem.digest,
        "strategy": result.strategy,
        "options": result.options,
        "engine": result.engine,
        "ensemble": f"{STANDARD_N_PER_TISSUE} Sobol voxels per tissue",
        "check_ensemble": f"{CHECK_N_PER_TISSUE} others per tissue",
        **environment(),
        "runs": [run_record(run, history=history) for run in result.runs],
    }


def save_result(result: SearchResult, folder: Path) -> list[Path]:
    """Write problem.toml, sequence.png of the best run and result.json, which comes last.

    Without a run that ended well there is no picture; with a term that is a Python function there is no
    problem.toml. Files of an earlier result are replaced or removed. Each file is written aside and moved
    into place, so that none is ever half there.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    from sequence_search.report.figures import save_sequence_figure

    folder.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Callable[[Path], object]] = {}
    if all(term.function in TERMS.values() for term in result.problem.objective.terms):
        text = result.problem.to_toml()
        writers["problem.toml"] = lambda path: path.write_text(text, encoding="utf-8")
    best = min(result.runs, key=lambda run: run.loss)
    if best.sequence is not None:
        sequence, title = best.sequence, f"{result.problem.name}: loss {best.loss:.6f}"
        writers["sequence.png"] = lambda path: save_sequence_figure(sequence, result.problem, path, title)
    record = json.dumps(result_record(result), indent=2) + "\n"
    writers["result.json"] = lambda path: path.write_text(record, encoding="utf-8")
    for name in RESULT_FILES:
        if name in writers:
            _write(folder / name, writers[name])
        else:
            (folder / name).unlink(missing_ok=True)
    return [folder / name for name in writers]


def environment() -> dict[str, Any]:
    """With and on what a result was made."""
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "device": f"cpu ({platform.machine()})",
    }


def _write(target: Path, write: Callable[[Path], object]) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=target.suffix)
    os.close(descriptor)
    aside = Path(name)
    try:
        write(aside)
        aside.chmod(0o644)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
