import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequence_search.classify import (
    OTHERS,
    CategoryRule,
    classify,
    phase_statistics,
    satisfies,
    standardized,
    succeeds,
)
from sequence_search.layout import Layout, Readout
from sequence_search.problem.library import builtin_problems
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure

TWO_RF = "Two-RF Hahn-echo-like sequences"
THREE_RF = "Three-RF Hahn-echo-like sequences"
MORE_RF = "Hahn-echo-like sequences of four RF or more"
NEAR_180 = "Hahn-echo-like sequences (refocusing phase ≈ 180°)"
NEAR_0 = "Hahn-echo-like sequences (refocusing phase ≈ 0°)"
OTHER_ECHO = "Other spin-echo-like sequences"
PREPARED_GRADIENT = "Inversion-prepared gradient-echo-like sequences"
PREPARED_SPIN = "Inversion-prepared spin-echo-like sequences"


def play(
    flips: list[float], phases: list[float] | None = None, delays: list[float] | None = None
) -> Sequence:
    """Degrees and ms; without phases all but the first are 180°, without delays all are 6.2 ms."""
    phases = phases or [0.0, *[180.0] * (len(flips) - 1)]
    return Sequence.from_degrees_ms(flips, phases, delays or [6.2] * len(flips))


@cache
def rules_of(problem: str) -> tuple[CategoryRule, ...]:
    return Problem.load(problem).categories


def category(problem: str, *played: list[float]) -> str:
    return classify(play(*played), rules_of(problem))


@pytest.mark.parametrize(
    ("problem", "flips", "phases", "delays", "expected"),
    [
        ("max-signal", [88.4, 176.7], [0, 179.9], [6.2, 6.2], TWO_RF),
        ("max-signal", [6.1, 87.4, 170.1], [0, 180, 0], [6.5, 6.2, 6.2], THREE_RF),
        ("gm-wm-t2-w30", [88.6, 177.3], [0, 179.3], [18.8, 18.8], NEAR_180),
        ("gm-wm-t2-w30", [88.9, 177.9], [0, 4.1], [20.1, 20.1], NEAR_0),
        ("gm-wm-t2-w30", [88.9, 177.6], [0, 111.0], [19.3, 19.3], OTHER_ECHO),
        ("gm-wm-t2-w20", [88.8, 177.5], [0, 178.9], [10.95, 10.95], NEAR_180),
        ("gm-wm-t2-w50", [88.9, 177.6], [0, 1.3], [22.5, 22.5], NEAR_0),
        ("gm-wm", [88.7, 177.4], [0, 178.1], [18.8, 18.8], NEAR_180),
        ("gm-wm", [88.8, 178.0], [0, 1.7], [20.25, 20.25], NEAR_0),
        ("gm-wm", [88.7, 177.4], [0, 121.7], [19.2, 19.2], OTHER_ECHO),
        ("gm-wm", [178.1, 88.5, 176.9], [0, 0, 179.9], [452.9, 6.2, 6.2], PREPARED_SPIN),
        ("csf-null-w0.25", [176.1, 88.7], [0, 0], [3763.8, 6.2], PREPARED_GRADIENT),
        ("csf-null-w0.25", [176.6, 88.1, 176.2], [0, 0, 180], [3337.6, 6.2, 6.2], PREPARED_SPIN),
        ("csf-null-w1", [177.5, 88.7], [0, 0], [3063.8, 6.2], PREPARED_GRADIENT),
        ("csf-null-w1", [177.8, 88.2, 176.3], [0, 0, 180], [2897.6, 6.2, 6.2], PREPARED_SPIN),
    ],
)
def test_published_designs_are_of_their_own_category(problem, flips, phases, delays, expected):
    assert category(problem, flips, phases, delays) == expected


@pytest.mark.parametrize(
    ("flips", "phases", "expected"),
    [
        ([70, 160], [0, 180], TWO_RF),
        ([110, 200], [0, 180], TWO_RF),
        ([69.9, 180], [0, 180], OTHERS),
        ([110.1, 180], [0, 180], OTHERS),
        ([90, 159.9], [0, 180], OTHERS),
        ([90, 180], [0, 160], TWO_RF),
        ([90, 180], [0, -160], TWO_RF),
        ([90, 180], [0, 159.9], OTHER_ECHO),
        ([90, 180], [0, 20], TWO_RF),
        ([90, 180], [0, -20.1], OTHER_ECHO),
        ([19.9, 90, 180], [0, 180, 0], THREE_RF),
        ([20, 90, 180], [0, 180, 0], OTHERS),
        ([5, 5, 90, 180], [0, 0, 180, 0], MORE_RF),
        ([5, 5, 90, 180], [0, 0, 180, 90], OTHER_ECHO),
        ([5, 90, 180], [0, 0, 90], OTHER_ECHO),
        ([90], [0], OTHERS),
        ([90, 180, 180], [0, 180, 180], OTHERS),
    ],
)
def test_tolerances_of_table_ii(flips, phases, expected):
    assert category("max-signal", flips, phases) == expected


def test_a_small_pulse_is_dropped_before_counting():
    assert category("max-signal", [2.9, 90, 180], [0, 40, -140]) == TWO_RF
    assert category("max-signal", [3.1, 90, 180], [0, 40, -140]) == THREE_RF


def test_a_negative_flip_angle_is_a_phase_of_180_degrees():
    assert category("gm-wm", [90, -180], [0, 0]) == NEAR_180


