import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.layout import SPOILER, Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Sinc
from sequence_search.report.drawing import write_figure
from sequence_search.report.phase_graph import (
    LONGITUDINAL,
    PALE,
    TRANSVERSE,
    WIDEST,
    phase_graph,
    phase_graph_figure,
)
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("max-signal")
NOMINAL = PROBLEM.voxels(method="nominal")
T1, T2 = float(NOMINAL.t1[1]), float(NOMINAL.t2[1])  # of WM
CRUSHED = Sequence.from_degrees_ms([80, 150], [0, 90], [8, 8], layout=Layout.plain(2, gradients=(1, 1)))
STIMULATED = Sequence.from_degrees_ms(
    [90, 90, 90], [0, 0, 0], [10, 30, 10], layout=Layout.plain(3, gradients=(1, SPOILER, 1))
)


def parts(states, pulse):
    """What states that bring something bring, by whether they are transverse and their moment."""
    return {
        (state.is_transverse, state.moment): state.part
        for state in states
        if state.pulse == pulse and abs(state.part) > 1e-9
    }


def test_a_crushed_spin_echo_has_one_path():
    a, b = math.radians(80), math.radians(150)
    echo = math.sin(a) * math.sin(b / 2) ** 2 * math.exp(-0.016 / T2)
    states = phase_graph(CRUSHED, PROBLEM, "WM")
    assert parts(states, 0) == {(True, 0): pytest.approx(echo)}
    assert parts(states, 1) == {(True, -1): pytest.approx(echo)}


def test_a_stimulated_echo_is_stored_along_z():
    echo = math.exp(-0.02 / T2 - 0.03 / T1) / 2
    states = phase_graph(STIMULATED, PROBLEM, "WM")
    assert parts(states, 0) == {(True, 0): pytest.approx(echo)}
    assert parts(states, 1) == {(False, -1): pytest.approx(echo)}
    assert parts(states, 2) == {(True, -1): pytest.approx(echo)}


def test_parts_of_what_a_pulse_finds_add_up_to_the_signal():
    design = Sequence.from_degrees_ms([170, 80, 130], [0, 30, 90], [900, 6.2, 7])
    signal = float(PROBLEM.simulator(NOMINAL).magnetization(design)[0][1].abs())
    states = phase_graph(design, PROBLEM, "WM")
    for pulse in (1, 2):
        assert sum(state.part for state in states if state.pulse == pulse) == pytest.approx(signal)
    # What recovers after the first pulse is found by the second, and after the second by the third.
    assert sum(state.part for state in states if state.pulse == 0) == pytest.approx(signal, rel=0.05)


def test_recovery_until_the_next_pulse_counts():
    # Of an inversion that is read after all has recovered, what it leaves brings nothing, what recovers all.
    design = Sequence.from_degrees_ms([180, 90], [0, 0], [900, 0.1])
    (before,) = parts(phase_graph(design, PROBLEM, "WM"), 0).values()
    assert before == pytest.approx((1 - 2 * math.exp(-0.9 / T1)), rel=2e-2)


def test_the_names_of_a_plain_sequence_are_times_dephased():
    states = phase_graph(Sequence.from_degrees_ms([90, 180], [0, 90], [8, 8]), PROBLEM)
    clocks = {state.clock for state in states if state.pulse == 1 and abs(state.part) > 1e-9}
    assert clocks == {-0.008}


def test_a_readout_of_a_train_or_their_mean():
    train = Sequence.from_degrees_ms([90, 180, 180], [90, 0, 0], [5], layout=Layout.train(2, crusher=1))
    first, second = math.exp(-0.01 / T2), math.exp(-0.02 / T2)
    for readout, expected in ((1, first), (2, second), (None, (first + second) / 2)):
        assert parts(phase_graph(train, PROBLEM, "WM", readout), 0) == {(True, 0): pytest.approx(expected)}
    with pytest.raises(ValueError, match="readout must be 1 to 2, got 3"):
        phase_graph(train, PROBLEM, "WM", 3)


def test_a_slice_counts_as_a_whole():
    problem = replace(PROBLEM, pulses={"sinc": Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)})
    layout = Layout.plain(2, gradients=(1, 1), kinds=("sinc", "sinc"))
    echo = Sequence.from_degrees_ms([90, 175], [0, 90], [8, 8], layout=layout)
    signal = problem.simulator(NOMINAL).magnetization(echo)[0].abs()[1]
    assert parts(phase_graph(echo, problem, "WM"), 1)[True, -1] == pytest.approx(float(signal))


def lines(figure, colour):
    return [line for line in figure.axes[1].lines if line.get_color() == colour]


def test_lines_are_as_broad_as_what_states_bring():
    figure = phase_graph_figure(STIMULATED, PROBLEM, "WM")
    assert [line.get_linewidth() for line in lines(figure, LONGITUDINAL)] == [WIDEST]
    first, last = sorted(lines(figure, TRANSVERSE), key=lambda line: line.get_xdata()[0])
    assert first.get_linewidth() == last.get_linewidth() == WIDEST
    assert first.get_ydata()[[0, -1]] == pytest.approx([0, 1])
    assert last.get_ydata()[[0, -1]] == pytest.approx([-1, 0])
    assert lines(figure, PALE)
    assert figure.axes[1].get_ylabel() == "Crusher moment"
    # What the spoiler destroys ends in a cross.
    assert any(line.get_marker() == "x" for line in figure.axes[1].lines)


def test_the_figure_of_a_plain_sequence_is_over_the_time_dephased():
    figure = phase_graph_figure(Sequence.from_degrees_ms([90, 180], [0, 90], [8, 8]), PROBLEM)
    ends = [line.get_ydata()[[0, -1]] for line in lines(figure, TRANSVERSE)]
    assert np.sort(ends, 0) == pytest.approx(np.array([[-8, 0], [0, 8]]))
    assert figure.axes[1].get_ylabel() == "Time dephased (ms)"
    assert figure.get_suptitle() == "max-signal, GM: what each state brings of |Mxy|"


def test_a_design_without_signal_has_a_figure():
    figure = phase_graph_figure(Sequence.from_degrees_ms([180], [0], [8]), PROBLEM)
    assert not any("M0" in text.get_text() for text in figure.legends[0].get_texts())


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for name in ("first.svg", "second.svg"):
        write_figure(phase_graph_figure(CRUSHED, PROBLEM), tmp_path / name, dpi=100)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_a_tissue_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="tissue 'GMM' is not defined in problem 'max-signal'"):
        phase_graph_figure(CRUSHED, PROBLEM, "GMM")
