from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from sequence_search.analysis.costs import cost_of
from sequence_search.analysis.front import Front, FrontPoint
from sequence_search.problem.problem import Problem
from sequence_search.report.tradeoff import front_figure
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Verdict

PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
EVALUATION = PROBLEM.evaluate(ECHO)


def front_of(*points, against="time_to_readout"):
    """A front of points (cost, loss, kind, whether it is on the front)."""
    made = (
        FrontPoint(cost, Design(ECHO, replace(EVALUATION, loss=loss), loss, False), kind, on_front)
        for cost, loss, kind, on_front in points
    )
    return Front(PROBLEM, cost_of(PROBLEM, against), tuple(made), Verdict(5, 5, 1), "done", None, 1.0, 9)


FRONT = front_of(
    (0.006, 0.9, "one pulse", True),
    (0.012, 0.3, "echo", True),
    (0.03, 0.5, "one pulse", False),
    (0.04, 0.2, "_train $x$", True),
)


def test_points_are_drawn_in_the_unit_of_the_cost_with_their_kinds_and_the_knee():
    figure = front_figure(FRONT)
    (axes,) = figure.axes
    drawn = sorted(
        (float(x), float(y))
        for line in axes.lines
        if line.get_markersize() == 6 and line.get_linestyle() == "None"
        for x, y in line.get_xydata()
    )
    assert drawn == [(6.0, 0.9), (12.0, 0.3), (30.0, 0.5), (40.0, 0.2)]
    (knee,) = [line for line in axes.lines if line.get_markersize() == 13]
    assert knee.get_xydata().tolist() == [[12.0, 0.3]]
    assert axes.get_xlabel() == "Time to readout (ms)"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["one pulse", "echo", r" _train \$x\$"]
    assert legend.get_title().get_text() == "Designs; hollow: beaten"


def test_what_others_beat_is_hollow():
    faces = {
        float(line.get_xdata()[0]): line.get_markerfacecolor()
        for line in front_figure(FRONT).axes[0].lines
        if len(line.get_xdata()) and line.get_markersize() == 6
    }
    assert faces[30.0] == "none"
    assert faces[40.0] != "none"


def test_many_kinds_can_be_told_apart_and_their_legend_does_not_cover_the_points():
    kinds = [(0.01 * (i + 1), 1 / (i + 1), f"kind {i}", True) for i in range(15)]
    figure = front_figure(front_of(*kinds))
    looks = {
        (line.get_color(), line.get_marker())
        for line in figure.axes[0].lines
        if line.get_label().startswith("kind")
    }
    assert len(looks) == 15
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().y1 <= figure.axes[0].get_window_extent().y0


def test_wide_ranges_are_logarithmic_and_negative_losses_are_not():
    wide = [(cost, -cost, "echo", True) for cost in np.geomspace(1e-4, 1, 5).tolist()]
    axes = front_figure(front_of(*wide)).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert front_figure(FRONT).axes[0].get_xscale() == "linear"


def test_a_front_without_points_is_refused():
    with pytest.raises(ValueError, match="no point to draw"):
        front_figure(front_of())


def test_it_goes_into_given_axes_with_its_legend():
    ax = Figure().subplots(1, 2)[0]
    assert front_figure(FRONT, ax) is ax.figure
    assert ax.get_legend().get_title().get_text() == front_figure(FRONT).legends[0].get_title().get_text()
    assert not ax.figure.legends
