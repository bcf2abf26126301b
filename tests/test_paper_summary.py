import math
from dataclasses import replace

import numpy as np
import pytest

from paper_runs import GRID, PROBLEM, RUNS, THREE_RF, TWO_RF, design, run
from sequence_search.grid.phase_map import PhaseMap
from sequence_search.paper.summary import make_condition, occurrence_rows, summary
from sequence_search.problem.problem import Problem


@pytest.fixture(scope="module")
def condition():
    return make_condition(PROBLEM, RUNS, design(GRID))


def test_every_row_of_the_paper_is_compared(condition):
    matches = {match.row.title: match for match in condition.matches}
    assert list(matches) == ["Conventional sequence", "Optimal grid-search sequence", TWO_RF, THREE_RF]
    assert all(match.agrees for match in matches.values())


def test_occurrences_stand_beside_the_papers(condition):
    rates = {
        row["category"]: (row["percent"], row["paper_percent"]) for row in occurrence_rows([condition], "s")
    }
    assert rates[TWO_RF] == ("40", "55")
    assert rates["Others"] == ("40", "34")
    assert rates["Other spin-echo-like sequences"] == ("0", "")
    assert len(rates) == 5


def test_the_text_counts_and_names_what_agrees(condition):
    text = summary([condition], [], "the command", "multistart", {"1": ["a/picture.png"]})
    assert "Made by `the command`, strategy multistart." in text
    assert "4 of 4 rows of Tables V to VIII agree." in text
    assert "![a/picture.png](a/picture.png)" in text
    line = next(line for line in text.splitlines() if line.startswith(f"| 1 | V | {THREE_RF} |"))
    assert line.split(" | ")[3:6] == ["yes", "20 (4 to 62)", "11 (6 to 19)"]
    assert "Preferred refocusing phase" not in text
    assert "### max-signal, as Table V" in text
    assert "within 1.5° in flip angles, 2 % in times" in " ".join(text.split())
    assert "within 0.1, 2, 30 ms in experiments 1, 2 and 3" in " ".join(text.split())


def test_a_row_that_differs_is_named():
    problem = Problem.load("gm-wm-t2-w20")
    runs = [
        run(0, [88.8, 177.5], [0, 180], [6.2, 6.2], problem=problem),
    ]
    text = summary([make_condition(problem, runs, None)], [], "c", "s", {})
    assert "0 of 1 rows" in text
    assert "within the paper's SD" in text
    missing = summary([make_condition(problem, [], None)], [], "c", "s", {})
    assert "no such design" in missing
    far = [run(0, [84, 177.5], [0, 180], [17, 17], problem=problem)]
    assert "**no**" in summary([make_condition(problem, far, None)], [], "c", "s", {})


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
