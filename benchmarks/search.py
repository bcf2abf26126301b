"""Scoreboard of the search strategies; docs/scoreboard.md says how it is done.

python benchmarks/search.py                                     # measure, update results and best known
python benchmarks/search.py --strategies multistart --seeds 40  # some of it; rows of the rest are kept
python benchmarks/search.py --problems development report --strategies run --missing    # go on, task by task
python benchmarks/search.py --problems report --strategies multistart --best-known      # only look for better
python benchmarks/search.py --problems clinic --islands 10      # runs by default, drawn from 10 islands each
python benchmarks/search.py --study out/clinic --islands 10     # the same, islands being the seeds of a study
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
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from best_known import CLOSE, alone, is_found, read_best_known, update_best_known
from generality import kept
from islands import islands_of, measure_islands, prepared_in
from peers.blackbox import PEERS
from scoreboard import aggregate, read_results, write_page, write_results
from tasks import groups, load

from sequence_search import Problem, Study, builtin_problems, search
from sequence_search.strategies import make_strategy
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.result import Run, best_run
from sequence_search.study.plan import read_files

HERE = Path(__file__).parent
FAR_APART = 1000  # first seeds of two runs, so that no island is of both
RESULTS = HERE / "results" / "search.json"
DEFAULT = "run"  # the search as it is by default, to its own end
DRAWN = "drawn"  # the same, drawn from islands
STRATEGIES = ("multistart", "evolution", "random", *PEERS)
UNLIMITED = (DEFAULT, DRAWN, "proxyless")
LABELS = {
    DEFAULT: "default",
    DRAWN: "default, drawn",
    "multistart": "multistart, both cores",
    "proxyless": "proxyless, paper",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run, the wall time of all that led to it, and what the search said of it, if anything."""

    run: Run
    seconds: float
    verdict: str | None = None


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--problems",
        nargs="+",
        default=["paper"],
        metavar="NAME",
        help=f"built-in problems, tasks as task-07, and groups: {', '.join(groups())}",
    )
    parser.add_argument(
        "--strategies", nargs="+", default=list(STRATEGIES), metavar="NAME", help="also: run, proxyless"
    )
    parser.add_argument("--seeds", type=int, default=10, help="runs of each")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        help="wall time of a seed; run and proxyless have their own end",
    )
    parser.add_argument("--options", type=json.loads, default={}, help='of the strategy, as {"steps": 10000}')
    parser.add_argument("--label", help="name of the row, if not the strategy's")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--missing", action="store_true", help="measure only what has no row yet")
    parser.add_argument("--best-known", action="store_true", help="update the best known alone, no row")
    parser.add_argument("--islands", type=int, help="draw default runs from so many islands of each problem")
    parser.add_argument("--study", type=Path, help="take a row of each problem from a study that is done")
    parser.add_argument("--markdown", type=Path)
    arguments = parser.parse_args()
    needs_label = arguments.options or (arguments.study and arguments.islands is None)
    if needs_label and not arguments.label:
        parser.error("--study and --options need a --label of their rows")
    if arguments.markdown:
        write_page(arguments.markdown, read_results(arguments.out))
    elif arguments.study:
        take_study(arguments.study, arguments.label, arguments.out, islands=arguments.islands)
    else:
        names = [name for each in arguments.problems for name in groups().get(each, [each])]
        strategies = arguments.strategies if arguments.islands is None else [DRAWN]
        for problem, strategy in product([load(name) for name in names], strategies):
            measure_row(problem, strategy, arguments)


def measure_row(problem: Problem, strategy: str, arguments: argparse.Namespace) -> None:
    """Measure a strategy on a problem, and save its row before the next."""
    label = arguments.label or LABELS.get(strategy, strategy)
    if arguments.missing and label in read_results(arguments.out).get(problem.name, {}):
        return
    budget = math.inf if strategy in UNLIMITED else arguments.seconds
    if strategy == DRAWN:
        made = how(machine(), arguments.options, budget)
        add_islands(arguments.out, label, made, problem, arguments)
        return
    attempts = measure(problem, strategy, budget, arguments)
    if attempts is None:
        return
    if arguments.best_known:
        with alone():
            update_best_known(problem, label, [each.run for each in attempts])
        tell(problem, label, attempts)
    else:
        add_row(arguments.out, label, how(machine(), arguments.options, budget), problem, attempts)


def take_study(folder: Path, label: str | None, out: Path, islands: int | None) -> None:
    """Rows from a study that is done, of its first seeds as islands if so many are given."""
    study, (facts, _) = Study.open(folder), read_files(folder)
    if study.tally().left:
        raise SystemExit(f"{folder} is not done: {study.tally().left} seeds are left")
    made = {**facts["versions"], "device": facts["device"], "created": facts["created"]}
    made = how(made, study.plan.options, study.plan.max_seconds)
    for name, problem in study.problems.items():
        if islands is None:
            add_row(out, str(label), made, problem, of_seeds(study.runs(name)))
        else:
            runs = study.runs(name)[:islands]
            searched = make_strategy(study.plan.strategy, study.plan.options, problem)
            if searched != make_strategy("multistart", {}, problem) or len(runs) < islands:
                raise SystemExit(f"{folder} has no {islands} seeds of multistart by its default options")
            seconds, preparation = [run.seconds for run in runs], prepared_in(problem, study.plan.options)
            drawn = islands_of(runs, seconds, preparation)
            save_islands(out, label or LABELS[DRAWN], made, problem, runs, drawn)


