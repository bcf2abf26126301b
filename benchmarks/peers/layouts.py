"""Layouts against sequences without one: loss and gradient, one thread, of 1,008 voxels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from importlib import util
from typing import Any

import numpy as np
import torch

from peers import Case, mrzero
from sequence_search import Problem, Sequence, simulate
from sequence_search.engines import fused
from sequence_search.engines.arrangement import Arrangement
from sequence_search.engines.kernel import run, table_run
from sequence_search.engines.kernel.states import tables
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.objective import Prepared
from sequence_search.pulses.shapes import Sinc

BATCH = 4
CRUSHED = (SPOILER, 1, 1)
SINC = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
SLICED = "3 pulses, a slice of 8 places"
LAYOUTS = {
    **{f"{n} pulses": Layout.plain(n) for n in (2, 3, 4, 5)},
    **{f"{n} pulses, steady": Layout.plain(n, steady=True) for n in (2, 3, 4, 5)},
    "inversion, crushed spin echo": Layout.plain(3, gradients=CRUSHED),
    "inversion, crushed spin echo, steady": Layout.plain(3, gradients=CRUSHED, steady=True),
    **{
        f"{n} echoes{', crushed' * crusher}": Layout.train(n, crusher=crusher)
        for n in (16, 30)
        for crusher in (0, 1)
    },
    SLICED: Layout.plain(3, kinds=("sinc",) * 3),
}
# What each is compared with, and the ratio aimed at.
AGAINST: dict[str, tuple[str, float]] = {
    **{f"{n} pulses": (f"{n} pulses, no layout", 1.15) for n in (2, 3, 4, 5)},
    **{f"{n} pulses, steady": (f"{n} pulses", 1.5) for n in (2, 3, 4, 5)},
    "inversion, crushed spin echo": ("3 pulses, no layout", 1.0),
    "inversion, crushed spin echo, steady": ("inversion, crushed spin echo", 1.5),
    "16 echoes": ("5 pulses, no layout", 12.0),
    "16 echoes, crushed": ("5 pulses, no layout", 6.0),
    "30 echoes, crushed": ("5 pulses, no layout", 17.0),
    SLICED: ("3 pulses", 11.0),
}


def measure(rounds: int) -> list[dict[str, Any]]:
    """Least processor time of each [ms a sequence], all in turn round after round, and ratios to targets.

    Of one readout the objective's loss in one pass, of several the adjoint of given seeds, which is as much.
    """
    calls = _calls()
    best = dict.fromkeys(calls, math.inf)
    for call in calls.values():
        call()  # compiles or loads what is needed
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], _processor_ms(call) / BATCH)
    results = []
    peer = _peer_times(rounds) if util.find_spec(mrzero.CONTESTANT.needs or "") else {}
    for name, layout in LAYOUTS.items():
        found = tables(layout)
        result = {"layout": name, "triples": len(found.source), "leaves": len(found.leaf) - 1}
        result["ms"] = best[name]
        if name in AGAINST:
            other, target = AGAINST[name]
            result |= {"against": other, "ratio": best[name] / best[other], "target": target}
        if name in peer:
            result |= {"peer_ms": peer[name], "peer_ratio": peer[name] / best[name]}
        results.append(result)
    return results


def _peer_times(rounds: int) -> dict[str, float]:
    """Least processor time of MRzeroCore [ms a sequence] of layouts that are played once, which agree.

    Raises
    ------
    RuntimeError
        If it gives another signal.
    """
    problem, rng = Problem.load("max-signal"), np.random.default_rng(0)
    voxels, times = problem.voxels(336), {}
    for name, layout in LAYOUTS.items():
        if layout.steady or set(layout.kinds) != {HARD}:
            continue
        flip, phase, delay = (torch.as_tensor(part[:1]) for part in _numbers(rng, layout))
        case = Case(Sequence(flip, phase, delay, layout=layout), voxels, problem.objective)
        task = mrzero.CONTESTANT.prepare(case)
        apart = float((task.signal() - simulate(case.sequence, voxels)).abs().max())
        if apart > mrzero.CONTESTANT.tolerance:
            raise RuntimeError(f"MRzeroCore's signal of '{name}' is {apart:.1e} M0 from ours")
        times[name] = min(_processor_ms(task.gradient) for _ in range(max(3, rounds // 20)))
    return times


def _processor_ms(call: Callable[[], object]) -> float:
    start = time.thread_time()  # no time of others on a busy machine
    call()
    return 1e3 * (time.thread_time() - start)


def _numbers(rng: np.random.Generator, layout: Layout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flip angles, phases and delays of a batch."""
    flip, phase = rng.uniform(0, math.pi, (BATCH, layout.n_rf)), rng.uniform(0, 6, (BATCH, layout.n_rf))
    return flip, phase, rng.uniform(0.006, 0.06, (BATCH, layout.n_delay))


def _calls() -> dict[str, Callable[[], object]]:
    problem, rng = Problem.load("max-signal"), np.random.default_rng(0)
    voxels = problem.voxels(336)
    encoding, arrangement = (
        fused.encode(Prepared(problem.objective, voxels)),
        Arrangement(voxels, {"sinc": SINC}, 8),
    )

    plain = arrangement.of(None)
    blocks, objective = plain.blocks, arrangement.objective(encoding, plain)
    calls: dict[str, Callable[[], object]] = {}
    for n in (2, 3, 4, 5):
        arguments = _numbers(rng, Layout.plain(n)), np.full(BATCH, n), blocks, objective, 1
        calls[f"{n} pulses, no layout"] = lambda arguments=arguments: run.loss(*arguments)
    for name, layout in LAYOUTS.items():
        lanes = arrangement.of(layout)
        of_layout = _numbers(rng, layout), layout, lanes.blocks
        if len(layout.readouts) == 1:
            last = arrangement.objective(encoding, lanes), 1, lanes.rotations
            calls[name] = lambda of_layout=of_layout, last=last: table_run.loss(*of_layout, *last)
        else:
            bar = np.ones((BATCH, len(layout.readouts), len(voxels)), complex)
            calls[name] = lambda of_layout=of_layout, bar=bar: table_run.adjoint(*of_layout, bar, 1)
    return calls
