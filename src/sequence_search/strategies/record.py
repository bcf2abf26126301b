"""Search results as plain data, and back."""

from __future__ import annotations

import functools
import math
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from sequence_search.classify import category_text
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import STANDARD_N_PER_TISSUE, Problem
from sequence_search.problem.wishes import Wish
from sequence_search.sequence import Sequence
from sequence_search.storage import SCHEMA_VERSION
from sequence_search.strategies.evaluator import n_check
from sequence_search.strategies.result import Design, Point, Run, SearchResult, Verdict

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
    """What `evaluate` prints as JSON; signals in the unit of m0, energy in rad² and relative to 90°-180°.

    `wishes` are there where the problem has limits.
    """
    record = asdict(evaluation)
    record["time_to_readout_ms"] = record.pop("time_to_readout") * 1e3
    wishes = record.pop("wishes")
    return record | {"wishes": list(wishes)} if wishes else record


def run_record(problem: Problem, run: Run) -> dict[str, Any]:
    """One run: its best design, then all families found; what a failed run does not have is null.

    `category` is of the best design by its structure; whether it succeeds only a grid can tell.
    """
    record: dict[str, Any] = {"seed": run.seed, "status": run.status}
    if run.reason is not None:
        record["reason"] = run.reason
    record["category"] = None if run.sequence is None else category_text(run.sequence, problem.categories)
    record |= design_record(run.families[0]) if run.families else dict.fromkeys(DESIGN_KEYS)
    return record | {
        "seconds": run.seconds,
        "evaluations": run.n_evaluations,
        "families": [design_record(design) for design in run.families],
    }


def design_record(design: Design) -> dict[str, Any]:
    """A design with its losses over both ensembles."""
    record = dict.fromkeys(DESIGN_KEYS) | evaluation_record(design.evaluation)
    record |= {"check_loss": design.check_loss, "repolished": design.repolished}
    return record | {"sequence": design.sequence.to_dict()}


def result_record(result: SearchResult, made_with: dict[str, Any] | None = None) -> dict[str, Any]:
    """A search in full, in memory or of a study: what `run --format json` prints, `docs/results.md`.

    `made_with` is the `environment` of the process that made it, if that is not this one.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "problem": result.problem.name,
        "problem_sha256": result.problem.digest,
        "strategy": result.strategy,
        "options": result.options,
        "engine": result.engine,
        "ensemble": f"{STANDARD_N_PER_TISSUE} Sobol voxels per tissue",
        "check_ensemble": f"{n_check(result.problem)} others per tissue",
        **(made_with or environment()),
        "verdict": verdict_record(result.verdict),
        "runs": [run_record(result.problem, run) for run in result.runs],
    }


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """Whether the runs agree, each an island; `docs/results.md`."""
    return asdict(verdict) | {"chance_left": verdict.chance_left, "verdict": verdict.word}


def seed_record(problem: Problem, run: Run) -> dict[str, Any]:
    """The content of a seed's result.json: nothing in it depends on the machine's speed or the clock."""
    record = run_record(problem, run)
    del record["seconds"]
    made_of = {"schema_version": SCHEMA_VERSION, "problem": problem.name, "problem_sha256": problem.digest}
    return made_of | record


def read_run(record: dict[str, Any], history: tuple[Point, ...], seconds: float) -> Run:
    """Run of a `seed_record`; time and history stand elsewhere."""
    return Run(
        seed=record["seed"],
        status=record["status"],
        families=tuple(read_design(each) for each in record["families"]),
        seconds=seconds,
        n_evaluations=record["evaluations"],
        history=history,
        reason=record.get("reason"),
    )


def read_result(record: dict[str, Any], problem: Problem) -> SearchResult:
    """Search of a `result_record`; its course is not in it.

    Raises
    ------
    ValueError
        If it is of another schema, of another problem, or of this one with other numbers.
    KeyError
        If something is missing.
    """
    if record.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"schema_version must be {SCHEMA_VERSION}, got {record.get('schema_version')!r}")
    if record["problem_sha256"] != problem.digest:
        was, now = record["problem_sha256"][:12], problem.digest[:12]
        raise ValueError(f"is of '{record['problem']}' ({was}), not of '{problem.name}' ({now})")
    runs = tuple(read_run(each, (), each["seconds"]) for each in record["runs"])
    return SearchResult(problem, record["strategy"], runs, record["options"], record["engine"])


def read_design(record: dict[str, Any]) -> Design:
    """Design of a `design_record`."""
    evaluation = Evaluation(
        loss=record["loss"],
        terms=record["terms"],
        signal=record["signal"],
        rf_energy=record["rf_energy"],
        relative_rf_energy=record["relative_rf_energy"],
        time_to_readout=record["time_to_readout_ms"] / 1e3,
        wishes=tuple(Wish(**wish) for wish in record.get("wishes", ())),
    )
    # JSON has no number that is none, which a loss on other voxels may be.
    check_loss = math.nan if record["check_loss"] is None else float(record["check_loss"])
    return Design(Sequence.from_dict(record["sequence"]), evaluation, check_loss, record["repolished"])


@functools.cache
def environment() -> dict[str, Any]:
    """Say with what this process computes, and on what: `versions` and `device`."""
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        "device": f"cpu ({platform.machine()})",
    }
