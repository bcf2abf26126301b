import math

import numpy as np
import pytest

from sequence_search.grid.phase_map import PhaseMap
from sequence_search.paper.phase_map import phase_map_figure
from sequence_search.problem.problem import Problem

PHASE = np.linspace(0, math.pi, 19)
TE = np.linspace(0.02, 0.06, 21)


def bowl(name, te, phase):
    loss = -1 + (TE[:, None] - te) ** 2 * 10 + (PHASE - phase) ** 2 * 0.001
    return PhaseMap(Problem.load(name), TE, PHASE, loss)


MAPS = [bowl("gm-wm-t2-w30", 0.038, math.pi), bowl("gm-wm-t2-w50", 0.046, 0.0)]


def test_it_tells_where_the_least_is():
    figure = phase_map_figure(MAPS)
    first, second, curves = figure.axes[:3]
    assert first.get_title() == "gm-wm-t2-w30\nleast at 38 ms, 180°"
    assert second.get_title() == "gm-wm-t2-w50\nleast at 46 ms, 0°"
    assert first.get_xlabel() == "Refocusing phase (°)"
    assert first.get_ylabel() == "TE (ms)"
    assert curves.get_ylabel() == "Loss above least\n(10⁻³ a.u.²)"
    (mark,) = first.lines
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((180, 38))


def test_the_curves_are_thousandths_above_the_least():
    curves = phase_map_figure(MAPS).axes[2]
    assert [line.get_label() for line in curves.lines] == ["phase 0°", "phase 90°", "phase 180°"]
    assert curves.lines[2].get_ydata() == pytest.approx(1e4 * (TE - 0.038) ** 2)
    assert curves.lines[0].get_ydata()[9] == pytest.approx(math.pi**2)


def test_no_map_is_refused():
    with pytest.raises(ValueError, match="at least one map"):
        phase_map_figure([])
