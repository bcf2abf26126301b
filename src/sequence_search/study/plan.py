"""What a study computes: problems, strategy, seeds and budgets, read from its files of whatever format."""

from __future__ import annotations

import itertools
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sequence_search.storage import SCHEMA_VERSION, StudyError, read_json

PLAN_FILE, FACTS_FILE, LOCK_FILE, DERIVED = "study.toml", "study.json", "lock", "derived"
Tables = dict[str, Any]


def _hashed_types(facts: Tables, tables: Tables) -> tuple[Tables, Tables]:
    """Mark hashes of version 1, which were of the program's types; since then they are of problem files."""
    return facts | {"hashed": "types"}, tables


# Content of `study.json` and `study.toml` of each version as that of the next. Files stay as they are and are
# migrated whenever they are read; what is new, such as an option, has its default in studies before.
MIGRATIONS: dict[int, Callable[[Tables, Tables], tuple[Tables, Tables]]] = {1: _hashed_types}


class Task(NamedTuple):
    """Seeds of a problem that run as one batch: the unit of work, of locks and of checkpoints."""

    problem: str
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Content of `study.toml`; budgets are those of a seed, or of a batch, as for `search`."""

    problems: dict[str, dict[str, Any]]  # tables by name, every default written out, as in a problem file
    strategy: str
    engine: str
    options: dict[str, Any]  # every one, as the strategy takes it: with tuples where TOML has lists
    seeds: tuple[tuple[int, ...], ...]  # at first, and those added later, each time
    batch_size: int = 1  # seeds that run as one; it does not depend on workers, so that results do not
    max_seconds: float = math.inf
    max_evaluations: float = math.inf

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """Seeds of each problem."""
        return tuple(itertools.chain.from_iterable(self.seeds))

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All work, in a fixed order: problem by problem, batch by batch."""
        batches = [
            seeds[start : start + self.batch_size]
            for seeds in self.seeds
            for start in range(0, len(seeds), self.batch_size)
        ]
        return tuple(Task(problem, batch) for problem in self.problems for batch in batches)

    def to_dict(self) -> dict[str, Any]:
        """Tables of `study.toml`; a budget without limit is left out."""
        budgets = {"max_seconds": self.max_seconds, "max_evaluations": self.max_evaluations}
        return {
            "strategy": self.strategy,
            "engine": self.engine,
            "seeds": [ranges_text(seeds) for seeds in self.seeds],
            "batch_size": self.batch_size,
            **{name: limit for name, limit in budgets.items() if math.isfinite(limit)},
            "options": self.options,
            "problems": self.problems,
        }


def read_files(folder: Path) -> tuple[Tables, Tables]:
    """Content of `study.json`, what a study was made with, and of `study.toml`, what it computes, migrated.

    A StudyError if there is no study, or a file is missing, damaged or of a version that is not known.
    """
    if not (folder / PLAN_FILE).is_file():
        raise StudyError(f"{folder} holds no study: {PLAN_FILE} is missing")
    facts = read_json(folder / FACTS_FILE)
    if facts is None or "problems" not in facts:
        raise StudyError(f"{folder / FACTS_FILE} is missing or damaged")
    version, wrote = facts.get("schema_version"), facts.get("versions", {}).get("sequence-search", "another")
    known = [*MIGRATIONS, SCHEMA_VERSION]
    if version not in known:
        raise StudyError(
            f"{folder} is a study of schema version {version}, and this version of sequence-search reads "
            f"{' and '.join(map(str, known))}: take the version that wrote it, {wrote}"
        )
    files = facts, read_tables(folder)
    for each in range(version, SCHEMA_VERSION):
        files = MIGRATIONS[each](*files)
    return files


def read_tables(folder: Path) -> Tables:
    """Tables of `study.toml` as they stand there; a StudyError if they cannot be read."""
    try:
        return tomllib.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{folder / PLAN_FILE} cannot be read: {error}") from None


def read_plan(folder: Path) -> Plan:
    """Plan of the study in a folder; a StudyError if there is none, or it cannot be read."""
    _, content = read_files(folder)
    try:
        options = content["options"].items()
        return Plan(
            problems=content["problems"],
            strategy=content["strategy"],
            engine=content["engine"],
            options={name: tuple(each) if isinstance(each, list) else each for name, each in options},
            seeds=tuple(read_ranges(text) for text in content["seeds"]),
            batch_size=content["batch_size"],
            max_seconds=content.get("max_seconds", math.inf),
            max_evaluations=content.get("max_evaluations", math.inf),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StudyError(f"{folder / PLAN_FILE} cannot be read: {error}") from None


def ranges_text(seeds: Iterable[int]) -> str:
    """Seeds in short, as "0-9, 12": runs of consecutive ones by their ends."""
    runs: list[list[int]] = []
    for seed in seeds:
        if runs and seed == runs[-1][1] + 1:
            runs[-1][1] = seed
        else:
            runs.append([seed, seed])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def read_ranges(text: str) -> tuple[int, ...]:
    """Inverse of `ranges_text`; a ValueError if the text is of another form."""
    seeds: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if ends is None:
            raise ValueError(f'seeds must be as "0-9, 12", got {text!r}')
        low = int(ends[1])
        seeds += range(low, int(ends[2] or low) + 1)
    return tuple(seeds)
