import math

import numpy as np
import pytest

from pulse_cases import ADIABATIC, KINDS, SINC, lanes, mixing
from sequence_search.pulses.shapes import Gauss


@pytest.mark.parametrize("kind", [SINC, KINDS["slr"], KINDS["gauss"], Gauss(duration=3e-3, time_bandwidth=4)])
def test_between_the_nodes_it_is_right_to_a_millionth(kind):
    b1, frequency = lanes(100)
    table = kind.table(b1, frequency)
    flips = np.linspace(0.02, 6.28, 31)
    exact = np.stack([mixing(kind.rotation(flip, b1, frequency)) for flip in flips])
    assert np.abs(mixing(table.rotation(flips)) - exact).max() < 1e-6


def test_a_simple_pulse_has_a_node_every_ten_degrees():
    assert SINC.table(*lanes(5)).values.shape == (2, 37, 5)
    assert KINDS["slr"].table(*lanes(5)).values.shape[1] > 40


def test_at_the_nodes_it_is_right_to_rounding():
    b1, frequency = lanes()
    flips = np.array([0, math.pi / 2, math.pi, 2 * math.pi])
    found = mixing(SINC.table(b1, frequency).rotation(flips))
    for flip, each in zip(flips, found, strict=True):
        assert np.abs(each - mixing(SINC.rotation(flip, b1, frequency))).max() < 1e-13


@pytest.mark.parametrize("flip", [-3.0, -0.1, 0.4, 3.0, 6.1])
def test_derivatives_are_those_of_what_is_returned(flip):
    table, h = SINC.table(*lanes()), 1e-6
    low, found, high = (table.rotation(flip + step) for step in (-h, 0, h))
    for name in ("angle", "before", "after"):
        change = getattr(high, name) - getattr(low, name)
        turns = np.angle(np.exp(1j * change)) / (2 * h)
        assert np.abs(turns - getattr(found, f"d_{name}")).max() < 1e-8 * max(1, np.abs(turns).max()), name


def test_a_negative_flip_angle_is_a_pulse_of_phase_180():
    table = SINC.table(*lanes())
    forth, back = table.rotation(1.3), table.rotation(-1.3)
    assert back.angle == pytest.approx(forth.angle, abs=1e-15)
    assert np.exp(1j * back.after) == pytest.approx(-np.exp(1j * forth.after), abs=1e-15)
    assert np.exp(1j * back.before) == pytest.approx(-np.exp(1j * forth.before), abs=1e-15)


def test_flip_angles_are_batched():
    table, flips = SINC.table(*lanes(7)), np.array([[0.1, 2.0, 3.0], [1.0, -1.0, 6.0]])
    found = table.rotation(flips)
    for part in range(6):
        assert found[part].shape == (2, 3, 7)
        assert found[part][1, 1] == pytest.approx(table.rotation(-1.0)[part], abs=0)


def test_a_fixed_amplitude_takes_no_flip_angle():
    b1, frequency = lanes(20)
    table = ADIABATIC.table(b1, frequency)
    assert table.values.shape == (2, 1, 20)
    found, exact = table.rotation(np.array([0.3, 9.0])), ADIABATIC.rotation(1.0, b1, frequency)
    assert np.abs(mixing(found) - mixing(exact)).max() < 1e-15
    assert not np.stack(found[3:]).any()


@pytest.mark.parametrize("flip", [6.5, -6.5])
def test_beyond_its_top_it_is_refused(flip):
    with pytest.raises(ValueError, match="flip angle of a shaped pulse must be at most"):
        SINC.table(*lanes(3)).rotation(np.array([1.0, flip]))


def test_a_flip_angle_that_is_no_number_gives_none():
    found = SINC.table(*lanes(5)).rotation(np.array([np.nan, 1.0]))
    assert np.isnan(found.angle[0]).all()
    assert np.isfinite(found.angle[1]).all()
