import torch

from sequence_search.engines.by_autograd import by_autograd
from sequence_search.sequence import Sequence


def test_derivatives_are_by_column_and_zero_where_nothing_depends():
    sequence = Sequence.from_degrees_ms([[90, 180], [20, 60]], [[0, 90], [0, 40]], [[5, 6], [7, 8]])
    value, slopes = by_autograd(
        lambda each: each.flip_angle.square().sum(-1) + 3 * each.delay[:, 0], sequence
    )
    torch.testing.assert_close(value, sequence.flip_angle.square().sum(-1) + 3 * sequence.delay[:, 0])
    torch.testing.assert_close(slopes.flip_angle, 2 * sequence.flip_angle)
    assert slopes.delay.tolist() == [[3.0, 0.0]] * 2
    assert not slopes.phase.any()
    assert not value.requires_grad
