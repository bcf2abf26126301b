import math
import sys
from dataclasses import replace

import pytest
import torch

from sequence_search.objective import Objective, Term, rf_energy, rf_number, signal_loss, time_to_readout
from sequence_search.problem import Problem
from sequence_search.search import search
from sequence_search.search.gates import architecture_gradient, gate_gradient, two_path_gradient
from sequence_search.search.proxyless import Proxyless
from sequence_search.search.scheduler import Draws, idle_time, initial_scheduler
from sequence_search.search_space import SearchSpace
from sequence_search.simulate import simulate

PROBLEM = Problem.load("gm-wm")
# The package's attribute `search` is the function.
proxyless = sys.modules["sequence_search.search.proxyless"]


def losses(run):
    return [point.loss for point in run.history]


def scheduler_of(space=PROBLEM.search_space, seeds=(0, 1), sd=0.001):
    return initial_scheduler(space, [torch.Generator().manual_seed(seed) for seed in seeds], sd)


def test_initial_parameters_are_those_of_the_paper():
    scheduler = scheduler_of(seeds=range(200))
    assert scheduler.flip_angle.shape == (200, 5, 8)
    flips = torch.rad2deg(scheduler.flip_angle.detach())
    for candidate in range(5):
        drawn = flips[..., candidate]
        assert 36 * candidate <= drawn.min() < 36 * candidate + 1
        assert 36 * candidate + 35 < drawn.max() <= 36 * (candidate + 1)
    idle_ms = 1e3 * idle_time(scheduler.log_idle.detach())
    expected = torch.full((200, 5, 5), 6.2, dtype=torch.float64)
    torch.testing.assert_close(idle_ms[..., :5], expected, rtol=1e-12, atol=0)
    # The paper adds 0.001 ms before the logarithm.
    assert float((scheduler.log_idle.detach().exp() - idle_ms).mean()) == pytest.approx(0.001, rel=1e-6)
    for i, (low, high) in enumerate([(1, 10), (10, 100), (100, 1000)]):
        waits = idle_ms[..., 5 + i]
        assert low <= waits.min() < 1.05 * low
        assert 0.95 * high < waits.max() <= high
        assert float(waits.log().mean()) == pytest.approx(math.log(low * 10**0.5), abs=0.1)
    architecture = scheduler.architecture.detach()
    assert float(architecture[:, 1:].std()) == pytest.approx(0.001, rel=0.05)
    assert architecture[:, 0, 5:].isinf().all()
    assert -math.pi <= scheduler.phase.min() < -3
    assert 3 < scheduler.phase.max() <= math.pi


def test_waits_lengthen_the_delay_of_the_pulse_before():
    scheduler = scheduler_of(seeds=(0,))
    sequence = scheduler.sequence(torch.tensor([[4, 6, 2, 5, 7]]))
    idle = idle_time(scheduler.log_idle[0].detach())
    torch.testing.assert_close(
        sequence.delay[0].detach(),
        torch.stack([idle[0, 4] + idle[1, 6], idle[2, 2] + idle[3, 5] + idle[4, 7]]),
    )
    torch.testing.assert_close(
        sequence.flip_angle[0].detach(), scheduler.flip_angle[0].detach()[[0, 2], [4, 2]]
    )


def test_waits_add_up_to_no_more_than_the_longest_delay():
    scheduler = scheduler_of(replace(PROBLEM.search_space, max_delay=1.0), seeds=(0,))
    sequence = scheduler.sequence(torch.tensor([[2, 7, 7, 7, 7]])).detach()
    assert sequence.delay.max() <= 1.0


def test_paths_are_drawn_by_their_probability():
    scheduler = scheduler_of(seeds=(0,))
    with torch.no_grad():
        scheduler.architecture[0, 1] = torch.linspace(-1, 1, 8)
    draws = Draws([torch.Generator().manual_seed(0)], scheduler)
    drawn = torch.stack([draws.path()[0] for _ in range(4000)])
    probability = scheduler.architecture.detach().softmax(-1)[0]
    for layer in range(5):
        frequency = drawn[:, layer].bincount(minlength=8) / 4000
        assert (frequency - probability[layer]).abs().max() < 4 * 0.5 / 4000**0.5
    pairs = torch.stack([draws.two()[0] for _ in range(100)])
    assert (pairs[..., 0] != pairs[..., 1]).all()
    among = draws.two()
    picks = torch.stack([draws.path(among=among)[0] for _ in range(4000)])
    assert ((picks[:, :, None] == among).any(-1)).all()
    inside = probability.gather(-1, among[0])
    share = (picks == among[0, :, 0]).double().mean(0)
    torch.testing.assert_close(share, inside[:, 0] / inside.sum(-1), atol=4 * 0.5 / 4000**0.5, rtol=0)


