"""Benchmark of the engines and their peers; docs/benchmarks.md says how it is done.

python benchmarks/engines.py                                  # measure, save JSON, print the tables
python benchmarks/engines.py --quick --out out/quick.json     # a small subset
python benchmarks/engines.py --layouts                        # layouts alone
python benchmarks/engines.py --markdown docs/benchmarks.md    # write the tables of a saved JSON there
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peers import Case, Contestant, by_autograd, floor, layouts, machine, mrzero, ours, silenced, tables
from peers import blochsim as blochsim_peer

from sequence_search import Problem, Sequence
from sequence_search.engines import fused
from sequence_search.engines.arrangement import arrange, as_numpy
from sequence_search.engines.kernel.objective import arrange_objective
from sequence_search.engines.kernel.run import loss
from sequence_search.engines.simulator import Simulator
from sequence_search.objective import Objective, Prepared
from sequence_search.voxels import random_voxels

PROBLEM = Problem.load("max-signal")
# Its signal loss alone, over all voxels: the penalties do not depend on the simulation.
OBJECTIVE = Objective((replace(PROBLEM.objective.terms[0], tissues=None),))
CALLS_SECONDS = 0.02  # a measurement repeats a short call for about this long
PATIENCE_SECONDS = 30  # no further rounds of a call that has taken this long in all
BUSY = 0.05  # processors kept busy by others, from which on times are not to be used
N_CHECKED = 100  # voxels on which signals and gradients are compared
# Contestant, batch, voxels and call whose peak memory is measured, at five pulses.
MEMORY = (
    *(("isochromats", 1, n_voxels, "gradient") for n_voxels in (1_000, 10_000)),
    *(("pathways", 1, n_voxels, "gradient") for n_voxels in (1_000, 100_000)),
    *(("MRzeroCore", 1, n_voxels, "gradient") for n_voxels in (1_000, 100_000)),
    ("blochsim", 1, 100_000, "gradient"),
    *(("fused", 32, n_voxels, "gradient") for n_voxels in (1_000, 100_000)),
    ("fused", 32, 100_000, "signal"),
)


def make_case(n_rf: int, n_voxels: int, batch: int) -> Case:
    """Sequences of flip angles to 180°, any phases, delays of 6 to 100 ms; voxels of max-signal."""
    generator = torch.Generator().manual_seed(n_rf)
    flip, phase, wait = torch.rand((3, 1024, n_rf), generator=generator, dtype=torch.float64)[:, :batch]
    sequence = Sequence(math.pi * flip, 2 * math.pi * phase, 0.006 + 0.094 * wait)
    return Case(sequence, random_voxels(PROBLEM.tissues, PROBLEM.imaging, n_voxels, seed=0), OBJECTIVE)


def contestants(batches: tuple[int, ...]) -> list[Contestant]:
    """All whose package is installed; says which is not."""
    entered = [*ours.contestants(batches), mrzero.CONTESTANT, blochsim_peer.CONTESTANT]
    missing = {c.needs for c in entered if c.needs and importlib.util.find_spec(c.needs) is None}
    for name in sorted(missing):
        note(f"{name} is not installed (benchmarks/requirements.txt): skipped")
    return [c for c in entered if c.needs not in missing]


def note(text: str) -> None:
    """Progress goes to standard error; a peer prints on standard output from compiled code."""
    print(text, file=sys.stderr, flush=True)


@functools.cache
def agreement(contestant: Contestant, n_rf: int) -> dict[str, Any]:
    """Largest difference of the signals [M0], and of the gradients relative to the largest of its kind."""
    case = make_case(n_rf, N_CHECKED, contestant.batch)
    task = contestant.prepare(case)
    expected = by_autograd(lambda free: contestant.expected(replace(case, sequence=free)), case)
    signal = (task.signal().cpu() - contestant.expected(case)).abs().max().item()
    gradient = max(
        ((ours.cpu() - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6)).item()
        for ours, theirs in zip(task.gradient(), expected, strict=True)
    )
    return {"signal_difference": signal, "gradient_difference": gradient}


class Stopwatch:
    """Least time of a call over rounds; a short call is repeated within a round."""

    def __init__(self, call: Callable[[], Any], cores: int) -> None:
        self.call, self.cores, self.best, self.spent = call, cores, math.inf, 0.0
        self.count = 1
        self.round()  # compiles or loads what is needed
        self.best, self.spent = math.inf, 0.0
        self.round()
        self.count = max(1, round(CALLS_SECONDS / self.best))

    def round(self) -> None:
        """One more measurement, unless the call has had its share of time."""
        if self.spent > PATIENCE_SECONDS and self.best < math.inf:
            return
        threads = torch.get_num_threads()
        torch.set_num_threads(self.cores)
        start = time.perf_counter()
        for _ in range(self.count):
            self.call()
        seconds = time.perf_counter() - start
        torch.set_num_threads(threads)
        self.best, self.spent = min(self.best, seconds / self.count), self.spent + seconds


def race(entered: list[Contestant], n_rf: int, n_voxels: int, rounds: int) -> list[dict[str, Any]]:
    """Time all in turn, round after round, so that a slow moment of the machine meets everyone."""
    watches, results = [], []
    for contestant in entered:
        cores = contestant.cores or torch.get_num_threads()
        result = {"pulses": n_rf, "voxels": n_voxels, "contestant": contestant.name}
        result |= {"batch": contestant.batch, "cores": cores}
        results.append(result)
        if contestant.batch * n_voxels > contestant.most:
            result["skipped"] = contestant.reason
        else:
            result |= agreement(contestant, n_rf)
            if not result["signal_difference"] <= contestant.tolerance:
                result["skipped"] = f"signal differs by {result['signal_difference']:.1e}"
        if "skipped" in result:
            note(f"  {contestant.name} x {contestant.batch} skipped: {result['skipped']}")
            continue
        task = contestant.prepare(make_case(n_rf, n_voxels, contestant.batch))
        watches.append((result, "signal_ms", Stopwatch(task.signal, cores)))
        watches.append((result, "gradient_ms", Stopwatch(task.gradient, cores)))
    for _ in range(rounds):
        for _, _, watch in watches:
            watch.round()
    for result, name, watch in watches:
        result[name] = 1e3 * watch.best / result["batch"]
    return results


def overhead(rounds: int = 20) -> dict[str, float]:
    """Time of a call with one pulse [us]: kernel.run.loss, the same less its kernel, and a Simulator's."""
    watches = []
    for n_voxels in (8, 264):
        case = make_case(1, n_voxels, 1)
        voxels = replace(case.voxels, tissue=torch.zeros_like(case.voxels.tissue))  # blocks are of one tissue
        blocks = arrange(voxels)
        terms = arrange_objective(blocks, fused.encode(Prepared(OBJECTIVE, voxels)))
        parts = (case.sequence.flip_angle, case.sequence.phase, case.sequence.delay)
        arrays, n_rf = tuple(as_numpy(part) for part in parts), np.ones(1, np.int64)
        arguments = (arrays, n_rf, blocks, terms, torch.get_num_threads())
        watches.append(Stopwatch(lambda arguments=arguments: loss(*arguments), 1))
    entry = Simulator(make_case(1, 8, 1).voxels, OBJECTIVE).loss_and_gradient
    watches.append(Stopwatch(lambda: entry(case.sequence), 1))
    for _ in range(rounds):
        for watch in watches:
            watch.round()
    few, more, whole = (1e6 * watch.best for watch in watches)
    block = (more - few) / 32  # 264 voxels are 33 blocks of eight, 8 are one
    return {"call_us": few, "beyond_kernel_us": few - block, "loss_and_gradient_us": whole}


