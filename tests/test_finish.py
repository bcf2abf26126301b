import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.engines import pathways
from sequence_search.engines.simulator import Simulator
from sequence_search.limits import Limits, Range
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafting import near_draft
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.rounds.propose import random_designs
from strategy_cases import ONE_SIDED

finish = sys.modules["sequence_search.strategies.finish"]
PROBLEM = Problem.load("max-signal")
FINISHER = Finisher(PROBLEM, "auto")
GOOD = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
ROUGH = Sequence.from_degrees_ms([70, 150], [0, 160], [8, 9])


def run_of(*found, **settings):
    return FINISHER.finish(3, list(found), Meter(Settings(**settings)), history=())


def test_small_pulses_are_dropped_where_that_does_not_raise_the_loss():
    found = Sequence.from_degrees_ms([90, 1, -180], [10, 0, 10], [9000, 2000, 7])
    few = replace(PROBLEM, objective=Objective((Term("number", TERMS["rf_number"], 1.0),)))
    (cleaned,) = Finisher(few, "auto").clean([found])
    expected = {"flip_deg": [90, 180], "phase_deg": [0, 180], "delay_ms": [10_000, 7]}
    assert cleaned.sequence.to_dict() == expected
    # Where energy costs nothing a pulse of 2.9° adds to one of 50°.
    needed = Sequence.from_degrees_ms([2.9, 50], [10, 10], [0.1, 6.2])
    signal = replace(PROBLEM, objective=Objective(PROBLEM.objective.terms[:1]))
    finisher = Finisher(signal, "auto")
    for found in (needed, GOOD):
        (cleaned,) = finisher.clean([found])
        assert cleaned.loss <= float(signal.loss(found, signal.voxels())) * (1 + 1e-11)
    assert len(finisher.clean([needed])[0].sequence.flip_angle) == 2


def by_phase(magnitude, sequence, voxels):
    """A term that no phase may change."""
    return sequence.phase.sin().sum(-1) + sequence.flip_angle.sum(-1)


@pytest.mark.parametrize(
    "problem",
    [
        ONE_SIDED,
        PROBLEM.with_term("phase", by_phase, 0.1),
        ONE_SIDED.with_term("offset", lambda m, s, v: (m * v.b0).mean(-1), -1e-3),
    ],
)
def test_cleaning_never_raises_a_loss(problem):
    rng = np.random.default_rng(0)
    found = random_designs(problem.search_space, 40, rng)
    found = [
        replace(one, flip_angle=one.flip_angle * torch.tensor(rng.choice([-1.0, 1, 0.01]))) for one in found
    ]
    for one, cleaned in zip(found, Finisher(problem, "auto").clean(found), strict=True):
        before = float(problem.loss(one, problem.voxels()))
        assert cleaned.loss == pytest.approx(problem.evaluate(cleaned.sequence).loss, rel=1e-12, abs=1e-14)
        assert cleaned.loss <= before + 1e-11 * abs(before)


def test_of_a_design_and_its_mirror_the_better_is_kept():
    (good,) = Finisher(ONE_SIDED, "auto").clean([Sequence.from_degrees_ms([31, 32], [0, 90], [1, 1])])
    mirror = replace(good.sequence, phase=-good.sequence.phase)
    for found in ([good.sequence, mirror], [mirror, good.sequence]):
        run = Finisher(ONE_SIDED, "auto").finish(0, found, Meter(Settings()), history=())
        assert [design.loss for design in run.families] == pytest.approx([good.loss])


def test_each_ensemble_is_simulated_once_whatever_was_found(monkeypatch):
    calls = []
    parts = Simulator.parts

    def counted(simulator, sequence):
        calls.append(len(simulator.voxels))
        return parts(simulator, sequence)

    monkeypatch.setattr(Simulator, "parts", counted)
    found = random_designs(PROBLEM.search_space, 20, np.random.default_rng(1))
    run = Finisher(PROBLEM, "auto").finish(0, found, Meter(Settings(max_seconds=1e-9)), history=())
    assert len(run.families) > 4
    assert calls == [3 * 1024, 3 * 4096]


