import math

import numpy as np
import pytest

from pulseq_cases import hyperbolic_secant
from sequence_search.playback.events import Waveform
from sequence_search.playback.maps import Spin, spin_maps
from sequence_search.pulses.rotation import cayley_klein, effective_rotation

FREE = Spin(0.0, 0.0, 1.0, 0.0)


def waveform_of(b1, step=1e-5, gradient=0.0, offset=0.0):
    b1 = np.asarray(b1, complex)
    along = np.zeros((len(b1), 3))
    along[:, 2] = gradient
    return Waveform(np.full(len(b1), step), b1, along, offset, len(b1) * step / 2)


def maps(waveform, spin=FREE, frequency=0.0, place=0.0):
    frequency, place = np.broadcast_arrays(np.atleast_1d(frequency).astype(float), place)
    return spin_maps(waveform, spin, 2, frequency, place)


@pytest.mark.parametrize("at", ["frequency", "place"])
def test_without_relaxation_it_is_the_rotation_of_cayley_and_klein(at):
    b1 = hyperbolic_secant()
    offset = np.linspace(-600, 600, 301)
    given = {"frequency": offset} if at == "frequency" else {"place": offset / 1e5}
    found = maps(waveform_of(b1, gradient=1e5 if at == "place" else 0.0), **given)
    flip = 2 * math.pi * abs(b1.sum()) * 1e-5
    turn = effective_rotation(cayley_klein(b1 / abs(b1.sum()), 1e-5, np.array(flip), offset))
    inner = slice(5, -5)  # frequencies beyond 1 % and 99 % of a voxel's are as those
    for m, z in ((0j, 1.0), (1 + 0j, 0.0), (0.3 - 0.5j, 0.2)):
        mxy, mz = found.apply(np.full(301, m), np.full(301, z), 0.0)
        before = m * np.exp(1j * turn.before)  # and about x, right-handed
        y = before.imag * np.cos(turn.angle) - z * np.sin(turn.angle)
        after = (before.real + 1j * y) * np.exp(1j * turn.after)
        along = before.imag * np.sin(turn.angle) + z * np.cos(turn.angle)
        assert mxy[inner] == pytest.approx(after[inner], abs=2e-4)
        assert mz[inner] == pytest.approx(along[inner], abs=2e-4)


def test_a_gradient_that_varies_is_followed_place_by_place():
    """Two halves of different gradients, against the product of their rotations."""
    b1 = np.full(100, 200.0)
    gradient = np.repeat([1e5, 4e4], 50)
    place = np.linspace(-2e-3, 2e-3, 41)
    found = maps(waveform_of(b1, gradient=gradient), place=place)
    mxy, mz = np.zeros(41, complex), np.ones(41)
    for step in range(100):
        turn = 2 * math.pi * 1e-5 * gradient[step] * place
        rf = 2 * math.pi * 1e-5 * 200.0
        angle = np.hypot(rf, turn)
        x, z = rf / angle, turn / angle
        along = (x * mxy.real + z * mz) * (1 - np.cos(angle))
        cross = 1j * (z * mxy - x * mz)
        mxy, mz = (
            mxy * np.cos(angle) + cross * np.sin(angle) + along * x,
            mz * np.cos(angle) + x * mxy.imag * np.sin(angle) + along * z,
        )
    to_middle = np.exp(-1j * math.pi * 1e-5 * gradient.sum() * place)  # of the second half
    found_mxy, found_mz = found.apply(np.zeros(41, complex), np.ones(41), 0.0)
    assert found_mxy == pytest.approx(mxy * to_middle, abs=1e-4)
    assert found_mz == pytest.approx(mz, abs=1e-4)


def test_phase_turns_the_pulse():
    found = maps(waveform_of(np.full(10, 1250.0), step=2e-5))
    mxy, _ = found.apply(np.zeros(1, complex), np.ones(1), 0.7)
    assert mxy == pytest.approx(-1j * np.exp(0.7j))


def test_relaxation_without_a_field_is_that_of_a_delay():
    found = maps(waveform_of(np.full(50, 1e-9), step=1e-4), Spin(2.0, 20.0, 1.0, 0.0))
    mxy, mz = found.apply(np.ones(1, complex), np.zeros(1), 0.0)
    assert mxy == pytest.approx(math.exp(-20 * 5e-3))
    assert mz == pytest.approx(1 - math.exp(-2 * 5e-3))


def test_a_frequency_offset_is_that_of_the_spins_it_turns():
    b1 = np.full(100, 125.0)
    on = maps(waveform_of(b1, step=2e-5, offset=300.0), Spin(0, 0, 1, 300.0))
    plain = maps(waveform_of(b1, step=2e-5))
    assert on.f == pytest.approx(plain.f, abs=1e-6)


def test_b1_scales_the_angle():
    found = maps(waveform_of(np.full(10, 1250.0), step=2e-5), Spin(0, 0, 0.5, 0.0))
    assert found.f == pytest.approx(math.cos(math.pi / 4))
