"""The numbers of a sequence: units, shapes, padding."""

import pytest
import torch

from sequence_search.columns import COLUMNS, check_same_layout, padded, read_columns, readout_multiples
from sequence_search.layout import SPOILER, Layout


def test_readouts_count_the_delays_from_the_first_pulse():
    layout = Layout.train(3, before=(SPOILER,), steady=True)  # TI, half the echo spacing, rest
    assert readout_multiples(layout) == ((1, 2, 0), (1, 4, 0), (1, 6, 0))
    assert readout_multiples(Layout.plain(2)) == ((1, 1),)


def test_units_of_files_become_si():
    given = {"flip_deg": [180], "phase_deg": [90], "delay_ms": [5]}
    read = read_columns(COLUMNS, given, None, torch.float64)
    assert [float(part) for part in read.values()] == pytest.approx([torch.pi, torch.pi / 2, 0.005])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (None, r"gradients \(1, 1\) and \(0, 0\)"),
        (Layout.plain(2, gradients=(1, SPOILER)), r"gradients \(1, 1\) and \(1, 'spoiler'\)"),
        (Layout.plain(2, gradients=(1, 1), kinds=("excite", "hard")), r"kinds .*'hard'\) and \('excite', "),
        (Layout.plain(3, gradients=(1, 1, 1)), "multiples"),
    ],
)
def test_layouts_that_differ_are_told_apart(other, told):
    first = Layout.plain(2, gradients=(1, 1))
    check_same_layout([first, Layout.plain(2, gradients=(1, 1))])
    with pytest.raises(ValueError, match=told):
        check_same_layout([first, first, other])


def test_shorter_ones_are_padded():
    given = [{column.name: torch.ones(count) for column in COLUMNS} for count in (1, 3)]
    parts, present = padded(COLUMNS, given)
    assert parts["delay"].tolist() == [[1, 0, 0], [1, 1, 1]]
    assert present.tolist() == [[True, False, False], [True] * 3]
