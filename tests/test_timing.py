import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.pulses.shapes import HyperbolicSecant, Sinc
from sequence_search.system import load_system
from sequence_search.timing import (
    Line,
    few_samples,
    hard_kind,
    least_between,
    least_time,
    peak_b1_ut,
    peak_fault,
    pulse_span,
    readout_span,
    spoiler_area,
)

PRISMA = load_system("siemens-prisma")
SINC = Sinc(duration=2.56e-3, time_bandwidth=4.0, slice=True)


def test_a_gradient_takes_a_triangle_or_the_largest_amplitude():
    # A triangle of ramps r has the area s r²: 800 /m at 200 T/m/s take ramps of 0.307 ms, of 10 us each.
    assert least_time(np.array([0.0, 0.0, -800.0]), PRISMA) == pytest.approx(2 * 0.31e-3)
    # 40,000 /m take the largest amplitude, 3.41 MHz/m: 11.75 ms, and a ramp of 0.4 ms.
    assert least_time(np.array([40e3, 800.0, 0.0]), PRISMA) == pytest.approx(11.75e-3 + 0.4e-3)
    assert least_time(np.zeros(3), PRISMA) == 0


def test_a_pulse_takes_its_ramps_or_the_dead_times():
    # 1,562.5 Hz over 5 mm is 7.3 mT/m: a ramp of 0.04 ms, less than the dead time of 0.1 and as the ringdown.
    span = pulse_span(SINC, 5e-3, PRISMA)
    assert (span.before, span.after) == pytest.approx((1.28e-3 + 0.1e-3, 1.28e-3 + 0.04e-3))
    assert span.area_after == pytest.approx([0, 0, 1562.5 / 5e-3 * (1.28e-3 + 0.02e-3)])
    plain = pulse_span(HyperbolicSecant(duration=8e-3, peak_b1=800.0, bandwidth=1600.0), 5e-3, PRISMA)
    assert (plain.before, plain.after) == pytest.approx((4.1e-3, 4.03e-3))
    assert not plain.area_before.any()


def test_a_readout_takes_its_samples_and_dead_times():
    span = readout_span(few_samples(PRISMA), PRISMA)
    assert (span.before, span.after) == pytest.approx((30e-6, 30e-6))
    long = readout_span(few_samples(PRISMA, 2e-3), PRISMA)
    assert (long.before, long.after) == pytest.approx((1.01e-3, 1.01e-3), abs=2e-5)
    line = readout_span(Line(128, 20e-6, -64.5 * 20e-6, 1 / (0.2 * 20e-6)), PRISMA)
    assert line.flat == pytest.approx(1.29e-3)
    assert line.area_before[0] == pytest.approx(250e3 * (1.29e-3 + line.rise / 2))


def test_what_stands_between_is_added_before_its_time_is_counted():
    span = pulse_span(SINC, 5e-3, PRISMA)
    crusher, slices = np.array([0.0, 0.0, 800.0]), span.area_after + span.area_before
    together = least_between(span, span, slices + crusher, PRISMA)
    assert together == pytest.approx(span.after + span.before + least_time(slices + crusher, PRISMA))
    assert together < least_between(span, span, slices, PRISMA) + least_time(crusher, PRISMA)


def test_an_instantaneous_pulse_lasts_as_the_peak_b1_asks():
    assert hard_kind(math.pi / 2, PRISMA).duration == pytest.approx(0.5e-3)
    low = replace(PRISMA, peak_b1_ut=5.0)
    assert hard_kind(math.pi, low).duration == pytest.approx(0.5 / (42.577478518 * 5), abs=2e-5)
    assert hard_kind(math.pi, low).peak_b1_ut(math.pi) <= 5
    assert hard_kind(math.pi, low, 1e-3).duration == pytest.approx(1e-3)


def test_each_spoiler_is_twice_the_last_on_its_axis():
    found = np.array([spoiler_area(number, (5e-3, 2e-3, 5e-3)) for number in range(4)])
    assert found == pytest.approx(np.array([[800, 0, 0], [0, 2000, 0], [1600, 0, 0], [0, 4000, 0]]))


def test_another_nucleus_takes_more_b1_for_the_same_turn():
    carbon = replace(PRISMA, gamma_mhz_t=10.708)
    hard = hard_kind(math.pi, carbon)
    # Half a turn at 20 uT of 10.708 Hz/uT takes 2.335 ms, on a raster of 20 us.
    assert hard.duration == pytest.approx(2.34e-3)
    assert peak_b1_ut(hard, math.pi, carbon) == pytest.approx(0.5 / (2.34e-3 * 10.708))
    assert peak_fault("pulse 1", hard, math.pi, carbon) is None
    # 9.06 uT of the proton are 36.0 of carbon, and 2.56 ms become 4.61, on the raster.
    assert peak_fault("pulse 1", SINC, math.pi / 2, PRISMA) is None
    told = peak_fault("pulse 1", SINC, math.pi / 2, carbon)
    assert told == "pulse 1 needs 36.02 uT of 20: its duration must be at least 4.62 ms, got 2.56"
