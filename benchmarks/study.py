"""What a study costs beside its searches: workers' throughput, time outside the search, `status` of many.

python benchmarks/study.py                      # all three
python benchmarks/study.py --seeds 16 --workers 1 2

The machine should be idle: workers that share cores with others do not scale.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sequence_search import Problem, Study
from sequence_search.study.seeds import seed_folder

OPTIONS = {"max_rounds": 60, "patience": 60}
N_FINISHED = 10_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--problem", default="gm-wm")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rates = {}
        for n_workers in arguments.workers:
            rates[n_workers] = throughput(folder, arguments.problem, arguments.seeds, n_workers)
            ratio = rates[n_workers] / rates[arguments.workers[0]]
            print(f"{n_workers} workers: {rates[n_workers]:.3f} seeds a second, {ratio:.2f} times the first")
        print(f"outside the search: {100 * share_outside(folder, arguments.problem):.2f} % of the time")
        print(f"status of {N_FINISHED:,} finished seeds: {time_of_status(folder, arguments.problem):.2f} s")


def throughput(folder: Path, problem: str, n_seeds: int, n_workers: int) -> float:
    """Seeds a second once the workers are up, each with its share of the cores.

    Starting (imports, loading the compiled kernel) takes seconds once a study; so the first seeds are left
    out of the count, and the last ones, while some workers have nothing left to do.
    """
    study = Study.create(
        folder / f"workers-{n_workers}", Problem.load(problem), seeds=range(n_seeds), **OPTIONS
    )
    ends: list[float] = []
    study.run(workers=n_workers, on_outcome=lambda outcome: ends.append(time.perf_counter()))
    counted = ends[n_workers : len(ends) - n_workers + 1]
    return (len(counted) - 1) / (counted[-1] - counted[0])


def share_outside(folder: Path, problem: str) -> float:
    """Part of the time of seeds in this process that was not spent in the search, by the files' account."""
    study = Study.create(folder / "outside", Problem.load(problem), seeds=range(6), **OPTIONS)
    ends: list[float] = []
    study.run(on_outcome=lambda outcome: ends.append(time.perf_counter()))
    searched = [run.seconds for run in study.runs(problem)]
    return 1 - sum(searched[1:]) / (ends[-1] - ends[0])


def time_of_status(folder: Path, problem: str) -> float:
    """Wall time of the command `status`, the median of three, on copies of a finished seed."""
    study = Study.create(folder / "many", Problem.load(problem), seeds=range(N_FINISHED), **OPTIONS)
    study.run(share=(0, N_FINISHED))
    first = seed_folder(study.folder, problem, 0)
    for seed in range(1, N_FINISHED):
        shutil.copytree(first, seed_folder(study.folder, problem, seed))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        command = [sys.executable, "-m", "sequence_search", "status", str(study.folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
