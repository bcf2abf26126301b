"""The beginning of a study: its plan checked, compared with one that is there, and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sequence_search.engines.simulator import ENGINE_NAMES
from sequence_search.problem.problem import Problem
from sequence_search.problem.units import toml_text
from sequence_search.storage import SCHEMA_VERSION, StudyError, write_bytes, write_json
from sequence_search.strategies import make_strategy
from sequence_search.strategies.record import environment
from sequence_search.study.plan import (
    DERIVED,
    FACTS_FILE,
    LOCK_FILE,
    PLAN_FILE,
    Plan,
    differences,
    ranges_text,
)
from sequence_search.study.run import make_problem
from sequence_search.study.seeds import now

# The seeds of `proxyless` step as one batch, whose size is part of the study: a step of 50 seeds of the fast
# schedule costs twice one of 8. More workers than batches are of no use: the paper's 100 seeds are two.
BATCH_SIZES = {"proxyless": 50}
HEADER = "# Written by sequence-search; the command that made the study may add seeds.\n"


def make_plan(
    problems: tuple[Problem, ...],
    strategy: str,
    engine: str,
    seeds: Iterable[int],
    max_seconds: float,
    max_evaluations: float,
    options: dict[str, Any],
) -> Plan:
    """Plan of what was asked for, checked."""
    names = [problem.name for problem in problems]
    if not names or len(set(names)) < len(names) or DERIVED in names:
        raise StudyError(f"a study needs problems of different names, none '{DERIVED}', got {names}")
    numbers = tuple(dict.fromkeys(int(seed) for seed in seeds))
    if not numbers or min(numbers) < 0:
        raise StudyError(f"a study needs at least one seed, none negative, got {list(numbers)}")
    if not (max_seconds > 0 and max_evaluations > 0):
        raise StudyError(
            f"max_seconds and max_evaluations must be above 0, got {max_seconds} and {max_evaluations}"
        )
    if engine not in ENGINE_NAMES:
        raise StudyError(f"engine must be one of {', '.join(ENGINE_NAMES)}, got {engine!r}")
    return Plan(
        problems={problem.name: problem.to_dict() for problem in problems},
        strategy=strategy,
        engine=engine,
        options=_plain(asdict(make_strategy(strategy, options, *problems))),
        seeds=(numbers,),
        batch_size=BATCH_SIZES.get(strategy, 1),
        max_seconds=max_seconds,
        max_evaluations=max_evaluations,
    )


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Tuples as lists, as TOML reads them back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def check_new(folder: Path) -> None:
    """Refuse a folder with files in it that are not of a study that was just being made."""
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, not a folder: choose another")
    others = [path.name for path in folder.iterdir()] if folder.exists() else []
    others = sorted(name for name in others if name not in (FACTS_FILE, LOCK_FILE) and name[0] != ".")
    if others:
        raise StudyError(
            f"{folder} holds {', '.join(others[:4])} but no {PLAN_FILE}: choose a new or an empty folder"
        )


def join_plans(folder: Path, stored: Plan, given: Plan) -> Plan:
    """The plan that is there, with the seeds that are new.

    Raises
    ------
    StudyError
        If they differ in anything else.
    """
    lines = differences(_comparable(stored, given), _comparable(given, stored))
    missing = sorted(set(stored.all_seeds) - set(given.all_seeds))
    if missing and set(given.all_seeds) != set(stored.all_seeds):
        asked = ranges_text(given.all_seeds)
        lines.append(f"seeds: {ranges_text(stored.all_seeds)} in the study, {asked} asked for")
    if lines:
        raise StudyError(
            "\n".join(
                [
                    f"{folder} holds a study that differs from what is asked for:",
                    *(f"  {line}" for line in lines),
                    "ask for the same (seeds may be added), or choose another folder",
                ]
            )
        )
    new = tuple(seed for seed in given.all_seeds if seed not in set(stored.all_seeds))
    return replace(stored, seeds=(*stored.seeds, new)) if new else stored


def _comparable(plan: Plan, other: Plan) -> dict[str, Any]:
    """Tables without seeds and batch size, which a study keeps, and of equal problems nothing."""
    tables = plan.to_dict()
    del tables["seeds"], tables["batch_size"]
    tables["problems"] = {
        name: "the same"
        if name in other.problems and make_problem(plan, name).digest == make_problem(other, name).digest
        else problem
        for name, problem in plan.problems.items()
    }
    return tables


def write_plan(folder: Path, plan: Plan) -> None:
    """The plan comes last: its presence makes the folder a study."""
    text = f"{HEADER}{toml_text(plan.to_dict())}"
    if not (folder / FACTS_FILE).exists():
        digests = {name: make_problem(plan, name).digest for name in plan.problems}
        facts = {"schema_version": SCHEMA_VERSION, "problems": digests, **environment(), "created": now()}
        write_json(folder / FACTS_FILE, facts)
    if not (folder / PLAN_FILE).exists() or (folder / PLAN_FILE).read_text(encoding="utf-8") != text:
        write_bytes(folder / PLAN_FILE, text.encode())
