from dataclasses import replace

import numpy as np
import pytest

from finish_cases import FINISHER, GOOD, PROBLEM, ROUGH, run_of
from sequence_search.engines.simulator import Simulator
from sequence_search.limits import Limits, Range
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.evaluator import Evaluator
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.rounds.propose import random_designs
from strategy_cases import ONE_SIDED, WIDE, proposed


def test_of_a_design_and_its_mirror_the_better_is_kept():
    (good,) = Evaluator(ONE_SIDED, "auto").clean([Sequence.from_degrees_ms([31, 32], [0, 90], [1, 1])])
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


def test_what_is_brought_within_the_limits_at_an_early_end_has_pulses_that_do_what_they_are_for():
    """Of half the energy the pulse for refocusing would excite: the nearest is reported as it is."""
    limits = Limits(relative_rf_energy=Range(high=0.3))
    problem = replace(Problem.from_toml(WIDE), limits=limits)
    finisher, found = Finisher(problem, "auto"), proposed(WIDE, [30, 140], ["none", "none"])
    meter = Meter(Settings(max_evaluations=1.0))
    meter.spend(1)
    assert meter.must_end()
    run = finisher.finish(0, [found], meter, history=())
    assert not run.meets_limits
    assert run.sequence.flip_angle.rad2deg().tolist() == pytest.approx([30, 140])


def test_time_is_shared_among_the_seeds_of_a_batch():
    meter = Meter(Settings())
    run = FINISHER.finish(0, [GOOD], meter, history=(), n_seeds=10)
    assert run.seconds < meter.seconds / 5


def test_a_sequence_that_does_nothing_is_told_as_such():
    idle = Sequence.from_degrees_ms([0.01], [0], [7])
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


def test_small_pulses_alone_that_are_better_than_nothing_are_a_design():
    """As where the angle of Ernst is below 3°: here any signal is better than none."""
    small = [Sequence.from_degrees_ms(*each) for each in (([2], [0], [7]), ([2, 1], [0, 0], [500, 7]))]
    run = run_of(*small)
    assert run.reason is None
    assert len(run.families) == 2
    # Where a signal costs 100 times its square they are worse than nothing.
    dark = Objective((Term("dark", TERMS["null"], 100.0, (0, 1, 2)),))
    quiet = Finisher(replace(PROBLEM, objective=dark), "auto")
    run = quiet.finish(0, small, Meter(Settings()), history=())
    assert len(run.families) == 1
    assert "every sequence ended without a pulse above 3°" in run.reason
