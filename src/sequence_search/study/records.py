"""Runs of a study, read from the folders of its seeds; rows and tables of them, as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sequence_search.storage import read_arrays
from sequence_search.strategies.operations import Operations, read_operations
from sequence_search.strategies.record import read_run
from sequence_search.strategies.result import Point, Run, best_run, failed
from sequence_search.study.seeds import HISTORY_FILE, read_result, read_status, seed_folder


def read_runs(study: Path, problem: str, seeds: Iterable[int]) -> list[Run]:
    """Runs of those seeds that are done or have failed."""
    runs = []
    for seed in seeds:
        folder = seed_folder(study, problem, seed)
        status, result = read_status(folder), read_result(folder)
        seconds = status.get("seconds", 0.0)
        if result is not None:
            history, operations = _read_history(folder / HISTORY_FILE)
            runs.append(replace(read_run(result, history, seconds), operations=operations))
        elif status.get("state") == "failed":
            runs.append(failed(seed, status["reason"], seconds))
    return runs


def _read_history(file: Path) -> tuple[tuple[Point, ...], Operations | None]:
    """Points and operations of history.npz; none if it is not there or damaged."""
    arrays = read_arrays(file) or {}
    if not set(Point._fields) <= set(arrays):
        return (), None
    steps, losses, evaluations, seconds = (arrays[name].tolist() for name in Point._fields)
    points = tuple(map(Point, map(int, steps), losses, map(int, evaluations), seconds))
    return points, read_operations(arrays)


def seed_row(problem: str, run: Run) -> dict[str, Any]:
    """A seed in one row; nothing in it depends on time."""
    best = run.families[0] if run.families else None
    return {
        "problem": problem,
        "seed": run.seed,
        "status": run.status,
        "loss": best and best.loss,
        "check_loss": best and best.check_loss,
        "n_rf": best and len(best.sequence.flip_angle),
        "relative_rf_energy": best and best.evaluation.relative_rf_energy,
        "time_to_readout_ms": best and best.evaluation.time_to_readout * 1e3,
        "families": len(run.families),
        "evaluations": run.n_evaluations,
        "sequence": str(best.sequence) if best else "",
        "reason": run.reason or "",
    }


def problem_row(problem: str, runs: list[Run]) -> dict[str, Any]:
    """A problem in one row."""
    best = best_run(runs)
    return {
        "problem": problem,
        "done": sum(run.status != "failed" for run in runs),
        "failed": sum(run.status == "failed" for run in runs),
        "best_loss": best and best.loss,
        "best_seed": best and best.seed,
        "sequence": str(best.sequence) if best else "",
    }


def csv_text(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV with a header."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]) if rows else ["problem", "seed"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def markdown_text(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table, losses with six decimals."""
    columns = list(rows[0])
    return markdown_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def markdown_table(heading: list[str], rows: list[list[str]]) -> str:
    """Rows of text as a Markdown table."""
    every = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |\n" for row in every)


def _cell(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else "" if value is None else str(value)
