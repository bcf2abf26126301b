"""The tables of a study: for each problem its table, and where the paper's designs are among those found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sequence_search.paper.formats import (
    markdown_table,
    to_csv,
    to_latex,
    to_markdown,
    to_record,
)
from sequence_search.paper.match import RowMatch, match_headings, match_lines, match_record, match_rows
from sequence_search.paper.tables import Table, make_table
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Run


@dataclass(frozen=True, slots=True)
class StudyTable:
    """Table of a problem's runs, and the paper's rows among all designs that they found."""

    table: Table
    matches: tuple[RowMatch, ...]


def study_table(problem: Problem, runs: list[Run], reference: Sequence | None) -> StudyTable:
    """Both of one problem; arguments as for `make_table`."""
    return StudyTable(make_table(problem, runs, reference), tuple(match_rows(problem, runs)))


def markdown(tables: list[StudyTable]) -> str:
    """All as Markdown."""
    return "\n".join(_markdown(each) for each in tables)


def csv(tables: list[StudyTable]) -> str:
    """The tables as one CSV with one header."""
    texts = [to_csv(each.table) for each in tables]
    return "".join([*texts[:1], *(text.partition("\n")[2] for text in texts[1:])])


def latex(tables: list[StudyTable]) -> str:
    """The tables as LaTeX, for a document that loads booktabs and array."""
    return "\n".join(to_latex(each.table) for each in tables)


def record(tables: list[StudyTable]) -> list[dict[str, Any]]:
    """All as plain data for JSON."""
    return [
        {**to_record(each.table), "paper_rows": [match_record(match) for match in each.matches]}
        for each in tables
    ]


def json_text(tables: list[StudyTable]) -> str:
    """All as JSON."""
    return json.dumps(record(tables), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


WRITERS: dict[str, Callable[[list[StudyTable]], str]] = {
    "markdown": markdown,
    "csv": csv,
    "latex": latex,
    "json": json_text,
}


def _markdown(each: StudyTable) -> str:
    if not each.matches:
        return to_markdown(each.table)
    rows = markdown_table(match_headings(), match_lines(list(each.matches)))
    return f"{to_markdown(each.table)}\nThe paper's designs among all that were found:\n\n{rows}"
