"""Scoreboard of the search strategies on the built-in problems; docs/scoreboard.md says how it is done.

python benchmarks/search.py                                     # measure, update results and best known
python benchmarks/search.py --strategies multistart --seeds 40  # some of it; rows of the rest are kept
python benchmarks/search.py --markdown docs/scoreboard.md       # write the saved results into the page
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from peers.blackbox import PEERS

from sequence_search import Problem, Sequence, Study, builtin_problems, search
from sequence_search.classify import classify
from sequence_search.search.base import Meter, Settings
from sequence_search.search.finish import Finisher
from sequence_search.search.result import Run

HERE = Path(__file__).parent
BEST_KNOWN = HERE / "best_known.json"
RESULTS = HERE / "results" / "search.json"
STRATEGIES = ("multistart", "evolution", "random", *PEERS)
CLOSE = 0.005  # of the best-known loss: found
SUCCESS = 0.05  # of the two-pulse optimum's loss, without the RF-number term: successful in the paper's sense
REFERENCE_SEEDS = 3
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--problems", nargs="+", default=builtin_problems())
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES), help="also: proxyless")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="wall time of a seed; proxyless has its steps"
    )
    parser.add_argument("--options", type=json.loads, default={}, help='of the strategy, as {"steps": 10000}')
    parser.add_argument("--label", help="name of the row, if not the strategy's")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--study", type=Path, help="take a row of each problem from a study; give --label")
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    if arguments.markdown:
        write_page(arguments.markdown, read_results(arguments.out))
    elif arguments.study:
        study = Study.open(arguments.study)
        for name in study.problems:
            label = arguments.label or study.plan.strategy
            budget, options = study.plan.max_seconds, study.plan.options
            add_row(arguments.out, label, options, budget, study.problems[name], study.runs(name))
    else:
        for name, strategy in product(arguments.problems, arguments.strategies):
            problem = Problem.load(name)
            budget = math.inf if strategy == "proxyless" else arguments.seconds
            if runs := measure(problem, strategy, budget, arguments):
                label = arguments.label or strategy
                add_row(arguments.out, label, arguments.options, budget, problem, runs)


def add_row(
    out: Path, label: str, options: dict[str, Any], budget: float, problem: Problem, runs: list[Run]
) -> None:
    """Save and print a row; the best known follows it."""
    update_best_known(problem, label, runs)
    row = {
        "machine": machine(),
        "options": options,
        "seconds_limit": budget if math.isfinite(budget) else None,
        "runs": [describe(run) for run in runs],
    }
    results = read_results(out)
    results["rows"].setdefault(problem.name, {})[label] = row
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{problem.name:15} {label:20} {score(problem, row['runs'])}", flush=True)


def read_results(out: Path) -> dict[str, Any]:
    """Saved rows; none at first."""
    return dict(json.loads(out.read_text())) if out.exists() else {"rows": {}}


def measure(
    problem: Problem, strategy: str, budget: float, arguments: argparse.Namespace
) -> list[Run] | None:
    """Runs of every seed; None, with a line, where a peer is missing."""
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if strategy not in PEERS:
        # Compile, or load the compiled code, outside the time.
        search(problem, strategy, (0,), max_evaluations=1.0)
        result = search(problem, strategy, seeds, max_seconds=budget, **arguments.options)
        return list(result.runs)
    package, optimise = PEERS[strategy]
    if importlib.util.find_spec(package) is None:
        print(f"{package} is not installed (benchmarks/requirements.txt): {strategy} skipped")
        return None
    finisher, runs = Finisher(problem, "auto"), []
    for seed in seeds:
        meter = Meter(Settings(max_seconds=budget))
        found = optimise(problem, seed, meter)
        runs.append(finisher.finish(seed, [found], meter, history=()))
    return runs


def describe(run: Run) -> dict[str, Any]:
    """What the scoreboard needs of a run, in small."""
    if run.sequence is None or run.evaluation is None:
        return {"seed": run.seed, "status": run.status, "reason": run.reason, "seconds": run.seconds}
    last = run.history[-1] if run.history else None
    reached = next((p for p in run.history if last and p.loss <= last.loss + CLOSE * abs(last.loss)), last)
    return {
        "seed": run.seed,
        "status": run.status,
        "loss": run.loss,
        "without_rf_number": run.loss - run.evaluation.terms.get("rf_number", 0.0),
        "check_loss": run.families[0].check_loss,
        "sequence": {name: np.round(values, 3).tolist() for name, values in run.sequence.to_dict().items()},
        "families": len(run.families),
        "seconds": round(run.seconds, 2),
        "evaluations": run.n_evaluations,
        # When the loss on the training voxels came within 0.5 % of its last.
        "seconds_to_reach": round(reached.seconds, 2) if reached else None,
        "evaluations_to_reach": reached.evaluations if reached else None,
    }


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


def update_best_known(problem: Problem, label: str, runs: Iterable[Run]) -> None:
    """Keep the least loss ever found for a problem, with the sequence that proves it."""
    known = json.loads(BEST_KNOWN.read_text()) if BEST_KNOWN.exists() else {}
    entry = known.get(problem.name, {})
    if entry.get("problem_sha256") != problem.digest:
        entry = {"problem_sha256": problem.digest, "two_pulse": two_pulse_optimum(problem)}
    for run in runs:
        if run.sequence is None:
            continue
        stated = Sequence.from_dict(run.sequence.to_dict())
        if (loss := problem.evaluate(stated).loss) < entry.get("loss", math.inf) - 1e-9:
            entry |= {"loss": loss, "strategy": label, "seed": run.seed, "sequence": run.sequence.to_dict()}
    if "loss" in entry:
        known[problem.name] = entry
        BEST_KNOWN.write_text(json.dumps(known, indent=1, allow_nan=False) + "\n")


def two_pulse_optimum(problem: Problem) -> float:
    """Loss of the best sequence of two pulses without its RF-number term, the reference of "successful"."""
    two = replace(problem, search_space=replace(problem.search_space, max_rf=2))
    best = search(two, seeds=range(REFERENCE_SEEDS)).best
    assert best.evaluation is not None
    return best.loss - best.evaluation.terms.get("rf_number", 0.0)


def machine() -> dict[str, Any]:
    """Where and with what a row was measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False, cwd=HERE
    ).stdout.strip()
    versions = {name: version(name) for name in ("sequence-search", "torch", "numpy", "scipy", "numba")}
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "commit": commit,
        **versions,
    }


def write_page(page: Path, results: dict[str, Any]) -> None:
    """Put the tables between the marks of the page."""
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
    for name, rows in results["rows"].items():
        problem = Problem.load(name)
        parts += ["", f"### {name}", "", HEADER, RULE]
        parts += [table_row(label, score(problem, row["runs"])) for label, row in rows.items()]
        parts += [
            "",
            *(categories(problem, label, row["runs"]) for label, row in rows.items() if "fast" in label),
        ]
    return "\n".join(parts) + "\n"


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


if __name__ == "__main__":
    sys.exit(main())
