"""A layout as plain data, and back."""

import json

import pytest

from sequence_search.layout import SPOILER, Layout
from sequence_search.layout_record import read_layout, write_layout

TRAIN = Layout.train(3, before=(SPOILER,), crusher=1, kinds=("invert", "excite", *["hard"] * 3), steady=True)


@pytest.mark.parametrize("layout", [TRAIN, Layout.plain(2), Layout.plain(1, steady=True)])
def test_what_is_written_is_read_again(layout):
    assert read_layout(json.loads(json.dumps(write_layout(layout)))) == layout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steady": 1}, "steady of a layout must be true or false, got 1"),
        ({"multiples": 3}, "multiples of a layout must be a list, got 3"),
        ({"multiples": [[1.5]]}, "multiples of a layout must be whole numbers, got 1.5"),
        ({"multiples": [[True]]}, "multiples of a layout must be whole numbers, got True"),
        (
            {"gradients": ["crusher"]},
            "gradients of a layout must be whole numbers or \"spoiler\", got 'crusher'",
        ),
        ({"kinds": [""]}, "kinds of a layout must be names of kinds of pulse, got ''"),
        ({"readouts": [{"pulse": 1}]}, r"a readout of a layout has the keys .*, got \['pulse'\]"),
        ({"more": 1}, r"a layout has the keys .*, got \['gradients', .*'more'"),
        ({"gradients": [0]}, "one interval, gradient and kind for each pulse, got 5, 1 and 5"),
    ],
)
def test_what_is_no_layout_is_told(change, told):
    with pytest.raises(ValueError, match=told):
        read_layout(write_layout(TRAIN) | change)


def test_what_is_no_table_is_told():
    with pytest.raises(ValueError, match=r"a layout has the keys .*, got 'plain'"):
        read_layout("plain")
