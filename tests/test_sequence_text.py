"""Sequences with a layout as a line of text."""

from dataclasses import replace

import pytest

from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.sequence_text import layout_text, plain_text


def text(layout, delay_ms, flips=None):
    flips = [90, *[180] * (layout.n_rf - 1)] if flips is None else flips
    flips, phases, delay_ms = (list(map(float, part)) for part in (flips, [0] * layout.n_rf, delay_ms))
    return layout_text(flips, phases, delay_ms, layout)


@pytest.mark.parametrize(
    ("layout", "delay_ms", "expected"),
    [
        (
            Layout.plain(2, gradients=(1, 1)),
            [5, 5],
            "90°(0°) –5 ms |crusher|– 180°(0°) –5 ms |crusher|– readout",
        ),
        (
            Layout.plain(2, gradients=(SPOILER, 2), kinds=("excite", "hard")),
            [5, 6],
            "excite 90°(0°) –5 ms |spoiler|– 180°(0°) –6 ms |2 crushers|– readout",
        ),
        (Layout.plain(1, steady=True), [5, 95], "90°(0°) –5 ms– readout –95 ms– TR 100 ms"),
        (
            Layout.plain(1, gradients=(SPOILER,), steady=True),
            [5, 1995],
            "90°(0°) –5 ms– readout –1.995 s |spoiler|– TR 2 s",
        ),
        (Layout.plain(1, gradients=(SPOILER,)), [5], "90°(0°) –5 ms– readout |spoiler|"),
    ],
)
def test_gradients_kinds_readouts_and_repetition(layout, delay_ms, expected):
    assert text(layout, delay_ms) == expected


def test_a_train_of_like_echoes_is_told_short():
    assert text(Layout.train(8), [4]) == "90°(0°) –4 ms– [180°(0°) –4 ms– readout ×8, ESP 8 ms]"
    crushed = Layout.train(2, before=(SPOILER,), crusher=1, steady=True)
    assert text(crushed, [100, 4, 1880], [180, 90, 150, 150]) == (
        "180°(0°) –100 ms |spoiler|– 90°(0°) –4 ms |crusher|–"
        " [150°(0°) –4 ms |crusher|– readout ×2, ESP 8 ms] –1.88 s– TR 1.996 s"
    )


def test_of_a_train_with_one_pulse_unlike_the_others_only_the_like_are_told_short():
    assert text(Layout.train(3), [4], [90, 150, 180, 180]) == (
        "90°(0°) –4 ms– 150°(0°) –4 ms– readout –4 ms– [180°(0°) –4 ms– readout ×2, ESP 8 ms]"
    )


def test_a_train_read_once_is_written_out():
    layout = Layout.train(2)
    once = replace(layout, readouts=layout.readouts[1:])
    assert text(once, [4]) == "90°(0°) –4 ms– 180°(0°) –8 ms– 180°(0°) –4 ms– readout"


def test_free_delays_that_happen_to_be_alike_are_written_out():
    free = Layout(
        ((1, 0, 0), (0, 2, 0), (0, 0, 1)),
        (0, 0, 0),
        ("hard",) * 3,
        (Readout(1, (0, 1, 0)), Readout(2, (0, 0, 1))),
    )
    assert text(free, [4, 4, 4]) == ("90°(0°) –4 ms– 180°(0°) –4 ms– readout –4 ms– 180°(0°) –4 ms– readout")


def test_readouts_of_one_interval_stand_in_the_order_of_time():
    two = Layout(((1, 1),), (0,), ("hard",), (Readout(0, (1, 0)), Readout(0, (1, 1))))
    assert text(two, [3, 4]) == "90°(0°) –3 ms– readout –4 ms– readout"


def test_half_a_turn_has_no_sign():
    assert plain_text([90.0, 180.0, 180.0], [0.0, -179.6, 179.6], [5.0] * 3).count("(180°)") == 2
