"""A task that a page states: a problem by its name, the text of a file, or its tables; and its choices."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from typing import Any

from sequence_search.objective import TERMS
from sequence_search.page.data import problem_data, sequence_data
from sequence_search.page.playground import first_sequence
from sequence_search.page.task import WORDS, task_words
from sequence_search.problem.library import builtin_problems, clinic_problems, templates, title, toml_text
from sequence_search.problem.problem import Problem
from sequence_search.problem.template import template
from sequence_search.storage import json_text
from sequence_search.strategies import STRATEGIES
from sequence_search.view.folder import files_named
from sequence_search.view.guard import Faulty, Refused

Data = dict[str, Any]


@cache
def choices() -> Data:
    """Problems to begin with, in groups, and terms of an objective with how many tissues each takes."""
    groups = {
        "Conditions of the paper": builtin_problems(),
        "The clinic's textbook tasks": clinic_problems(),
        "Tasks to begin with": templates(),
    }
    return {
        "groups": [
            {
                "title": group,
                "problems": [{"name": name, "title": title(name)} for name in names],
            }
            for group, names in groups.items()
        ],
        "terms": [
            {"name": name, "tissues": kind.n_tissues[1] != 0, "brighter": name == "contrast"}
            for name, kind in TERMS.items()
            if name in WORDS
        ],
        "strategies": list(STRATEGIES),
    }


def stated_text(given: Data) -> str:
    """Text of a problem file as a page states it, by one of `name`, `toml`, `tables`.

    Raises
    ------
    Refused
        If it states something else, or Faulty if it can be put right.
    """
    name, text, tables = (given.get(key) for key in ("name", "toml", "tables"))
    if isinstance(name, str):
        if name not in (*builtin_problems(), *clinic_problems(), *templates()):
            raise Faulty(f"no problem is named {name!r}")
        return template(name)
    if isinstance(text, str):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Faulty(f"the text cannot be written: {error}") from None
        return text
    if isinstance(tables, dict):
        try:
            return toml_text(tables)
        except (TypeError, ValueError, AttributeError) as error:
            raise Faulty(f"the tables cannot be written: {error}") from None
    raise Refused(400, "state a problem by its name, as toml or as tables")


def read_task(text: str) -> Problem:
    """Problem of a file's text, in which no other file is named; Faulty with a line for each fault."""
    try:
        if named := files_named(tomllib.loads(text)):
            raise Faulty(f"{named[0]}: state samples in place of a file, which a page must not read")
        return Problem.from_toml(text)
    except (ValueError, RecursionError) as error:
        raise Faulty(*str(error).splitlines()) from None


def task_data(given: Data) -> Data:
    """What `frontend/src/live/task.ts` shows of a problem: form, text, and a playground to begin with.

    `given` is as for `stated_text`.

    Raises
    ------
    Faulty
        If that is no problem, or has no sequence to begin with.
    """
    text = stated_text(given)
    problem = read_task(text)
    try:
        sequence = sequence_data(first_sequence(problem))
    except ValueError as error:
        raise Faulty(str(error)) from None
    return {
        "name": problem.name,
        "title": problem.title,
        "words": task_words(problem),
        "notes": problem.notes(),
        "toml": text,
        "tables": json.loads(json_text(tomllib.loads(text))),  # with infinite numbers as text
        "problem": problem_data(problem, given.get("name") or f"{problem.name}.toml"),
        "sequence": sequence,
    }
