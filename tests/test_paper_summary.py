import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.grid.phase_map import PhaseMap
from sequence_search.paper.summary import make_condition, summary, verdicts
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design
from test_paper_tables import GRID, PROBLEM, RUNS, THREE_RF, TWO_RF, run


def design(sequence, problem=PROBLEM):
    evaluation = problem.evaluate(sequence)
    return Design(sequence, evaluation, evaluation.loss, False)


@pytest.fixture(scope="module")
def condition():
    return make_condition("1", PROBLEM, RUNS, design(GRID))


def by_row(condition):
    return {verdict.row: verdict for verdict in verdicts(condition)}


def test_every_row_of_the_paper_has_a_verdict(condition):
    found = by_row(condition)
    assert list(found) == ["Conventional sequence", "Optimal grid-search sequence", TWO_RF, THREE_RF]
    assert all(verdict.agrees for verdict in found.values())
    assert found[TWO_RF].occurrence == (pytest.approx(40), 55.0)
    assert found["Conventional sequence"].occurrence is None


@pytest.mark.parametrize(
    ("flips", "phase", "delays", "agrees"),
    [
        ([89, 178], 180, [6.2, 6.2], True),
        ([89.1, 177], 180, [6.2, 6.2], False),
        ([88, 177], 178, [6.2, 6.2], True),
        ([88, 177], -178, [6.2, 6.2], True),
        ([88, 177], 177, [6.2, 6.2], False),
        ([88, 177], 180, [6.3, 6.2], True),
        ([88, 177], 180, [6.3, 6.3], False),
    ],
)
def test_the_grid_optimum_agrees_within_its_tolerances(flips, phase, delays, agrees):
    grid = design(Sequence.from_degrees_ms(flips, [0, phase], delays))
    verdict = by_row(make_condition("1", PROBLEM, [], grid))["Optimal grid-search sequence"]
    beyond = [check for check in verdict.checks if not check.agrees]
    assert (not [check for check in beyond if "energy" not in check.quantity]) is agrees


def test_without_a_grid_or_a_design_a_row_does_not_agree():
    found = by_row(make_condition("1", PROBLEM, RUNS[:1], None))
    assert not found["Optimal grid-search sequence"].agrees
    assert not found[THREE_RF].agrees
    assert found[THREE_RF].occurrence == (0.0, 11.0)


def test_an_inversion_recovery_grid_may_miss_by_30_ms():
    problem = Problem.load("csf-null-w1")
    grids = {
        ti: design(Sequence.from_degrees_ms([178, 89], [0, 0], [ti, 6.2]), problem) for ti in (3090, 3100)
    }
    answers = {
        ti: by_row(make_condition("3b", problem, [], grid))["Optimal grid-search sequence"].agrees
        for ti, grid in grids.items()
    }
    assert answers == {3090: True, 3100: False}


def test_the_text_counts_and_names_what_agrees(condition):
    text = summary([condition], [], "the command", "multistart", {"1": ["a/picture.png"]})
    assert "Made by `the command`, strategy multistart." in text
    assert "4 of 4 rows of Tables V to VIII agree." in text
    assert "![a/picture.png](a/picture.png)" in text
    line = next(line for line in text.splitlines() if line.startswith(f"| 1 | V | {THREE_RF} |"))
    assert line.split(" | ")[3:6] == ["yes", "20", "11"]
    assert "Preferred refocusing phase" not in text
    assert "### max-signal, as Table V" in text


def test_a_row_that_differs_is_named():
    problem = Problem.load("gm-wm-t2-w20")
    runs = [
        run(0, [88.8, 177.5], [0, 180], [6.2, 6.2], problem=problem),
    ]
    text = summary([make_condition("2c", problem, runs, None)], [], "c", "s", {})
    assert "0 of 1 rows" in text
    assert "within the paper's SD" in text
    missing = summary([make_condition("2c", problem, [], None)], [], "c", "s", {})
    assert "no such design" in missing
    far = [run(0, [84, 177.5], [0, 180], [17, 17], problem=problem)]
    assert "**no**" in summary([make_condition("2c", problem, far, None)], [], "c", "s", {})


def test_errors_stand_beside_the_papers(condition):
    text = summary([condition], [], "c", "s", {})
    lines = {
        line.split(" | ")[1]: line.split(" | ")[2:] for line in text.splitlines() if line.startswith("| 1 | ")
    }
    assert lines["Optimal grid-search sequence"][:2] == ["2.3", "2.3"]
    assert lines[THREE_RF][1] == "2.2"


@pytest.mark.parametrize(("best", "answer"), [(0, "**no**"), (1, "**no**"), (2, "yes")])
def test_the_preferred_phase_is_that_of_least_loss(condition, best, answer):
    loss = np.array([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    loss[1, best] = 0.25
    problem = Problem.load("gm-wm-t2-w30")
    phase_map = PhaseMap(problem, np.array([0.03, 0.04]), np.array([0.0, math.pi / 2, math.pi]), loss)
    text = summary([condition], [phase_map], "c", "s", {})
    expected = f"| gm-wm-t2-w30 | {90 * best} | 40.0 | near 180 | {answer} | 0.25000 |"
    assert expected in text
    assert expected not in summary([condition], [replace(phase_map, loss=-loss)], "c", "s", {})
