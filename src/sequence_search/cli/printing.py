"""Text, tables and JSON on stdout and stderr, in whatever width and encoding these have."""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

COLUMN_GAP = 2
PIPE_WIDTH = 240  # a log or a pipe has no width
TISSUES_PER_TABLE = 3  # columns of tissues, so that a table fits 80 columns
# What an encoding lacks is written so, or as Unicode decomposes it (letters without accents), or else as "?".
SUBSTITUTES = {"°": " deg", "±": "+-", "²": "^2", "≈": "~", "│": "|", **dict.fromkeys("–−─━", "-")}
ENCODING_ERRORS = "sequence_search.substitute"


def print_in_any_encoding() -> None:
    """From now on a character that stdout or stderr cannot encode is written in others, not an error."""
    codecs.register_error(ENCODING_ERRORS, _substitute)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ENCODING_ERRORS)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = ""
    for character in error.object[error.start : error.end]:
        plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        text += SUBSTITUTES.get(character, plain or "?")
    return text, error.end


def make_console(*, err: bool = False) -> Console:
    """Console of stdout or stderr on which all text is text: the user's may look like markup or emoji."""
    from rich.console import Console

    width = None if _has_width(err) else PIPE_WIDTH
    return Console(stderr=err, width=width, markup=False, highlight=False, emoji=False)


def _has_width(err: bool) -> bool:
    return (sys.stderr if err else sys.stdout).isatty() or "COLUMNS" in os.environ


def say(text: str = "", *, err: bool = False) -> None:
    """Print a sentence or more, on a terminal in lines that break between words."""
    lines = (flow(line.split(" "), err=err) for line in text.split("\n"))
    print("\n".join(lines), file=sys.stderr if err else sys.stdout)


def rounded(value: float, decimals: int, sign: str = "") -> str:
    """A number of so many decimals, without the sign of a zero that is negative."""
    return f"{round(value, decimals) + 0.0:{sign}.{decimals}f}"


def print_json(content: object) -> None:
    """Print JSON that any reader takes, without NaN."""
    from sequence_search.storage import json_text

    text = json_text(content)
    if not (sys.stdout.encoding or "utf-8").lower().startswith("utf"):
        text = re.sub(r"[^\x00-\x7f]", lambda character: json.dumps(character[0])[1:-1], text)
    print(text)


def print_documents(documents: list[dict[str, Any]]) -> None:
    """Print the document of each problem as JSON: of one an object, of several their list."""
    print_json(documents[0] if len(documents) == 1 else documents)


def print_table(columns: list[str], rows: list[list[str]], flexible: int = -1) -> bool:
    """Print rows of text, numbers to the right, on lines that fit: no number and no word is cut.

    Where a line is too long the cells of the flexible column are folded, then heads. False, and nothing
    printed, where that is not enough.
    """
    console = make_console()
    flexible %= len(columns)
    bodies = [[row[place] for row in rows] for place in range(len(columns))]
    folded = [
        textwrap.fill(head, max(1, _least_width([*head.split(), *body], whole=True)), break_on_hyphens=False)
        for head, body in zip(columns, bodies, strict=True)
    ]
    for heads in (columns, folded):
        widths = [
            _least_width([head, *body], whole=place != flexible)
            for place, (head, body) in enumerate(zip(heads, bodies, strict=True))
        ]
        if sum(widths) + COLUMN_GAP * (len(widths) - 1) <= console.width:
            console.print(_table(heads, rows, widths, flexible))
            return True
    return False


def _least_width(cells: list[str], *, whole: bool) -> int:
    """Of a column, without a cut in a line of a cell, or in a word."""
    from rich.cells import cell_len

    parts = (part for cell in cells for part in (cell.split("\n") if whole else cell.split()))
    return max(map(cell_len, parts), default=0)


def _table(heads: list[str], rows: list[list[str]], widths: list[int], flexible: int) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, COLUMN_GAP, 0, 0), pad_edge=False, header_style="bold")
    table.show_header = any(heads)
    for place, (head, width) in enumerate(zip(heads, widths, strict=True)):
        words = [word for row in rows for word in row[place].split()]
        is_of_numbers = bool(words) and all(map(is_number, words))
        justify: JustifyMethod = "right" if is_of_numbers else "left"
        table.add_column(head, justify=justify, no_wrap=place != flexible, min_width=width)
    for row in rows:
        table.add_row(*row)
    return table


def flow(parts: Iterable[str], indent: int = 0, first: str = "", *, err: bool = False) -> str:
    """Parts one after the other, with line breaks only between them, indented; `first` in the indent."""
    from rich.cells import cell_len

    width = make_console(err=err).width if _has_width(err) else math.inf
    lines, filled = [first.ljust(indent)], False
    for part in parts:
        if filled and cell_len(f"{lines[-1]} {part}") > width:
            lines.append(" " * indent)
            filled = False
        lines[-1] += f" {part}" if filled else part
        filled = True
    return "\n".join(lines)


def pulses_of(sequence: object) -> list[str]:
    """A single sequence, or its text, in parts: each a pulse with its delay, the last the readout."""
    return re.split(r"(?<=–) ", str(sequence))


def is_number(text: str) -> bool:
    """Whether Python reads the text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
