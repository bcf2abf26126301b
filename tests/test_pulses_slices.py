import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from pulse_cases import ADIABATIC, SINC
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc, Slr
from sequence_search.pulses.slices import (
    IN_REPORT,
    IN_SEARCH,
    distinct_lanes,
    inversion_efficiency,
    places,
    places_for,
    profile,
    slice_error,
)


def spin_echo(count, refocusing=SINC, b1=0.9):
    """Crushed echo of 90° - 175° over a slice, relative to that of an ideal slice of ideal pulses."""
    place, weight = places(count)
    excite = SINC.rotation(math.pi / 2, b1, SINC.frequency(30.0, place))
    refocus = refocusing.rotation(math.radians(175), b1, refocusing.frequency(30.0, place))
    signal = (
        (-1j * np.sin(excite.angle) * np.exp(1j * excite.after)).conj()
        * np.sin(refocus.angle / 2) ** 2
        * np.exp(1j * (refocus.after - refocus.before))
    )
    return weight @ signal


def test_eight_places_serve_a_search_and_sixteen_a_report():
    fine = spin_echo(1024)
    assert abs(fine) == pytest.approx(0.608, abs=1e-3)
    assert abs(spin_echo(IN_SEARCH) - fine) < 3e-4
    assert abs(spin_echo(IN_REPORT) - fine) < 5e-6


def test_of_a_steeper_profile_eight_places_are_ten_times_as_far_off():
    refocusing = Slr(duration=3.2e-3, time_bandwidth=4, purpose="refocusing", slice=True)
    wrong = [
        [abs(spin_echo(count, refocusing, b1) - spin_echo(1024, refocusing, b1)) for b1 in (0.8, 1.0, 1.2)]
        for count in (IN_SEARCH, IN_REPORT)
    ]
    assert 2e-3 < max(wrong[0]) < 8e-3
    assert max(wrong[1]) < 2e-5


def test_an_ideal_slice_of_one_thickness_sums_to_one():
    place, weight = places(16)
    assert weight[np.abs(place) < 0.5].sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="at least 1 place, got 0"):
        places(0)


def test_a_profile_is_one_within_and_nothing_far_outside():
    place = np.array([0.0, 0.5, 1.5])
    mz, mxy = profile(SINC, math.pi / 2, place)
    assert mxy[0] == pytest.approx(-1j, abs=1e-12)
    assert mz[0] == pytest.approx(0, abs=1e-12)
    assert 0.4 < abs(mxy[1]) < 0.9
    assert abs(mxy[2]) < 5e-3
    assert mz**2 + np.abs(mxy) ** 2 == pytest.approx(1, abs=1e-12)


def test_off_resonance_shifts_the_slice():
    shift = 0.2
    moved = profile(SINC, 1.0, np.linspace(-1, 1, 11), b0=shift * SINC.slice_bandwidth)
    assert moved.mxy == pytest.approx(profile(SINC, 1.0, np.linspace(-1, 1, 11) + shift).mxy, abs=1e-13)


@pytest.mark.parametrize(("peak", "mz"), [(400, -0.38), (800, -0.991), (1200, -1.0)])
def test_an_adiabatic_inversion_needs_a_peak(peak, mz):
    kind = HyperbolicSecant(duration=8e-3, peak_b1=peak, bandwidth=2108)
    within = profile(kind, math.pi, 0.0, b0=np.linspace(-500, 500, 51)).mz
    assert within.mean() == pytest.approx(mz, abs=2e-3)


def test_above_its_peak_an_adiabatic_inversion_does_not_depend_on_b1():
    mz = profile(ADIABATIC, math.pi, 0.0, b1=np.linspace(0.7, 1.4, 15)).mz
    assert np.abs(mz + 1).max() < 1e-2


def test_the_inversion_efficiency_is_that_of_the_full_bloch_equations():
    """Of which a step is the exponential of a matrix."""
    t1, t2, frequency = 0.83, 0.08, 120.0
    kind = HyperbolicSecant(duration=8e-3, peak_b1=900, bandwidth=2000)
    m = np.array([0.0, 0.0, 1.0, 1.0])  # of M and the equilibrium that it tends to
    z = 2 * math.pi * frequency
    for sample in math.pi / kind.dwell * kind.waveform:
        x, y = sample.real, sample.imag
        rates = [[-1 / t2, -z, y, 0], [z, -1 / t2, -x, 0], [-y, x, -1 / t1, 1 / t1], [0, 0, 0, 0]]
        m = expm(np.array(rates) * kind.dwell) @ m
    efficiency = inversion_efficiency(kind, t1, t2, frequency=frequency)
    half = math.exp(-kind.duration / 2 / t1)
    inverted = efficiency * math.cos(kind.rotation(math.pi, 1.0, frequency).angle)
    assert 1 + (inverted - 1) * half == pytest.approx(m[2], abs=5e-6)
    assert 0.95 < efficiency < 0.99