def memory(entered: list[Contestant], pulses: int = 5) -> list[dict[str, Any]]:
    """Peak memory of one call beyond what the process had before [MB], each in a process of its own."""
    if not Path("/proc/self/clear_refs").exists():
        note("memory is measured on Linux only: skipped")
        return []
    names, results = {c.name for c in entered}, []
    for name, batch, n_voxels, call in MEMORY:
        if name in names:
            arguments = (name, str(pulses), str(n_voxels), str(batch), call)
            command = [sys.executable, __file__, "--peak", *arguments]
            megabytes = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            result = {"contestant": name, "batch": batch, "voxels": n_voxels, "pulses": pulses, "call": call}
            results.append(result | {"megabytes": megabytes})
    return results


def peak(name: str, pulses: int, n_voxels: int, batch: int, call: str) -> float:
    """Rise of the peak resident memory [MB] by a call, after a small one has loaded what it needs."""
    contestant = next(
        c for c in contestants((batch,)) if c.name == name and c.batch == batch and c.cores is None
    )
    with silenced():
        getattr(contestant.prepare(make_case(pulses, 8, batch)), call)()
        case = make_case(pulses, n_voxels, batch)
        # Not getrusage: its peak is inherited from the process that started this one.
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        before = peak_so_far()
        getattr(contestant.prepare(case), call)()
        return peak_so_far() - before


