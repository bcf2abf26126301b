"""The contract of every strategy."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.objective import Objective, Term, rf_energy
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.strategies import STRATEGIES, make_strategy, search
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.evaluator import Evaluator
from strategy_cases import ONE_SIDED, QUICK

PROBLEM = Problem.load("max-signal")
pytestmark = pytest.mark.parametrize("strategy", STRATEGIES)


def test_results_hold_what_they_state(strategy):
    result = search(PROBLEM, strategy, seeds=(3, 5), **QUICK[strategy])
    assert [run.seed for run in result.runs] == [3, 5]
    assert result.best.loss == min(run.loss for run in result.runs)
    for run in result.runs:
        assert run.status == "done"
        assert run.loss == pytest.approx(PROBLEM.evaluate(run.sequence).loss)
        assert run.sequence.phase[0] == 0
        assert run.sequence.flip_angle.min() >= 0
        assert run.sequence.flip_angle.max() >= math.radians(3)
        assert run.sequence.delay.min() >= PROBLEM.search_space.min_rf_delay * (1 - 1e-12)
        assert len(run.sequence.flip_angle) <= PROBLEM.search_space.max_rf
        assert len(run.history) > 1
        assert run.seconds > 0


def test_a_seed_does_not_depend_on_the_others(strategy):
    together = search(PROBLEM, strategy, seeds=(0, 1, 2), **QUICK[strategy]).runs[1]
    alone = search(PROBLEM, strategy, seeds=(1,), **QUICK[strategy]).runs[0]
    assert together.loss == pytest.approx(alone.loss, rel=1e-9)
    assert str(together.sequence) == str(alone.sequence)


def test_seeds_differ(strategy):
    first, second = search(PROBLEM, strategy, seeds=(0, 1), **QUICK[strategy]).runs
    assert [point.loss for point in first.history] != [point.loss for point in second.history]


def test_the_global_generator_is_left_alone(strategy):
    before = torch.get_rng_state()
    search(PROBLEM, strategy, seeds=(0,), **QUICK[strategy])
    assert torch.equal(before, torch.get_rng_state())


def test_progress_is_reported_and_stopping_keeps_the_best_so_far(strategy):
    seen = []
    monitor = Monitor(seen.append, lambda: len(seen) >= 2)
    run = search(PROBLEM, strategy, seeds=(0,), monitor=monitor, **QUICK[strategy]).runs[0]
    assert len(seen) == 2
    assert seen[0].step <= seen[1].step <= seen[1].n_steps
    assert math.isfinite(seen[1].loss)
    assert run.status == "interrupted"
    assert math.isfinite(run.loss)


def test_a_loss_that_is_not_finite_fails_the_run_with_a_reason(strategy):
    broken = PROBLEM.with_term(
        "broken", lambda magnitude, sequence, voxels: magnitude.sum(-1) * math.nan, 1.0
    )
    result = search(broken, strategy, seeds=(0, 1), **QUICK[strategy])
    assert [run.status for run in result.runs] == ["failed", "failed"]
    assert all("loss" in run.reason for run in result.runs)
    with pytest.raises(ValueError, match="no run of 'max-signal' ended with a sequence: seed 0: "):
        result.best  # noqa: B018


def test_steps_are_obeyed(strategy):
    spent = {steps: search(PROBLEM, strategy, **{**QUICK[strategy], "steps": steps}) for steps in (5, 40)}
    assert spent[40].runs[0].n_evaluations > 1.5 * spent[5].runs[0].n_evaluations


def test_budgets_cut_a_search_and_say_so(strategy):
    run = search(PROBLEM, strategy, max_evaluations=20.0, **QUICK[strategy]).runs[0]
    assert run.status == "cut"
    assert run.reason == "cut at max_evaluations = 20; the best so far"
    # A batch that has begun is ended, and a line search.
    assert 20 <= run.n_evaluations < 70
    assert math.isfinite(run.loss)
    run = search(PROBLEM, strategy, max_seconds=1e-6, **QUICK[strategy]).runs[0]
    assert run.status == "cut"
    assert "max_seconds = 1e-06" in run.reason
    with pytest.raises(ValueError, match="must be above 0"):
        search(PROBLEM, strategy, max_seconds=0.0)


def test_designs_are_checked_on_other_voxels(strategy):
    run = search(PROBLEM, strategy, **QUICK[strategy]).runs[0]
    for design in run.families:
        expected = float(PROBLEM.loss(design.sequence, PROBLEM.voxels(4096, seed=1)))
        assert design.check_loss == pytest.approx(expected)
    losses = [design.loss for design in run.families]
    assert losses == sorted(losses)


def test_an_objective_that_wants_no_pulse_says_so(strategy):
    null = replace(PROBLEM, objective=Objective((Term("energy", rf_energy, 10.0),)))
    options = {**QUICK[strategy], "steps": 200}
    if strategy == "proxyless":
        options["weight_rate"] = 0.02
    run = search(null, strategy, seeds=(0,), **options).runs[0]
    assert "nothing beats doing nothing" in run.reason
    assert run.sequence.drop_small_pulses().flip_angle.tolist() == []


def test_designs_obey_the_search_space(strategy):
    tight = replace(PROBLEM, search_space=SearchSpace(min_rf_delay=7e-3, max_delay=0.02, max_rf=3))
    for run in search(tight, strategy, seeds=range(3), **QUICK[strategy]).runs:
        tight.search_space.check(run.sequence, tight.name)


def test_no_flip_angle_leaves_its_bound(strategy):
    largest = math.radians(30)
    space = replace(PROBLEM.search_space, flip_range=(0.0, largest), max_flip=largest)
    tight = replace(PROBLEM, search_space=space)
    options = {**QUICK[strategy], "steps": 40} | ({"polish": True} if strategy == "proxyless" else {})
    for run in search(tight, strategy, seeds=range(2), **options).runs:
        flips = torch.cat([design.sequence.flip_angle for design in run.families])
        assert flips.max() <= largest * (1 + 1e-12)
        assert flips.max() > 0.9 * largest


def test_what_was_found_is_reported_and_not_its_mirror(strategy, monkeypatch):
    """A design and its mirror, all phases negated, differ where b0 is not symmetric."""
    found = []
    clean = Evaluator.clean

    def spy(evaluator, sequences):
        found.extend(sequences)
        return clean(evaluator, sequences)

    monkeypatch.setattr(Evaluator, "clean", spy)
    run = search(ONE_SIDED, strategy, **QUICK[strategy]).best
    losses = [float(ONE_SIDED.loss(one, ONE_SIDED.voxels())) for one in found]
    assert run.loss <= min(losses) * (1 + 1e-9)
    assert min(losses) < 0.9


def test_results_print_in_a_line(strategy):
    result = search(PROBLEM, strategy, **QUICK[strategy])
    (run,) = result.runs
    for each in (result, run, run.families[0]):
        assert str(run.sequence) in repr(each)
        assert "\n" not in repr(each)
    assert repr(result).startswith(f"<SearchResult of max-signal, {strategy}, 1 run; best: <Run of seed 0: ")


def test_numpy_seeds_are_seeds(strategy):
    assert [run.seed for run in search(PROBLEM, strategy, seeds=np.arange(2), **QUICK[strategy]).runs] == [
        0,
        1,
    ]


def test_unknown_options_are_refused(strategy):
    with pytest.raises(ValueError, match=f"strategy '{strategy}' has no option 'stps'; known are"):
        search(PROBLEM, strategy, stps=4)


def test_the_strategy_is_a_frozen_dataclass(strategy):
    runner = make_strategy(strategy, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        runner.steps = 1


def test_no_seed_and_no_strategy_are_refused(strategy):
    with pytest.raises(ValueError, match="at least one seed"):
        search(PROBLEM, strategy, seeds=())
    with pytest.raises(
        ValueError, match="strategy must be one of multistart, proxyless, evolution, random, got 'nas'"
    ):
        search(PROBLEM, "nas")
