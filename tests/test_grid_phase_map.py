import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.grid.phase_map import phase_map
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis
from sequence_search.sequence import Sequence

TE = Axis(0.03, 0.004, 5)
PHASE = Axis(0.0, math.pi / 2, 3)


def test_each_value_is_the_least_over_flip_angles():
    problem = Problem.load("gm-wm-t2-w30")
    result = phase_map(problem, TE, PHASE, n_per_tissue=4)
    assert result.loss.shape == (5, 3)
    first, second = np.meshgrid(range(85, 96), range(170, 181))
    flips = np.stack((first.ravel(), second.ravel()), -1)
    batch = Sequence.from_degrees_ms(flips, 0 * flips + [0, 90], 0 * flips + 19.0)
    least = problem.loss(batch, problem.voxels(4)).min()
    assert result.te[2] == pytest.approx(0.038)
    assert result.loss[2, 1] == pytest.approx(float(least), abs=1e-13)


@pytest.mark.parametrize(("weight", "preferred"), [(30, math.pi), (50, 0.0)])
def test_the_preferred_phase_depends_on_the_contrast_weight(weight, preferred):
    """Sec. IV.A."""
    result = phase_map(Problem.load(f"gm-wm-t2-w{weight}"), TE, PHASE, n_per_tissue=256)
    assert result.phase[result.best[1]] == pytest.approx(preferred)


def test_te_within_half_a_thousandth_is_widest_at_weight_20():
    """Table VII: TE spreads by 10 ms at weight 20, and by 0.2 ms at 30 and 50."""
    te, widths = Axis(0.0124, 0.0012, 40), {}
    for weight in (20, 30, 50):
        result = phase_map(Problem.load(f"gm-wm-t2-w{weight}"), te, PHASE, n_per_tissue=64)
        excess = result.loss.min(1) - result.loss.min()
        widths[weight] = np.ptp(result.te[excess < 5e-4])
    assert widths[20] > 1.5 * widths[30] > 2 * widths[50]


def test_other_grids_and_delays_are_refused():
    problem = Problem.load("gm-wm-t2-w30")
    with pytest.raises(ValueError, match="delay_ms must be at least 6"):
        phase_map(problem, Axis(0.01), PHASE)
    one = replace(problem.grid, flip_angle=(Axis(1.0),), phase=(Axis(0.0),), delay=(Axis(0.01),))
    with pytest.raises(ValueError, match="must have 2 pulses, got 1"):
        phase_map(replace(problem, grid=one), TE, PHASE)