def test_designs_are_distinct_and_sorted():
    run = run_of(ROUGH, GOOD, Sequence.from_degrees_ms([89, 176], [10, 190], [6.3, 6.2]))
    assert len(run.families) == 2
    assert run.loss == run.families[0].loss < run.families[1].loss
    assert run.sequence.to_dict() == GOOD.to_dict()
    assert (run.seed, run.status) == (3, "done")


def test_stable_designs_are_left_alone():
    design = run_of(GOOD).families[0]
    assert not design.repolished
    assert design.check_loss == pytest.approx(float(PROBLEM.loss(GOOD, PROBLEM.voxels(4096, seed=1))))


def test_a_design_whose_loss_does_not_hold_is_polished_again_and_flagged(monkeypatch):
    monkeypatch.setattr(finish, "LARGEST_MOVE", 0.0)
    design = run_of(ROUGH).families[0]
    assert design.repolished
    assert design.loss < float(PROBLEM.loss(ROUGH, PROBLEM.voxels()))
    # The check stays independent: other voxels than those of the polish.
    expected = float(PROBLEM.loss(design.sequence, PROBLEM.voxels(4096, seed=1)))
    assert design.check_loss == pytest.approx(expected)
    assert not run_of(ROUGH, max_seconds=1e-9).families[0].repolished


def test_designs_near_the_best_are_polished_over_the_voxels_of_a_report():
    """What is the least over other voxels is not over these, and what is far above stays as it was found."""
    voxels = PROBLEM.voxels(16)
    _, few = FINISHER.limited.polish(PROBLEM.loss_and_gradient(voxels), GOOD, Meter(Settings()))
    least, _ = FINISHER.limited.polish(PROBLEM.loss_and_gradient(PROBLEM.voxels()), few, Meter(Settings()))
    run = FINISHER.finish(0, [few, ROUGH], Meter(Settings()), history=(), settle=True)
    best, far = run.families
    assert best.loss == pytest.approx(least, rel=1e-9)
    assert best.loss < run_of(few).loss * (1 - 1e-6)
    assert far.sequence.to_dict() == run_of(ROUGH).sequence.to_dict()


def test_what_the_last_polish_brings_within_the_limits_is_kept_whatever_it_costs():
    limits = Limits(relative_rf_energy=Range(high=0.8))
    finisher = Finisher(replace(PROBLEM, limits=limits), "auto")
    missing = finisher.finish(0, [GOOD], Meter(Settings()), history=())
    run = finisher.finish(0, [GOOD], Meter(Settings()), history=(), settle=True)
    assert not missing.families[0].evaluation.meets_limits
    assert run.families[0].evaluation.meets_limits


def test_nothing_is_settled_once_a_budget_is_spent():
    meter = Meter(Settings(max_evaluations=1.0))
    meter.spend(1)
    run = FINISHER.finish(0, [ROUGH], meter, history=(), settle=True)
    assert run.loss == run_of(ROUGH).loss
    assert run.n_evaluations == 1


def test_settling_begins_with_the_better_of_a_design_and_its_mirror():
    """Of 1,024 voxels the worst 5 % are not alike on both sides of a b0 of 0: each is a valley of its own."""
    problem = Problem.load("composite-excitation")
    finisher = Finisher(problem, "auto")
    one = Sequence.from_degrees_ms([81, 165, 169], [0, 136, -166], [0.6, 0.6, 0.6])
    loss_and_gradient = problem.loss_and_gradient(problem.voxels())
    pair = [one, replace(one, phase=-one.phase)]
    ends = [finisher.limited.polish(loss_and_gradient, each, Meter(Settings()))[0] for each in pair]
    settled = [finisher.finish(0, [each], Meter(Settings()), history=(), settle=True).loss for each in pair]
    assert abs(ends[0] - ends[1]) > 1e-3 * ends[0]
    assert settled == pytest.approx([min(ends)] * 2, rel=1e-5)


