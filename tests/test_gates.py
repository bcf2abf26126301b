import math
from dataclasses import replace

import pytest
import torch

from conftest import scheduler_of
from sequence_search.acquisition import Acquisition
from sequence_search.engines.simulation import simulate
from sequence_search.objective import Prepared
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc
from sequence_search.pulses.uses import USES
from sequence_search.strategies.played import simulator_of
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.proxyless.gates import (
    architecture_gradient,
    candidate_losses,
    gate_gradient,
)
from sequence_search.strategies.proxyless.scheduler import idle_time, initial_scheduler

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
            if not scheduler.allowed[layer, candidate]:
                continue
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
    actual = gate_gradient(PROBLEM, scheduler, path, simulator_of(PROBLEM, voxels, "auto"))[0]
    relative = actual - actual.gather(-1, path.T)
    allowed = scheduler.allowed
    assert not allowed[0, 5:].any()
    assert allowed[1:].all()
    torch.testing.assert_close(relative[allowed], expected[allowed], atol=1e-7, rtol=1e-5)


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
    losses_of = candidate_losses(PROBLEM, scheduler, path, simulator_of(PROBLEM, voxels, "auto"))
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


SPOILED = replace(
    PROBLEM.search_space, max_rf=3, pulses=("hard", "sinc", "hs"), gradients=("none", "crusher"), crusher=1e-3
)
REAL = replace(
    PROBLEM,
    search_space=SPOILED,
    pulses={
        "sinc": Sinc(duration=2e-3, time_bandwidth=4.0),
        "hs": HyperbolicSecant(duration=8e-3, peak_b1=800.0, bandwidth=1000.0, use=USES),
    },
    acquisition=Acquisition(tr=1.5, echoes=2),
)


def real_scheduler(problem, seeds=(0, 1)):
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return initial_scheduler(problem.search_space, generators, 0.001, playing_of(problem))


def neighbours(problem, scheduler, path):
    """Each candidate that is allowed with its choice and the path in which it stands."""
    for choice, candidate in scheduler.architecture[0].isfinite().nonzero().tolist():
        other = path.clone()
        other[:, choice] = candidate
        yield choice, candidate, scheduler.sequence(other, playing_of(problem))


def test_gates_of_kinds_gradients_and_echoes_are_derivatives_by_the_gated_signal():
    """As above by differences, with the two readouts of a train and the energy of all its pulses."""
    scheduler, voxels = real_scheduler(REAL, seeds=(0,)), REAL.voxels(8)
    path = torch.tensor([[2, 11, 8, 1, 0, 0]])
    simulator = simulator_of(REAL, voxels, "auto")
    drawn = scheduler.sequence(path, playing_of(REAL))
    (base,), played = simulator.signal(drawn), simulator.play(drawn[0])
    assert played.n_readouts == 2
    actual = gate_gradient(REAL, scheduler, path, simulator_of(REAL, voxels, "auto"))[0]
    prepared, epsilon = Prepared(REAL.objective, voxels, REAL.pulses), 1e-6
    for choice, candidate, other in neighbours(REAL, scheduler, path):
        change, its = simulator.signal(other)[0] - base, simulator.play(other[0])
        losses = [prepared.loss((base + sign * epsilon * change).reshape(2, -1), played) for sign in (1, -1)]
        cost = 1e-4 * (its.rf_energy - played.rf_energy) + 1e-3 * (its.n_rf - played.n_rf)
        expected = (losses[0] - losses[1]) / (2 * epsilon) + cost
        got = actual[choice, candidate] - actual[choice, path[0, choice]]
        torch.testing.assert_close(got, expected, atol=1e-7, rtol=1e-5)


