"""Calls with wrong arguments, as users meet them: run as a script, without the type checks of conftest.

Those checks refuse a wrong type or shape before the package's own words do; see `test_refusals`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from sequence_search import Problem, Sequence, Term, Voxels, search, simulate
from sequence_search.strategies.proxyless.strategy import Proxyless

ECHO = Sequence.from_degrees_ms([90, 180], [0, 180], [6.2, 6.2])


class Refusal(NamedTuple):
    call: Callable[[], Any]
    message: str  # regular expression
    error: type[Exception] = ValueError


def problem() -> Problem:
    return Problem.load("max-signal")


SEEDS = r"seeds must be the seeds themselves, such as range\(3\) or \(3,\), got 3"
SHAPES = r"share one shape \[\*batch, n_rf\], got \(2,\), \(3,\), \(2,\)"
CASES = {
    **{
        f"a number as seeds of {strategy}": Refusal(partial(search, problem(), strategy, seeds=3), SEEDS)
        for strategy in ("multistart", "proxyless", "evolution", "random")
    },
    "gates": Refusal(lambda: Proxyless(gates="one"), "gates must be 'full', 'two' or 'exact', got 'one'"),
    "method of voxels": Refusal(
        lambda: problem().voxels(8, method="grid"), "method must be sobol, random or nominal, got 'grid'"
    ),
    "draw of offsets": Refusal(
        lambda: simulate(ECHO, problem().voxels(1), "isochromats", n_spins=4, draw="sorted"),
        r"draw must be one of \('independent', 'stratified', 'ordered'\), got 'sorted'",
    ),
    "columns of unequal length": Refusal(
        lambda: Sequence(torch.zeros(2), torch.zeros(3), torch.zeros(2)), SHAPES
    ),
    "properties of unequal length": Refusal(
        lambda: Voxels(t1=torch.ones(3), t2=torch.ones(2)), "properties of voxels must share one shape"
    ),
    "no sequence": Refusal(
        lambda: simulate(problem().voxels(1), ECHO), "a Sequence is needed, got a Voxels", TypeError
    ),
    "kind of a term": Refusal(lambda: Term("signal", "signal", 1.0), "must be one of TERMS", TypeError),
}


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """Name of the error's type and its message; of none "no error"."""
    try:
        call()
    except Exception as error:  # noqa: BLE001, RUF100
        return type(error).__name__, str(error)
    return "no error", ""


if __name__ == "__main__":
    print(json.dumps({name: outcome(case.call) for name, case in CASES.items()}))
