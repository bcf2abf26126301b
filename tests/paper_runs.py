"""Runs of experiment 1 as a search might have found them, for the tests of tables and the like."""

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run, failed

PROBLEM = Problem.load("max-signal")
GRID = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
TWO_RF, THREE_RF, MORE_RF, OTHER_ECHO = (rule.name for rule in PROBLEM.categories)


def design(sequence: Sequence, problem: Problem = PROBLEM) -> Design:
    """Design of a sequence as it is."""
    evaluation = problem.evaluate(sequence)
    return Design(sequence, evaluation, evaluation.loss, False)


def run(seed: int, *played: list[float], problem: Problem = PROBLEM) -> Run:
    """Run that found one design, in degrees and ms."""
    return Run(seed, "done", (design(Sequence.from_degrees_ms(*played), problem),), 1.0, 10)


RUNS = [
    run(0, [88, 176], [0, 179], [6.2, 6.2]),
    run(1, [89, 178], [0, 177], [6.2, 6.2]),
    run(2, [6.1, 87.4, 170.1], [0, 180, 0], [6.2, 6.2, 6.2]),
    run(3, [40], [0], [6.2]),
    failed(4, "no luck", 1.0),
]
