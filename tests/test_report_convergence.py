import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from sequence_search.problem.problem import Problem
from sequence_search.report.convergence import convergence_figure, course
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Point, Run, failed

PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
EVALUATION = PROBLEM.evaluate(ECHO)


def run(seed, loss, history, n_evaluations=5000):
    design = Design(ECHO, replace(EVALUATION, loss=loss), loss, False)
    return Run(seed, "done", (design,), 1.0, n_evaluations, history)


RUNS = [
    run(0, 0.02, (Point(1, 0.5, 1000, 0.1), Point(2, 0.03, 2000, 0.2), Point(3, 0.04, 4000, 0.3))),
    run(7, 0.01, (Point(1, math.nan, 500, 0.1), Point(2, 0.012, 5000, 0.2))),
]


def test_the_course_is_the_least_loss_so_far_up_to_the_end():
    evaluations, losses = course(RUNS[0])
    assert evaluations.tolist() == [1000, 2000, 4000, 5000]
    assert losses.tolist() == [0.5, 0.03, 0.03, 0.03]


def test_points_without_a_loss_are_left_out():
    evaluations, losses = course(RUNS[1])
    assert evaluations.tolist() == [5000]
    assert losses.tolist() == [0.012]


def test_every_seed_is_drawn_and_the_best_is_named():
    figure = convergence_figure(RUNS, "title")
    axes = figure.axes[0]
    lines = [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata()) > 1]
    assert lines == [[0.5, 0.03, 0.03, 0.03]]
    dots = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "."}
    assert dots == {(5.0, 0.02), (5.0, 0.01)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["best: seed 7, loss 0.01"]
    assert axes.get_title() == "title"
    assert axes.get_xlabel() == "Evaluations (thousands)"


def test_the_range_shows_what_was_reached_not_where_it_began():
    low, high = convergence_figure(RUNS).axes[0].get_ylim()
    assert 0 < low < 0.01
    assert 0.03 < high < 0.05


def test_runs_without_a_design_are_counted():
    legend = convergence_figure([*RUNS, failed(3, "loss is nan", 0.1)]).legends[0]
    assert legend.get_title().get_text().startswith("3 seeds, 1 of them without a design")


def test_a_run_without_a_history_is_a_dot():
    lines = convergence_figure([run(0, 0.02, ())]).axes[0].lines
    assert [np.size(line.get_ydata()) for line in lines] == [0, 1]


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="none of 1 runs ended with a design"):
        convergence_figure([failed(3, "loss is nan", 0.1)])


def test_it_goes_into_given_axes_with_its_legend():
    ax = Figure().subplots(1, 2)[0]
    assert convergence_figure(RUNS, ax=ax) is ax.figure
    assert ax.get_legend().get_texts()[0].get_text() == "best: seed 7, loss 0.01"
    assert not ax.figure.legends
