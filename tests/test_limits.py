import math
from dataclasses import replace

import pytest

from limit_cases import TAIL, limited
from sequence_search.limits import Limits, Range
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace

ALL = """
[limits]
time_to_readout_ms = 3900
te_ms = { low = 20, high = 40 }
ti_ms = { low = 900 }
relative_rf_energy = 2.5
max_flip_deg = 180
n_rf = { low = 2, high = 3 }
[limits.signal.CSF]
mean = 0.05
percentile_95 = { low = 0.01, high = 0.1 }
[limits.head]
flip_deg = [10]
phase_deg = [0]
delay_ms = [100]
"""


def test_a_file_with_every_limit_is_read_in_si_units_and_written_back():
    problem = limited(ALL)
    limits = problem.limits
    assert limits.time_to_readout == Range(0.0, 3.9)
    assert limits.te == Range(0.02, 0.04)
    assert limits.ti == Range(0.9, math.inf)
    assert limits.max_flip == pytest.approx(math.pi)
    assert limits.n_rf == Range(2.0, 3.0)
    assert limits.signal[0].percentile_95 == Range(0.01, 0.1)
    assert limits.head is not None
    assert limits.head.delay == (0.1,)
    again = Problem.from_toml(problem.to_toml())
    assert again == problem
    assert again.digest == problem.digest
    assert limits
    assert limits.n_fixed == 1


def test_without_limits_nothing_changes():
    plain, empty = limited(), limited("[limits]\n")
    assert plain.digest == empty.digest
    assert "limits" not in plain.to_dict()
    assert not plain.limits
    space = plain.search_space
    assert Limits().narrowed(space) == Limits().free(space) == space


def test_each_limit_counts_in_the_digest():
    lines = [
        "te_ms = 40",
        "te_ms = 41",
        "ti_ms = 40",
        "n_rf = 2",
        "max_flip_deg = 90",
        "relative_rf_energy = 2",
    ]
    digests = {limited(f"[limits]\n{line}").digest for line in lines}
    digests |= {limited(TAIL).digest, limited(TAIL.replace("tail", "head")).digest, limited().digest}
    assert len(digests) == len(lines) + 3


def test_the_search_space_is_narrowed():
    space = SearchSpace(max_rf=5, max_flip=math.radians(200))
    limits = limited("[limits]\ntime_to_readout_ms = 400\nn_rf = 4\nmax_flip_deg = 190" + TAIL).limits
    narrow, free = limits.narrowed(space), limits.free(space)
    assert (narrow.max_rf, free.max_rf) == (4, 2)
    assert narrow.max_delay == pytest.approx(0.4)
    assert free.max_delay == pytest.approx(0.37)
    assert math.degrees(free.max_flip) == pytest.approx(190)
    assert free.wait_ranges[-1] == pytest.approx((0.1, 0.37))
    # A range of flip angles at the start that lies beyond the limit begins at 0.
    low = replace(limits, max_flip=math.radians(30), tail=None)
    begun = replace(space, flip_range=(math.radians(60), math.radians(90)))
    assert low.narrowed(begun).flip_range == pytest.approx((0, math.radians(30)))


