"""A task in words."""

from sequence_search.page.task import WORDS, conditions, task_words
from sequence_search.problem.problem import Problem
from sequence_search.terms import TERMS


def test_what_is_wanted_of_signals_comes_before_the_costs():
    assert task_words(Problem.load("csf-null-w0.25")) == (
        "Wanted: as much signal of GM and WM as there is M0 and no signal of CSF;"
        " little RF energy and few pulses."
    )


def test_the_brighter_tissue_is_named():
    assert "GM and WM as different in signal as possible, WM the brighter" in task_words(
        Problem.load("spin-echo-2d")
    )


def test_a_term_in_python_is_named():
    problem = Problem.load("max-signal").with_term("mine", lambda magnitude, *_: magnitude.sum(-1), 1.0)
    assert "mine, a term in Python" in task_words(problem)


def test_every_term_has_words():
    assert set(WORDS) == set(TERMS)


def test_conditions_are_in_the_units_of_a_file():
    text = conditions(Problem.load("max-signal"))
    assert "t1_ms" in text
    assert "1331 ± " in text