def test_without_relaxation_an_inversion_loses_nothing():
    lossless = inversion_efficiency(ADIABATIC, math.inf, math.inf, b1=np.array([0.8, 1.0]))
    assert lossless == pytest.approx(1, abs=1e-12)
    with_t2 = inversion_efficiency(ADIABATIC, 0.83, np.array([0.05, 0.08, 1.0]))
    assert (np.diff(with_t2) > 0).all()


def test_an_efficiency_varies_little_over_b1_and_b0():
    kind = HyperbolicSecant(duration=8e-3, peak_b1=1200, bandwidth=2000)
    b1, frequency = np.meshgrid(np.linspace(0.8, 1.2, 5), np.linspace(-100, 100, 5))
    for t1, t2, expected in ((0.832, 0.08, 0.981), (1.331, 0.11, 0.986)):
        nominal = inversion_efficiency(kind, t1, t2)
        everywhere = inversion_efficiency(kind, t1, t2, b1, frequency)
        assert nominal == pytest.approx(expected, abs=1e-3)
        assert np.abs(everywhere - nominal).max() < 3.2e-3
        assert 1.5e-2 < np.abs(everywhere - 1).max() < 2.5e-2


def test_what_does_not_invert_loses_nothing():
    inverts, does_not = inversion_efficiency(ADIABATIC, 1.0, 0.1, b1=np.array([1.0, 0.1]))
    assert 0.95 < inverts < 0.995
    assert does_not == 1


@pytest.mark.parametrize("t1", [1e-6, 1e-3, 1.0, math.inf])
def test_an_efficiency_is_finite_and_no_more_than_one_whatever_relaxes(t1):
    t2 = np.array([1e-9, 1e-6, 3e-4, 0.01, math.inf])
    found = inversion_efficiency(ADIABATIC, t1, t2)
    assert (np.abs(found) <= 1).all()


def test_lanes_that_repeat_are_played_once():
    b1, frequency = np.array([[1.0], [0.9], [1.0]]), np.array([0.0, 5.0, 0.0, -5.0])
    (of_b1, of_frequency), place = distinct_lanes(*np.broadcast_arrays(b1, frequency))
    assert len(of_b1) == 6
    assert of_b1[place].reshape(3, 4) == pytest.approx(np.broadcast_to(b1, (3, 4)), abs=0)
    assert of_frequency[place].reshape(3, 4) == pytest.approx(np.broadcast_to(frequency, (3, 4)), abs=0)
    together = inversion_efficiency(ADIABATIC, 1.0, 0.1, b1, frequency)
    one_by_one = [
        [float(inversion_efficiency(ADIABATIC, 1.0, 0.1, b, f)) for f in frequency] for b in b1[:, 0]
    ]
    assert together == pytest.approx(np.array(one_by_one), abs=1e-14)


SELECTIVE = Sinc(duration=2.56e-3, time_bandwidth=4.0, slice=True)
STEEP = Slr(duration=5.12e-3, time_bandwidth=4.0, purpose="refocusing", slice=True)


def test_the_error_of_places_is_that_against_direct_integration():
    """Of Mxy after 90 degrees by the trapezoidal rule over 4,001 places."""
    place = np.linspace(-1, 1, 4001)
    excites = replace(SELECTIVE, use="excitation")
    whole = np.trapezoid(profile(excites, math.pi / 2, place).mxy, place)
    few, weight = places(8)
    error = abs(weight @ profile(excites, math.pi / 2, few).mxy - whole)
    assert slice_error(excites) == pytest.approx(error, rel=0.02)
    assert 5e-4 < error < 8e-4


def test_the_error_is_of_what_a_pulse_is_for():
    """Without a phase across the slice (1 - cos) / 2 is the part refocused by 180 degrees, and inverted."""
    few, weight = places(8)
    place = np.linspace(-1, 1, 4001)
    whole, some = (
        np.sin(STEEP.rotation(math.pi, 1.0, STEEP.frequency(0.0, at)).angle / 2) ** 2 for at in (place, few)
    )
    error = abs(weight @ some - np.trapezoid(whole, place))
    for use in ("refocusing", "inversion"):
        assert slice_error(replace(STEEP, use=use)) == pytest.approx(error, rel=0.02)
    assert 5e-3 < error < 7e-3
    every = [slice_error(replace(SELECTIVE, use=use)) for use in ("excitation", "refocusing", "inversion")]
    assert every[0] > 2 * every[1]
    assert slice_error(SELECTIVE) == slice_error(replace(SELECTIVE, use="preparation")) == max(every)


def test_more_places_are_right_to_less():
    errors = [slice_error(STEEP, count) for count in (8, 16, 32, 64)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 100
    count = places_for(STEEP, 1e-3)
    assert 8 < count < 16
    assert slice_error(STEEP, count) <= 1e-3 < min(slice_error(STEEP, few) for few in range(8, count))
    assert places_for(STEEP, 0.1) == 8
