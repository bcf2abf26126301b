"""Least times between neighbours by what is played about their centres."""

import pytest

from sequence_search.acquisition import Acquisition
from sequence_search.layout import HARD
from sequence_search.problem.room import AT_END, READOUT, least_half, room_of
from sequence_search.pulses.shapes import Sinc

SINC = Sinc(duration=2e-3, time_bandwidth=4, slice=True)  # half of it and 1 ms of its rephaser: 2 ms
LEAST = room_of({"sinc": SINC}, 3e-3, Acquisition(readout=10e-3), hard=0.5e-3).least


@pytest.mark.parametrize(
    ("between", "ms"),
    [
        (("sinc", "sinc"), 4.0),
        ((HARD, "sinc"), 2.5),
        (("sinc", READOUT), 7.0),
        (("sinc", READOUT, 1), 10.0),
        ((READOUT, "sinc", -2), 13.0),
        (("sinc", HARD, 0, 1), 5.5),
        ((READOUT, "sinc", 0, AT_END), 7.0),
    ],
)
def test_the_least_time_is_the_sum_of_what_stands_between(between, ms):
    assert LEAST(*between) == pytest.approx(1e-3 * ms)


def test_half_an_echo_spacing_has_room_before_and_after_each_pulse():
    assert least_half(LEAST, HARD, "sinc", 1) == pytest.approx(10e-3)  # from the sinc to the readout
    short = room_of({"sinc": SINC}, 3e-3, Acquisition(), hard=0.5e-3).least
    assert least_half(short, "sinc", "sinc", 0) == pytest.approx(4e-3)  # from the excitation to the sinc
