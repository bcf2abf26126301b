"""The last polish of designs near the best, and of those whose loss does not hold on other voxels."""

from dataclasses import replace

import pytest

from finish_cases import FINISHER, GOOD, PROBLEM, ROUGH, run_of
from sequence_search.limits import Limits, Range
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies import last_polish
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafting import near_draft
from sequence_search.strategies.evaluator import Evaluator
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.last_polish import repolished
from strategy_cases import WIDE, proposed


def test_stable_designs_are_left_alone():
    design = run_of(GOOD).families[0]
    assert not design.repolished
    assert design.check_loss == pytest.approx(float(PROBLEM.loss(GOOD, PROBLEM.voxels(4096, seed=1))))


def test_a_design_whose_loss_does_not_hold_is_polished_again_and_flagged(monkeypatch):
    monkeypatch.setattr(last_polish, "LARGEST_MOVE", 0.0)
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


def test_of_a_slice_it_counts_the_places_of_a_report():
    problem = Problem.load("cartilage")
    finisher, evaluator = Finisher(problem, "auto"), Evaluator(problem, "auto")
    draft = near_draft(problem, problem.conventional.sequence(problem.acquisition))
    run = finisher.finish(0, [draft], Meter(Settings()), history=(), settle=True)
    (_, by_8), (_, by_16) = (
        evaluator.limited.polish(simulator.loss_and_gradient, draft, Meter(Settings()))
        for simulator in (evaluator.standard, evaluator.of_report)
    )
    coarse, fine = (float(evaluator.of_report.loss(each)) for each in (by_8, by_16))
    assert run.loss == pytest.approx(fine, rel=1e-9)
    assert fine < coarse


def test_a_design_polished_again_is_kept_only_if_its_pulses_do_what_they_are_for(monkeypatch):
    """Over other voxels, too, the wide slice of a pulse for refocusing is read, behind 5° or so."""
    monkeypatch.setattr(last_polish, "LARGEST_MOVE", 0.0)
    draft = proposed(WIDE, [30, 140], ["none", "none"])
    evaluator = Evaluator(Problem.from_toml(WIDE), "auto")
    (design,) = evaluator.designs(evaluator.clean([draft]))
    loss, polished = evaluator.limited.polish(
        evaluator.of_repolish.loss_and_gradient, draft, Meter(Settings())
    )
    assert loss < design.check_loss
    assert not evaluator.limited.may_stand(polished)
    assert repolished(evaluator, draft, design, Meter(Settings())) == design
