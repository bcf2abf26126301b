"""A table as terminal text, Markdown, CSV, LaTeX and plain data."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from sequence_search.paper.tables import Cell, Column, Row, Table
from sequence_search.paper.values import Stat

DASH = "–"
CSV_COLUMNS = (
    "problem",
    "paper_table",
    "kind",
    "category",
    "quantity",
    "unit",
    "pulse",
    "mean",
    "sd",
    "paper_mean",
    "paper_sd",
    "difference",
)
LATEX_SHARES, LATEX_FLIPS = (
    (2.2, 1.0, 1.0),
    1.5,
)  # of the category, "ours" and "paper", a quantity; flip angles
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
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
}


def headings(table: Table) -> list[str]:
    """Heading of each column of `lines`, with units."""
    units = (
        f"{column.heading} ({column.unit})" if column.unit else column.heading for column in table.columns
    )
    return ["Category", "", *units]


def lines(table: Table) -> list[list[str]]:
    """Text of the table: of each row a line of ours; where the paper has it, its own and the difference."""
    text = []
    for row in table.rows:
        cells = [row.cells[column.key] for column in table.columns]
        text.append(
            [row.name, "ours", *(_values(cell.ours, c) for cell, c in zip(cells, table.columns, strict=True))]
        )
        if any(cell.paper for cell in cells):
            columns = list(zip(cells, table.columns, strict=True))
            text.append(["", "paper", *(_values(cell.paper, column, paper=True) for cell, column in columns)])
            text.append(["", "difference", *(_differences(cell, column) for cell, column in columns)])
    return text


def caption(table: Table) -> str:
    """Title of the table with the paper's number and how many runs it is of."""
    number = f", as Table {table.paper_table}" if table.paper_table else ""
    return f"{table.problem}{number}: {table.title} ({table.n_runs} runs)"


def to_markdown(table: Table) -> str:
    """Markdown, with the notes below."""
    notes = "".join(f"\n- {note}" for note in table.notes)
    return f"### {caption(table)}\n\n{markdown_table(headings(table), lines(table))}{notes}\n"


def markdown_table(heading: list[str], rows: list[list[str]]) -> str:
    """Rows of text as a Markdown table."""
    every = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |\n" for row in every)


def to_latex(table: Table) -> str:
    """LaTeX `table*` as wide as the text; the document must load the packages booktabs and array."""
    rows = [" & ".join(_escape(cell) for cell in row) + r" \\" for row in lines(table)]
    starts = [i for i, line in enumerate(lines(table)) if line[1] == "ours"]
    for i in reversed(starts[1:]):
        rows.insert(i, r"\addlinespace")
    head = " & ".join(_escape(heading) for heading in headings(table)) + r" \\"
    notes = " ".join(_escape(note) for note in table.notes)
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
            rf"\caption{{{_escape(caption(table))}}}",
            rf"\begin{{tabular}}{{{_latex_columns(table)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip\raggedright {notes}",
            r"\end{table*}",
            "",
        ]
    )


def _latex_columns(table: Table) -> str:
    """Paragraph columns of given shares of the text's width, less the space between columns."""
    shares = [
        *LATEX_SHARES[:2],
        *(LATEX_FLIPS if c.key == "flips" else LATEX_SHARES[2] for c in table.columns),
    ]
    widths = [rf"\dimexpr {share / sum(shares):.4f}\textwidth-4pt\relax" for share in shares]
    # The empty space lets the first word of a cell be hyphenated.
    return "".join(rf">{{\raggedright\arraybackslash\hspace{{0pt}}}}p{{{width}}}" for width in widths)


def to_csv(table: Table) -> str:
    """CSV with one line for each number: `pulse` counts flip angles from 1, what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in table.rows:
        for column in table.columns:
            writer.writerows(_csv_lines(table, row, column))
    return out.getvalue()


def to_record(table: Table) -> dict[str, Any]:
    """Plain data for JSON; `difference` of each cell is ours less the paper's."""
    record = asdict(table)
    for plain, row in zip(record["rows"], table.rows, strict=True):
        for key, cell in row.cells.items():
            plain["cells"][key] = {
                "ours": plain["cells"][key]["ours"],
                "paper": plain["cells"][key]["paper"],
                "difference": list(cell.difference),
            }
    return record


def _csv_lines(table: Table, row: Row, column: Column) -> list[list[Any]]:
    cell = row.cells[column.key]
    out = []
    for i in range(max(len(cell.ours), len(cell.paper))):
        ours, paper = (
            stats[i] if i < len(stats) else Stat(float("nan")) for stats in (cell.ours, cell.paper)
        )
        numbers = [ours.mean, ours.sd, paper.mean, paper.sd]
        numbers.append(cell.difference[i] if cell.difference else None)
        text = ["" if n is None or n != n else f"{n:.9g}" for n in numbers]  # noqa: PLR0124 - NaN
        pulse = i + 1 if column.key == "flips" else ""
        out.append(
            [table.problem, table.paper_table, row.kind, row.name, column.key, column.unit, pulse, *text]
        )
    return out


def _values(stats: tuple[Stat, ...], column: Column, *, paper: bool = False) -> str:
    """As ``[88.4 ± 0.1, 176.7 ± 0.2]``, or a dash; the paper prints two decimals of signals and seconds."""
    decimals = min(column.decimals, 2) if paper else column.decimals
    texts = [
        f"{_number(stat.mean, decimals)}" + ("" if stat.sd is None else f" ± {_number(stat.sd, decimals)}")
        for stat in stats
    ]
    return _list(texts)


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
