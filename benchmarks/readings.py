"""Rates of success by reading of what the paper leaves open, beside its own; docs/paper.md shows them.

Each reading is a study of the paper's conditions, which goes on where it was stopped:

    sequence-search run max-signal csf-null-w1 --strategy proxyless --schedule paper --seeds 100 --workers 2 \
        --option momentum=0.9 --out out/readings/momentum

    python benchmarks/readings.py out/paper out/readings/*               # each compared to the first
    python benchmarks/readings.py out/readings/* --occurrence docs/results/occurrence.csv   # kept there
    python benchmarks/readings.py docs/results/occurrence.csv --out docs/paper.md           # into the page
    python benchmarks/readings.py out/paper --numbers docs/results/numbers.md    # every number of the first

Studies may be unfinished, and none is written to. Those of one reading are one; the
first that has a condition counts.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sequence_search import Study
from sequence_search.paper.conditions import is_of_paper
from sequence_search.paper.numbers import numbers_table
from sequence_search.paper.rates import (
    Rate,
    categories_tables,
    rates_of_csv,
    readings_table,
    title_of,
)
from sequence_search.paper.summary import Condition, make_condition, occurrence_rows
from sequence_search.storage import write_bytes
from sequence_search.study.grid_optimum import grid_optimum
from sequence_search.study.records import csv_text

NUMBERS = """# Every number of the paper's tables

All that Tables V to VIII print, beside what the runs of `{}` have.

Rates are in percent, with Wilson's intervals of 95 %. The paper has means ± standard deviations over designs.
Ours are means, with Student's interval of 95 % of the mean where a row has several designs.
"""
BEGIN, END = "<!-- rates: begin -->", "<!-- rates: end -->"


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("places", nargs="+", type=Path, help="studies, or files occurrence.csv of some")
    parser.add_argument("--grids", type=Path, default=Path("out/grids"), help="where grid optima are kept")
    parser.add_argument("--occurrence", type=Path, help="file that keeps rates: those given join it")
    parser.add_argument("--out", type=Path, help="page with the marks of the tables")
    parser.add_argument("--numbers", type=Path, help="page of every number of the first study")
    arguments = parser.parse_args()
    if arguments.numbers is not None:
        tables = [each.table for each in conditions(arguments.places[0], arguments.grids)]
        title = title_of(*how(arguments.places[0]))
        write_bytes(arguments.numbers, f"{NUMBERS.format(title)}\n{numbers_table(tables)}".encode())
    texts = [
        place.read_text() if place.is_file() else csv_text(rows_of(place, arguments.grids))
        for place in arguments.places
    ]
    if arguments.occurrence is not None:
        keep(arguments.occurrence, texts)
    readings: dict[str, dict[str, dict[str, Rate]]] = {}
    for found in map(rates_of_csv, texts):
        for title, rates in found.items():
            if title.startswith("proxyless"):
                readings[title] = rates | readings.get(title, {})
    text = "\n".join([readings_table(readings), *categories_tables(readings)])
    if arguments.out is None:
        print(text)
    else:
        head, rest = arguments.out.read_text().split(BEGIN)
        write_bytes(arguments.out, f"{head}{BEGIN}\n\n{text}\n{END}{rest.split(END)[1]}".encode())


def how(folder: Path) -> tuple[str, dict[str, Any]]:
    """Strategy and options of a study."""
    plan = Study.open(folder).plan
    return plan.strategy, plan.options


def rows_of(folder: Path, grids: Path) -> list[dict[str, object]]:
    """Rates of a study, as `sequence-search reproduce` writes them."""
    return occurrence_rows(list(conditions(folder, grids)), title_of(*how(folder)))


def keep(file: Path, texts: list[str]) -> None:
    """Put rates into a file that has some, in place of those of the same readings and problems."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for text in [file.read_text(), *texts]:
        parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in csv.DictReader(text.splitlines()):
            parts.setdefault((row["strategy"], row["problem"]), []).append(row)
        rows |= parts
    write_bytes(file, csv_text([row for part in rows.values() for row in part]).encode())


def conditions(folder: Path, grids: Path) -> Iterator[Condition]:
    """The paper's conditions in a study, of runs that are done, beside the grid's optima."""
    study = Study.open(folder)
    for name, problem in study.problems.items():
        if is_of_paper(problem) and (runs := study.runs(name)):
            yield make_condition(problem, runs, grid_optimum(grids, problem))


if __name__ == "__main__":
    main()
