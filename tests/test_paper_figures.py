import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from sequence_search.engines.simulation import simulate
from sequence_search.paper.figures import paper_figure
from sequence_search.problem.problem import Problem
from sequence_search.report.robustness import robustness_map
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("gm-wm")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [18.5, 18.5])
LATE = Sequence.from_degrees_ms([88.6, 177.3], [0, 170], [19, 18.6])
INVERSION = Sequence.from_degrees_ms([178.1, 88.5, 176.9], [0, 0, 180], [452.9, 6.2, 6.2])
DESIGNS = [ECHO, LATE, INVERSION]
BEST_KNOWN = json.loads((Path(__file__).parents[1] / "benchmarks" / "best_known.json").read_text())


@pytest.fixture(scope="module")
def figure():
    return paper_figure(PROBLEM, DESIGNS, ["grid", "echo", "inversion"])


@pytest.fixture(scope="module")
def panels(figure):
    """The nine panels by their letters."""
    lettered = {text.get_text(): axes for axes in figure.axes for text in axes.texts}
    return {letter: lettered[f"({letter})"] for letter in "abcdefghi"}


def test_panels_are_where_the_paper_has_them(figure, panels):
    figure.draw_without_rendering()
    corners = {letter: axes.get_position().corners()[0] for letter, axes in panels.items()}
    for row in ("abc", "def", "ghi"):
        assert all(corners[left][0] < corners[right][0] for left, right in pairwise(row))
    for column in ("adg", "beh", "cfi"):
        assert all(corners[upper][1] > corners[lower][1] for upper, lower in pairwise(column))
    assert [panels[letter].get_title() for letter in "abc"] == ["grid", "echo", "inversion"]


def test_every_axis_has_its_unit(figure, panels):
    assert panels["a"].get_ylabel() == "Flip angle (°)\nwith phase below"
    assert panels["d"].get_ylabel() == "|Mxy| (a.u.)"
    assert panels["g"].get_ylabel() == "$B_1^+$ (relative to nominal)"
    assert [panels[letter].get_xlabel() for letter in "de"] == ["Time from the first pulse (ms)"] * 2
    assert panels["f"].get_xlabel() == "Time from the first pulse (ms)\n(each delay to a scale of its own)"
    assert {panels[letter].get_xlabel() for letter in "ghi"} == {"$\\Delta B_0$ (Hz)"}
    bars = [axes.get_xlabel() for axes in figure.axes if "relative to on-resonance" in axes.get_xlabel()]
    assert bars == ["GM signal relative to on-resonance"]


@pytest.mark.parametrize(("letter", "design"), list(zip("def", DESIGNS, strict=True)))
def test_curves_end_at_the_signal_of_each_tissue(panels, letter, design):
    signal = simulate(design, PROBLEM.voxels(method="nominal")).abs().tolist()
    curves = {line.get_label(): line.get_ydata() for line in panels[letter].lines}
    ends = [curves[name][-1] for name in ("GM", "WM", "CSF")]
    assert ends == pytest.approx(signal)
    title = panels[letter].get_title()
    assert title == "at the readout (a.u.):\nGM {:.2f}, WM {:.2f}, CSF {:.2f}".format(*ends)


@pytest.mark.parametrize(("letter", "design"), list(zip("ghi", DESIGNS, strict=True)))
def test_maps_show_the_simulated_signal(panels, letter, design):
    image = panels[letter].images[0]
    drawn = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    n_b1, n_b0 = drawn.shape
    b0 = left + (np.arange(n_b0) + 0.5) * (right - left) / n_b0
    b1 = bottom + (np.arange(n_b1) + 0.5) * (top - bottom) / n_b1
    assert [b0[0], b0[-1], b1[0], b1[-1]] == pytest.approx([-50, 50, 0.8, 1.2])
    voxels = PROBLEM.voxel_grid(b0=b0, b1=b1).of_tissues((0,))
    magnitude = simulate(design, voxels).abs().reshape(n_b0, n_b1).T.numpy()
    nominal = float(simulate(design, PROBLEM.voxels(method="nominal"))[0].abs())
    assert drawn == pytest.approx(magnitude / nominal, rel=1e-9)
    error = 100 * robustness_map(PROBLEM, design).error
    assert panels[letter].get_title() == f"mean error {error:.1f} %"


