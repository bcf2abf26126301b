"""Tables as text in lines or blocks, as Markdown, CSV, LaTeX and plain data."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import chain, zip_longest
from typing import Any

from sequence_search.paper.match import match_record
from sequence_search.paper.tables import Cell, Column, Row, Table
from sequence_search.paper.values import Stat
from sequence_search.study.records import markdown_table
from sequence_search.words import counted

DASH = "–"
CSV_COLUMNS = ("problem", "paper_table", "kind", "category", "quantity", "unit", "pulse", "mean", "sd")
CSV_PAPER_COLUMNS = ("paper_mean", "paper_sd", "difference")
MARKDOWN_SPECIAL = re.compile(r"[\\`*_\[\]<>&$~]")
NUMBERS = re.compile(r"\[[\d±−+., ]*\]")
LATEX_SHARES = (2.2, 1.0, 1.0, 1.5)  # of the width: category, whose value, a quantity, flip angles
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "°": r"\ensuremath{^\circ}",
    "±": r"\ensuremath{\pm}",
    "≈": r"\ensuremath{\approx}",
    "−": r"\ensuremath{-}",
    "–": "--",
    "\N{NO-BREAK SPACE}": "~",
    "[": "{[}",  # behind the end of a line it would begin an argument
    "]": "{]}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def headings(table: Table) -> list[str]:
    """Heading of each column of `lines`, with units."""
    units = (
        f"{column.heading} ({column.unit})" if column.unit else column.heading for column in table.columns
    )
    return ["Category", "", *units]


def lines(table: Table) -> list[list[str]]:
    """Text of the table: of each row a line of ours; where the paper has it, its own and the difference.

    The second cell says which of the three it is; it is empty in a table without any value of the paper.
    """
    text = []
    for row in table.rows:
        cells = [(row.cells[column.key], column) for column in table.columns]
        ours = [_values(cell.ours, column) for cell, column in cells]
        text.append([row.name, "ours" if table.has_paper else "", *ours])
        if any(cell.paper for cell, _ in cells):
            text.append(["", "paper", *(_values(cell.paper, column, paper=True) for cell, column in cells)])
            text.append(["", "difference", *(_differences(cell, column) for cell, column in cells)])
    return text


def _shown(table: Table) -> list[list[str]]:
    """Headings and lines, without the second cells where there is nothing to tell ours from."""
    every = [headings(table), *lines(table)]
    return every if table.has_paper else [[line[0], *line[2:]] for line in every]


def caption(table: Table) -> str:
    """Title of the table with the paper's number and how many runs it is of."""
    number = f", as Table {table.paper_table}" if table.paper_table else ""
    return f"{table.problem}{number}: {table.title} ({counted(table.n_runs, 'run')})"


def markdown(tables: list[Table]) -> str:
    """All as Markdown, each with its notes and the paper's rows among the designs found below."""
    return "\n".join(_markdown(table) for table in tables)


def csv_text(tables: list[Table]) -> str:
    """All as one CSV, a line for each number; `pulse` counts flip angles from 1, what is missing is empty.

    It has columns of the paper's values if any table has one.
    """
    has_paper = any(table.has_paper for table in tables)
    columns = (*CSV_COLUMNS, *(CSV_PAPER_COLUMNS if has_paper else ()))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if tables:
        writer.writerow(columns)
    for table in tables:
        for row in table.rows:
            for column in table.columns:
                writer.writerows(line[: len(columns)] for line in _csv_lines(table, row, column))
    return out.getvalue()


def latex(tables: list[Table]) -> str:
    """All as LaTeX `table*` as wide as the text; the document must load the packages booktabs and array."""
    return "\n".join(_latex(table) for table in tables)


def json_text(tables: list[Table]) -> str:
    """All as JSON."""
    records = [record(table) for table in tables]
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


WRITERS: dict[str, Callable[[list[Table]], str]] = {
    "markdown": markdown,
    "csv": csv_text,
    "latex": latex,
    "json": json_text,
}


def record(table: Table) -> dict[str, Any]:
    """Plain data for JSON; `difference` of each cell is ours less the paper's."""
    plain = asdict(replace(table, matches=()))
    for row_record, row in zip(plain["rows"], table.rows, strict=True):
        for key, cell in row.cells.items():
            del row_record["cells"][key]["is_angle"]
            row_record["cells"][key]["difference"] = list(cell.difference)
    del plain["matches"]
    return plain | {"paper_rows": [match_record(match) for match in table.matches]}


