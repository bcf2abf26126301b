"""A problem as a file to edit, with a comment at each key that says what it does."""

from __future__ import annotations

from pathlib import Path

import tomlkit

from sequence_search.problem.library import clinic_problems, inline, problem_text, templates
from sequence_search.problem.problem import Problem
from sequence_search.problem.schema import TABLES
from sequence_search.search_space import SearchSpace


def template(problem: Problem | str | Path) -> str:
    """Text of a problem file, for a user to edit, of a problem, or of the name or path of one.

    Without the grid, the categories, and what concerns only one strategy, follows from the bounds or has no
    effect where it has its default. A shipped template or textbook task is given as it is.

    Raises
    ------
    ProblemError
        If there is no such problem, or a term of it is a Python function.
    """
    if isinstance(problem, str) and problem in (*templates(), *clinic_problems()):
        return problem_text(problem)
    made = problem if isinstance(problem, Problem) else Problem.load(problem)
    tables = made.to_dict()
    del tables["category"]
    tables.pop("grid", None)
    if made.search_space.rf_candidates == SearchSpace().rf_candidates:
        del tables["search_space"]["rf_candidates"]
    if "wait_ranges" in made.search_space.ranges_that_follow:
        del tables["search_space"]["wait_ranges_ms"]
    if made.search_space.gradients == SearchSpace().gradients:
        del tables["search_space"]["crusher_ms"]
    text = tomlkit.item(inline(tables))
    for key, table in text.items():
        first = next(iter(table.values())) if key in ("tissues", "pulses") else table
        first = table[0] if key == "objective" else first
        for name, about in TABLES[key].model_fields.items() if key in TABLES else ():
            if about.description and (about.alias or name) in first:
                # An item by its key would be a plain bool.
                first.value.item(about.alias or name).comment(about.description)
    return tomlkit.dumps(text)
