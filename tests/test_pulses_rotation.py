import math

import numpy as np
import pytest

from pulse_cases import KINDS, SINC, bloch, effective, lanes, mixing
from sequence_search.pulses.rotation import CayleyKlein, effective_rotation
from sequence_search.pulses.shapes import Hard


@pytest.mark.parametrize("flip", [0.0, 0.3, math.pi / 2, 2.9, 5.0])
@pytest.mark.parametrize("name", KINDS)
def test_it_is_what_the_bloch_equations_make_of_the_waveform(name, flip):
    kind, (b1, frequency) = KINDS[name], lanes()
    start = np.random.default_rng(1).normal(size=(len(b1), 3))
    start /= np.linalg.norm(start, axis=-1, keepdims=True)
    found = effective(kind.rotation(flip, b1, frequency), start)
    assert np.abs(found - bloch(kind, flip, b1, frequency, start)).max() < 1e-13


@pytest.mark.parametrize("flip", [0.0, 1.2, math.pi, 2 * math.pi])
@pytest.mark.parametrize("name", ["hard", "sinc", "odd", "slr", "samples"])
def test_derivatives_by_the_nominal_flip_angle(name, flip):
    """Also where a or b vanishes: the first lane is on resonance with b1 = 1."""
    kind, (b1, frequency) = KINDS[name], lanes(20)
    h = 1e-5
    high, low = (mixing(kind.rotation(flip + step, b1, frequency)) for step in (h, -h))
    angle, before, after, d_angle, d_before, d_after = kind.rotation(flip, b1, frequency)
    turns = np.exp(1j * before), np.exp(1j * after)
    stay, conjugate = (
        np.cos(angle / 2) ** 2 * turns[0] * turns[1],
        np.sin(angle / 2) ** 2 * turns[0] / turns[1],
    )
    half = np.sin(angle) / 2 * d_angle
    exact = [
        -half * turns[0] * turns[1] + 1j * (d_before + d_after) * stay,
        half * turns[0] / turns[1] + 1j * (d_before - d_after) * conjugate,
        (np.cos(angle) * d_angle + 1j * np.sin(angle) * d_after) * turns[1],
        -np.sin(angle) * d_angle + 0j,
    ]
    assert np.abs(np.stack(exact, -1) - (high - low) / (2 * h)).max() < 1e-9


def test_a_symmetric_pulse_turns_alike_before_and_after():
    found = SINC.rotation(1.1, *lanes())
    assert np.exp(1j * found.before) == pytest.approx(np.exp(1j * found.after), abs=1e-13)


def test_a_frequency_that_is_negated_turns_the_other_way():
    b1, frequency = lanes()
    found, negated = (mixing(SINC.rotation(1.1, b1, sign * frequency)) for sign in (1, -1))
    assert np.abs(found - negated.conj()).max() < 1e-13


def test_a_hard_pulse_of_no_duration_is_the_flip_angle_alone():
    b1, frequency = lanes()
    found = Hard().rotation(2.0, b1, frequency)
    assert found.angle == pytest.approx(2 * b1, abs=1e-14)
    assert found.d_angle == pytest.approx(b1, abs=1e-14)
    assert np.abs(np.stack([found.before, found.after])).max() == 0


@pytest.mark.parametrize("duration", [1e-5, 1e-8, 1e-13])
def test_a_short_pulse_comes_to_a_hard_one(duration):
    """At f it turns about an axis that is off by f T / flip, of which the turn on both sides is taken off."""
    b1 = np.array([0.8, 1.2])
    error = mixing(Hard(duration=duration).rotation(1.5, b1, 10.0)) - mixing(Hard().rotation(1.5, b1, 10.0))
    assert np.abs(error).max() < 2 * math.pi * 10 * duration + 1e-15


def test_a_small_tip_excites_the_fourier_transform_of_the_waveform():
    """Pauly et al. 1989, doi:10.1016/0022-2364(89)90265-5, about the centre."""
    frequency = np.linspace(-3000, 3000, 101)
    time = (np.arange(256) - 127.5) * 1e-5
    found = SINC.rotation(1e-4, 1.0, frequency)
    expected = 1e-4 * np.exp(-2j * np.pi * frequency[:, None] * time) @ SINC.waveform
    # Each step is a rectangle of 10 us.
    expected *= np.sinc(frequency * 1e-5)
    assert np.abs(np.sin(found.angle) * np.exp(1j * found.after) - expected).max() < 1e-12


def test_the_scale_of_the_parameters_does_not_matter():
    a, b, d_a, d_b = (np.array([value]) for value in (0.6 + 0.2j, 0.3 - 0.7j, 0.1j, 0.2 + 0j))
    one, other = (
        effective_rotation(CayleyKlein(a, b, d_a, d_b)),
        effective_rotation(CayleyKlein(2 * a, 2 * b, 2 * d_a, 2 * d_b)),
    )
    assert np.stack(one) == pytest.approx(np.stack(other), abs=1e-15)
