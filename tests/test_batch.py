"""Operations that are the same on all numbers of a batch; more of them in `test_sequence`."""

import pytest
import torch

from sequence_search.batch import refuse_layout
from sequence_search.layout import Layout
from sequence_search.sequence import Sequence

PLAIN = Sequence.from_degrees_ms([[90, 180], [80, 170]], [[0, 0]] * 2, [[5, 6], [7, 8]])
REPEATED = Sequence.from_degrees_ms(
    [[30], [40]], [[0]] * 2, [[5, 95], [6, 94]], layout=Layout.plain(1, steady=True)
)


def test_a_change_is_of_all_numbers():
    for batch in (PLAIN, REPEATED):
        turned = batch.map(lambda part: part.flip(0))
        assert turned[0] == batch[1]
        assert turned[1] == batch[0]


def test_numbers_are_replaced_by_name():
    changed = REPEATED.with_columns({"delay": 2 * REPEATED.delay})
    assert changed.tr.tolist() == pytest.approx([0.2, 0.2])
    assert torch.equal(changed.flip_angle, REPEATED.flip_angle)


def test_with_a_layout_all_have_one_number_of_pulses():
    ((rows, same),) = REPEATED.by_pulse_number()
    assert rows.tolist() == [0, 1]
    assert same == REPEATED


def test_a_layout_is_refused_by_what_it_is_for():
    refuse_layout(PLAIN, "a diagram")
    with pytest.raises(ValueError, match="a diagram needs a sequence without a layout, got <Sequence batch"):
        refuse_layout(REPEATED, "a diagram")
