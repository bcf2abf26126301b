"""The least loss that any search has found for a problem, with the sequence that proves it."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sequence_search import Problem, Sequence, builtin_problems, search
from sequence_search.storage import write_bytes
from sequence_search.strategies.result import Run

BEST_KNOWN = Path(__file__).parent / "best_known.json"
CLOSE = 0.005  # of the best-known loss: found
BETTER = 1e-9  # by which a loss must be lower to replace the best known
COLUMNS = ("flip_deg", "phase_deg", "delay_ms")
DIGITS = 8  # of a sequence as it is kept, which moves a loss by about 1e-9
REFERENCE_SEEDS = 3


@contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time read and write the files of the benchmark, so that several may measure."""
    folder = os.open(BEST_KNOWN.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def read_best_known() -> dict[str, dict[str, Any]]:
    """Entries by problem; none at first."""
    return json.loads(BEST_KNOWN.read_text()) if BEST_KNOWN.exists() else {}


def is_found(loss: float, known: float) -> bool:
    """Whether a loss comes within 0.5 % of the best known."""
    return loss <= known + CLOSE * abs(known)


def update_best_known(problem: Problem, label: str, runs: Iterable[Run]) -> None:
    """Keep the best of these runs if it is better than what is known of the problem, and than no pulse."""
    entry, nothing = _entry(problem), math.inf
    if not problem.has_layouts:
        nothing = problem.evaluate(Sequence.from_degrees_ms([], [], [])).loss
    for run in runs:
        if run.sequence is None:
            continue
        stated = run.sequence.to_dict()
        for key in COLUMNS:
            stated[key] = [float(f"{each:.{DIGITS}g}") for each in stated[key]]
        loss = problem.evaluate(Sequence.from_dict(stated)).loss
        if loss < entry.get("loss", nothing) - BETTER:
            entry |= {"loss": float(f"{loss:.10g}"), "strategy": label, "seed": run.seed, "sequence": stated}
    if "loss" in entry:
        entries = read_best_known() | {problem.name: entry}
        lines = (f"{json.dumps(name)}: {json.dumps(each, allow_nan=False)}" for name, each in entries.items())
        write_bytes(BEST_KNOWN, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def _entry(problem: Problem) -> dict[str, Any]:
    """What is known of a problem as it is now; a built-in one has its two-pulse reference."""
    entry = read_best_known().get(problem.name, {})
    if entry.get("problem_sha256") == problem.digest:
        return entry
    entry = {"problem_sha256": problem.digest}
    return entry | {"two_pulse": two_pulse_optimum(problem)} if problem.name in builtin_problems() else entry


def two_pulse_optimum(problem: Problem) -> float:
    """Loss of the best sequence of two pulses without its RF-number term, the reference of "successful"."""
    two = replace(problem, search_space=replace(problem.search_space, max_rf=2))
    best = search(two, seeds=range(REFERENCE_SEEDS)).best
    assert best.evaluation is not None
    return best.loss - best.evaluation.terms.get("rf_number", 0.0)