def test_the_stream_passes_over_all_voxels_once_an_epoch_in_random_order():
    stream = proxyless._VoxelStream(PROBLEM, 300, 100)
    first, second = (torch.cat([stream.batch().b1 for _ in range(3)]) for _ in range(2))
    assert len(first.unique()) == 300
    assert torch.equal(first.sort().values, second.sort().values)
    assert not torch.equal(first, second)
    assert not torch.equal(first, stream._voxels.b1)


def test_a_two_path_step_moves_two_and_keeps_their_total():
    scheduler = scheduler_of(sd=1.0)
    # Momentum would move the others.
    adam = torch.optim.Adam([scheduler.architecture], lr=0.1, betas=(0.9, 0.999))
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    draws = Draws(generators, scheduler)
    pairs = []
    two = draws.two

    def spy():
        pairs.append(two())
        return pairs[-1]

    draws.two = spy
    for _ in range(4):
        before = scheduler.architecture.detach().clone()
        proxyless._architecture_step(
            PROBLEM, scheduler, draws, PROBLEM.voxels(8), "auto", adam, Proxyless(gates="two")
        )
        after = scheduler.architecture.detach()
        moved = torch.zeros_like(before, dtype=torch.bool).scatter(-1, pairs[-1], True)
        assert torch.equal(after[~moved], before[~moved])
        assert (after[moved & before.isfinite()] != before[moved & before.isfinite()]).any()
        totals = [part.softmax(-1).gather(-1, pairs[-1]).sum(-1) for part in (before, after)]
        torch.testing.assert_close(*totals, rtol=1e-12, atol=1e-12)


def test_a_failed_seed_ends_alone_and_all_failed_end_the_run():
    calls = []

    def broken(magnitude, sequence, voxels):
        calls.append(1)
        loss = magnitude.mean(-1)
        if loss.ndim:  # the first of a batch fails from its first step on
            loss = loss.clone()
            loss[0] = math.nan
        return loss

    problem = replace(PROBLEM, objective=Objective((Term("broken", broken, 1.0),)))
    options = {"steps": 10, "n_voxels": 100, "voxels_per_step": 60}
    first, second = search(problem, "proxyless", seeds=(0, 1), **options).runs
    assert first.status == "failed"
    assert first.reason == "loss is not finite at step 1"
    assert len(second.history) > 5
    calls.clear()
    search(problem, "proxyless", seeds=(0,), **{**options, "steps": 1000})
    assert len(calls) < 10


def test_delays_after_pulses_are_kept_at_the_minimum_and_waits_are_not():
    scheduler = scheduler_of()
    with torch.no_grad():
        scheduler.log_idle.fill_(-20.0)
    scheduler.constrain()
    idle = idle_time(scheduler.log_idle.detach())
    torch.testing.assert_close(idle[..., :5], torch.full((2, 5, 5), 6.2e-3, dtype=torch.float64))
    assert (idle[..., 5:] == 0).all()


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
                parts = PROBLEM.objective.parts(base + sign * epsilon * change, drawn, voxels)
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
    losses_of = proxyless.candidate_losses(PROBLEM, scheduler, path, voxels, "auto")
    for seed, layer, candidate in ((0, 0, 3), (0, 3, 7), (1, 4, 0)):
        other = path.clone()
        other[seed, layer] = candidate
        expected = PROBLEM.loss(scheduler.sequence(other).detach(), voxels)[seed]
        torch.testing.assert_close(losses_of[seed, layer, candidate], expected)


def test_exact_gates_find_the_best_operation_whatever_its_phase():
    """Where phases differ and the loss is quadratic the linearised gate can mislead; the exact one cannot."""
    problem = one_layer_problem(signal_loss)
    options = {"steps": 400, "architecture_rate": 0.05, "architecture_every": 1, "weight_rate": 0.0}
    options |= {"n_voxels": 100, "voxels_per_step": 60, "gates": "exact"}
    found = {}
    for gates in ("exact", "full"):
        found[gates] = 0
        for run in search(problem, "proxyless", seeds=range(6), **{**options, "gates": gates}).runs:
            scheduler = scheduler_of(problem.search_space, seeds=(run.seed,))
            every = scheduler.sequence(torch.arange(5)[None, :, None]).detach()
            best = every[0, int(problem.loss(every, problem.voxels(64)).argmin())]
            found[gates] += bool(torch.isclose(run.sequence.flip_angle, best.flip_angle).all())
    assert found["exact"] == 6
    assert found["full"] < 6


def test_polish_converges_the_design():
    options = {"steps": 60, "n_voxels": 100, "voxels_per_step": 60}
    plain, polished = (
        search(PROBLEM, "proxyless", polish=polish, **options).best for polish in (False, True)
    )
    assert polished.loss < plain.loss


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
    gradient = two_path_gradient(alpha, gates, torch.tensor([2, 5]))
    p = alpha[[2, 5]].softmax(-1)
    assert float(gradient[2]) == pytest.approx(float(p[0] * p[1] * (gates[2] - gates[5])))
    assert float(gradient[5]) == pytest.approx(-float(gradient[2]))
    assert gradient[[0, 1, 3, 4, 6, 7]].abs().sum() == 0


