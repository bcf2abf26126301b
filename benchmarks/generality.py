"""How far a strategy holds: counts over groups of problems, of rows that keep the outcome of every run."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from statistics import median
from typing import Any, NamedTuple

from best_known import is_found, read_best_known
from islands import drawn_runs
from scipy.stats import binomtest
from tasks import groups

BEST_FOUND, MORE_SEARCH = "best found", "more search"
COLUMNS = (
    "problems",
    "search",
    "number",
    "runs",
    "within 0.5 % of best known (95 %)",
    "worst problem",
    "s a run, median (longest)",
    '"best found" and right',
    'missed, and said "more search"',
)


class Outcome(NamedTuple):
    """One run; its verdict is None where the search gives none."""

    problem: str
    found: bool
    seconds: float
    verdict: str | None


def kept(designs: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    """Outcomes as a row keeps them, a list for each; the loss of a run without a design is null."""
    runs = list(designs)
    return {
        "loss": [float(f"{run['loss']:.8g}") if "loss" in run else None for run in runs],
        "seconds": [round(run["seconds"], 1) for run in runs],
        "verdict": [run.get("verdict") for run in runs],
    }


def table(results: dict[str, dict[str, dict[str, Any]]], labels: list[str]) -> list[str]:
    """Lines of the table: a row for each group and search, then the problems on which a search missed."""
    lines: list[str] = []
    missed: list[str] = []
    for (group, names), label in product(groups().items(), labels):
        outcomes = [each for name in names for each in outcomes_of(name, results.get(name, {}).get(label))]
        if outcomes:
            # Runs that are drawn from the same islands are not independent.
            is_drawn = any("islands" in results.get(name, {}).get(label, {}) for name in names)
            lines.append(_row(group, label, outcomes, is_drawn=is_drawn))
            missed += _missed(group, label, outcomes)
    head = [f"| {' | '.join(COLUMNS)} |", "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2)]
    return [*head, *lines, "", *missed]


def outcomes_of(name: str, row: dict[str, Any] | None) -> list[Outcome]:
    """Runs of a row, by what is the best known now; none where no design is known, or of another problem."""
    known = read_best_known().get(name)
    if row is None or known is None:
        return []
    if "islands" in row:
        if row["problem_sha256"] != known["problem_sha256"]:
            return []
        drawn = drawn_runs(row["islands"])
        return [Outcome(name, is_found(run.loss, known["loss"]), *run[1:]) for run in drawn]
    if "runs" not in row:
        return []
    columns = zip(row["runs"]["loss"], row["runs"]["seconds"], row["runs"]["verdict"], strict=True)
    return [
        Outcome(name, loss is not None and is_found(loss, known["loss"]), seconds, verdict)
        for loss, seconds, verdict in columns
    ]


def _row(group: str, label: str, outcomes: list[Outcome], *, is_drawn: bool) -> str:
    test = binomtest(sum(each.found for each in outcomes), len(outcomes))
    low, high = test.proportion_ci(method="wilson")
    share, shares = f"{100 * test.statistic:.1f} %", _by_problem(outcomes)
    worst = min(shares, key=lambda name: shares[name][0] / shares[name][1])
    seconds = [each.seconds for each in outcomes]
    sure = [each for each in outcomes if each.verdict == BEST_FOUND]
    misses = [each for each in outcomes if not each.found]
    told = sum(each.verdict == MORE_SEARCH for each in misses)
    judged = any(each.verdict for each in outcomes)
    cells = (
        group,
        label,
        len(shares),
        len(outcomes),
        share if is_drawn else f"{share} ({100 * low:.1f} to {100 * high:.1f})",
        "none missed" if not misses else f"{worst}: {shares[worst][0]} of {shares[worst][1]}",
        f"{median(seconds):.1f} ({max(seconds):.1f})",
        f"{sum(each.found for each in sure)} of {len(sure)}" if judged else "-",
        f"{told} of {len(misses)}" if judged else "-",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _by_problem(outcomes: list[Outcome]) -> dict[str, tuple[int, int]]:
    """Runs that found the best known, of how many, by problem."""
    names = dict.fromkeys(each.problem for each in outcomes)
    found = {name: [each.found for each in outcomes if each.problem == name] for name in names}
    return {name: (sum(each), len(each)) for name, each in found.items()}


def _missed(group: str, label: str, outcomes: list[Outcome]) -> list[str]:
    shares = {name: share for name, share in _by_problem(outcomes).items() if share[0] < share[1]}
    told = ", ".join(f"{name} {found} of {runs}" for name, (found, runs) in shares.items())
    return [f"- {group}, {label}, found by fewer than all runs: {told}."] if shares else []
