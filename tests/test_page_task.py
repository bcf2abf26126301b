"""A task in words."""

import math
from dataclasses import replace

import pytest

from sequence_search.limits import Limits, Range
from sequence_search.page.task import LIMIT_WORDS, SIGNAL_WORDS, WORDS, conditions, task_words
from sequence_search.problem.limits_table import LimitsTable, SignalLimitsTable
from sequence_search.problem.problem import Problem
from sequence_search.system import load_system
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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "tse-8",
            "Wanted: little RF energy; with mean |Mxy| of GM at least 0.4193",
        ),
        (
            "vapor",
            "no signal of CSF; with a time to the readout of at most 631 ms, RF energy of at most 2.8 times"
            " that of 90°-180° and 90° as its last pulse.",
        ),
        ("flair", "; with 90°-180° as its last pulses."),
    ],
)
def test_limits_that_carry_the_task_are_named(name, words):
    assert words in task_words(Problem.load(name))


def test_a_least_number_of_pulses_is_named():
    problem = replace(Problem.load("max-signal"), limits=Limits(n_rf=Range(2.0)))
    assert task_words(problem).endswith("; with at least 2 RF pulses.")


def test_the_echo_of_a_limited_te_and_the_scanner_are_named():
    limits = Limits(te=Range(0.05, 0.06), te_readout=3, max_flip=math.pi / 3, system=load_system("ge-mr750"))
    problem = replace(Problem.load("t2-map"), limits=limits)
    words = "; with a TE of echo 3 of 50 to 60 ms, flip angles of at most 60° and what ge-mr750 can play."
    assert task_words(problem).endswith(words)


def test_every_term_and_limit_has_words():
    assert set(WORDS) == set(TERMS)
    alias = {field.alias or name for name, field in LimitsTable.model_fields.items()}
    parts = {"signal", "head", "tail", "system", "slice_mm", "te_readout"}
    assert set(LIMIT_WORDS) == alias - parts
    assert set(SIGNAL_WORDS) == set(SignalLimitsTable.model_fields)


def test_conditions_are_in_the_units_of_a_file():
    text = conditions(Problem.load("max-signal"))
    assert "t1_ms" in text
    assert "1331 ± " in text
