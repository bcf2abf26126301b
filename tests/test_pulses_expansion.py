import math

import numpy as np
import pytest

from pulse_cases import KINDS, lanes
from sequence_search.pulses.expansion import expanded
from sequence_search.pulses.rotation import cayley_klein


@pytest.mark.parametrize("name", KINDS)
def test_it_is_what_each_lane_gives_by_itself(name):
    """To rounding, with slopes; the first and the last lane at the ends of the ranges."""
    kind, (b1, frequency) = KINDS[name], lanes(400)
    b1[[0, -1]], frequency[[0, -1]] = (0.5, 1.5), (-3000, 3000)
    flip = np.linspace(0, 2 * math.pi, 13)[:, None]
    found = expanded(kind.waveform, kind.dwell, flip, b1, frequency)
    exact = cayley_klein(kind.waveform, kind.dwell, flip * b1, frequency)
    assert np.abs(np.stack(found) - np.stack(exact)).max() < 1e-12


@pytest.mark.parametrize("count", [0, 1, 300])
def test_lanes_that_are_alike_few_or_none(count):
    kind, flip = KINDS["sinc"], np.full((5, 1), 1.5)
    lanes = np.full(count, 1.1), np.full(count, 40.0)
    found = expanded(kind.waveform, kind.dwell, flip, *lanes)
    exact = cayley_klein(kind.waveform, kind.dwell, flip * lanes[0], lanes[1])
    assert found.a.shape == (5, count)
    assert np.abs(np.stack(found) - np.stack(exact)).max(initial=0.0) < 1e-13


@pytest.mark.parametrize("name", ["sinc", "hs"])
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (1, 1), (), (7, 40, 30), (30,)])
def test_flip_angles_of_any_shape(name, shape):
    """Apart from the lanes or along with them, of a kind."""
    rng = np.random.default_rng(0)
    b1, frequency = rng.uniform(0.8, 1.2, (40, 1)), rng.uniform(-500, 500, (40, 30))
    flip = rng.uniform(0, 3, shape)
    found = KINDS[name].rotation(flip, b1, frequency)
    whole = np.broadcast_arrays(flip, b1, frequency)
    assert found.angle.shape == whole[0].shape
    exact = KINDS[name].rotation(*(part.ravel() for part in whole))
    for one, other in zip(found, exact, strict=True):
        assert np.exp(1j * one.ravel()) == pytest.approx(np.exp(1j * other), abs=1e-11)