@pytest.mark.parametrize(
    ("problem", "flips", "ti", "expected"),
    [
        ("gm-wm", [180, 90, 180], 100.1, PREPARED_SPIN),
        ("gm-wm", [180, 90, 180], 99.9, OTHERS),
        ("gm-wm-t2-w30", [180, 90, 180], 452.9, OTHERS),
        ("csf-null-w1", [180, 90, 180], 2699.9, OTHERS),
        ("csf-null-w1", [180, 90], 2700.1, PREPARED_GRADIENT),
        ("csf-null-w1", [180, 90], 2699.9, OTHERS),
        ("csf-null-w1", [159, 90], 3000.0, OTHERS),
    ],
)
def test_inversion_time_decides(problem, flips, ti, expected):
    delays = [ti, *[6.2] * (len(flips) - 1)]
    assert category(problem, flips, None, delays) == expected


def test_an_inversion_comes_first():
    assert category("csf-null-w1", [6, 180, 90], [0, 0, 0], [6.2, 3000, 6.2]) == OTHERS


def test_the_first_rule_that_fits_counts():
    rules = (CategoryRule("wide", (math.pi / 2,), early_below=7.0), CategoryRule("narrow", (math.pi / 2,)))
    assert classify(play([90]), rules) == "wide"
    assert classify(play([90]), rules[::-1]) == "narrow"
    assert classify(play([90]), ()) == OTHERS


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"flips": (math.pi / 2, math.pi)}, True),
        ({"flips": (math.pi / 2, math.pi / 2)}, False),
        ({"flip_tolerance": math.radians(1)}, False),
        ({"early_below": math.radians(5)}, False),
        ({"n_rf": (3,)}, True),
        ({"n_rf": (2, 4)}, False),
        ({"refocusing_phases": (math.radians(100),)}, True),
        ({"refocusing_phases": (math.radians(-100),)}, True),
        ({"refocusing_phases": (0.0, math.pi)}, False),
        ({"refocusing_phases": (0.0, math.pi), "phase_tolerance": math.radians(71)}, True),
        ({"ti_above": 5e-3}, True),
        ({"ti_above": 7e-3}, False),
    ],
)
def test_every_field_of_a_rule_decides(changed, outcome):
    sequence = standardized(play([6, 88, 177], [0, 180, -70], [20.0, 6.2, 6.2]))
    fields = {"flips": (math.pi / 2, math.pi), "early_below": math.radians(20)} | changed
    assert satisfies(sequence, CategoryRule("rule", **fields)) is outcome


# Flip angles of categories and a little beyond.
FLIPS = st.one_of(st.floats(65, 115), st.floats(155, 200), st.floats(3.5, 25))


@pytest.mark.parametrize("problem", builtin_problems())
@settings(max_examples=30)
@given(flips=st.lists(FLIPS, min_size=1, max_size=4), phase=st.floats(-180, 180), long=st.floats(0, 5000))
def test_categories_agree_with_the_structure_of_a_design(problem, flips, phase, long):
    # Of the echo the delays are equal: a long one leaves no echo, whatever the flip angles are like.
    is_echo_only = len(flips) == 2 and flips[0] < 135
    delays = [6.2 + (0 if is_echo_only else long)] + [6.2] * (len(flips) - 1)
    sequence = standardized(play(flips, [phase * i for i in range(len(flips))], delays))
    name = classify(sequence, rules_of(problem))
    found = find_structure(sequence)
    if "echo-like" in name or "Hahn" in name:
        assert found.kind == ("gradient echo" if "gradient" in name else "spin echo")
        assert len(found.refocusing_phases) == ("gradient" not in name)
        assert found.te == pytest.approx(float(sequence.delay[found.excitation :].sum()))
    if "nversion-prepared" in name:
        assert found.ti == pytest.approx(float(sequence.delay[0]))


def test_success_is_within_five_percent_of_the_reference():
    assert succeeds(1.05, 1.0)
    assert not succeeds(1.0501, 1.0)
    assert succeeds(-0.95, -1.0)
    assert not succeeds(-0.9499, -1.0)
    assert succeeds(-2.0, -1.0)


def degrees(phases: list[float]) -> tuple[float, float]:
    mean, deviation = phase_statistics([math.radians(phase) for phase in phases])
    return math.degrees(mean), math.degrees(deviation)


@pytest.mark.parametrize(
    ("phases", "mean", "deviation"),
    [
        ([170, 170], 170, 0),
        ([170, -170], 180, 10),
        ([-175, -179], 183, 2),
        ([10, -10], 0, 10),
        ([-4, -8], -6, 2),
        ([80, 100, 120], 100, math.sqrt(800 / 3)),
    ],
)
def test_phase_statistics_are_circular(phases, mean, deviation):
    assert degrees(phases) == (pytest.approx(mean, abs=1e-9), pytest.approx(deviation, abs=1e-9))


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=20), st.floats(-720, 720))
def test_deviation_does_not_depend_on_a_common_phase(phases, turn):
    assert degrees([phase + turn for phase in phases])[1] == pytest.approx(degrees(phases)[1], abs=1e-6)


def test_statistics_of_no_phase_are_refused():
    with pytest.raises(ValueError, match="at least one phase"):
        phase_statistics([])


def test_the_time_before_a_pulse_of_a_layout_is_its_interval():
    rule = CategoryRule("prepared", (math.pi, math.pi / 2), ti_above=0.1)
    tied = Layout(((2,), (1,)), (0, 0), ("hard", "hard"), (Readout(1, (1,)),))
    late, early = (Sequence.from_degrees_ms([180, 90], [0, 0], [ms], layout=tied) for ms in (51, 49))
    assert classify(late, [rule]) == "prepared"
    assert classify(early, [rule]) == OTHERS


def test_a_rule_that_no_number_of_pulses_can_meet_is_refused():
    with pytest.raises(ValueError, match="at least one number of pulses, got an empty list"):
        CategoryRule("none", (math.pi / 2,), n_rf=())
