import numpy as np
import pytest

from sequence_search.layout import Layout
from sequence_search.pulses.shapes import Sinc
from sequence_search.report.time_axis import TimeAxis, pulse_ends
from sequence_search.sequence import Sequence

ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
INVERSION = Sequence.from_degrees_ms([176, 89], [0, 0], [3750, 6.2])
TRAIN = Layout.train(2, steady=True)


def test_a_linear_axis_is_linear():
    axis = TimeAxis(ECHO)
    assert axis(np.array([0, 3.1, 6.2, 12.4])) == pytest.approx([0, 0.25, 0.5, 1])


def test_a_stretched_axis_keeps_order_and_room():
    axis = TimeAxis(INVERSION)
    times = np.array([0, 100, 3750, 3753, 3756.2])
    assert (np.diff(axis(times)) > 0).all()
    assert axis(3756.2) - axis(3750.0) > 0.15


def test_edges_of_a_layout_are_its_pulses_readouts_and_end():
    axis = TimeAxis(Sequence.from_degrees_ms([90, 180, 180], [0, 0, 0], [5, 80], layout=TRAIN))
    assert axis.pulses == pytest.approx([0, 5, 15])
    assert axis.readouts == pytest.approx([10, 20])
    assert axis.edges == pytest.approx([0, 5, 10, 15, 20, 100])


def test_a_readout_at_the_end_is_one_edge():
    echo = Sequence.from_degrees_ms([90, 180], [0, 0], [0.1, 0.2], layout=Layout.plain(2, gradients=(1, 1)))
    assert len(TimeAxis(echo).edges) == 3


def test_a_pulse_has_its_true_duration_where_there_is_room():
    sinc = Sinc(duration=2e-3, time_bandwidth=4)
    layout = Layout.plain(2, kinds=("sinc", "sinc"))
    echo = Sequence.from_degrees_ms([90, 180], [0, 0], [5, 5], layout=layout)
    axis = TimeAxis(echo, {"sinc": sinc})
    assert pulse_ends(axis, 1, sinc.duration, points=400.0) == pytest.approx((0.4, 0.6))
    assert axis.limits[0] < pulse_ends(axis, 0, sinc.duration, points=400.0)[0]
    left, right = pulse_ends(TimeAxis(INVERSION), 1, sinc.duration, points=400.0)
    assert right - left == pytest.approx(14 / 400)


def test_sequences_beside_each_other_have_one_scale():
    late = Sequence.from_degrees_ms([88, 177], [0, 180], [10, 14.8])
    first, second = TimeAxis(ECHO, beside=[ECHO, late]), TimeAxis(late, beside=[ECHO, late])
    for axis in (first, second):
        assert axis(np.array([0, 6.2, 12.4, 24.8])) == pytest.approx([0, 0.25, 0.5, 1])
        assert axis.note == ""
    assert first.edges == pytest.approx([0, 6.2, 12.4])


def test_the_rest_of_a_repetition_does_not_squash_what_is_played():
    trains = [
        Sequence.from_degrees_ms([90, 180, 180], [0, 0, 0], [half, 2000 - 4 * half], layout=TRAIN)
        for half in (5, 10)
    ]
    axis = TimeAxis(trains[0], beside=trains)
    assert axis(np.array([0, 20, 40, 2000])) == pytest.approx([0, 0.5 / 1.3, 1 / 1.3, 1])
    assert axis.note == "after the last readout to another scale"


def test_sequences_whose_axis_would_be_stretched_have_their_own():
    other = Sequence.from_degrees_ms([176, 89], [0, 0], [3000, 6.2])
    beside, own = TimeAxis(INVERSION, beside=[INVERSION, other]), TimeAxis(INVERSION)
    assert beside(own.edges) == pytest.approx(own(own.edges))
    assert beside.note == own.note == "each delay to a scale of its own"
