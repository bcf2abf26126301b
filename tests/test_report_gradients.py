from collections import Counter

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from sequence_search.layout import SPOILER, Layout
from sequence_search.pulses.shapes import Sinc
from sequence_search.report.gradients import Row, draw_gradients, has_gradients
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

KINDS = {"sinc": Sinc(duration=2e-3, time_bandwidth=4, slice=True)}
CRUSHER, SPOILED, SELECTS = (to_hex(colour) for colour in ("0.6", "0.25", "white"))


def drawn(layout, delay_ms):
    sequence = Sequence.from_degrees_ms([90] * layout.n_rf, [0] * layout.n_rf, delay_ms, layout=layout)
    axes = Figure(figsize=(8, 3)).subplots()
    axis = TimeAxis(sequence, KINDS)
    axes.set_xlim(*axis.limits)
    draw_gradients(Row(axes, 0.0, 1.0, 8.0), sequence, axis, KINDS)
    shapes = [patch for patch in axes.patches if isinstance(patch, Polygon)]
    return axes, shapes, Counter(to_hex(shape.get_facecolor()) for shape in shapes)


def test_a_crusher_has_a_lobe_for_each_unit():
    axes, shapes, count = drawn(Layout.plain(3, gradients=(SPOILER, 2, 3)), [20, 20, 20])
    assert count == {CRUSHER: 5, SPOILED: 1}
    areas = {round(shape.get_extents().width * shape.get_extents().height, 6) for shape in shapes[1:]}
    assert len(areas) == 1
    spoiler = shapes[0].get_xy()[:, 0]
    assert 0.25 < spoiler.min() < spoiler.max() < 1 / 3  # just before the second pulse
    assert "spoiler" in [text.get_text() for text in axes.texts]


def test_a_large_crusher_is_one_lobe_with_its_number():
    axes, _, count = drawn(Layout.plain(1, gradients=(12,)), [20])
    assert count == {CRUSHER: 1}
    assert "×12" in [text.get_text() for text in axes.texts]


def test_a_crusher_of_a_train_stands_on_both_sides_of_a_readout():
    _, shapes, count = drawn(Layout.train(2, crusher=1), [5])
    assert count == {CRUSHER: 4}
    centres = [shape.get_xy()[:-1, 0].mean() for shape in shapes]
    assert centres == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8], abs=1e-3)


def test_a_slice_gradient_is_balanced():
    layout = Layout.plain(1, kinds=("sinc",))
    _, shapes, count = drawn(layout, [10])
    assert count == {SELECTS: 3}
    before, during, after = (shape.get_xy()[:-1] for shape in shapes)
    area = [(part[:, 0].max() - part[:, 0].min()) * part[1, 1] for part in (before, during, after)]
    assert area[0] == area[2] == pytest.approx(-area[1] / 2)
    assert during[:, 0].max() - during[:, 0].min() == pytest.approx(0.2)


def test_a_layout_without_gradients_has_no_row():
    assert not has_gradients(Layout.plain(2, steady=True), KINDS)
    assert has_gradients(Layout.plain(1, kinds=("sinc",)), KINDS)
    assert has_gradients(Layout.plain(1, gradients=(1,)), {})
