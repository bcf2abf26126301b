"""Many sequences a batch at a time give what each gives alone."""

import numpy as np
import torch

from sequence_search.engines.in_batches import by_pulse_number, in_batches
from sequence_search.search_space import Axis, Grid
from sequence_search.sequence import Sequence


def test_what_is_played_of_each_pulse_number_comes_back_in_its_place():
    singles = [Sequence.from_degrees_ms(flips, flips, flips) for flips in ([1, 2, 3], [40], [5, 6], [70])]
    seen = []

    def play(sequence):
        assert sequence.present is None
        seen.append(tuple(sequence.flip_angle.shape))
        return sequence.flip_angle.rad2deg().sum(-1), sequence.n_rf

    sums, counts = by_pulse_number(play, Sequence.stack(singles))
    torch.testing.assert_close(sums, torch.tensor([6.0, 40, 11, 70], dtype=torch.float64))
    assert counts.tolist() == [3, 1, 2, 1]
    assert sorted(seen) == [(1, 2), (1, 3), (2, 1)]


def test_points_of_a_grid_are_taken_at_most_so_many_at_once():
    grid = Grid((Axis(0.0, 1.0, 7),), (Axis(0.0),), (Axis(0.01),))
    sizes = []

    def loss(sequence):
        sizes.append(len(sequence.flip_angle))
        return sequence.flip_angle[:, 0]

    assert in_batches(loss, grid, 3)(1, 7).tolist() == np.arange(1.0, 7).tolist()
    assert sizes == [3, 3]
