import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequence_search.analysis.costs import cost_of
from sequence_search.analysis.front import Front, FrontPoint, is_nondominated, knee, thinned
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.record import read_design
from sequence_search.strategies.result import Design, Verdict

# Few values, so that ties are common.
POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=30)


@given(POINTS)
def test_points_are_on_the_front_if_no_other_is_as_good_in_both(points):
    cost, loss = (np.array(part, float) for part in zip(*points, strict=True))
    expected = [
        not any(
            (c <= cost[i] and y <= loss[i]) and ((c, y) != (cost[i], loss[i]) or j < i)
            for j, (c, y) in enumerate(points)
        )
        for i in range(len(points))
    ]
    assert is_nondominated(cost, loss).tolist() == expected


def test_costs_that_differ_by_rounding_are_one():
    cost, loss = np.array([1.0, 1.0 + 1e-9, 2.0]), np.array([0.5, 0.4, 0.3])
    assert is_nondominated(cost, loss).tolist() == [True, True, True]
    assert is_nondominated(cost, loss, 1e-6).tolist() == [False, True, True]


def test_the_knee_of_a_hyperbola_is_in_its_middle():
    """Of y = 1 / x the point furthest below the chord has the chord's slope: x² = ends' product."""
    cost = np.geomspace(0.1, 40, 401)
    place = knee(cost, 1 / cost)
    assert cost[place] == pytest.approx(2.0, rel=0.02)
    assert knee(1e3 * cost, 7 / cost - 3) == place


@pytest.mark.parametrize("loss", [[1.0, 0.0], [1.0, 0.9, 0.0], [1.0, 0.5, 0.0]])
def test_a_front_that_is_not_below_its_chord_has_no_knee(loss):
    assert knee(np.linspace(0, 1, len(loss)), np.array(loss)) is None


def test_a_thinned_front_keeps_its_ends_and_the_points_that_tell_most():
    cost = np.array([5.0, 0.0, 1.0, 1.01, 2.0, 9.0])
    loss = np.array([0.1, 1.0, 0.5, 0.499, 0.3, 0.0])
    assert sorted(thinned(cost, loss, 5).tolist()) == [0, 1, 2, 4, 5]
    assert thinned(cost, loss, 2).tolist() == [1, 5]
    assert thinned(cost, loss, 1).tolist() == [1, 5]
    assert thinned(cost, loss, 9).tolist() == [1, 2, 3, 4, 0, 5]
    assert thinned(cost[:1], loss[:1], 3).tolist() == [0]


PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])


def point(cost, loss, on_front=True):
    evaluation = replace(PROBLEM.evaluate(ECHO), loss=loss)
    return FrontPoint(cost, Design(ECHO, evaluation, loss, False), "echo", on_front)


def test_a_front_and_its_record():
    points = (point(0.0062, 0.5), point(0.007, 0.1), point(0.008, 0.3, on_front=False), point(0.02, 0.0))
    front = Front(
        PROBLEM,
        cost_of(PROBLEM, "time_to_readout"),
        points,
        Verdict(5, 4, 2),
        "cut",
        "at the budget",
        1.5,
        99,
    )
    assert [each.cost for each in front.front] == [0.0062, 0.007, 0.02]
    assert front.knee is points[1]
    record = json.loads(json.dumps(front.to_dict(), allow_nan=False))
    assert (record["against"], record["unit"], record["reason"]) == ("time_to_readout", "ms", "at the budget")
    assert record["verdict"]["n_agree"] == 4
    assert record["verdict"]["verdict"] == Verdict(5, 4, 2).word
    assert [each["cost"] for each in record["points"]] == pytest.approx([6.2, 7, 8, 20])
    assert [each["knee"] for each in record["points"]] == [False, True, False, False]
    assert [each["on_front"] for each in record["points"]] == [True, True, False, True]
    assert read_design(record["points"][0]).sequence == ECHO
