import math
from dataclasses import replace

import pytest
import torch

from sequence_search.frame import Frame
from sequence_search.layout import Layout
from sequence_search.sequence import Sequence

HEAD = Sequence.from_degrees_ms([180], [30], [100])
TAIL = Sequence.from_degrees_ms([90, 2], [0, 90], [15, 15])
FRAME = Frame(HEAD, TAIL)
FREE = Sequence.from_degrees_ms([40, 1, 50], [1, 2, 3], [10, 20, 30])


def test_whole_sequences_and_their_free_part():
    whole = FRAME.complete(FREE)
    assert whole.to_dict() == {
        "flip_deg": [180, 40, 1, 50, 90, 2],
        "phase_deg": [30, 1, 2, 3, 0, 90],
        "delay_ms": [100, 10, 20, 30, 15, 15],
    }
    assert FRAME.free(whole) == FREE
    assert FRAME.alone.to_dict()["flip_deg"] == [180, 90, 2]
    assert len(FRAME.free(FRAME.alone).delay) == 0
    assert Frame().complete(FREE) == Frame().free(FREE) == FREE
    assert not Frame()
    assert Frame(head=HEAD)


def test_a_padded_batch_is_completed_as_its_sequences_are():
    frees = [FREE, FREE.map(lambda part: part[:0]), FREE.map(lambda part: part[1:])]
    for frame in (FRAME, Frame(HEAD), Frame(tail=TAIL), Frame()):
        whole = [frame.complete(each) for each in frees]
        assert frame.complete(Sequence.stack(frees)) == Sequence.stack(whole)
    assert FRAME.complete(frees[1]) == FRAME.alone


def test_which_pulses_are_fixed_in_a_padded_batch():
    batch = Sequence.stack([FRAME.complete(FREE), FRAME.alone])
    assert FRAME.is_fixed(batch).int().tolist() == [[1, 0, 0, 0, 1, 1], [1, 1, 1, 0, 0, 0]]
    assert FRAME.is_fixed(FRAME.alone).all()
    assert not Frame().is_fixed(batch).any()


def test_delays_that_were_moved_are_held():
    whole = FRAME.complete(FREE)
    batch = Sequence.stack([whole, FRAME.alone])
    moved = replace(batch, delay=batch.delay * 1.5)
    held = FRAME.hold(moved)
    assert held[0].delay.tolist() == pytest.approx([0.1, 0.015, 0.03, 0.045, 0.015, 0.015])
    assert held[1].without_padding() == FRAME.alone
    assert FRAME.hold(whole) == whole
    assert Frame().hold(moved) == moved


def test_small_pulses_go_from_the_free_part_alone():
    shorter = FRAME.without_small_pulses(FRAME.complete(FREE))
    assert shorter.to_dict()["flip_deg"] == pytest.approx([180, 40, 50, 90, 2])
    assert shorter.to_dict()["delay_ms"] == pytest.approx([100, 30, 30, 15, 15])
    other = Sequence.from_degrees_ms([180, 2], [0, 0], [100, 15])
    assert FRAME.without_small_pulses(other).to_dict()["flip_deg"] == [180]
    assert Frame().without_small_pulses(FREE).to_dict()["flip_deg"] == pytest.approx([40, 50])


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda s: s.turn_first_to_zero(), True),
        (lambda s: s.map(lambda part: part.clone()), True),
        (lambda s: Sequence(s.flip_angle, s.phase + torch.tensor([0, 0, 0, 0, 0, 0.01]), s.delay), False),
        (lambda s: Sequence(s.flip_angle, s.phase, s.delay * torch.tensor([1, 1, 1, 1, 1, 1.001])), False),
        (lambda s: Sequence(s.flip_angle + torch.tensor([0, 0, 0, 0, 0.01, 0]), s.phase, s.delay), False),
        (lambda s: Sequence(s.flip_angle, s.phase + 2 * math.pi, s.delay), True),
        (lambda s: s.map(lambda part: part[-1:]), False),
    ],
)
def test_whether_a_tail_is_kept(change, kept):
    whole = change(FRAME.complete(FREE))
    assert FRAME.keeps(whole, "tail") is kept
    assert FRAME.keeps(FRAME.complete(FREE), "head")
    assert Frame().keeps(whole, "tail")


def test_given_pulses_around_a_layout_are_refused():
    crushed = Sequence.from_degrees_ms([90, 180], [0, 0], [5, 5], layout=Layout.plain(2, gradients=(1, 1)))
    with pytest.raises(ValueError, match="head or tail that is given needs a sequence without"):
        FRAME.hold(crushed)


def test_without_given_pulses_a_layout_is_left_alone():
    layout = Layout.train(2, steady=True)
    sequence = Sequence.from_degrees_ms([90, 180, 180], [0, 90, 90], [4, 900], layout=layout)
    none = Frame()
    assert none.free(sequence) == none.hold(sequence) == none.without_small_pulses(sequence) == sequence
    assert none.is_fixed(sequence).tolist() == [False] * 3
