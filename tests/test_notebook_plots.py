"""Figures that values give of themselves."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from page_results import SPIN_ECHO, result_of
from sequence_search import evolve
from sequence_search.problem.problem import Problem
from sequence_search.voxels import Voxels

MAX_SIGNAL = Problem.load("max-signal")


@pytest.fixture
def ax():
    return Figure().subplots(1, 2)[0]


def test_a_result_draws_its_best_design_with_its_magnetisation():
    result = result_of(MAX_SIGNAL, 2)
    drawn = result.plot()
    assert len(drawn.axes) == 3
    assert [line.get_label() for line in drawn.axes[1].lines[:1]] == ["GM (0.71 at readout)"]
    assert len(result.best.families[0].plot(MAX_SIGNAL).axes) == 3


def test_given_axes_get_the_diagram_alone(ax):
    result = result_of(MAX_SIGNAL, 2)
    assert result.plot(ax) is ax.figure
    assert "88.0°\n0°" in [text.get_text() for text in ax.texts]
    assert len(ax.figure.axes) == 2


def test_a_design_without_its_problem_is_its_diagram():
    assert len(result_of(MAX_SIGNAL, 1).best.families[0].plot().axes) == 1


def test_evolved_magnetisation_draws_what_it_holds(ax):
    times = torch.linspace(0, 12.4e-3, 50, dtype=torch.float64)
    found = evolve(SPIN_ECHO, MAX_SIGNAL.voxels(method="nominal"), times)
    mxy, mz = found
    drawn = found.plot(times, ("GM", "WM", "CSF"))
    assert [len(axes.lines) for axes in drawn.axes] == [3, 3]
    assert [text.get_text() for text in drawn.axes[0].get_legend().get_texts()] == ["GM", "WM", "CSF"]
    np.testing.assert_allclose(drawn.axes[0].lines[2].get_ydata(), mxy[:, 2].abs())
    np.testing.assert_allclose(drawn.axes[1].lines[2].get_ydata(), mz[:, 2])
    np.testing.assert_allclose(drawn.axes[0].lines[0].get_xdata(), 1e3 * times)
    assert found.plot(times, ax=ax) is ax.figure
    assert len(ax.lines) == 6
    assert ax.get_legend() is None


def test_one_voxel_is_one_line():
    times = torch.zeros(1, dtype=torch.float64)
    drawn = evolve(SPIN_ECHO, Voxels(t1=[1.0]), times).plot(times)
    assert [len(axes.lines) for axes in drawn.axes] == [1, 1]
