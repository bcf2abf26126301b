from dataclasses import replace
from functools import partial

import pytest
import torch

from sequence_search.problem.legacy import legacy_digest
from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem
from sequence_search.tissue import Normal

TEXT = problem_text("max-signal")
PROBLEM = Problem.from_toml(TEXT)
SYSTEM = "max_gradient_mt_m = 40\nmax_slew_t_m_s = 100\npeak_b1_ut = 20\n"


def with_function(function):
    return PROBLEM.with_term("mine", function, 1.0).digest


def test_it_follows_what_matters():
    for old, new in (
        ("sd = 9 ", "sd = 8 "),
        ("6.2", "6.3"),
        ("0.0001", "0.0002"),
        ("high = 1.2", "high = 1.3"),
    ):
        assert Problem.from_toml(TEXT.replace(old, new)).digest != PROBLEM.digest
    assert Problem.from_toml(TEXT.replace('"GM", "WM", "CSF"]', '"GM", "WM"]')).digest != PROBLEM.digest
    shifted = replace(PROBLEM, tissues=(replace(PROBLEM.tissues[0], b0=-440), *PROBLEM.tissues[1:]))
    assert shifted.digest != PROBLEM.digest


def test_it_does_not_follow_what_does_not():
    assert Problem.from_toml(TEXT.replace("Maximise", "Maximize")).digest == PROBLEM.digest
    assert replace(PROBLEM, name="other", grid=None, categories=()).digest == PROBLEM.digest
    assert Problem.from_toml(TEXT.partition("[search_space]")[0]).digest == PROBLEM.digest
    assert Problem.from_toml(PROBLEM.to_toml()).digest == PROBLEM.digest
    named = TEXT + '\n[limits]\nsystem = "ge-premier"\n'
    own = TEXT + f"\n[limits.system]\n{SYSTEM}"
    assert Problem.from_toml(f'{own}pns_model = "a.asc"\n').digest == Problem.from_toml(own).digest
    assert Problem.from_toml(named).digest != Problem.from_toml(own).digest
    constant = replace(PROBLEM.tissues[2], m0=Normal(1), t1=replace(PROBLEM.tissues[2].t1, mean=4))
    assert replace(PROBLEM, tissues=(*PROBLEM.tissues[:2], constant)).digest == PROBLEM.digest


def make(factor):
    return lambda magnitude, sequence, voxels: factor * magnitude.mean(-1)


class Scaled:
    """A term that holds itself."""

    def __init__(self, factor):
        self.factor, self.me = factor, self

    def value(self, magnitude, sequence, voxels):
        return self.factor * magnitude.mean(-1)

    __call__ = value


def default(magnitude, sequence, voxels, factor=1.0):
    return factor * magnitude.mean(-1)


def default_of_two(magnitude, sequence, voxels, factor=2.0):
    return factor * magnitude.mean(-1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda m, s, v: m.mean(-1), lambda m, s, v: m.amin(-1)),
        (lambda m, s, v: 1 - m.mean(-1), lambda m, s, v: 2 - m.mean(-1)),
        (make(1.0), make(2.0)),
        (make(torch.ones(2)), make(torch.zeros(2))),
        (make({"a": [1, {2}]}), make({"a": [1, {3}]})),
        (make(make(1)), make(make(2))),
        (default, default_of_two),
        (partial(default, factor=2.0), partial(default, factor=3.0)),
        (torch.nn.Softplus(), torch.nn.ReLU()),
        (torch.nn.Softplus(1.0), torch.nn.Softplus(2.0)),
        (Scaled(1.0), Scaled(2.0)),
        (Scaled(1.0).value, Scaled(2.0).value),
        (torch.mean, torch.amin),
    ],
)
def test_functions_that_differ_have_other_digests(one, other):
    assert with_function(one) != with_function(other)


def test_a_function_that_is_made_again_has_the_same():
    assert with_function(make(1.0)) == with_function(make(1.0))


def test_a_function_that_encloses_itself_has_one():
    def recursive(magnitude, sequence, voxels):
        return recursive(magnitude, sequence, voxels)

    assert with_function(recursive) != PROBLEM.digest


# As in files that version 0.1 wrote.
LEGACY = {
    "max-signal": "a478d05392549ef282cfea0616f830a179f0233b0b284b18490884379e2f1058",
    "gm-wm-t2-w20": "0c5398d4a39aa69bb98f368cca20a0e998a80836bb806a71586c71a216836da9",
    "gm-wm-t2-w30": "b70ad8ea517aed3f8054e6309d3a0483d6cc9d378d2d8a08098fbcf6a8418aea",
    "gm-wm-t2-w50": "9a1a8876d6bcd05b04415466694bcac9a6a95cfdfd997b33527b204c3227c53b",
    "gm-wm": "69872b39d817952fe6417aa197f4a7e58374cb3b03fbd016c811150ce598a2b6",
    "csf-null-w0.25": "19d1aaf9d05327051c956f4b2236f54f38e25b0b13a4e24510e7f4c10c32ce13",
    "csf-null-w1": "d1be9e6a59d62e5727c0504d583d2891d7e21ba9de3d7f2a25e56048968b0eb0",
}


@pytest.mark.parametrize("name", builtin_problems())
def test_problems_are_recognised_in_studies_of_version_1(name):
    assert legacy_digest(Problem.load(name)) == LEGACY[name]


def test_version_1_of_a_problem_with_uneven_numbers():
    text = problem_text("gm-wm").replace("6.2", "6.7").replace("[1, 10]", "[1.3, 7.7]")
    text = text.replace("0, 180]\nw", "7, 133]\nw")
    expected = "25d8de45c313a038069fdde9fb4924f8fcd5ba3acf1dd9fd5ba4427d307f3caf"
    assert legacy_digest(Problem.from_toml(text)) == expected
