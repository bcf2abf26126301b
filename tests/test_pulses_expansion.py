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
    flip = np.linspace(0, 2 * math.pi, 13)[:, None] * b1
    found, exact = (of(kind.waveform, kind.dwell, flip, frequency) for of in (expanded, cayley_klein))
    assert np.abs(np.stack(found) - np.stack(exact)).max() < 1e-12


@pytest.mark.parametrize("count", [0, 1, 300])
def test_lanes_that_are_alike_few_or_none(count):
    kind, flip = KINDS["sinc"], np.full((5, count), 1.5)
    found = expanded(kind.waveform, kind.dwell, flip, np.full(count, 40.0))
    exact = cayley_klein(kind.waveform, kind.dwell, flip, np.full(count, 40.0))
    assert found.a.shape == (5, count)
    assert np.abs(np.stack(found) - np.stack(exact)).max(initial=0.0) < 1e-13
