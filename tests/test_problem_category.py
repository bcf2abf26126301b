import math
from dataclasses import replace

import pytest

from sequence_search.problem.category import read_category, write_category
from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem


def test_categories_are_read_in_si_units_and_do_not_change_the_digest():
    problem = Problem.load("gm-wm")
    rule = problem.categories[-1]
    assert rule.flips == pytest.approx((math.pi, math.pi / 2, math.pi))
    assert rule.flip_tolerance == pytest.approx(math.radians(20))
    assert rule.ti_above == pytest.approx(0.1)
    assert problem.categories[0].refocusing_phases == pytest.approx((math.pi,))
    assert problem.categories[0].early_below == pytest.approx(math.radians(20))
    assert Problem.load("max-signal").categories[0].n_rf == (2,)
    assert replace(problem, categories=()).digest == problem.digest


def test_a_category_of_ones_own_with_every_key_round_trips():
    text = (
        problem_text("max-signal").partition("# Table II,")[0]
        + """
[[category]]
name = "CPMG-like"
flips_deg = [180, 90, 150]
flip_tolerance_deg = 12
early_flips_below_deg = 25
n_rf = [3, 4]
refocusing_phase_deg = [90]
phase_tolerance_deg = 15
ti_above_ms = 50
"""
    )
    problem = Problem.from_toml(text)
    assert Problem.from_toml(problem.to_toml()) == problem
    written = problem.to_toml().partition("[[category]]")[2].replace(".0", "")
    assert text.partition("[[category]]")[2].strip() == written.strip()


@pytest.mark.parametrize("name", builtin_problems())
def test_rules_are_written_as_they_are_read(name):
    for rule in Problem.load(name).categories:
        assert read_category(write_category(rule)) == rule
