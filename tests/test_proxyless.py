import math
import sys
from dataclasses import replace

import pytest
import torch

from conftest import scheduler_of
from sequence_search.objective import (
    Objective,
    Term,
    TermKind,
    own_term,
    rf_energy,
    rf_number,
    signal_loss,
    time_to_readout,
)
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.strategies import search
from sequence_search.strategies.proxyless.gates import gate_gradient
from sequence_search.strategies.proxyless.scheduler import Draws, idle_time, initial_scheduler
from sequence_search.strategies.proxyless.strategy import Proxyless

PROBLEM = Problem.load("gm-wm")
# The package's attribute `search` is the function.
proxyless = sys.modules["sequence_search.strategies.proxyless.strategy"]


def losses(run):
    return [point.loss for point in run.history]


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
    calls, seeds = [], (0, 1)

    def broken(magnitude, sequence, voxels):
        calls.append(1)
        loss = magnitude.mean(-1)
        # The first of a batch fails from its first step on; later it may stand alone, with fewer pulses.
        if loss.ndim and len(loss) >= len(seeds):
            loss = loss.clone()
            loss[0] = math.nan
        return loss

    # One layer, so that all have one pulse and the term gets them together.
    problem = replace(
        PROBLEM,
        objective=Objective((Term("broken", own_term(broken), 1.0),)),
        search_space=SearchSpace(max_rf=1),
    )
    options = {"steps": 10, "n_voxels": 100, "voxels_per_step": 60}
    first, second = search(problem, "proxyless", seeds=seeds, **options).runs
    assert first.status == "failed"
    assert first.reason == "loss is not finite at step 1"
    assert len(second.history) > 5
    calls.clear()
    seeds = (0,)
    search(problem, "proxyless", seeds=seeds, **{**options, "steps": 1000})
    assert len(calls) < 10


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


def one_layer_problem(term, weight=1.0):
    return replace(
        PROBLEM,
        objective=Objective((Term("toy", term if isinstance(term, TermKind) else own_term(term), weight),)),
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
    with pytest.raises(ValueError, match="voxels_per_step must be at least 60 in 'gm-wm', got 50"):
        search(PROBLEM, "proxyless", steps=1, n_voxels=100, voxels_per_step=50)


def test_a_budget_that_just_suffices_is_no_cut():
    options = {"steps": 10, "n_voxels": 100, "voxels_per_step": 60}
    spent = search(PROBLEM, "proxyless", **options).best.n_evaluations
    assert search(PROBLEM, "proxyless", max_evaluations=float(spent), **options).best.status == "done"
