from dataclasses import replace

import numpy as np
import pytest

from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Sinc
from sequence_search.report.slice_profile import slice_profile_figure
from sequence_search.sequence import Sequence

SINC = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
PROBLEM = replace(Problem.load("max-signal"), pulses={"sinc": SINC})
ECHO = Sequence.from_degrees_ms(
    [90, 180], [0, 90], [8, 8], layout=Layout.plain(2, gradients=(1, 1), kinds=("sinc", "sinc"))
)


def curves(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_an_excitation_is_drawn_by_mxy_and_an_inversion_by_mz():
    alone, _ = slice_profile_figure(ECHO, PROBLEM).axes
    found = curves(alone)
    assert list(found) == ["|Mxy| after sinc 90.0°", "Mz after sinc 180.0°"]
    excitation, inversion = found.values()
    assert excitation.max() == pytest.approx(1, abs=1e-3)
    assert inversion.min() == pytest.approx(-1, abs=1e-3)
    assert excitation[[0, -1]] == pytest.approx([0, 0], abs=0.05)
    assert alone.get_ylim()[0] < -1


def test_the_signal_across_the_slice_is_that_of_the_pulses():
    alone, together = slice_profile_figure(ECHO, PROBLEM).axes
    excitation, inversion = curves(alone).values()
    t2 = PROBLEM.voxels(method="nominal").t2
    # |Mxy| of the excitation, of which crushers leave what is refocused.
    echo = excitation * (1 - inversion) / 2
    assert list(curves(together)) == ["GM", "WM", "CSF"]
    for values, m0, each in zip(curves(together).values(), (0.8, 0.7, 1.0), t2, strict=True):
        assert values == pytest.approx(m0 * np.exp(-0.016 / float(each)) * echo, abs=1e-9)


def test_like_pulses_are_drawn_once():
    layout = Layout.train(3, kinds=["sinc"] * 4, crusher=1)
    train = Sequence.from_degrees_ms([90, 160, 160, 160], [90, 0, 0, 0], [6], layout=layout)
    alone, together = slice_profile_figure(train, PROBLEM).axes
    assert len(alone.lines) == 2
    assert together.get_title() == "mean of 3 readouts"


@pytest.mark.parametrize("layout", [None, Layout.plain(2, gradients=(1, 1))])
def test_a_design_without_a_slice_is_refused(layout):
    hard = Sequence.from_degrees_ms([90, 180], [0, 0], [8, 8], layout=layout)
    with pytest.raises(ValueError, match="a slice profile needs a pulse that selects a slice, got 90°"):
        slice_profile_figure(hard, PROBLEM)