def test_exact_gates_of_kinds_gradients_and_echoes_are_the_losses_played():
    scheduler, voxels = real_scheduler(REAL), REAL.voxels(4)
    path = torch.tensor([[2, 13, 1, 1, 0, 0], [0, 1, 4, 1, 1, 0]])
    got = candidate_losses(REAL, scheduler, path, simulator_of(REAL, voxels, "auto"))
    simulator = simulator_of(REAL, voxels, "auto")
    for choice, candidate, other in neighbours(REAL, scheduler, path):
        expected = [REAL.loss(simulator.play(one), voxels) for one in other]
        torch.testing.assert_close(got[:, choice, candidate], torch.stack(expected), rtol=1e-10, atol=1e-12)
    # Crushers on both sides of the train's pulses matter.
    assert not torch.isclose(got[0, 3, 0], got[0, 3, 1])


def test_a_kind_that_may_not_stand_there_counts_as_the_worst_of_its_choice():
    inverts = replace(REAL, pulses=REAL.pulses | {"hs": replace(REAL.pulses["hs"], use=None)})
    scheduler, voxels = real_scheduler(REAL, seeds=(0,)), REAL.voxels(4)
    path = torch.tensor([[2, 13, 1, 1, 0, 0]])
    every, got = (
        candidate_losses(each, scheduler, path, simulator_of(each, voxels, "auto"))[0]
        for each in (REAL, inverts)
    )
    last = got[2]  # of a train, which an inversion does not refocus
    assert last[10] == last[:10].max()
    torch.testing.assert_close(last[:10], every[2, :10])
    assert last[10] != every[2, 10]


def test_what_misses_a_limit_costs_its_price_at_the_gates():
    simulator = simulator_of(PROBLEM, PROBLEM.voxels(4), "auto")
    scheduler, path = scheduler_of(), torch.tensor([[2, 6, 4, 1, 5], [0, 0, 1, 1, 7]])

    def price(sequence):
        return 3.0 * sequence.time_to_readout, sequence

    for gates in (gate_gradient, candidate_losses):
        plain, priced = (gates(PROBLEM, scheduler, path, simulator, *more) for more in ((), (price,)))
        paid = (priced - plain)[:, 1:]
        waits = 3.0 * idle_time(scheduler.log_idle)[:, 1:]
        torch.testing.assert_close(paid - paid[..., :1], waits - waits[..., :1])


def test_what_does_not_fit_is_as_bad_as_the_worst_that_does():
    short = replace(REAL, acquisition=Acquisition(tr=27e-3, echoes=2))
    scheduler, voxels = real_scheduler(short, seeds=(0,)), short.voxels(4)
    path = torch.tensor([[0, 11, 0, 0, 0, 0]])
    for gates in (gate_gradient, candidate_losses):
        got = gates(short, scheduler, path, simulator_of(short, voxels, "auto"))[0]
        assert got.isfinite().all()
        played = {
            (choice, candidate): bool(simulator_of(short, voxels, "auto").loss(other).isfinite().all())
            for choice, candidate, other in neighbours(short, scheduler, path)
        }
        wrong = [place for place, fits in played.items() if not fits]
        assert wrong
        for choice, candidate in wrong:
            fitting = [got[place] for place, fits in played.items() if fits and place[0] == choice]
            assert got[choice, candidate] == max(fitting)


def test_of_two_candidates_no_other_is_simulated():
    scheduler, simulator = scheduler_of(), simulator_of(PROBLEM, PROBLEM.voxels(4), "auto")
    path = torch.tensor([[2, 6, 4, 1, 5], [0, 0, 1, 1, 7]])
    among = torch.stack([path, torch.tensor([[1, 7, 0, 2, 6], [4, 5, 6, 7, 0]])], -1)
    for gates in (gate_gradient, candidate_losses):
        every, two = (gates(PROBLEM, scheduler, path, simulator, None, of) for of in (None, among))
        torch.testing.assert_close(two.gather(-1, among), every.gather(-1, among), rtol=1e-12, atol=1e-14)
        rest = torch.ones_like(two, dtype=torch.bool).scatter(-1, among, False)
        assert (two[rest] != every[rest]).sum() > rest.sum() / 2
