import math

import pytest
import torch

from conftest import scheduler_of
from sequence_search.engines.simulator import simulate
from sequence_search.objective import Prepared
from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.gates import (
    architecture_gradient,
    candidate_losses,
    gate_gradient,
)

PROBLEM = Problem.load("gm-wm")


def test_gate_gradient_is_the_derivative_of_the_gated_signal():
    """Gate every layer explicitly: the state after a layer is the gated sum over its operations."""
    scheduler = scheduler_of(seeds=(0,))
    voxels = PROBLEM.voxels(8)
    path = torch.tensor([[2, 6, 4, 1, 5]])
    expected = torch.zeros(5, 8, dtype=torch.float64)
    epsilon = 1e-6
    drawn = scheduler.sequence(path)
    base = simulate(drawn, voxels).detach()
    for layer in range(5):
        for candidate in range(8):
            other = path.clone()
            other[0, layer] = candidate
            neighbour = scheduler.sequence(other)
            # S(g) = S + (g_j) (S_j - S_drawn), and costs alike: what moving the gate from the drawn one does.
            change = simulate(neighbour, voxels).detach() - base
            losses = []
            for sign in (1, -1):
                parts = Prepared(PROBLEM.objective, voxels).parts(base + sign * epsilon * change, drawn)
                losses.append(float(sum(part.detach().sum() for part in parts.values())))
            through_signal = (losses[0] - losses[1]) / (2 * epsilon)
            cost = 1e-4 * (neighbour.rf_energy - drawn.rf_energy) + 1e-3 * (neighbour.n_rf - drawn.n_rf)
            expected[layer, candidate] = through_signal + float(cost.detach())
    actual = gate_gradient(PROBLEM, scheduler, path, voxels, "auto")[0]
    relative = actual - actual.gather(-1, path.T)
    torch.testing.assert_close(relative, expected, atol=1e-7, rtol=1e-5)


def test_architecture_gradient_is_the_derivative_of_the_expected_gate():
    gates = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alpha = torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alpha.requires_grad_()

    def expected_gate(architecture):
        return (architecture.softmax(-1) * gates).sum()

    torch.autograd.gradcheck(expected_gate, alpha)
    (expected,) = torch.autograd.grad(expected_gate(alpha), alpha)
    torch.testing.assert_close(architecture_gradient(alpha.detach(), gates), expected)


def test_exact_gates_are_the_losses_of_the_neighbours():
    scheduler = scheduler_of()
    voxels = PROBLEM.voxels(8)
    path = torch.tensor([[2, 6, 4, 1, 5], [0, 1, 2, 3, 4]])
    losses_of = candidate_losses(PROBLEM, scheduler, path, voxels, "auto")
    for seed, layer, candidate in ((0, 0, 3), (0, 3, 7), (1, 4, 0)):
        other = path.clone()
        other[seed, layer] = candidate
        expected = PROBLEM.loss(scheduler.sequence(other).detach(), voxels)[seed]
        torch.testing.assert_close(losses_of[seed, layer, candidate], expected)


def test_a_constant_in_a_layer_cancels():
    gates = torch.randn(8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alpha = torch.zeros(8, dtype=torch.float64)
    alpha[6:] = -math.inf
    gradient = architecture_gradient(alpha, gates)
    torch.testing.assert_close(architecture_gradient(alpha, gates + 5), gradient)
    assert gradient[6:].tolist() == [0, 0]
    assert float(gradient.sum()) == pytest.approx(0)


def test_two_paths_share_the_formula_over_the_chosen():
    gates = torch.randn(8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alpha = torch.randn(8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = architecture_gradient(alpha, gates, torch.tensor([2, 5]))
    p = alpha[[2, 5]].softmax(-1)
    assert float(gradient[2]) == pytest.approx(float(p[0] * p[1] * (gates[2] - gates[5])))
    assert float(gradient[5]) == pytest.approx(-float(gradient[2]))
    assert gradient[[0, 1, 3, 4, 6, 7]].abs().sum() == 0