def _markdown(table: Table) -> str:
    heads, *rows = ([_plain_markdown(cell) for cell in line] for line in _shown(table))
    notes = "".join(f"\n- {_plain_markdown(note)}" for note in table.notes)
    text = f"### {_plain_markdown(caption(table))}\n\n{markdown_table(heads, rows)}{notes}\n"
    if table.matches:
        text += f"\nThe paper's designs among all that were found:\n\n{_markdown_matches(table)}"
    return text


def _markdown_matches(table: Table) -> str:
    rows = []
    for match in table.matches:
        where = [DASH if number is None else str(number) for number in (match.seed, match.rank)]
        design = DASH if match.sequence is None else str(match.sequence)
        row = match.row
        rows.append([row.table, row.title, match.verdict, *where, match.largest_difference, design])
    return markdown_table(["Table", "Row", "Found", "Seed", "Rank", "Largest difference", "Design"], rows)


def _plain_markdown(text: str) -> str:
    """Without any meaning of its characters; a list of numbers stays readable as it is."""
    return text if NUMBERS.fullmatch(text) else MARKDOWN_SPECIAL.sub(r"\\\g<0>", text)


def _csv_lines(table: Table, row: Row, column: Column) -> Iterator[list[Any]]:
    cell = row.cells[column.key]
    place = [table.problem, table.paper_table, row.kind, row.name, column.key, column.unit]
    values = zip_longest(cell.ours, cell.paper, cell.difference)
    for pulse, (ours, paper, difference) in enumerate(values, start=1):
        pairs = ((stat.mean, stat.sd) if stat else (None, None) for stat in (ours, paper))
        numbers = (*chain.from_iterable(pairs), difference)
        texts = ("" if number is None else f"{number:.9g}" for number in numbers)
        yield [*place, pulse if column.key == "flips" else "", *texts]


def _latex(table: Table) -> str:
    shares = [LATEX_SHARES[2 + (column.key == "flips")] for column in table.columns]
    shares = [*LATEX_SHARES[: 1 + table.has_paper], *shares]
    widths = [rf"\dimexpr {share / sum(shares):.4f}\textwidth-4pt\relax" for share in shares]
    # The empty space lets the first word of a cell be hyphenated.
    columns = "".join(rf">{{\raggedright\arraybackslash\hspace{{0pt}}}}p{{{width}}}" for width in widths)
    heads, *rows = (" & ".join(_escape(cell) for cell in row) + r" \\" for row in _shown(table))
    body: list[str] = []
    for row in rows:
        space = [] if row.startswith(" & ") or not body else [r"\addlinespace"]
        body += [*space, row]
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
            rf"\caption{{{_escape(caption(table))}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            heads,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip\raggedright {' '.join(_escape(note) for note in table.notes)}",
            r"\end{table*}",
            "",
        ]
    )


def _values(stats: tuple[Stat, ...], column: Column, *, paper: bool = False) -> str:
    """As ``[88.4 ± 0.1, 176.7 ± 0.2]``, or a dash; the paper prints two decimals of signals and seconds."""
    decimals = min(column.decimals, 2) if paper else column.decimals
    pairs = ([stat.mean] if stat.sd is None else [stat.mean, stat.sd] for stat in stats)
    return _list([" ± ".join(_number(value, decimals) for value in pair) for pair in pairs])


def _differences(cell: Cell, column: Column) -> str:
    return _list([_number(value, column.decimals, sign=True) for value in cell.difference])


def _list(texts: list[str]) -> str:
    if not texts:
        return DASH
    return texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"


def _number(value: float, decimals: int, *, sign: bool = False) -> str:
    rounded = round(value, decimals) + 0.0  # no minus before a zero
    return f"{rounded:{'+' if sign else ''}.{decimals}f}".replace("-", "−")


def _escape(text: str) -> str:
    if text.startswith("["):  # a list breaks between its numbers, not within one
        text = text.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    return "".join(LATEX_ESCAPES.get(character, character) for character in text)