def test_maps_are_exactly_one_where_the_cross_is(panels):
    drawn = np.asarray(panels["i"].images[0].get_array())
    cross = panels["i"].lines[0]
    assert [*cross.get_xdata(), *cross.get_ydata()] == [0, 1]
    assert drawn[drawn.shape[0] // 2, drawn.shape[1] // 2] == 1


def test_maps_share_one_colour_scale_that_holds_all(panels):
    images = [panels[letter].images[0] for letter in "ghi"]
    assert len({image.get_clim() for image in images}) == 1
    low, high = images[0].get_clim()
    assert low <= min(float(image.get_array().min()) for image in images) < low + 0.05
    assert high == 1


def test_no_curve_leaves_its_panel_in_any_order_of_designs():
    figure = paper_figure(PROBLEM, [INVERSION, ECHO], ["low", "high"])
    courses = [axes for axes in figure.axes if axes.get_title().startswith("at the readout")]
    assert len(courses) == 2
    assert courses[0].get_ylim() == courses[1].get_ylim()
    assert courses[0].get_ylim()[0] == 0
    assert courses[0].get_ylim()[1] > max(courses[1].lines[2].get_ydata())


def test_the_tissue_of_the_maps_can_be_chosen():
    figure = paper_figure(PROBLEM, [ECHO], ["echo"], tissue="WM")
    drawn = next(axes.images[0] for axes in figure.axes if axes.images).get_array()
    assert np.asarray(drawn) == pytest.approx(robustness_map(PROBLEM, ECHO, "WM").relative.T.numpy())
    assert any(axes.get_xlabel().startswith("WM signal") for axes in figure.axes)


def test_designs_and_titles_must_match():
    with pytest.raises(ValueError, match="one title for each design, got 1 for 2"):
        paper_figure(PROBLEM, [ECHO, LATE], ["one"])
    with pytest.raises(ValueError, match="got 0 for 0"):
        paper_figure(PROBLEM, [], [])


@pytest.mark.parametrize("name", ["gm-wm-t2-w30", "gm-wm", "csf-null-w0.25"])
def test_labels_of_five_pulses_do_not_touch(name):
    design = Sequence.from_dict(BEST_KNOWN[name]["sequence"])
    figure = paper_figure(Problem.load(name), [design] * 3, ["a", "b", "c"])
    figure.draw_without_rendering()
    texts = [text for text in figure.axes[0].texts if text.get_text() not in ("", "(a)")]
    assert len(texts) == 11  # five pulses, five delays, the readout
    texts.append(figure.axes[0].title)
    boxes = [text.get_window_extent() for text in texts]
    touching = [
        (first.get_text(), second.get_text())
        for i, first in enumerate(texts)
        for j, second in enumerate(texts[:i])
        if boxes[i].overlaps(boxes[j])
    ]
    assert touching == []


def test_text_is_readable_at_the_width_of_a_page(figure):
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)
    sizes = [text.get_fontsize() for axes in figure.axes for text in axes.texts]
    ticks = [tick.get_fontsize() for axes in figure.axes for tick in axes.get_xticklabels()]
    assert min(sizes + ticks) >= 7


def test_long_names_of_tissues_stay_in_the_figure():
    long = tuple(
        replace(tissue, name=f"{tissue.name}-{number}-of-the-left-hemisphere")
        for number, tissue in enumerate(PROBLEM.tissues * 2)
    )
    figure = paper_figure(replace(PROBLEM, tissues=long), [ECHO], ["echo"])
    figure.draw_without_rendering()
    legend = next(axes.get_legend() for axes in figure.axes if axes.get_legend())
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    labels = [axes.xaxis.label for axes in figure.axes if axes.get_xlabel()]
    for box in (each.get_window_extent() for each in (legend, *titles, *labels)):
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


def test_a_batch_is_refused():
    batch = Sequence.stack([ECHO, LATE])
    with pytest.raises(ValueError, match="expected a single sequence"):
        paper_figure(PROBLEM, [batch], ["batch"])


def test_gradients_do_not_matter():
    sequence = replace(ECHO, flip_angle=ECHO.flip_angle.clone().requires_grad_())
    figure = paper_figure(PROBLEM, [sequence], ["echo"])
    assert torch.is_grad_enabled()
    assert figure.axes[0].get_title() == "echo"
