import math
from dataclasses import replace

import pytest

from sequence_search.analysis.costs import cost_of
from sequence_search.analysis.tracer import Reached, Tracer
from sequence_search.limits import FixedPulses, Limits
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.limited import Limited
from sequence_search.tissue import Imaging, Tissue
from strategy_cases import WIDE, proposed

# |S| = sin(a) exp(-TE / T2), and TE at its least of 1 ms.
BEST = math.exp(-0.001 / 0.1)
WATER = Tissue("water", 1.0, 50.0, 0.1, math.inf)
SIGNAL = Term("signal", TERMS["signal"], 1.0, (0,))
SPACE = SearchSpace(max_rf=2, min_rf_delay=1e-3, max_delay=1.0)
PROBLEM = Problem("small", (WATER,), Imaging(b1=1, b0=0, spread=0), Objective((SIGNAL,)), SPACE)


def pulse(flip_deg, delay_ms=5.0):
    return Sequence.from_degrees_ms([flip_deg], [0.0], [delay_ms])


def tracer(against="rf_energy", problem=PROBLEM, **budget):
    return Tracer(cost_of(problem, against), "auto", Meter(Settings(**budget)))


def loss_of(energy):
    return (1 - BEST * math.sin(math.sqrt(energy))) ** 2


def test_a_family_is_followed_down_and_up():
    traced = tracer()
    traced.add(pulse(70))
    assert traced.optima[0].cost == pytest.approx((math.pi / 2) ** 2, rel=1e-4)
    for level in (0.5, 1.5, 1.0):
        traced.solve(level)
        (at_level,) = [each for each in traced.front if each.cost == level]
        assert at_level.loss == pytest.approx(loss_of(level), rel=1e-5)


def test_the_next_level_halves_the_largest_box():
    traced = tracer()
    traced.add(pulse(90))
    traced.add_cheapest()
    low, high = traced.front[0].cost, traced.front[-1].cost
    assert low < 0.001
    first = traced.next_level()
    assert first is not None
    # The sequence's own cost and its optimum are one here, so that the box is the whole range.
    assert first == pytest.approx((low + high) / 2, rel=0.01)
    traced.solve(first)
    second = traced.next_level()
    assert second == pytest.approx((low + first) / 2, rel=0.01)  # where the loss falls most


def test_nothing_is_sought_between_two_numbers_of_pulses():
    traced = tracer("time_to_readout")
    traced.add(pulse(90))
    traced.add_cheapest()
    assert [each.cost for each in traced.front] == pytest.approx([0.001])
    assert traced.next_level() is None
    traced.solve(0.0005)
    assert len(traced.front) == 1


def test_equal_structures_are_one_family():
    traced = tracer()
    traced.add(pulse(90, 1.0))
    count = len(traced.reached)
    traced.add(pulse(93, 1.1))
    assert len(traced.optima) == 1
    assert len(traced.reached) == count


def test_a_pulse_that_does_nothing_is_left_out():
    costly = Objective((SIGNAL, Term("rf_number", TERMS["rf_number"], 0.1)))
    traced = tracer(problem=replace(PROBLEM, objective=costly))
    traced.add(Sequence.from_degrees_ms([1.0, 90.0], [0.0, 0.0], [900.0, 1.0]))
    assert [len(each.sequence.delay) for each in traced.optima] == [1]
    assert traced.optima[0].loss == pytest.approx(loss_of((math.pi / 2) ** 2) + 0.1, rel=1e-6)


def test_slopes_of_the_hull_of_a_front():
    """Edges (0, 1) to (1, 0.4) to (4, 0.1): the boxes are 0.6 and 0.9; the point at 3 lies above."""
    traced = tracer()
    points = ((0.0, 1.0), (1.0, 0.4), (3.0, 0.3), (4.0, 0.1))
    traced.reached = [Reached(cost, loss, pulse(9), 0) for cost, loss in points]
    assert traced.slopes() == pytest.approx([0.1, 0.6])
    traced.reached = traced.reached[:1]
    assert traced.slopes() == []


def test_pulses_are_removed_but_for_those_that_are_given():
    dephasing = replace(PROBLEM, imaging=Imaging(b1=1, b0=0, spread=60))
    traced = tracer("rf_number", dephasing)
    traced.add(Sequence.from_degrees_ms([90.0, 180.0], [0.0, 90.0], [8.0, 8.0]))
    assert {len(each.sequence.delay) for each in traced.reached} == {2}
    traced.remove_pulses()
    assert {len(each.sequence.delay) for each in traced.reached} == {1, 2}
    tail = FixedPulses((math.radians(60),), (0.0,), (0.002,))
    given = tracer("rf_number", replace(PROBLEM, limits=Limits(tail=tail)))
    given.add(Sequence.from_degrees_ms([40.0, 60.0], [0.0, 0.0], [3.0, 2.0]))
    given.remove_pulses()
    for each in given.reached:
        assert float(each.sequence.flip_angle[-1]) == pytest.approx(math.radians(60))
        assert float(each.sequence.delay[-1]) == pytest.approx(0.002)
    assert {len(each.sequence.delay) for each in given.reached} == {1, 2}  # the tail alone


def test_what_is_found_when_time_is_over_is_kept_as_it_is(monkeypatch):
    traced = tracer(max_evaluations=1.0)
    # Stopped so early that the limits of a problem are not met again.
    monkeypatch.setattr(traced.limited, "polish", lambda _, sequence, *__, **___: (math.inf, sequence))
    traced.add(pulse(70))
    assert traced.optima[0].sequence == pulse(70)
    assert traced.optima[0].cost == pytest.approx(math.radians(70) ** 2)
    traced._meter.spend(1)
    traced.solve(0.5)
    traced.settle(5)
    assert len(traced.front) == 1


def test_what_is_reached_has_pulses_that_do_what_they_are_for():
    """The wide slice of a pulse for refocusing is read behind 5° or so, at half the energy."""
    problem = Problem.from_toml(WIDE)
    traced = tracer(problem=problem)
    one, other = (proposed(WIDE, flips, ["none", "none"]) for flips in ([90, 180], [30, 140]))
    for each in (one, other):
        traced.add(each)
    traced.solve(1.5)
    assert all(map(Limited(problem, "auto").may_stand, [each.sequence for each in traced.reached]))
    # What a polish leaves so is a family as it is.
    assert other in [each.sequence for each in traced.optima]
    traced.remove_pulses()
    kinds = {tuple(each.sequence.kind.tolist()) for each in traced.reached}
    assert kinds == {(0.0, 1.0), (0.0,)}  # without the excitation a pulse for refocusing would be read
