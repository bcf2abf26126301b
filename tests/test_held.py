"""Pulses that are given among drafts, and gradients that are left out."""

import torch

from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.held import with_fewer_gradients


def test_fewer_gradients_leave_out_each_of_them():
    one = Draft.from_degrees_ms(
        [90, 180, 90],
        [0, 0, 0],
        [5, 5, 5],
        kind=[0, 0, 0],
        gradient=[1, 0, 2],
        shortest=[0, 0, 0],
        longest=[9, 9, 9],
        largest=[9, 9, 9],
        repetition=[-1] * 3,
    )
    free = torch.zeros(3, dtype=torch.bool)
    fewer = [each.gradient.tolist() for each in with_fewer_gradients(one, free)]
    assert fewer == [
        [0, 0, 2],
        [1, 0, 0],
        [0, 0, 0],
    ]
    held = torch.tensor([True, False, False])
    assert [each.gradient.tolist() for each in with_fewer_gradients(one, held)] == [[1, 0, 0]]
