import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from sequence_search.layout import Layout
from sequence_search.pulses.shapes import HyperbolicSecant, Samples, Sinc
from sequence_search.report.diagram import draw_diagram, flip_span, rows_of
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
KINDS = {
    "sinc": Sinc(duration=2e-3, time_bandwidth=4),
    "hs": HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2000),
}


def drawn(sequence, width=8.0):
    axes = Figure(figsize=(width, 3)).subplots()
    draw_diagram(axes, sequence, TimeAxis(sequence, KINDS), flip_span([sequence]), kinds=KINDS)
    return axes


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_span_of_flips_holds_all():
    assert flip_span([ECHO]) == (0, 180)
    wide = Sequence.from_degrees_ms([-90, 270], [0, 0], [6.2, 6.2])
    assert flip_span([ECHO, wide]) == pytest.approx((-90, 270))


def test_a_shaped_pulse_is_its_waveform_and_a_hard_one_a_stem():
    layout = Layout.plain(2, kinds=("sinc", "hard"))
    axes = drawn(Sequence.from_degrees_ms([90, 180], [0, 90], [6, 6], layout=layout))
    (waveform,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    values, edges, _ = waveform.get_data()
    assert values.max() == pytest.approx(90)
    assert values.min() < 0  # the side lobes
    assert edges[-1] - edges[0] == pytest.approx(2 / 12)
    stems = axes.collections[0].get_segments()
    assert [stem[1, 1] for stem in stems] == pytest.approx([180])
    assert texts(axes)[:2] == ["sinc\n90.0°\n0°", "180.0°\n90°"]


def test_a_pulse_of_fixed_amplitude_has_its_own_flip_angle():
    layout = Layout.plain(2, kinds=("hs", "hard"))
    axes = drawn(Sequence.from_degrees_ms([30, 90], [0, 0], [60, 60], layout=layout))
    assert texts(axes)[0] == "hs\n180.0°\n0°"
    (waveform,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert waveform.get_data().values.max() == pytest.approx(180)


def test_like_pulses_and_delays_of_a_train_have_one_label():
    flips, phases = [90] + [150] * 8, [90] + [0] * 8
    axes = drawn(Sequence.from_degrees_ms(flips, phases, [4], layout=Layout.train(8)), width=12)
    assert texts(axes)[:3] == ["90.0°\n90°", "8 × 150.0°\n0°", "16 × 4 ms"]
    assert texts(axes)[3:] == ["readout 1", *map(str, range(2, 9))]
    (marks,) = [line for line in axes.lines if line.get_marker() == "v"]
    assert marks.get_xdata() == pytest.approx(np.arange(1, 9) / 8)


def test_the_repetition_time_is_an_arrow_to_a_pale_pulse():
    layout = Layout.plain(1, steady=True)
    axes = drawn(Sequence.from_degrees_ms([30], [0], [5, 25], layout=layout))
    assert {"TR 30 ms", "next\nTR"} <= set(texts(axes))
    arrow = next(text for text in axes.texts if getattr(text, "arrow_patch", None) is not None)
    assert arrow.xy[0] == pytest.approx(1)
    assert "TR" not in "".join(texts(drawn(ECHO)))


def test_side_lobes_do_not_reach_the_gradients():
    samples = (-0.9, *[1.0] * 8, -0.9)
    kinds = {"winged": Samples(duration=1e-3, samples=samples)}
    layout = Layout.plain(1, gradients=(1,), kinds=("winged",))
    sequence = Sequence.from_degrees_ms([180], [0], [5], layout=layout)
    rows = rows_of(sequence, flip_span([sequence]), kinds)
    assert rows.bottom == pytest.approx(-162)
    assert rows.gradient < rows.bottom - 0.36 * 180
    assert rows.relative_height > 1.5