def peak_so_far() -> float:
    """Largest resident memory of this process [MB]; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(quick: bool) -> dict[str, Any]:
    """All measurements."""
    pulses = (2, 5) if quick else (1, 2, 3, 5)
    sizes = (100, 1_000) if quick else (100, 1_000, 10_000, 100_000)
    entered = contestants((1, 32) if quick else (1, 32, 256))
    quiet = machine.Quiet()
    nanoseconds, results = floor.throughput(torch.get_num_threads()), []
    for n_rf in pulses:
        for n_voxels in sizes:
            note(f"{n_rf} pulses, {n_voxels} voxels")
            results += race(entered, n_rf, n_voxels, rounds=3 if quick else 7)
        again = floor.throughput(torch.get_num_threads())
        nanoseconds = {name: min(value, again[name]) for name, value in nanoseconds.items()}
    others = quiet.others()
    if others is not None and others > BUSY:
        note(f"the machine was not quiet, others kept {others:.2f} processors busy: do not use these times")
    note("overhead, memory")
    floors = [
        {"pulses": n_rf, "voxels": n_voxels, "ms": floor.floor_ms(n_rf, n_voxels, nanoseconds)}
        for n_rf in pulses
        for n_voxels in sizes
    ]
    return {
        "machine": machine.describe() | {"others": others},
        "results": results,
        "floor": {
            "nanoseconds": nanoseconds,
            "counts": {str(n_rf): floor.count(n_rf) for n_rf in pulses},
            "times": floors,
        },
        "overhead": overhead(),
        "layouts": layouts.measure(rounds=10 if quick else 60),
        "memory": [] if quick else memory(entered),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "engines.json")
    parser.add_argument("--quick", action="store_true", help="a small subset")
    parser.add_argument("--layouts", action="store_true", help="measure layouts alone, into what --out has")
    parser.add_argument(
        "--markdown", type=Path, help="write the tables of --out into this page; measure nothing"
    )
    parser.add_argument("--peak", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        name, pulses, n_voxels, batch, call = arguments.peak
        print(peak(name, int(pulses), int(n_voxels), int(batch), call))
    elif arguments.layouts:
        found = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
        with silenced():
            found["layouts"] = layouts.measure(rounds=60)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
        print(tables.of_layouts(found["layouts"]))
    elif arguments.markdown:
        tables.insert(arguments.markdown, json.loads(arguments.out.read_text()))
    else:
        with silenced():
            found = measure(arguments.quick)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")
        print(tables.render(found))


if __name__ == "__main__":
    main()
