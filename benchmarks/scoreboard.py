"""Scores of the runs that `benchmarks/search.py` saved, and the page that shows them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from sequence_search import Problem, Sequence, builtin_problems
from sequence_search.classify import classify
from sequence_search.paper.values import paper_rows
from sequence_search.report.drawing import COLOURS, write_figure

BEST_KNOWN = Path(__file__).parent / "best_known.json"
CLOSE = 0.005  # of the best-known loss: found
SUCCESS = 0.05  # of the two-pulse optimum's loss, without the RF-number term: successful in the paper's sense
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
ORDER = ("multistart", "proxyless", "evolution", "random", "cma-es", "tpe")
SCHEDULES = ("proxyless, paper", "proxyless, fast", "proxyless, exact")
PAPER_STEPS = 100_000
CURVE, CURVE_PROBLEMS = "images/proxyless-steps.png", ("max-signal", "csf-null-w1")
# Conditions of which the paper has every category; the rest of its 100 runs are Others, which do not succeed.
PAPER_PROBLEMS = ("max-signal", "gm-wm-t2-w30", "gm-wm", "csf-null-w0.25", "csf-null-w1")


def score(problem: Problem, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table."""
    best = json.loads(BEST_KNOWN.read_text())[problem.name]
    designs = [run for run in runs if "loss" in run]
    found = [run for run in designs if run["loss"] <= best["loss"] + CLOSE * abs(best["loss"])]
    limit = success_limit(problem)
    successful = [run for run in designs if run["without_rf_number"] <= limit]

    def middle(rows: list[dict[str, Any]], key: str) -> float | None:
        values = [row[key] for row in rows if row.get(key) is not None]
        return median(values) if values else None

    return {
        "seeds": len(runs),
        "found": len(found),
        "successful": len(successful),
        "seconds": middle(runs, "seconds"),
        "longest": max(run["seconds"] for run in runs),
        "seconds_to_reach": middle(found, "seconds_to_reach"),
        "evaluations_to_reach": middle(found, "evaluations_to_reach"),
        "families": middle(designs, "families"),
        "best": min((run["loss"] for run in designs), default=None),
    }


def success_limit(problem: Problem) -> float:
    """Largest loss without its RF-number term that is successful in the paper's sense."""
    two = json.loads(BEST_KNOWN.read_text())[problem.name]["two_pulse"]
    return float(two + SUCCESS * abs(two))


def write_page(page: Path, results: dict[str, Any]) -> None:
    """Put the tables between the marks of the page, and draw the curve beside it."""
    write_curve(page.parent / CURVE, results)
    text = page.read_text()
    head, rest = text.split(BEGIN)
    page.write_text(f"{head}{BEGIN}\n\n{tables(results)}\n{END}{rest.split(END)[1]}")


def tables(results: dict[str, Any]) -> str:
    """Best-known losses, then a table for each problem."""
    known = json.loads(BEST_KNOWN.read_text())
    parts = ["| problem | best known | two pulses at best | design |", "| --- | ---: | ---: | --- |"]
    for name, entry in known.items():
        weight = next((t.weight for t in Problem.load(name).objective.terms if t.name == "rf_number"), 0.0)
        two = entry["two_pulse"] + 2 * weight
        parts.append(
            f"| {name} | {entry['loss']:.5f} | {two:.5f} | {Sequence.from_dict(entry['sequence'])} |"
        )
    saved = {name: results["rows"][name] for name in builtin_problems() if name in results["rows"]}
    for name, rows in saved.items():
        problem = Problem.load(name)
        labels = sorted((each for each in rows if not is_variant(each)), key=strategy_rank)
        parts += ["", f"### {name}", "", HEADER, RULE]
        parts += [table_row(label, score(problem, rows[label]["runs"])) for label in labels]
        parts += ["", *(categories(problem, each, rows[each]["runs"]) for each in SCHEDULES if each in rows)]
    parts += ["", "### proxyless by its options: successful seeds", "", *variants(saved)]
    return "\n".join(parts) + "\n"


def is_variant(label: str) -> bool:
    """Whether a row is of proxyless with other options than a schedule's."""
    return label.startswith(("proxyless", "fast")) and label not in SCHEDULES


