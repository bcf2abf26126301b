import pytest

from sequence_search.problem.problem import Problem
from sequence_search.strategies import search

PROBLEM = Problem.load("max-signal")


@pytest.mark.parametrize("option", ["n_proposals", "n_rounds", "steps"])
def test_random_refuses_nothing_to_do(option):
    with pytest.raises(ValueError, match="at least 1"):
        search(PROBLEM, "random", **{option: 0})


@pytest.mark.parametrize("option", ["population", "n_generations", "steps"])
def test_evolution_refuses_nothing_to_do(option):
    with pytest.raises(ValueError, match="at least 1"):
        search(PROBLEM, "evolution", **{option: 0})
