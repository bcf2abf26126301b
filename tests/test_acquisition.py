import math

import pytest

from limit_cases import TAIL, limited
from sequence_search.acquisition import Acquisition
from sequence_search.layout import Layout
from sequence_search.limits import Limits, Range
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.least_times import check_times
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

ALL = """
[sequence]
tr_ms = { low = 500, high = 6000 }
spoiling = "unvaried"
echoes = 8
echo_spacing_ms = { low = 13, high = 15 }
"""


def test_a_file_is_read_in_si_units_and_written_back():
    problem = limited(ALL)
    assert problem.acquisition == Acquisition(Range(0.5, 6.0), "unvaried", 8, Range(0.013, 0.015))
    assert problem.acquisition.tr_bounds == (0.5, 6.0)
    assert problem.acquisition.echo_spacing_bounds == (0.013, 0.015)
    again = Problem.from_toml(problem.to_toml())
    assert (again, again.digest) == (problem, problem.digest)


def test_without_it_a_sequence_is_played_once_and_nothing_changes():
    plain, empty, stated = limited(), limited("[sequence]\n"), limited("[sequence]\ntr_ms = inf\nechoes = 1")
    assert plain.digest == empty.digest == stated.digest
    assert "sequence" not in plain.to_dict()
    assert not plain.acquisition.is_repeated
    assert plain.acquisition.echo_spacing_bounds == (0.0, math.inf)


def test_each_key_counts_in_the_digest():
    lines = [
        "tr_ms = 6000",
        "tr_ms = 5000",
        "tr_ms = { low = 5000, high = 6000 }",
        'tr_ms = 6000\nspoiling = "unvaried"',
        "echoes = 4",
        "echoes = 4\necho_spacing_ms = 20",
    ]
    digests = {limited(f"[sequence]\n{line}").digest for line in lines}
    assert len(digests) == len(lines)


def test_a_number_is_a_range_of_none():
    assert Acquisition(tr=Range(2.0, 2.0)) == Acquisition(tr=2)
    assert Acquisition(tr=2).tr_bounds == (2.0, 2.0)
    assert limited("[sequence]\ntr_ms = 2000").to_dict()["sequence"]["tr_ms"] == 2000


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("tr_ms = 0", "sequence: tr_ms must be above 0, got 0 ms"),
        ("tr_ms = { high = 6000 }", "sequence: tr_ms must have both ends, low above 0 and high finite"),
        ("tr_ms = { low = 10, high = inf }", "sequence: tr_ms must have both ends"),
        ("tr_ms = 'a'", "sequence.tr_ms: must be a number, got 'a'"),
        ("tr = 6000", "sequence.tr: unknown key, did you mean 'tr_ms'"),
        ("tr_ms = 6", "sequence.tr_ms must be at least 6.3 ms, the time of the shortest sequence, got 6 ms"),
        ("tr_ms = 36" + TAIL, "sequence.tr_ms must be at least 36.3 ms, the time of the shortest"),
        ("tr_ms = 100\nechoes = 9", "sequence.tr_ms must be at least 111.7 ms, the time of the shortest"),
        ("tr_ms = 100\n[limits]\nn_rf = 3", None),
        ("tr_ms = 18\n[limits]\nn_rf = { low = 3 }", "sequence.tr_ms must be at least 18.7 ms"),
        ("spoiling = 'real'", "sequence: spoiling must be 'ideal' or 'unvaried', got 'real'"),
        ("spoiling = 'unvaried'", "sequence: spoiling 'unvaried' is of repetitions: state tr_ms"),
        ("echoes = 0", "sequence: echoes must be a whole number from 1 to 64, got 0"),
        ("echo_spacing_ms = 20", "sequence: echo_spacing_ms is of a train: state echoes of 2 or more"),
        ("echoes = 2\necho_spacing_ms = inf", "sequence: echo_spacing_ms must be finite"),
        (
            "echoes = 2\necho_spacing_ms = 12",
            "sequence.echo_spacing_ms must be at least 12.4 ms, twice the shortest delay, got 12 ms",
        ),
    ],
)
def test_what_is_refused_in_a_file(table, message):
    text = f"[sequence]\n{table}"
    if message is None:
        assert limited(text).acquisition.is_repeated
        return
    with pytest.raises(ProblemError, match=message):
        limited(text)


def test_in_python_messages_are_in_seconds():
    with pytest.raises(ValueError, match=r"tr must be at least 0.0063 s, the time of the shortest sequence"):
        check_times(SearchSpace(), Limits(), {}, Acquisition(tr=0.006))
    with pytest.raises(ValueError, match="tr must be a number, got '6'"):
        Acquisition(tr="6")


def test_a_sequence_is_repeated_and_read_as_stated():
    acquisition = Acquisition(tr=Range(1.0, 2.0), echoes=2)
    layout = Layout.train(2, steady=True)
    pulses = [90, 180, 180], [0, 90, 90]
    acquisition.check_sequence(Sequence.from_degrees_ms(*pulses, [5, 1500], layout=layout), "mine")
    with pytest.raises(ValueError, match=r"must be from 1000 to 2000 ms \(tr_ms\), got 3020 in 'mine'"):
        acquisition.check_sequence(Sequence.from_degrees_ms(*pulses, [5, 3000], layout=layout), "mine")
    once = Sequence.from_degrees_ms([90], [0], [5])
    with pytest.raises(ValueError, match=r"must have 2 readouts \(echoes\), got 1 in 'mine'"):
        Acquisition(echoes=2).check_sequence(once, "mine")
    Acquisition().check_sequence(once, "mine")


def test_free_refocusing_pulses_stand_in_a_file_and_leave_the_digests_of_others():
    plain, none, three = (
        limited(f"[sequence]\nechoes = 5\n{line}")
        for line in ("", "free_refocusing = 0\n", "free_refocusing = 2\n")
    )
    assert plain.digest == none.digest != three.digest
    assert Problem.from_toml(three.to_toml()) == three
    assert (plain.acquisition.n_train, three.acquisition.n_train, limited().acquisition.n_train) == (2, 4, 0)
    assert plain.acquisition.train_delays(0.005) == [0.005, 0.005]
    assert three.acquisition.train_delays(0.005) == [0.005, 0.01, 0.01, 0.005]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            "echoes = 3\nfree_refocusing = 3",
            "free_refocusing must be a whole number from 0 to 2, got 3",
        ),
        ("free_refocusing = 1", "free_refocusing must be a whole number from 0 to 0, got 1"),
        (
            "echoes = 4\nfree_refocusing = 3",
            "or more with sequence.free_refocusing of 3 needs .*max_rf of at least 5",
        ),
    ],
)
def test_there_is_a_pulse_to_repeat_and_room_for_all(table, told):
    with pytest.raises(ProblemError, match=told):
        limited(f"[sequence]\n{table}")
