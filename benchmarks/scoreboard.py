"""Aggregates of the runs of `benchmarks/search.py`, how they are saved, and the page that shows them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import generality
import numpy as np
from best_known import is_found, read_best_known
from matplotlib.figure import Figure
from scipy.stats import binomtest

from sequence_search import Problem, Sequence, builtin_problems
from sequence_search.classify import OTHERS, classify
from sequence_search.paper.values import paper_rows
from sequence_search.report.drawing import COLOURS, write_figure
from sequence_search.storage import write_bytes

SUCCESS = 0.05  # of the two-pulse optimum's loss, without the RF-number term: successful in the paper's sense
STALE = 0.001  # by how much a best known must have changed for a count by it to be marked
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
SHARED = ("machine", "options")
ORDER = ("default", "multistart", "proxyless", "evolution", "random", "cma-es", "tpe")
SCHEDULES = ("proxyless, paper", "proxyless, fast", "proxyless, exact")
PAPER_STEPS = 100_000
CURVE, CURVE_PROBLEMS = "images/proxyless-steps.png", ("max-signal", "csf-null-w1")
# Conditions of which the paper has every category; the rest of its 100 runs are Others, which do not succeed.
PAPER_PROBLEMS = ("max-signal", "gm-wm-t2-w30", "gm-wm", "csf-null-w0.25", "csf-null-w1")


def aggregate(problem: Problem, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What is kept of a row: counts, quantiles and medians of its runs, and the best known that they met."""
    known = read_best_known()[problem.name]["loss"]
    designs = [run for run in runs if "loss" in run]
    found = [run for run in designs if is_found(run["loss"], known)]
    limit = success_limit(problem)
    successful = [run for run in designs if run["without_rf_number"] <= limit]
    kinds = Counter(classify(Sequence.from_dict(run["sequence"]), problem.categories) for run in successful)
    return {
        "found": len(found),
        "successful": len(successful),
        "categories": dict(kinds.most_common()),
        "best_known": round(known, 6),
        "loss": _quantiles(designs, "loss", 7),
        "seconds": _quantiles(runs, "seconds", 2),
        "seconds_to_reach": _median(found, "seconds_to_reach"),
        "evaluations_to_reach": _median(found, "evaluations_to_reach"),
        "families": _median(designs, "families"),
    }


def _quantiles(runs: list[dict[str, Any]], key: str, digits: int) -> list[float]:
    """Least, quartiles and largest; empty without a run."""
    values = [run[key] for run in runs]
    return (
        [round(float(each), digits) for each in np.quantile(values, (0, 0.25, 0.5, 0.75, 1))]
        if values
        else []
    )


def _median(runs: list[dict[str, Any]], key: str) -> float | None:
    values = [run[key] for run in runs if run.get(key) is not None]
    return round(median(values), 2) if values else None


