"""How often runs succeed, and of which category, beside the paper's rates, with intervals."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from scipy.stats import binomtest

from sequence_search.classify import OTHERS
from sequence_search.paper.conditions import LABELS
from sequence_search.paper.values import paper_rows
from sequence_search.strategies import STRATEGIES
from sequence_search.study.records import markdown_table

PAPER_RUNS = 100  # of each condition, Sec. II.E
ALL = "all categories"  # of a condition of which the paper states every one
MISSING = "–"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many runs."""

    found: int
    runs: int

    @property
    def percent(self) -> float:
        """Share of the runs, at least one [%]."""
        return 100 * self.found / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of 95 % [%]."""
        low, high = binomtest(self.found, self.runs).proportion_ci(method="wilson")
        return 100 * float(low), 100 * float(high)

    def differs(self, other: Rate) -> bool:
        """Whether it differs from another beyond chance, by Newcombe's interval of 95 % of the difference.

        Newcombe, Statistics in Medicine 17, 873 (1998), method 10.
        """
        (high, low) = (self, other) if self.percent > other.percent else (other, self)
        below, above = high.percent - high.interval[0], low.interval[1] - low.percent
        return high.percent - low.percent > math.hypot(below, above)

    def __str__(self) -> str:
        """As "50 (40 to 60)", in percent."""
        low, high = self.interval
        return f"{self.percent:.0f} ({low:.0f} to {high:.0f})"


# By problem, then by category or `ALL`.
Rates = Mapping[str, Mapping[str, Rate]]


class Comparison(NamedTuple):
    """How a reading stands to another against the paper, over the conditions that both have."""

    nearer: int
    worse: int
    conditions: int

    @property
    def wins(self) -> bool:
        """Nearer on most and worse on none."""
        return self.worse == 0 and 2 * self.nearer > self.conditions

    def __str__(self) -> str:
        """As "nearer on 1 of 2, worse on 1"."""
        return f"nearer on {self.nearer} of {self.conditions}, worse on {self.worse or 'none'}"


def paper_rates() -> dict[str, dict[str, Rate]]:
    """The paper's by problem, in its order; `ALL` only where it states every category."""
    rates: dict[str, dict[str, Rate]] = {}
    for name in LABELS:
        rows = [row for row in paper_rows(name) if row.occurrence_percent is not None]
        shares = {row.title: round(row.occurrence_percent.mean) for row in rows if row.occurrence_percent}
        if OTHERS in shares:
            shares = {ALL: PAPER_RUNS - shares.pop(OTHERS)} | shares
        rates[name] = {title: Rate(found, PAPER_RUNS) for title, found in shares.items()}
    return rates


def rates_of_csv(text: str) -> dict[str, dict[str, dict[str, Rate]]]:
    """Rates by reading of what `summary.occurrence_rows` has as CSV: of categories and `ALL` of them.

    As in the paper a run counts if it is within 5 % of the optimum of the grid and of a category.
    """
    readings: dict[str, dict[str, dict[str, Rate]]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["category"] != OTHERS:
            runs = int(row["seeds"])
            found = round(float(row["percent"]) * runs / 100)
            shares = readings.setdefault(row["strategy"], {}).setdefault(row["problem"], {ALL: Rate(0, runs)})
            shares[row["category"]] = Rate(found, runs)
            shares[ALL] = Rate(shares[ALL].found + found, runs)
    return readings


def title_of(strategy: str, options: Mapping[str, Any]) -> str:
    """Strategy, schedule and options beside those of the schedule, as "proxyless, paper, momentum 0.9"."""
    kind = STRATEGIES[strategy]
    schedules = kind.presets or {"": {}}
    changes = {}
    for name, preset in schedules.items():
        usual = asdict(kind(**preset))
        changes[name] = [f"{key} {each}" for key, each in options.items() if usual.get(key) != each]
    schedule = min(changes, key=lambda name: len(changes[name]))
    return ", ".join(filter(None, [strategy, schedule, *changes[schedule]]))


def distances(rates: Rates) -> dict[str, float]:
    """Difference to the paper's rate of all categories, of conditions that have it, by problem [points]."""
    paper = paper_rates()
    return {
        name: abs(of_name[ALL].percent - paper[name][ALL].percent)
        for name, of_name in rates.items()
        if ALL in of_name and ALL in paper.get(name, {})
    }


def compare(rates: Rates, other: Rates) -> Comparison:
    """How a reading stands to the other."""
    mine, its = distances(rates), distances(other)
    both = [(mine[name], its[name]) for name in mine if name in its]
    return Comparison(sum(a < b for a, b in both), sum(a > b for a, b in both), len(both))


def readings_table(readings: Mapping[str, Rates]) -> str:
    """Markdown of the rates of all categories by reading, beside the paper's and the first reading's."""
    paper = paper_rates()
    names = [name for name in LABELS if ALL in paper[name]]
    of_paper = [str(paper[name][ALL]) for name in names]
    lines = [["the paper", *of_paper, "", "", ""]]
    base = next(iter(readings.values()), {})
    for title, rates in readings.items():
        cells = [_cell(rates.get(name, {}).get(ALL)) for name in names]
        far = distances(rates).values()
        mean = f"{sum(far) / len(far):.0f}" if far else MISSING
        apart = [name for name in names if name in rates and rates[name][ALL].differs(paper[name][ALL])]
        to_first = "" if rates is base else str(compare(rates, base))
        lines.append([title, *cells, mean, ", ".join(apart) or "none", to_first])
    headings = ["reading", *names, "mean distance", "differs beyond chance", "to the first"]
    return markdown_table(headings, lines)


def categories_tables(readings: Mapping[str, Rates]) -> list[str]:
    """Markdown of every rate that the paper prints beside that of each reading.

    A table for the readings of the same conditions, beside the first reading and without what none of them
    has; a line for each category, or for each reading where there are more of these.
    """
    groups: dict[frozenset[str], dict[str, Rates]] = {}
    for title, rates in readings.items():
        groups.setdefault(frozenset(rates), {})[title] = rates
    first = dict(list(readings.items())[:1])
    return [_categories_table(names, first | group) for names, group in groups.items()]


def _categories_table(names: frozenset[str], readings: Mapping[str, Rates]) -> str:
    paper = paper_rates()
    shown = [(name, title) for name, shares in paper.items() if name in names for title in shares]
    of_all = {"the paper": paper, **readings}
    cells = {
        reading: [_cell(rates.get(name, {}).get(title)) for name, title in shown]
        for reading, rates in of_all.items()
    }
    if len(readings) > len(shown):
        headings = ["reading", *(f"{name}: {title}" for name, title in shown)]
        return markdown_table(headings, [[reading, *row] for reading, row in cells.items()])
    lines = []
    for (name, title), *row in zip(shown, *cells.values(), strict=True):
        number = next((each.table for each in paper_rows(name) if each.kind == "category"), "")
        lines.append([number, name, title, *row])
    return markdown_table(["table", "problem", "category", *cells], lines)


def _cell(rate: Rate | None) -> str:
    if rate is None:
        return MISSING
    return str(rate) if rate.runs == PAPER_RUNS else f"{rate} of {rate.runs}"