def write_curve(path: Path, results: dict[str, Any]) -> None:
    """Figure of the share of successful seeds of proxyless by its steps, with Wilson intervals of 95 %."""
    figure = Figure(figsize=(88 / 25.4, 62 / 25.4), layout="constrained")
    axes = figure.subplots()
    every: set[int] = set()
    for place, name in enumerate(name for name in CURVE_PROBLEMS if name in results["rows"]):
        found = {
            row["options"].get("steps", PAPER_STEPS): score(Problem.load(name), row["runs"])
            for label, row in results["rows"][name].items()
            if label in SCHEDULES[:2] or re.fullmatch(r"proxyless, [\d,]+ steps", label)
        }
        steps = sorted(found)
        every.update(steps)
        tests = [binomtest(found[each]["successful"], found[each]["seeds"]) for each in steps]
        share = np.array([test.statistic for test in tests])
        ends = np.array([test.proportion_ci(method="wilson") for test in tests])
        spread = [share - ends[:, 0], ends[:, 1] - share]
        style = {"color": COLOURS[place], "fmt": ("o-", "^-")[place], "capsize": 2}
        axes.errorbar(steps, 100 * share, 100 * np.array(spread), label=name, **style)
        axes.axhline(paper_success(name), color=COLOURS[place], linewidth=0.8, linestyle=":")
    axes.set(xscale="log", ylim=(0, 100))
    axes.set_xticks(sorted(every), [f"{steps / 1000:g}" for steps in sorted(every)])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("Weight steps of a run (thousands)", fontsize=7)
    axes.set_ylabel("Successful seeds (%)", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.legend(title="dotted: the paper's 100 seeds", fontsize=7, title_fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    write_figure(figure, path, dpi=200)


def paper_success(name: str) -> float:
    """Successful runs of the paper's 100: those of its categories but Others [%]."""
    shares = (row.occurrence_percent for row in paper_rows(name) if row.kind == "category")
    return sum(share.mean for share in shares if share)


def strategy_rank(label: str) -> int:
    """Place of a row among the strategies; a label begins with its strategy."""
    return [label.startswith(each) for each in ORDER].index(True) if label.startswith(ORDER) else len(ORDER)


def variants(saved: dict[str, dict[str, Any]]) -> list[str]:
    """Table of the share of successful seeds of proxyless, by options and problem."""
    present = dict.fromkeys(label for rows in saved.values() for label in rows)
    labels = [*(each for each in SCHEDULES if each in present), *filter(is_variant, present)]
    paper = [f"{paper_success(name):.0f} % of 100" if name in PAPER_PROBLEMS else "-" for name in saved]
    lines = [f"| options | {' | '.join(saved)} |", "| --- |" + " ---: |" * len(saved)]
    lines.append(f"| the paper's own | {' | '.join(paper)} |")
    for label in labels:
        cells = [
            success_share(Problem.load(name), rows[label]["runs"]) if label in rows else "-"
            for name, rows in saved.items()
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def success_share(problem: Problem, runs: list[dict[str, Any]]) -> str:
    """As "48 % of 50"."""
    row = score(problem, runs)
    return f"{100 * row['successful'] / row['seeds']:.0f} % of {row['seeds']}"


def categories(problem: Problem, label: str, runs: list[dict[str, Any]]) -> str:
    """Share of the seeds whose design is successful and of each category, as in Tables V to VIII."""
    limit = success_limit(problem)
    counts = Counter[str](
        classify(Sequence.from_dict(run["sequence"]), problem.categories)
        for run in runs
        if "loss" in run and run["without_rf_number"] <= limit
    )
    shares = (f"{name} {100 * count / len(runs):.0f} %" for name, count in counts.most_common())
    return f"- {label}: {'; '.join(shares) or 'none successful'}."


COLUMNS = (
    "strategy",
    "seeds",
    "within 0.5 % of best known",
    "successful",
    "best loss",
    "s a seed, median (longest)",
    "s to reach",
    "evaluations to reach",
    "families",
)
HEADER = f"| {' | '.join(COLUMNS)} |"
RULE = "| --- |" + " ---: |" * (len(COLUMNS) - 1)


def table_row(label: str, row: dict[str, Any]) -> str:
    """One strategy."""

    def share(count: int) -> str:
        return f"{100 * count / row['seeds']:.0f} %"

    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    cells = (
        label,
        row["seeds"],
        share(row["found"]),
        share(row["successful"]),
        number(row["best"], ".5f"),
        f"{number(row['seconds'], '.1f')} ({row['longest']:.1f})",
        number(row["seconds_to_reach"], ".1f"),
        number(row["evaluations_to_reach"], ",.0f"),
        number(row["families"], ".0f"),
    )
    return f"| {' | '.join(map(str, cells))} |"