def how(machine: dict[str, Any], options: dict[str, Any], budget: float) -> dict[str, Any]:
    """What a row says of how its runs were made."""
    limit = budget if math.isfinite(budget) else None
    return {"machine": machine, "options": options, "seconds_limit": limit}


def of_seeds(runs: Iterable[Run]) -> list[Attempt]:
    """Each seed is an attempt of its own."""
    return [Attempt(run, run.seconds) for run in runs]


def add_row(out: Path, label: str, made: dict[str, Any], problem: Problem, attempts: list[Attempt]) -> None:
    """Save and print a row; the best known follows it."""
    described = [describe(each) for each in attempts]
    with alone():
        update_best_known(problem, label, [each.run for each in attempts])
        row = {"seeds": len(attempts), "runs": kept(described)}
        if problem.name in builtin_problems():
            row |= aggregate(problem, described)
        write_row(out, label, problem, made | row)
    tell(problem, label, attempts)


def add_islands(
    out: Path, label: str, made: dict[str, Any], problem: Problem, arguments: argparse.Namespace
) -> None:
    """The same of islands, from which the table draws runs."""
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.islands)
    save_islands(out, label, made, problem, *measure_islands(problem, seeds, arguments.options))


def save_islands(
    out: Path, label: str, made: dict[str, Any], problem: Problem, runs: list[Run], islands: dict[str, Any]
) -> None:
    """The row of islands, and the best known."""
    with alone():
        update_best_known(problem, label, runs)
        write_row(out, label, problem, made | {"problem_sha256": problem.digest, "islands": islands})
    tell(problem, label, of_seeds(runs))


def write_row(out: Path, label: str, problem: Problem, row: dict[str, Any]) -> None:
    """Save a row in the place of the last of its problem and label."""
    results = read_results(out)
    results.setdefault(problem.name, {})[label] = row
    write_results(out, results)


def tell(problem: Problem, label: str, attempts: list[Attempt]) -> None:
    """A line of what was measured."""
    seconds = f"{median(each.seconds for each in attempts):.1f} s"
    if (known := read_best_known().get(problem.name)) is None:
        outcome = "nothing better than no pulse yet"
    else:
        found = sum(is_found(each.run.loss, known["loss"]) for each in attempts)
        outcome = f"{found} of {len(attempts)} within 0.5 % of {known['loss']:.6g} ({known['strategy']})"
    print(f"{problem.name:14} {label:22} {outcome}, {seconds}", flush=True)


def measure(
    problem: Problem, strategy: str, budget: float, arguments: argparse.Namespace
) -> list[Attempt] | None:
    """Attempts of every seed; None, with a line, where a peer is missing."""
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    if strategy not in PEERS:
        named = {} if strategy == DEFAULT else {"strategy": strategy}
        # Compile, or load the compiled code, outside the time.
        search(problem, seeds=(0,), max_evaluations=1.0, **named)
        if strategy == DEFAULT:
            return [default_run(problem, seed, arguments.options) for seed in seeds]
        result = search(problem, strategy, seeds, max_seconds=budget, **arguments.options)
        return of_seeds(result.runs)
    package, optimise = PEERS[strategy]
    if importlib.util.find_spec(package) is None:
        print(f"{package} is not installed (benchmarks/requirements.txt): {strategy} skipped")
        return None
    finisher, runs = Finisher(problem, "auto"), []
    for seed in seeds:
        meter = Meter(Settings(max_seconds=budget))
        found = optimise(problem, seed, meter)
        runs.append(finisher.finish(seed, [found], meter, history=()))
    return of_seeds(runs)


def default_run(problem: Problem, seed: int, options: dict[str, Any]) -> Attempt:
    """The search as a user has it who states nothing but the problem."""
    start = time.perf_counter()
    result = search(problem, seeds=None, first_seed=FAR_APART * seed, **options)
    seconds = time.perf_counter() - start
    return Attempt(best_run(result.runs) or result.runs[0], seconds, result.verdict.word)


def describe(attempt: Attempt) -> dict[str, Any]:
    """What the aggregates need of an attempt."""
    run, told = attempt.run, {"seconds": attempt.seconds, "verdict": attempt.verdict}
    if run.sequence is None or run.evaluation is None:
        return told
    last = run.history[-1] if run.history else None
    reached = next((p for p in run.history if last and p.loss <= last.loss + CLOSE * abs(last.loss)), last)
    return told | {
        "loss": run.loss,
        "without_rf_number": run.loss - run.evaluation.terms.get("rf_number", 0.0),
        "sequence": run.sequence.to_dict(),
        "families": len(run.families),
        "evaluations": run.n_evaluations,
        # When the loss on the training voxels came within 0.5 % of its last.
        "seconds_to_reach": reached.seconds if reached else None,
        "evaluations_to_reach": reached.evaluations if reached else None,
    }


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
