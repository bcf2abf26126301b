"""Calls with wrong arguments, as users meet them: run as a script, without the type checks of conftest.

Those checks refuse a wrong type or shape before the package's own words do; see `test_refusals`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from sequence_search import (
    Objective,
    Problem,
    ProblemError,
    SearchSpace,
    Sequence,
    Term,
    Voxels,
    evolve,
    grid_search,
    search,
    sequence_figure,
    simulate,
)
from sequence_search.checks import Fault
from sequence_search.engines.spins import play_spins
from sequence_search.objective import TERMS
from sequence_search.preview import Anatomy
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
    "maps of several shapes": Refusal(
        lambda: Anatomy(np.eye(4), {"GM": np.ones((2, 2, 2))}, b0=np.zeros((2, 2, 3))),
        r"one shape \[x, y, z\], got .*\(2, 2, 3\)",
    ),
    "gates": Refusal(lambda: Proxyless(gates="one"), "gates must be one of full, two, exact, got 'one'"),
    "spins": Refusal(
        lambda: Proxyless(spins="random"), "spins must be one of exact, independent, even, got 'random'"
    ),
    "initial waits": Refusal(
        lambda: Proxyless(initial_waits="even"),
        "initial_waits must be one of log, linear, middle, got 'even'",
    ),
    "method of voxels": Refusal(
        lambda: problem().voxels(8, method="grid"), "method must be sobol, random or nominal, got 'grid'"
    ),
    "draw of offsets": Refusal(
        lambda: simulate(ECHO, problem().voxels(1), "isochromats", n_spins=4, draw="sorted"),
        r"draw must be one of \('independent', 'stratified', 'ordered'\), got 'sorted'",
    ),
    "end of the repetition of spins": Refusal(
        lambda: play_spins(ECHO, problem().voxels(1), end_of_tr="never"),
        r"end_of_tr must be one of \('mean', 'spoiled', 'constant', 'random'\), got 'never'",
    ),
    "what acts on spins in a pulse": Refusal(
        lambda: play_spins(ECHO, problem().voxels(1), during_pulse="never"),
        r"during_pulse must be one of \('ideal', 'frequency', 'full'\), got 'never'",
    ),
    "columns of unequal length": Refusal(
        lambda: Sequence(torch.zeros(2), torch.zeros(3), torch.zeros(2)), SHAPES
    ),
    "properties of unequal length": Refusal(
        lambda: Voxels(t1=torch.ones(3), t2=torch.ones(2)), "properties of voxels must share one shape"
    ),
    "swapped arguments": Refusal(
        lambda: simulate(problem().voxels(1), ECHO), "expected Voxels, got Sequence", TypeError
    ),
    "a problem in place of voxels": Refusal(
        lambda: simulate(ECHO, problem()), "expected Voxels, got Problem", TypeError
    ),
    "no sequence over time": Refusal(
        lambda: evolve(problem(), problem().voxels(1), torch.zeros(1)), "expected Sequence, got", TypeError
    ),
    "no sequence to evaluate": Refusal(
        lambda: problem().evaluate(problem().voxels(1)), "expected Sequence, got Voxels", TypeError
    ),
    "a kind of pulse that is none": Refusal(
        lambda: replace(problem(), pulses={"mine": 3.0}), "expected Kind, got float", TypeError
    ),
    "one kind of pulse alone": Refusal(
        lambda: SearchSpace(pulses="hard"), "expected a tuple of str, got str", TypeError
    ),
    "a figure of swapped arguments": Refusal(
        lambda: sequence_figure(problem(), ECHO), "expected Sequence, got Problem", TypeError
    ),
    "a name in place of a problem": Refusal(
        lambda: search("max-signal"), "expected Problem, got str", TypeError
    ),
    "a grid search of a name": Refusal(
        lambda: grid_search("max-signal"), "expected Problem, got str", TypeError
    ),
    "no imaging": Refusal(
        lambda: replace(problem(), imaging=None), "expected Imaging, got NoneType", TypeError
    ),
    "one tissue that is not in a tuple": Refusal(
        lambda: replace(problem(), tissues=problem().tissues[0]), "tuple of Tissue, got Tissue", TypeError
    ),
    "terms in place of an objective": Refusal(
        lambda: replace(problem(), objective=problem().objective.terms), "expected Objective, got", TypeError
    ),
    "one term that is not in a tuple": Refusal(
        lambda: Objective(problem().objective.terms[0]), "tuple of Term, got Term", TypeError
    ),
    "tissues of a term by name": Refusal(
        lambda: Term("s", TERMS["signal"], 1.0, ("GM",)), r"indices of tissues, got \('GM',\)"
    ),
    "one tissue of a term": Refusal(lambda: Term("s", TERMS["signal"], 1.0, 0), "indices of tissues, got 0"),
    "one readout of a term": Refusal(
        lambda: Term("s", TERMS["null"], 1.0, readouts=1), r"whole numbers, as \(1, 2\), got 1"
    ),
    "a weight in words": Refusal(
        lambda: Term("s", TERMS["signal"], "1"), "weight must be a number, got '1'", Fault
    ),
    "a term without a name": Refusal(lambda: Term("", TERMS["signal"], 1.0), "name of a term must be a text"),
    "a term of a number": Refusal(
        lambda: problem().with_term("mine", 3, 1.0), "term 'mine' must be a function, got 3", TypeError
    ),
    "a term of no tissue": Refusal(
        lambda: problem().with_term("mine", torch.mean, 1.0, ()), "term 'mine' names no tissue", ProblemError
    ),
    "one wait": Refusal(
        lambda: SearchSpace(wait_ranges=(1.0, 2.0)),
        r"wait_ranges must be \(low, high\) ranges, got 1.0",
        Fault,
    ),
    "a flip angle as range": Refusal(lambda: SearchSpace(flip_range=3.0), "flip_range must be", Fault),
    "a flip range of three": Refusal(lambda: SearchSpace(flip_range=(0, 1, 2)), "flip_range must be", Fault),
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
