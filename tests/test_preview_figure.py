import numpy as np
import pytest

from sequence_search import Problem, Sequence
from sequence_search.preview import Anatomy, Slice, image, preview_figure
from sequence_search.problem.library import problem_text

SHAPE = (12, 14, 5)
PROBLEM = Problem.load("csf-null-w1")
ECHO = Sequence.from_degrees_ms([90, 180], [0, 90], [8, 8])


@pytest.fixture(scope="module")
def head():
    inside = np.zeros(SHAPE)
    inside[4:8, 3:9] = 1
    gm = inside.copy()
    gm[4:6] = 0
    return Anatomy(np.diag([10.0, 10, 20, 1]), {"GM": gm, "WM": inside - gm, "CSF": 0 * gm})


def drawn(figure):
    return [axes.images[0] for axes in figure.axes if axes.images]


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_all_images_are_in_one_window_and_show_what_they_are(head):
    slices = [Slice("axial", 1), Slice("axial", 3)]
    images = {
        name: image(sequence, PROBLEM, head, slices=slices)
        for name, sequence in (("mine", ECHO), ("theirs", Sequence.from_degrees_ms([30], [0], [6])))
    }
    figure = preview_figure(images, slices, title="two")
    shown = drawn(figure)
    assert len(shown) == 4
    assert len({each.get_clim() for each in shown}) == 1
    assert shown[0].get_clim()[1] >= np.abs(images["mine"].values).max()
    cut = np.asarray(shown[0].get_array())
    assert cut.shape == (6 + 6, 4 + 6)  # with a margin of 3
    whole = slices[0].shown(np.abs(images["mine"].signal[0]))
    assert cut == pytest.approx(whole[14 - 9 - 3 : 14 - 3 + 3, 12 - 8 - 3 : 12 - 4 + 3])
    words = texts(figure)
    assert {"R", "L", "A", "P", "mine", "theirs"} <= set(words)
    assert any("GM-WM" in text and "CNR" not in text for text in words)


def test_noise_is_added_by_seed_and_gives_cnr(head):
    slices = [Slice("axial", 1)]
    images = {"mine": image(ECHO, PROBLEM, head, slices=slices)}
    first, again, other = (
        np.asarray(drawn(preview_figure(images, slices, sigma=0.01, seed=seed))[0].get_array())
        for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).all()
    assert any("CNR" in text for text in texts(preview_figure(images, slices, sigma=0.01)))


def test_fields_are_shown_on_request(head):
    slices = [Slice("coronal", 5)]
    images = {"mine": image(ECHO, PROBLEM, head, slices=slices)}
    _, b0, b1 = drawn(preview_figure(images, slices, fields=True))[:3]
    assert np.ma.compressed(b0.get_array()) == pytest.approx(
        slices[0].shown(images["mine"].filled(images["mine"].b0))[slices[0].shown(images["mine"].where)]
    )
    assert 0.8 <= b1.get_array().min() < b1.get_array().max() <= 1.2


def test_readouts_of_a_train_are_a_row(head):
    problem = Problem.from_toml(problem_text("spin-echo-2d").replace("# echoes = 4 ", "echoes = 10 "))
    pulses = Sequence.from_degrees_ms([90, 150], [0, 90], [8, 8])
    played = problem.played(pulses, kinds=("excite", "refocus"), gradients=("crusher", "crusher"))
    slices = [Slice("axial", 1), Slice("axial", 2)]
    made = image(played, problem, head, slices=slices)
    figure = preview_figure({"train": made}, slices)
    assert len(drawn(figure)) == 2 * 8
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles[0] == "axial 20 mm, 16 ms"
    assert titles[7] == "axial 20 mm, 160 ms"
    assert any("at the first readout" in text and "CSF" not in text for text in texts(figure))


def test_too_many_slices_are_refused(head):
    images = {"mine": image(ECHO, PROBLEM, head, slices=[Slice("axial", 1)])}
    with pytest.raises(ValueError, match="1 to 8 slices, got 9"):
        preview_figure(images, [Slice("axial", 1)] * 9)
