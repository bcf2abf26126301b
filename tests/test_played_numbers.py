"""Check that the numbers of a batch are those of each draft alone, and so are their derivatives."""

import numpy as np
import torch

from sequence_search.acquisition import Acquisition
from sequence_search.sequence import Sequence
from sequence_search.strategies.played_numbers import Numbers, structures_of
from sequence_search.strategies.playing import Playing

TRAIN = Playing(acquisition=Acquisition(tr=2.0, echoes=3))


def numbers_of(playing, drafts):
    structures = structures_of(playing, drafts, lambda layout: None)
    parts = (drafts.flip_angle.numpy(), drafts.phase.numpy(), drafts.delay.numpy())
    return Numbers.of(*parts, np.full(len(parts[0]), playing.acquisition.tr), structures)


def batch():
    singles = [
        Sequence.from_degrees_ms([180, 90, 150], [0, 10, 90], [400, 10, 10]),
        Sequence.from_degrees_ms([90, 170], [20, 80], [12, 12]),
        Sequence.from_degrees_ms([90], [0], [12]),
        Sequence.from_degrees_ms([80, 160], [5, 85], [9, 9]),
    ]
    return TRAIN.bounded(Sequence.stack(singles))


def test_drafts_of_one_structure_are_together_and_what_is_no_sequence_is_left_out():
    numbers = numbers_of(TRAIN, batch())
    assert [group.rows.tolist() for group in numbers.structures.groups] == [[0], [1, 3]]
    flip, phase, delay = numbers.arrays(numbers.structures.groups[1])
    assert np.allclose(np.degrees(flip), [[90, 170, 170, 170], [80, 160, 160, 160]])
    assert np.allclose(np.degrees(phase), [[20, 80, 80, 80], [5, 85, 85, 85]])
    # Half the spacing before the train, and of what is left of the TR after its last echo.
    assert np.allclose(delay, [[0.012, 2 - 6 * 0.012], [0.009, 2 - 6 * 0.009]])


def test_derivatives_of_what_is_played_are_added_up_for_each_draft():
    numbers = numbers_of(TRAIN, batch())
    by_played = [tuple(np.ones_like(part) for part in numbers.arrays(g)) for g in numbers.structures.groups]
    flip, phase, delay, tr = numbers.by_drafts(by_played)
    assert np.array_equal(flip, [[1, 1, 3], [1, 3, 0], [0, 0, 0], [1, 3, 0]])
    assert np.array_equal(phase, flip)
    # A longer spacing shortens the rest: 1 by the delay itself, and -6 by what is left.
    assert np.allclose(delay, [[0, -5, 0], [-5, 0, 0], [0, 0, 0], [-5, 0, 0]])
    assert np.array_equal(tr, [1, 1, 0, 1])


def test_a_batch_of_nothing_that_can_be_played_has_no_groups():
    alone = TRAIN.bounded(Sequence.stack([Sequence.from_degrees_ms([90], [0], [12])]))
    numbers = numbers_of(TRAIN, alone)
    assert not numbers.structures.groups
    assert all(part.dtype == float and not part.any() for part in numbers.by_drafts([]))
    assert isinstance(numbers.structures.of.delay, torch.Tensor)
