"""The structure of a sequence as a plain value."""

from dataclasses import replace

import pytest

from sequence_search.layout import SPOILER, Layout, Readout


def test_plain_has_free_delays_and_one_readout_at_the_end():
    layout = Layout.plain(2)
    assert layout.multiples == ((1, 0), (0, 1))
    assert layout.readouts == (Readout(1, (0, 1), 0),)
    assert layout.is_plain
    assert not Layout.plain(2, gradients=(1, 1)).is_plain


def test_steady_plain_goes_on_after_the_readout():
    layout = Layout.plain(2, gradients=(1, 1), steady=True)
    assert layout.multiples == ((1, 0, 0), (0, 1, 1))
    assert layout.readouts == (Readout(1, (0, 1, 0), 1),)


def test_train_ties_its_spacing():
    layout = Layout.train(3, before=(SPOILER,), crusher=1)
    assert layout.multiples == ((1, 0), (0, 1), (0, 2), (0, 2), (0, 1))
    assert layout.gradients == (SPOILER, 1, 2, 2, 1)
    assert [readout.pulse for readout in layout.readouts] == [2, 3, 4]
    assert {(readout.multiples, readout.gradient) for readout in layout.readouts} == {((0, 1), 1)}


def test_repetitions_share_their_delays():
    layout = Layout.plain(2, gradients=(1, 1), steady=True).repeat(3)
    assert (layout.n_rf, layout.n_delay) == (6, 3)
    assert layout.gradients == (1, SPOILER) * 3
    assert layout.readouts == (Readout(5, (0, 1, 0), 1),)
    with pytest.raises(ValueError, match="steady"):
        Layout.plain(2).repeat(2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gradients": (0,)}, "one interval, gradient and kind for each pulse, got 2, 1 and 2"),
        ({"readouts": ()}, "needs a readout"),
        ({"multiples": ((1, 0), (0, -1))}, "at least 0"),
        ({"multiples": ((1, 0), (1, 0))}, "each delay an interval"),
        ({"gradients": (0, -1)}, 'at least 0 or "spoiler"'),
        ({"readouts": (Readout(2, (0, 1)),)}, "readout 1 follows pulse 2, of pulses 0 to 1"),
        ({"readouts": (Readout(1, (1, 1)),)}, "readout 1 stands outside the interval after pulse 1"),
    ],
)
def test_what_is_no_layout_is_told(change, told):
    with pytest.raises(ValueError, match=told):
        replace(Layout.plain(2), **change)