def test_time_is_shared_among_the_seeds_of_a_batch():
    meter = Meter(Settings())
    run = FINISHER.finish(0, [GOOD], meter, history=(), n_seeds=10)
    assert run.seconds < meter.seconds / 5


def test_a_sequence_that_does_nothing_is_told_as_such():
    idle = Sequence.from_degrees_ms([1], [0], [7])
    run = run_of(idle)
    assert run.status == "done"
    assert "nothing beats doing nothing: every sequence ended without a pulse above 3°" in run.reason
    run = run_of(idle, GOOD)
    assert (len(run.families), run.reason) == (2, None)
    # Nulls of all tissues cost any signal 100 times its square.
    terms = (*PROBLEM.objective.terms, Term("dark", TERMS["null"], 100.0, (0, 1, 2)))
    quiet = Finisher(replace(PROBLEM, objective=Objective(terms)), "auto")
    run = quiet.finish(0, [GOOD, idle], Meter(Settings()), history=())
    assert len(run.families[0].sequence.flip_angle) == 1
    assert "the best of them would cost" in run.reason
    assert "by 'dark', and gain" in run.reason


def test_designs_of_many_pulses_are_followed_a_few_at_a_time(monkeypatch):
    train = Sequence.from_degrees_ms([90] + [150] * 4, [0] * 5, [7] * 5)
    simulator = PROBLEM.simulator(PROBLEM.voxels(8), "pathways")
    monkeypatch.setattr(pathways, "MAX_AMPLITUDES", 2 * 24 * 3**4)  # two trains over the voxels
    first, *others = finish._terms([train] * 3, simulator)
    assert others == [first, first]


@pytest.mark.parametrize("weight", [0.1, -0.1])
def test_phases_behind_a_spoiler_are_turned_only_where_no_term_of_ones_own_rises(weight):
    problem = Problem.load("spin-echo-2d")
    phases = Sequence.from_degrees_ms([170, 90], [0, 60], [800, 9])
    played = problem.played(phases, kinds=["invert", "excite"], gradients=["spoiler", "none"])
    problem = problem.with_term("phase", lambda m, sequence, v: sequence.phase.sin().sum(-1), weight)
    finisher = Finisher(problem, "auto")
    (design,) = finisher.designs(finisher.evaluate([near_draft(problem, played)]))
    assert math.degrees(design.sequence.phase[-1]) == pytest.approx(0 if weight > 0 else 60)
    assert design.evaluation.terms == pytest.approx(problem.evaluate(design.sequence).terms, rel=1e-12)
    others = problem.simulator(problem.voxels(finisher._n_check, seed=1), n_places=16)
    assert design.check_loss == pytest.approx(float(others.loss(design.sequence)), rel=1e-12)


def test_a_slice_is_reported_as_it_is_evaluated():
    """By 16 places, twice as many as in a search, of the standard voxels and of others."""
    problem = Problem.load("cartilage")
    finisher = Finisher(problem, "auto")
    draft = near_draft(problem, problem.conventional.sequence(problem.acquisition))
    (found,) = finisher.evaluate([draft])
    (design,) = finisher.designs([found])
    assert design.evaluation.terms == pytest.approx(problem.evaluate(design.sequence).terms, rel=1e-12)
    assert abs(found.loss - design.loss) > 1e-6 * abs(design.loss)
    others = problem.simulator(problem.voxels(512, seed=1), n_places=16)
    assert design.check_loss == pytest.approx(float(others.loss(design.sequence)), rel=1e-12)
    # So is what is polished last.
    run = finisher.finish(0, [draft], Meter(Settings()), history=(), settle=True)
    (_, by_8), (_, by_16) = (
        finisher.limited.polish(simulator.loss_and_gradient, draft, Meter(Settings()))
        for simulator in (finisher._standard, finisher._reported)
    )
    coarse, fine = (float(finisher._reported.loss(each)) for each in (by_8, by_16))
    assert run.loss == pytest.approx(fine, rel=1e-9)
    assert fine < coarse