def read_results(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Saved rows by problem and label; none at first."""
    if not file.exists():
        return {}
    saved = json.loads(file.read_text())
    return {
        name: {label: {**row, **{key: saved[key][row[key]] for key in SHARED}} for label, row in rows.items()}
        for name, rows in saved["rows"].items()
    }


def write_results(file: Path, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """JSON with a line for each row; machines and options, of which many rows have the same, once."""
    shared: dict[str, list[Any]] = {key: [] for key in SHARED}
    problems = []
    for name, rows in results.items():
        lines = []
        for label, row in rows.items():
            small = dict(row)
            for key, known in shared.items():
                if row[key] not in known:
                    known.append(row[key])
                small[key] = known.index(row[key])
            lines.append(f"{json.dumps(label)}: {json.dumps(small, ensure_ascii=False)}")
        problems.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    lists = [f'"{key}": [\n' + ",\n".join(map(json.dumps, known)) + "\n]" for key, known in shared.items()]
    text = ",\n".join([*lists, '"rows": {\n' + ",\n".join(problems) + "\n}"])
    write_bytes(file, f"{{\n{text}\n}}\n".encode())


def success_limit(problem: Problem) -> float:
    """Largest loss without its RF-number term that is successful in the paper's sense."""
    two = read_best_known()[problem.name]["two_pulse"]
    return float(two + SUCCESS * abs(two))


def write_page(page: Path, results: dict[str, Any]) -> None:
    """Put the tables between the marks of the page, and draw the curve beside it."""
    write_curve(page.parent / CURVE, results)
    text = page.read_text()
    head, rest = text.split(BEGIN)
    page.write_text(f"{head}{BEGIN}\n\n{tables(results)}\n{END}{rest.split(END)[1]}")


def tables(results: dict[str, Any]) -> str:
    """Best-known losses, then a table for each problem."""
    known = read_best_known()
    parts = ["| problem | best known | two pulses at best | design |", "| --- | ---: | ---: | --- |"]
    for name in builtin_problems():
        entry = known[name]
        weight = next((t.weight for t in Problem.load(name).objective.terms if t.name == "rf_number"), 0.0)
        two = entry["two_pulse"] + 2 * weight
        parts.append(
            f"| {name} | {entry['loss']:.5f} | {two:.5f} | {Sequence.from_dict(entry['sequence'])} |"
        )
    saved = {name: results[name] for name in builtin_problems() if name in results}
    kept = {
        label for rows in results.values() for label, row in rows.items() if {"runs", "islands"} & set(row)
    }
    if kept:
        parts += ["", "### Generality", "", *generality.table(results, sorted(kept, key=_place))]
    for name, rows in saved.items():
        labels = sorted((each for each in rows if _has_place(each, rows[each])), key=strategy_rank)
        parts += ["", f"### {name}", "", HEADER, RULE]
        parts += [table_row(label, rows[label], known[name]["loss"]) for label in labels]
        parts += ["", *(categories(each, rows[each]) for each in SCHEDULES if each in rows)]
    parts += ["", "### proxyless by its options: successful seeds of a category", "", *variants(saved)]
    return "\n".join(parts) + "\n"


def _has_place(label: str, row: dict[str, Any]) -> bool:
    """Whether a row stands in the table of its problem; not one from which runs are drawn."""
    return "islands" not in row and not is_variant(label)


def is_variant(label: str) -> bool:
    """Whether a row is of proxyless with other options than a schedule's."""
    return label.startswith(("proxyless", "fast")) and label not in SCHEDULES


def write_curve(path: Path, results: dict[str, Any]) -> None:
    """Figure of the share of successful seeds of proxyless by its steps, with Wilson intervals of 95 %."""
    figure = Figure(figsize=(88 / 25.4, 62 / 25.4), layout="constrained")
    axes = figure.subplots()
    every: set[int] = set()
    for place, name in enumerate(name for name in CURVE_PROBLEMS if name in results):
        found = {
            row["options"].get("steps", PAPER_STEPS): row
            for label, row in results[name].items()
            if label in SCHEDULES[:2] or re.fullmatch(r"proxyless, [\d,]+ steps", label)
        }
        steps = sorted(found)
        every.update(steps)
        tests = [binomtest(of_category(found[each]), found[each]["seeds"]) for each in steps]
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
    axes.set_ylabel("Successful seeds of a category (%)", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.legend(title="dotted: the paper's 100 seeds", fontsize=7, title_fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    write_figure(figure, path, dpi=200)


def paper_success(name: str) -> float:
    """Successful runs of the paper's 100: those of its categories but Others [%]."""
    shares = (row.occurrence_percent for row in paper_rows(name) if row.kind == "category")
    return sum(share.mean for share in shares if share)


def _place(label: str) -> tuple[int, str]:
    return strategy_rank(label), label


def strategy_rank(label: str) -> int:
    """Place of a row among the strategies; a label begins with its strategy."""
    return [label.startswith(each) for each in ORDER].index(True) if label.startswith(ORDER) else len(ORDER)


def variants(saved: dict[str, dict[str, Any]]) -> list[str]:
    """Table of the share of seeds of proxyless that succeed as in the paper, by options and problem."""
    present = dict.fromkeys(label for rows in saved.values() for label in rows)
    labels = [*(each for each in SCHEDULES if each in present), *filter(is_variant, present)]
    paper = [f"{paper_success(name):.0f} % of 100" if name in PAPER_PROBLEMS else "-" for name in saved]
    lines = [f"| options | {' | '.join(saved)} |", "| --- |" + " ---: |" * len(saved)]
    lines.append(f"| the paper's own | {' | '.join(paper)} |")
    for label in labels:
        cells = [success_share(rows[label]) if label in rows else "-" for rows in saved.values()]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def of_category(row: dict[str, Any]) -> int:
    """Successful seeds of a category, as the paper counts: of none they are among its Others."""
    return int(row["successful"] - row["categories"].get(OTHERS, 0))


def success_share(row: dict[str, Any]) -> str:
    """As "48 % of 50"."""
    return f"{100 * of_category(row) / row['seeds']:.0f} % of {row['seeds']}"


def categories(label: str, row: dict[str, Any]) -> str:
    """Share of the seeds whose design is successful and of each category, as in Tables V to VIII."""
    shares = (f"{name} {100 * count / row['seeds']:.0f} %" for name, count in row["categories"].items())
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


def table_row(label: str, row: dict[str, Any], known: float) -> str:
    """One strategy."""

    def share(count: int) -> str:
        return f"{100 * count / row['seeds']:.0f} %"

    def number(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    # What was counted by a loss that has been improved on since says so.
    earlier = abs(row["best_known"] - known) > STALE * abs(known)
    cells = (
        label,
        row["seeds"],
        share(row["found"]) + (f" of the earlier {row['best_known']:.5f}" if earlier else ""),
        share(row["successful"]),
        number(row["loss"][0] if row["loss"] else None, ".5f"),
        f"{row['seconds'][2]:.1f} ({row['seconds'][4]:.1f})",
        number(row["seconds_to_reach"], ".1f"),
        number(row["evaluations_to_reach"], ",.0f"),
        number(row["families"], ".0f"),
    )
    return f"| {' | '.join(map(str, cells))} |"
