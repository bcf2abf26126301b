import math

import numpy as np
import pytest

from sequence_search.playback.events import Adc, Gradient, Waveform


def test_moment_of_a_trapezoid_is_its_area_and_half_of_it_in_the_middle():
    gradient = Gradient(np.array([1.0, 1.2, 2.0, 2.4]), np.array([0.0, 5.0, 5.0, 0.0]))
    assert gradient.moment(np.array([0.0, 1.0, 3.0])) == pytest.approx([0, 0, 5 * (0.1 + 0.8 + 0.2)])
    assert gradient.moment(np.array(1.1)) == pytest.approx(5 * 0.5 * 0.1 / 2)  # a triangle
    assert gradient.moment(np.array(1.7)) == pytest.approx(5 * (0.1 + 0.5))
    assert gradient.moment(np.array(2.2)) == pytest.approx(5 * (0.1 + 0.8) + 5 * 0.75 * 0.2)


def test_a_gradient_may_jump_at_one_time():
    gradient = Gradient(np.array([0.0, 0.0, 1.0, 1.0, 2.0]), np.array([0.0, 3.0, 3.0, -1.0, -1.0]))
    assert gradient.moment(np.array([0.5, 1.0, 1.5, 5.0])) == pytest.approx([1.5, 3.0, 2.5, 2.0])


def test_no_gradient_has_no_moment():
    assert Gradient(np.zeros(0), np.zeros(0)).moment(np.array([0.0, 1.0])).tolist() == [0, 0]


def test_flip_angle_and_square_of_a_rectangle():
    waveform = Waveform(np.full(4, 5e-5), np.full(4, 1250.0 * 1j), np.zeros((4, 3)), 0.0, 1e-4)
    assert waveform.flip_angle == pytest.approx(math.pi / 2)
    assert waveform.square == pytest.approx(1250**2 * 2e-4)


def test_samples_stand_in_the_middle_of_their_intervals():
    assert Adc(1.0, 0.1, 3, 0.0, 0.0, {}, 1).samples == pytest.approx([1.05, 1.15, 1.25])
