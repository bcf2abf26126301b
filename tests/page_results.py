"""Results of searches as a page shows them, made without a search."""

from dataclasses import replace

import numpy as np

from sequence_search.analysis.costs import cost_of
from sequence_search.analysis.front import Front, FrontPoint
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Point, Run, SearchResult

SPIN_ECHO = Sequence.from_degrees_ms([88, 176], [0, 180], [6.2, 6.2])
OTHERS = (
    Sequence.from_degrees_ms([60], [0], [6.2]),
    Sequence.from_degrees_ms([20, 90, 170], [0, 10, 100], [12, 7, 7]),
)


def result_of(problem: Problem, n_seeds: int, sequences: tuple[Sequence, ...] = (SPIN_ECHO, *OTHERS)):
    """As if each seed had found all of these designs, each seed a little worse than the one before."""
    designs = []
    for sequence in sequences:
        evaluation = problem.evaluate(sequence)
        designs.append(Design(problem.playable(sequence), evaluation, evaluation.loss, repolished=False))
    designs.sort(key=lambda design: design.loss)
    runs = []
    for seed, worse in enumerate(np.linspace(0, 0.3, n_seeds).tolist()):
        found = tuple(_worse(design, worse) for design in designs)
        history = tuple(Point(step, found[0].loss * (1 + 1 / step), 100 * step, 0.1) for step in range(1, 30))
        runs.append(Run(seed, "done", found, 1.0, 3000, history))
    return SearchResult(problem, "multistart", tuple(runs), {"steps": 100})


def _worse(design: Design, share: float) -> Design:
    loss = design.loss + share * abs(design.loss)
    return replace(design, evaluation=replace(design.evaluation, loss=loss))


def _with_loss(design, loss):
    return replace(design, evaluation=replace(design.evaluation, loss=loss))


def front_of(problem: Problem):
    """Of three designs, the last of which the others beat."""
    designs = result_of(problem, 1).runs[0].families
    cost = cost_of(problem, "rf_energy")
    points = [
        FrontPoint(0.1 * number, _with_loss(design, 0.5 - 0.1 * number), f"kind <{number}>", number < 3)
        for number, design in enumerate(designs, start=1)
    ]
    verdict = result_of(problem, 4).verdict
    return Front(problem, cost, tuple(points), verdict, "done", None, 1.0, 100)
