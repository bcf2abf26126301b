import pytest
import torch

from conftest import random_brain_voxels
from sequence_search.objective import (
    SEQUENCE_TERMS,
    SIGNAL_TERMS,
    Objective,
    Term,
    contrast_loss,
    null_loss,
    rf_energy,
    rf_number,
    signal_loss,
    time_to_readout,
)
from sequence_search.sequence import Sequence

VOXELS = random_brain_voxels(60)
MAGNITUDE = torch.rand(2, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
SEQUENCE = Sequence.from_degrees_ms([[90, 180], [45, 90]], [[0, 0], [0, 0]], [[5, 7], [6, 8]])


def weighted_mean(values, keep=slice(None)):
    weight = VOXELS.weight[keep]
    return (values[:, keep] * weight).sum(-1) / weight.sum()


def test_equations_1_and_2():
    torch.testing.assert_close(
        signal_loss(MAGNITUDE, SEQUENCE, VOXELS), weighted_mean((VOXELS.m0 - MAGNITUDE) ** 2)
    )
    torch.testing.assert_close(null_loss(MAGNITUDE, SEQUENCE, VOXELS), weighted_mean(MAGNITUDE**2))


def test_equation_3_is_a_difference_of_tissue_means():
    objective = Objective((Term("contrast", contrast_loss, 30.0, (0, 2)),))
    difference = weighted_mean(MAGNITUDE, VOXELS.tissue == 0) - weighted_mean(MAGNITUDE, VOXELS.tissue == 2)
    signal = torch.complex(MAGNITUDE, torch.zeros_like(MAGNITUDE))
    torch.testing.assert_close(objective(signal, SEQUENCE, VOXELS), -30 * difference**2)


def test_costs_of_the_sequence():
    energy = torch.deg2rad(torch.tensor([[90.0, 180.0], [45.0, 90.0]], dtype=torch.float64)).square().sum(-1)
    torch.testing.assert_close(rf_energy(MAGNITUDE, SEQUENCE, VOXELS), energy)
    assert rf_number(MAGNITUDE, SEQUENCE, VOXELS).tolist() == [2, 2]
    assert time_to_readout(MAGNITUDE, SEQUENCE, VOXELS).tolist() == pytest.approx([0.012, 0.014])


def test_parts_add_up_and_pool_their_tissues():
    objective = Objective((Term("a", signal_loss, 0.75, (0, 1)), Term("b", null_loss, 0.25, (2,))))
    signal = torch.polar(MAGNITUDE, torch.ones_like(MAGNITUDE))
    parts = objective.parts(signal, SEQUENCE, VOXELS)
    pooled = VOXELS.tissue != 2
    torch.testing.assert_close(parts["a"], 0.75 * weighted_mean((VOXELS.m0 - MAGNITUDE) ** 2, pooled))
    torch.testing.assert_close(parts["b"], 0.25 * weighted_mean(MAGNITUDE**2, ~pooled))
    torch.testing.assert_close(objective(signal, SEQUENCE, VOXELS), parts["a"] + parts["b"])


def test_a_users_own_term_stands_beside_the_built_in_ones():
    def worst(magnitude, sequence, voxels):
        return -magnitude.min(-1).values

    objective = Objective((Term("null", null_loss, 1.0, (0,)), Term("worst", worst, 2.0)))
    signal = torch.complex(MAGNITUDE, torch.zeros_like(MAGNITUDE)).requires_grad_()
    objective(signal, SEQUENCE, VOXELS).sum().backward()
    torch.testing.assert_close(
        objective.parts(signal, SEQUENCE, VOXELS)["worst"], -2 * MAGNITUDE.min(-1).values
    )
    assert signal.grad[:, VOXELS.tissue != 0].abs().sum() == 4


@pytest.mark.parametrize("name", SIGNAL_TERMS)
def test_gradient_through_a_zero_signal_is_zero_or_finite(name):
    signal = torch.zeros(1, 60, dtype=torch.complex128, requires_grad=True)
    Objective((Term(name, SIGNAL_TERMS[name], 1.0, (0, 1)),))(signal, SEQUENCE[:1], VOXELS).sum().backward()
    assert (signal.grad == 0).all()


@pytest.mark.parametrize("name", SIGNAL_TERMS)
def test_signal_terms_match_finite_differences(name):
    objective = Objective((Term(name, SIGNAL_TERMS[name], 1.5, (0, 1)),))
    signal = torch.polar(MAGNITUDE, torch.ones_like(MAGNITUDE)).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, SEQUENCE, VOXELS), signal)


def test_every_term_differs():
    signal = torch.polar(MAGNITUDE, torch.ones_like(MAGNITUDE))
    values = {
        round(float(Objective((Term(n, f, 1.0, (0, 1)),))(signal, SEQUENCE, VOXELS)[0]), 9)
        for n, f in (SIGNAL_TERMS | SEQUENCE_TERMS).items()
    }
    assert len(values) == 6


def test_terms_of_one_name_are_refused():
    with pytest.raises(ValueError, match="need different names"):
        Objective((Term("a", null_loss, 1.0), Term("a", signal_loss, 1.0)))
