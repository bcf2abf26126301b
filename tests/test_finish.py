import sys

import pytest

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher

finish = sys.modules["sequence_search.strategies.finish"]
PROBLEM = Problem.load("max-signal")
FINISHER = Finisher(PROBLEM, "auto")
GOOD = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
ROUGH = Sequence.from_degrees_ms([70, 150], [0, 160], [8, 9])


def run_of(*found, **settings):
    return FINISHER.finish(3, list(found), Meter(Settings(**settings)), history=())


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


def test_time_is_shared_among_the_seeds_of_a_batch():
    meter = Meter(Settings())
    run = FINISHER.finish(0, [GOOD], meter, history=(), n_seeds=10)
    assert run.seconds < meter.seconds / 5


def test_nothing_found_is_a_failure():
    run = run_of(Sequence.from_degrees_ms([1], [0], [7]))
    assert run.status == "failed"
    assert "no pulse above 3°" in run.reason