REFUSED = [
    (
        "[limits]\ntime_to_readout = 900",
        "limits.time_to_readout: unknown key, did you mean 'time_to_readout_ms'",
    ),
    (
        "[limits]\nte_ms = { low = 40, high = 20 }",
        "limits.te_ms: .*low not above high, got low 40 and high 20",
    ),
    ("[limits]\nte_ms = -3", "limits.te_ms: a limit must be above 0"),
    ("[limits]\nte_ms = {}", "limits.te_ms: must be a number, at most, or"),
    ("[limits]\nte_ms = { most = 3 }", r"limits.te_ms: .* got the keys \['most'\]"),
    ("[limits]\nti_ms = { low = 0 }", "limits.ti_ms: a limit needs low, high or both"),
    ("[limits]\npercentile_95 = 0.1", "limits.percentile_95: unknown key"),
    ("[limits]\nmax_flip_deg = 0", "limits: max_flip_deg must be above 0, got 0 deg"),
    ("[limits]\nn_rf = 2.5", "limits: n_rf must be a whole number from 0 to 8, got 2.5"),
    ("[limits]\nn_rf = { low = 6 }", "limits.n_rf: low must be at most max_rf, 4, got 6"),
    ("[limits.signal.CFS]\nmean = 0.1", "limits.signal: tissue 'CFS' is not defined; known are GM, CSF"),
    ("[limits.signal.CSF]\nmaen = 0.1", "limits.signal.CSF.maen: unknown key, did you mean 'mean'"),
    ("[limits.signal.CSF]\n", "limits.signal.CSF: limits of a signal need mean or percentile_95"),
    ("[limits.signal.CSF]\nmean = { low = 1.2 }", "CSF gives at most its m0, 1, and low is 1.2"),
    (
        "[limits]\ntime_to_readout_ms = 30" + TAIL,
        "limits.time_to_readout_ms must be at least 36.2 ms, .* got 30 ms",
    ),
    ("[limits]\nn_rf = 2" + TAIL, "have 2 pulses, which leaves none to find: limits.n_rf is 2"),
    ("[limits]\nmax_flip_deg = 120" + TAIL, "limits.tail has a flip angle of 180 deg, beyond .*, 120 deg"),
    ("[limits]\nrelative_rf_energy = 0.9" + TAIL, "limits.relative_rf_energy must be at least 1, .* got 0.9"),
    (
        TAIL.replace("[15, 15]", "[15]"),
        "limits.tail: flip_deg, phase_deg and delay_ms need one number .* 2, 2, 1",
    ),
    (TAIL.replace("[15, 15]", "[15, 2]"), "limits.tail has a delay of 2 ms, which must lie within 6.2 ms"),
    (TAIL.replace("90]", "inf]"), "limits.tail: phase_deg must be finite"),
    (TAIL.replace("delay_ms", "delay"), "limits.tail.delay: unknown key, did you mean 'delay_ms'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_limits_that_cannot_be_met_are_refused_with_file_key_and_value(text, message):
    with pytest.raises(ProblemError, match=f"mine.toml: .*{message}" if ".*" in message else message):
        limited(text)


def test_the_same_in_python_speaks_in_si_units():
    with pytest.raises(ValueError, match=r"time_to_readout must be at least 0.0062 s, .* got 0.005 s"):
        replace(limited(), limits=Limits(time_to_readout=Range(high=0.005)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "max_flip_deg = 10\n[limits]\nrelative_rf_energy = { low = 100 }",
            "at most 0.009877, that of 4 pulses",
        ),
        (
            "[limits.signal.GM]\npercentile_95 = { low = 2 }",
            "95 % of the voxels of GM give at most 1, and low is 2",
        ),
        ("max_delay_ms = 100\n[limits]\nti_ms = { low = 900 }", "low must be at most 400 ms, 4 delays"),
        (
            "max_flip_deg = 90\npulses = ['hard', 'inv']\n[pulses.inv]\nshape = 'hs'\nduration_ms = 8\n"
            "peak_b1_hz = 800\nbandwidth_hz = 1600",
            "'inv' has a fixed amplitude and turns by 180 deg, above the largest flip angle, 90 deg",
        ),
    ],
)
def test_what_no_sequence_can_reach_is_refused(text, message):
    with pytest.raises(ProblemError) as refused:
        limited(text)
    assert message in str(refused.value)


def test_as_many_echoes_as_are_played_count_in_what_energy_can_be_reached():
    text = (
        "max_flip_deg = 180\n[sequence]\ntr_ms = 3000\nechoes = 8\n[limits]\nrelative_rf_energy = { low = 6 }"
    )
    assert limited(text).limits
