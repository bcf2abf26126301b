import numpy as np
import pytest
import torch

from pulse_cases import ADIABATIC, SINC, lanes
from sequence_search.pulses.gradients import rotation


def test_values_are_those_of_the_table():
    table, flip = SINC.table(*lanes(9)), torch.tensor([[0.5, 2.0]], dtype=torch.float64)
    for found, expected in zip(rotation(table, flip), table.rotation(flip.numpy()), strict=False):
        assert found.numpy() == pytest.approx(expected, abs=0)


def test_gradients_are_those_of_differences():
    table = SINC.table(*lanes(9))
    flip = torch.tensor([0.5, -1.0, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda flip: rotation(table, flip), (flip,), eps=1e-6, atol=1e-6)


def test_a_fixed_amplitude_has_no_gradient():
    flip = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    angle, *_ = rotation(ADIABATIC.table(np.ones(2), np.zeros(2)), flip)
    angle.sum().backward()
    assert flip.grad is not None
    assert float(flip.grad) == 0
