"""Every number of the paper's tables beside ours, line by line, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from scipy.special import stdtrit

from sequence_search.paper.rates import MISSING, PAPER_RUNS, Rate
from sequence_search.paper.tables import Column, Row, Table
from sequence_search.paper.values import Stat
from sequence_search.study.records import markdown_table

LEVEL = 0.95
HEADINGS = ["table", "row", "quantity", "the paper", "ours", "designs"]


def numbers_table(tables: Iterable[Table]) -> str:
    """Markdown of all that the paper prints in its tables, a line each.

    The paper's as it prints them, mostly mean ± standard deviation. Ours is the mean of the designs of a row,
    with Student's interval of 95 % of that mean, or of a rate Wilson's.
    """
    return markdown_table(HEADINGS, [line for table in tables for line in _lines(table)])


def _lines(table: Table) -> Iterator[list[str]]:
    for row in table.rows:
        for column in table.columns:
            cell = row.cells[column.key]
            count = len(cell.paper)
            # Of more pulses the last are those of the paper.
            last = ((None,) * count + cell.ours)[-count:] if count else ()
            for pulse, (paper, ours) in enumerate(zip(cell.paper, last, strict=True), start=1):
                number = f" {pulse}" if count > 1 else ""
                unit = f" ({column.unit})" if column.unit else ""
                place = [table.paper_table, f"{table.problem}: {row.name}", f"{column.heading}{number}{unit}"]
                if column.key == "occurrence":
                    rates = Rate(round(paper.mean), PAPER_RUNS), Rate(row.n_designs, table.n_runs)
                    yield [*place, *map(str, rates), str(row.n_designs)]
                else:
                    designs = str(row.n_designs) if row.kind in ("category", "others") else MISSING
                    yield [*place, _printed(paper), _measured(ours, column, row), designs]


def _printed(stat: Stat) -> str:
    return f"{stat.mean:g}" if stat.sd is None else f"{stat.mean:g} ± {stat.sd:g}"


def _measured(stat: Stat | None, column: Column, row: Row) -> str:
    """Mean, with its interval where it is of several designs."""
    if stat is None:
        return MISSING
    mean = f"{stat.mean:.{column.decimals}f}"
    if stat.sd is None or row.n_designs < 2:
        return mean
    # Of the mean; the standard deviation is that of the designs themselves.
    half = stdtrit(row.n_designs - 1, (1 + LEVEL) / 2) * stat.sd / math.sqrt(row.n_designs - 1)
    return f"{mean} ({stat.mean - half:.{column.decimals}f} to {stat.mean + half:.{column.decimals}f})"
