"""The beginning of a study: its plan checked, compared with one that is there, and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sequence_search.engines.by_name import check_engine
from sequence_search.problem.errors import keys_of
from sequence_search.problem.legacy import legacy_digest
from sequence_search.problem.library import toml_text
from sequence_search.problem.problem import Problem
from sequence_search.problem.schema import TABLES
from sequence_search.storage import SCHEMA_VERSION, StudyError, write_bytes, write_json
from sequence_search.strategies import make_strategy
from sequence_search.strategies.base import check_budget
from sequence_search.strategies.record import environment
from sequence_search.study.plan import (
    DERIVED,
    FACTS_FILE,
    LOCK_FILE,
    PLAN_FILE,
    Plan,
    ranges_text,
    read_files,
    read_tables,
)
from sequence_search.study.seeds import now

LONGEST_VALUE = 60  # characters of a value in a difference
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
    check_budget(max_seconds, max_evaluations)
    check_engine(engine)
    made = make_strategy(strategy, options, *problems)
    return Plan(
        problems={problem.name: problem.to_dict() for problem in problems},
        strategy=strategy,
        engine=engine,
        options=asdict(made),
        seeds=(numbers,),
        batch_size=made.batch_size,
        max_seconds=max_seconds,
        max_evaluations=max_evaluations,
    )


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


def make_problem(plan: Plan, name: str) -> Problem:
    """Problem of a study, from its tables."""
    return Problem.from_toml(toml_text(plan.problems[name]), f"problem '{name}' of the study")


def read_problems(folder: Path, plan: Plan) -> dict[str, Problem]:
    """Problems of a study by name; a StudyError if the hash of one is not that which it began with."""
    facts, _ = read_files(folder)
    problems = {name: make_problem(plan, name) for name in plan.problems}
    for name, problem in problems.items():
        began = facts["problems"].get(name, "nothing")
        digest = legacy_digest(problem) if facts.get("hashed") == "types" else problem.digest
        if began != digest:
            raise StudyError(
                f"{folder / PLAN_FILE}: problem '{name}' is not the one that the study began with: its hash "
                f"is {digest[:12]}, in {FACTS_FILE} {began[:12]}; undo the change, or begin another study"
            )
    return problems


def add_seeds(folder: Path, stored: Plan, given: Plan) -> None:
    """Add the seeds that a study does not have; all else stays as it is there, in the format it was made in.

    A StudyError with each difference if what is asked for differs in anything else.
    """
    before, after = _settings(stored), _settings(given)
    if stored.strategy != given.strategy:  # whose options are of other names
        del before["options"], after["options"]
    lines = [*differences(before, after), *_differences_of_problems(stored, given)]
    if not set(stored.all_seeds) <= set(given.all_seeds):
        asked = ranges_text(given.all_seeds)
        lines.append(f"seeds: {ranges_text(stored.all_seeds)} in the study, {asked} asked for")
    if lines:
        raise StudyError(
            f"{folder} holds a study that differs from what is asked for:\n"
            + "".join(f"  {line}\n" for line in lines)
            + "choose another folder (--out), or ask for the same, to which seeds may be added"
        )
    new = [seed for seed in given.all_seeds if seed not in set(stored.all_seeds)]
    if new:
        append_seeds(folder, new)


def append_seeds(folder: Path, seeds: Iterable[int]) -> None:
    """Add a batch of seeds to the plan of a study."""
    tables = read_tables(folder)
    _write_tables(folder, tables | {"seeds": [*tables["seeds"], ranges_text(seeds)]})


def _settings(plan: Plan) -> dict[str, Any]:
    """What must be the same of seeds added later, with every option, also those that came after the study."""
    kept = ("strategy", "engine", "max_seconds", "max_evaluations")
    of_plan = {name: value for name, value in plan.to_dict().items() if name in kept}
    return of_plan | {"options": asdict(make_strategy(plan.strategy, plan.options))}


def _differences_of_problems(stored: Plan, given: Plan) -> Iterator[str]:
    """Lines in the words of problem files; of what affects no result nothing."""
    if set(stored.problems) != set(given.problems):
        yield f"problems: {', '.join(stored.problems)} in the study, {', '.join(given.problems)} asked for"
        return
    for name in stored.problems:
        before, after = make_problem(stored, name), make_problem(given, name)
        if before.digest != after.digest:
            free = dict.fromkeys(("title", "grid", "category"))
            where = f"{name}: " if len(stored.problems) > 1 else ""
            tables = [each.to_dict() | free for each in (before, after)]
            for key in before.search_space.ranges_that_follow & after.search_space.ranges_that_follow:
                for each in tables:  # nobody stated it: the difference is of the bound
                    del each["search_space"][keys_of(TABLES["search_space"])[key]]
            for line in differences(tables[0], tables[1]):
                yield where + line


def differences(stored: object, given: object, where: str = "") -> Iterator[str]:
    """Lines that say where two tables differ, key by key, as "objective[2].weight: 1 in the study, ..."."""
    if isinstance(stored, dict) and isinstance(given, dict):
        for key in [*stored, *(key for key in given if key not in stored)]:
            yield from differences(stored.get(key), given.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(stored, list | tuple) and isinstance(given, list | tuple):
        for number, pair in enumerate(zip_longest(stored, given), start=1):
            yield from differences(*pair, f"{where}[{number}]")
    elif stored != given:
        yield f"{where}: {_in_short(stored)} in the study, {_in_short(given)} asked for"


def _in_short(value: object) -> str:
    """As in a TOML file, up to sixty characters."""
    if isinstance(value, dict):
        text = f"{{{', '.join(f'{key} = {_in_short(each)}' for key, each in value.items())}}}"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(_in_short, value))}]"
    elif isinstance(value, float):
        text = f"{value:.12g}"
    else:
        text = "nothing" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the files of a new study, the plan last: its presence makes the folder a study."""
    digests = {name: make_problem(plan, name).digest for name in plan.problems}
    facts = {"schema_version": SCHEMA_VERSION, "problems": digests, **environment(), "created": now()}
    write_json(folder / FACTS_FILE, facts)
    _write_tables(folder, plan.to_dict())


def _write_tables(folder: Path, tables: dict[str, Any]) -> None:
    write_bytes(folder / PLAN_FILE, f"{HEADER}{toml_text(tables)}".encode())