def one_layer_problem(term, weight=1.0):
    return replace(
        PROBLEM,
        objective=Objective((Term("toy", term, weight),)),
        search_space=SearchSpace(max_rf=1),
    )


@pytest.mark.parametrize("gates", ["full", "two"])
def test_it_learns_the_best_operation(gates, monkeypatch):
    """One layer, frozen weights: the probability of the flip angle that gives most signal goes to one.

    The gate gradient is linear in the signal, so that it points to the best operation surely where the loss
    is linear as well: a loss of -|Mxy|, and all pulses of one phase.
    """
    seen = {}

    def spy(*arguments):
        scheduler = initial_scheduler(*arguments)
        with torch.no_grad():
            scheduler.phase.zero_()
        seen["scheduler"] = scheduler
        return scheduler

    monkeypatch.setattr(proxyless, "initial_scheduler", spy)
    problem = one_layer_problem(lambda magnitude, sequence, voxels: -magnitude.mean(-1))
    result = search(
        problem,
        "proxyless",
        seeds=range(3),
        steps=600,
        architecture_rate=0.05,
        architecture_every=1,
        weight_rate=0.0,
        gates=gates,
        n_voxels=100,
        voxels_per_step=60,
    )
    scheduler = seen["scheduler"]
    every = scheduler.sequence(torch.arange(5).expand(3, 5)[..., None]).detach()
    best = problem.loss(every, problem.voxels(64)).argmin(-1)
    probability = scheduler.architecture.detach().softmax(-1)
    assert (probability[torch.arange(3), 0, best] > 0.95).all()
    for seed, run in enumerate(result.runs):
        assert run.sequence.flip_angle[0] == scheduler.flip_angle[seed, 0, best[seed]]


def test_weights_are_learnt_too():
    run = search(
        one_layer_problem(signal_loss),
        "proxyless",
        steps=600,
        weight_rate=1.0,
        n_voxels=100,
        voxels_per_step=60,
    ).best
    # Without inhomogeneity the best is 90°; b1 of 0.8 to 1.2 makes it slightly less.
    assert run.sequence.to_dict()["flip_deg"][0] == pytest.approx(88, abs=3)


@pytest.mark.parametrize("term", [rf_energy, rf_number, time_to_readout])
def test_penalties_reach_the_architecture(term):
    problem = replace(PROBLEM, objective=Objective((Term("penalty", term, 2.0),)))
    scheduler = scheduler_of()
    gradient = gate_gradient(
        problem, scheduler, torch.zeros(2, 5, dtype=torch.int64), PROBLEM.voxels(2), "auto"
    )
    gradient = gradient - gradient[..., :1]
    rf = {
        rf_energy: scheduler.flip_angle.square() * scheduler.is_rf,
        rf_number: scheduler.is_rf.expand(scheduler.flip_angle.shape).double(),
        time_to_readout: idle_time(scheduler.log_idle),
    }[term].detach()
    torch.testing.assert_close(gradient[:, 1:], 2 * (rf - rf[..., :1])[:, 1:])


# Twelve steps at the paper's rate hardly move the architecture: these compare runs in which it moves.
FAST = {"architecture_rate": 1.0, "architecture_every": 2}


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        ({}, {"weight_rate": 0.5}),
        ({}, {"voxels_per_step": 70}),
        ({}, {"n_voxels": 150}),
        ({}, {"architecture_sd": 1.0}),
        (FAST, {"architecture_every": 3}),
        (FAST, {"architecture_rate": 0.1}),
        (FAST, {"architecture_betas": (0.9, 0.999)}),
        (FAST, {"gates": "two"}),
        (FAST, {"gates": "exact"}),
        (FAST, {"temperature": 3.0}),
        (FAST, {"momentum": 0.9}),
        (FAST, {"warmup": 0.5}),
    ],
)
def test_every_option_matters(base, changed):
    base = {"steps": 24, "n_voxels": 200, "voxels_per_step": 60, **base}
    first, second = (
        search(PROBLEM, "proxyless", **options).runs[0] for options in (base, {**base, **changed})
    )
    assert losses(first) != losses(second)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"voxels_per_step": 0},
        {"n_voxels": 10},
        {"architecture_every": 0},
        {"gates": "one"},
        {"temperature": 0.0},
        {"momentum": 1.0},
        {"warmup": -0.1},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises((ValueError, TypeError)):
        Proxyless(**options)


def test_too_few_voxels_for_the_tissues_are_refused():
    with pytest.raises(ValueError, match="voxels_per_step must be at least 60, got 50"):
        search(PROBLEM, "proxyless", steps=1, n_voxels=100, voxels_per_step=50)


def test_a_budget_that_just_suffices_is_no_cut():
    options = {"steps": 10, "n_voxels": 100, "voxels_per_step": 60}
    spent = search(PROBLEM, "proxyless", **options).best.n_evaluations
    assert search(PROBLEM, "proxyless", max_evaluations=float(spent), **options).best.status == "done"
