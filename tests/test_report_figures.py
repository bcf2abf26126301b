from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from sequence_search.layout import SPOILER, Layout
from sequence_search.problem.problem import Problem
from sequence_search.report.figures import (
    colour_scale,
    designs_figure,
    diagram_figure,
    robustness_figure,
    save_sequence_figure,
    sequence_figure,
)
from sequence_search.report.robustness import robustness_map
from sequence_search.sequence import Sequence
from sequence_search.tissue import Uniform

PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([90, 180], [0, 180], [6.2, 6.2])
INVERSION = Sequence.from_degrees_ms([176, 89], [0, 0], [3750, 6.2])


def test_the_figure_shows_pulses_and_tissues():
    figure = sequence_figure(ECHO, PROBLEM, "title")
    diagram, magnitude, longitudinal = figure.axes
    assert [text.get_text() for text in diagram.texts] == [
        "90.0°\n0°",
        "180.0°\n180°",
        "6.2 ms",
        "6.2 ms",
        "readout",
    ]
    assert diagram.get_ylabel() == "Flip angle (°)\nwith phase below"
    assert longitudinal.get_ylabel() == "Mz (a.u.)"
    assert magnitude.get_ylabel() == "|Mxy| (a.u.)"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["GM (0.71 at readout)", "WM (0.60 at readout)", "CSF (0.99 at readout)"]
    assert [tick.get_text() for tick in longitudinal.get_xticklabels()] == ["0", "6.2", "12.4"]


def test_the_curve_ends_at_the_signal():
    curve = sequence_figure(ECHO, PROBLEM).axes[1].lines[0].get_ydata()
    signal = PROBLEM.evaluate(ECHO).signal["GM"]
    assert curve[-1] == pytest.approx(signal)
    assert np.isfinite(curve).all()


def test_time_is_linear_unless_delays_differ_much():
    linear = sequence_figure(ECHO, PROBLEM).axes[2]
    assert linear.get_xlabel() == "Time from the first pulse (ms)"
    assert linear.get_xticks() == pytest.approx([0, 0.5, 1])
    stretched = sequence_figure(INVERSION, PROBLEM).axes[2]
    assert "each delay to a scale of its own" in stretched.get_xlabel()
    assert [tick.get_text() for tick in stretched.get_xticklabels()] == ["0", "3750", "3756.2"]
    assert np.diff(stretched.get_xticks())[1] > 0.1


@pytest.mark.parametrize("ending", ["png", "SVG", "pdf"])
def test_figures_are_written(tmp_path, ending):
    path = tmp_path / f"sequence.{ending}"
    save_sequence_figure(ECHO, PROBLEM, path)
    assert path.stat().st_size > 3000


def test_mz_starts_at_equilibrium_turned_by_the_first_pulse():
    longitudinal = sequence_figure(INVERSION, PROBLEM).axes[2]
    assert longitudinal.lines[0].get_ydata()[0] == pytest.approx(0.8 * np.cos(np.deg2rad(176)))


def test_many_tissues_get_a_legend_of_fewer_columns():
    names = ("GM", "WM", "CSF")
    long = [
        replace(tissue, name=f"{name}-of-the-left-hemisphere")
        for tissue, name in zip(PROBLEM.tissues, names, strict=True)
    ]
    figure = sequence_figure(ECHO, replace(PROBLEM, tissues=tuple(long)))
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_a_map_of_one_design_alone():
    figure = robustness_figure(INVERSION, PROBLEM)
    assert np.asarray(figure.axes[0].images[0].get_array()) == pytest.approx(
        robustness_map(PROBLEM, INVERSION).relative.T.numpy()
    )
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(88)


def test_a_gain_off_resonance_is_not_cut_from_the_scale():
    imaging = replace(PROBLEM.imaging, b1=Uniform(0.5, 1.5))
    half = Sequence.from_degrees_ms([45], [0], [6.2])
    maximum = float(robustness_map(replace(PROBLEM, imaging=imaging), half).relative.max())
    low, high = colour_scale([robustness_map(replace(PROBLEM, imaging=imaging), half)])
    assert maximum == pytest.approx(np.sin(0.375 * np.pi) / np.sin(0.25 * np.pi))
    assert low < 1 < maximum <= high < maximum + 0.05


def test_the_title_says_the_signals_unless_another_is_given():
    assert sequence_figure(ECHO, PROBLEM).get_suptitle() == "max-signal: GM 0.71, WM 0.60, CSF 0.99"
    assert sequence_figure(ECHO, PROBLEM, "title").get_suptitle() == "title"
    assert sequence_figure(ECHO, PROBLEM, "").get_suptitle() == ""


def test_names_are_text_and_no_formula():
    names = ("$\\frac$", "_left", "50 % {x}^2 $")
    tissues = [replace(tissue, name=name) for tissue, name in zip(PROBLEM.tissues, names, strict=True)]
    problem = replace(PROBLEM, tissues=tuple(tissues))
    for figure in (sequence_figure(ECHO, problem), robustness_figure(ECHO, problem)):
        figure.draw_without_rendering()
    figure = sequence_figure(ECHO, problem)
    shown = [text.get_text().replace("\\$", "$") for text in figure.legends[0].get_texts()]
    assert [label.strip().split(" (")[0] for label in shown] == list(names)
    parsed = figure.legends[0].get_texts()[0]
    assert parsed._preprocess_math(parsed.get_text()) == ("$\\frac$ (0.71 at readout)", False)


def test_several_designs_stand_below_each_other():
    figure = designs_figure([ECHO, INVERSION], ["echo", "inversion"])
    assert [axes.get_title() for axes in figure.axes] == ["echo", "inversion"]
    assert [len(axes.collections[0].get_segments()) for axes in figure.axes] == [2, 2]


def test_the_figure_of_a_train_tells_the_mean_of_its_readouts():
    train = Sequence.from_degrees_ms([90, 180, 180], [90, 0, 0], [5], layout=Layout.train(2, crusher=1))
    figure = sequence_figure(train, PROBLEM)
    t2 = PROBLEM.voxels(method="nominal").t2[0]
    mean = 0.8 * float(((-0.01 / t2).exp() + (-0.02 / t2).exp()) / 2)
    assert figure.legends[0].get_texts()[0].get_text() == f"GM ({mean:.2f} mean of 2 readouts)"
    assert figure.get_suptitle().startswith(f"max-signal: GM {mean:.2f}, ")


def test_diagrams_of_layouts_stand_below_each_other():
    layout = Layout.plain(2, gradients=(SPOILER, 0), kinds=("other", "hard"), steady=True)
    steady = Sequence.from_degrees_ms([180, 90], [0, 0], [900, 5, 95], layout=layout)
    figure = designs_figure([ECHO, steady], ["echo", "steady"])
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert {"other\n180.0°\n0°", "spoiler", "TR 1 s", "next\nTR"} <= set(texts)
    figure.draw_without_rendering()
    assert figure.axes[1].get_window_extent().height > figure.axes[0].get_window_extent().height


def test_maps_and_diagrams_go_into_given_axes():
    for draw in (
        lambda ax: robustness_figure(ECHO, PROBLEM, "WM", ax),
        lambda ax: diagram_figure(ECHO, ax=ax),
    ):
        alone, ax = draw(None), Figure().subplots(1, 2)[0]
        assert draw(ax) is ax.figure
        assert ax.get_title() == alone.axes[0].get_title()
        assert [text.get_text() for text in ax.texts] == [text.get_text() for text in alone.axes[0].texts]
