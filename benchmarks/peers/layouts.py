"""Layouts against sequences without one: loss and gradient, one thread, of 1,008 voxels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sequence_search import Problem
from sequence_search.engines import fused
from sequence_search.engines.arrangement import arrange
from sequence_search.engines.kernel import run, table_run
from sequence_search.engines.kernel.objective import arrange_objective
from sequence_search.engines.kernel.states import tables
from sequence_search.layout import SPOILER, Layout
from sequence_search.objective import Prepared

BATCH = 4
CRUSHED = (SPOILER, 1, 1)
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
            start = time.thread_time()  # no time of others on a busy machine
            call()
            best[name] = min(best[name], 1e3 * (time.thread_time() - start) / BATCH)
    results = []
    for name, layout in LAYOUTS.items():
        found = tables(layout)
        result = {"layout": name, "triples": len(found.source), "leaves": len(found.leaf) - 1}
        result["ms"] = best[name]
        if name in AGAINST:
            other, target = AGAINST[name]
            result |= {"against": other, "ratio": best[name] / best[other], "target": target}
        results.append(result)
    return results


def _calls() -> dict[str, Callable[[], object]]:
    problem, rng = Problem.load("max-signal"), np.random.default_rng(0)
    voxels = problem.voxels(336)
    blocks = arrange(voxels)
    objective = arrange_objective(blocks, fused.encode(Prepared(problem.objective, voxels)))

    def numbers(n_rf: int, n_delay: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        flip, phase = rng.uniform(0, math.pi, (BATCH, n_rf)), rng.uniform(0, 6, (BATCH, n_rf))
        return flip, phase, rng.uniform(0.006, 0.06, (BATCH, n_delay))

    calls: dict[str, Callable[[], object]] = {}
    for n in (2, 3, 4, 5):
        arguments = numbers(n, n), np.full(BATCH, n), blocks, objective, 1
        calls[f"{n} pulses, no layout"] = lambda arguments=arguments: run.loss(*arguments)
    for name, layout in LAYOUTS.items():
        of_layout = numbers(layout.n_rf, layout.n_delay), layout, blocks
        if len(layout.readouts) == 1:
            calls[name] = lambda of_layout=of_layout: table_run.loss(*of_layout, objective, 1)
        else:
            bar = np.ones((BATCH, len(layout.readouts), len(voxels)), complex)
            calls[name] = lambda of_layout=of_layout, bar=bar: table_run.adjoint(*of_layout, bar, 1)
    return calls
