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
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import torch
from peers.blackbox import PEERS
from scoreboard import BEST_KNOWN, CLOSE, aggregate, read_results, write_page, write_results

from sequence_search import Problem, Sequence, Study, builtin_problems, search
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.result import Run
from sequence_search.study.plan import read_files

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "search.json"
STRATEGIES = ("multistart", "evolution", "random", *PEERS)
REFERENCE_SEEDS = 3
LABELS = {"multistart": "multistart, both cores", "proxyless": "proxyless, paper"}


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
    parser.add_argument("--study", type=Path, help="take a row of each problem from a study that is done")
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    if (arguments.study or arguments.options) and not arguments.label:
        parser.error("--study and --options need a --label of their rows")
    if arguments.markdown:
        write_page(arguments.markdown, read_results(arguments.out))
    elif arguments.study:
        take_study(arguments.study, arguments.label, arguments.out)
    else:
        for name, strategy in product(arguments.problems, arguments.strategies):
            problem = Problem.load(name)
            budget = math.inf if strategy == "proxyless" else arguments.seconds
            if runs := measure(problem, strategy, budget, arguments):
                label = arguments.label or LABELS.get(strategy, strategy)
                add_row(arguments.out, label, how(machine(), arguments.options, budget), problem, runs)


def take_study(folder: Path, label: str, out: Path) -> None:
    """Rows from a study that is done."""
    study, (facts, _) = Study.open(folder), read_files(folder)
    if study.tally().left:
        raise SystemExit(f"{folder} is not done: {study.tally().left} seeds are left")
    made = {**facts["versions"], "device": facts["device"], "created": facts["created"]}
    for name, problem in study.problems.items():
        add_row(out, label, how(made, study.plan.options, study.plan.max_seconds), problem, study.runs(name))


def how(machine: dict[str, Any], options: dict[str, Any], budget: float) -> dict[str, Any]:
    """What a row says of how its runs were made."""
    limit = budget if math.isfinite(budget) else None
    return {"machine": machine, "options": options, "seconds_limit": limit}


def add_row(out: Path, label: str, made: dict[str, Any], problem: Problem, runs: list[Run]) -> None:
    """Save and print a row; the best known follows it."""
    update_best_known(problem, label, runs)
    row = aggregate(problem, [describe(run) for run in runs])
    results = read_results(out)
    results.setdefault(problem.name, {})[label] = made | row
    write_results(out, results)
    print(f"{problem.name:15} {label:20} {row}", flush=True)


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
    """What the aggregates need of a run."""
    if run.sequence is None or run.evaluation is None:
        return {"seconds": run.seconds}
    last = run.history[-1] if run.history else None
    reached = next((p for p in run.history if last and p.loss <= last.loss + CLOSE * abs(last.loss)), last)
    return {
        "loss": run.loss,
        "without_rf_number": run.loss - run.evaluation.terms.get("rf_number", 0.0),
        "sequence": run.sequence.to_dict(),
        "families": len(run.families),
        "seconds": run.seconds,
        "evaluations": run.n_evaluations,
        # When the loss on the training voxels came within 0.5 % of its last.
        "seconds_to_reach": reached.seconds if reached else None,
        "evaluations_to_reach": reached.evaluations if reached else None,
    }


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


if __name__ == "__main__":
    sys.exit(main())
