from dataclasses import replace

import pytest

from sequence_search.paper.conditions import CONDITIONS, Tolerances, is_of_paper, read_labels, tolerances
from sequence_search.problem.library import builtin_problems
from sequence_search.problem.problem import Problem


def test_the_seven_conditions_have_labels():
    assert set(CONDITIONS.values()) <= set(builtin_problems())
    assert len(CONDITIONS) == 7
    assert read_labels("2b, 1") == ["max-signal", "gm-wm"]
    with pytest.raises(ValueError, match=r"got '2e', known are 1 \(max-signal\), 2a \(gm-wm-t2-w30\)"):
        read_labels("1,2e")


def test_a_file_that_kept_the_name_is_not_of_the_paper():
    problem = Problem.load("gm-wm")
    assert is_of_paper(problem)
    assert is_of_paper(replace(problem, grid=None))
    assert not is_of_paper(replace(problem, tissues=problem.tissues[::-1]))
    assert not is_of_paper(replace(problem, name="mine"))


def test_tolerances_by_kind_of_row_and_in_words():
    assert tolerances("category", "gm-wm") == Tolerances()
    assert [tolerances("grid", name).time_ms for name in ("max-signal", "gm-wm", "csf-null-w1")] == [
        0.1,
        2,
        30,
    ]
    assert str(Tolerances()) == (
        "1.5° in flip angles, 2 % in times, 0.02 in signals and contrast, 1.5 points in RF energy"
    )
    assert "2° in phase, 0.1 ms in time" in str(tolerances("grid", "max-signal"))
