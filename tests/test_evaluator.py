"""What was found is cleaned and evaluated over the voxels of a report."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.engines import pathways
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import near_draft
from sequence_search.strategies.evaluator import Evaluator, _terms, n_check
from sequence_search.strategies.rounds.propose import random_designs
from strategy_cases import ONE_SIDED

PROBLEM = Problem.load("max-signal")
GOOD = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])


def test_small_pulses_are_dropped_where_that_does_not_raise_the_loss():
    found = Sequence.from_degrees_ms([90, 1, -180], [10, 0, 10], [9000, 2000, 7])
    few = replace(PROBLEM, objective=Objective((Term("number", TERMS["rf_number"], 1.0),)))
    (cleaned,) = Evaluator(few, "auto").clean([found])
    expected = {"flip_deg": [90, 180], "phase_deg": [0, 180], "delay_ms": [10_000, 7]}
    assert cleaned.sequence.to_dict() == expected
    # Where energy costs nothing a pulse of 2.9° adds to one of 50°.
    needed = Sequence.from_degrees_ms([2.9, 50], [10, 10], [0.1, 6.2])
    signal = replace(PROBLEM, objective=Objective(PROBLEM.objective.terms[:1]))
    evaluator = Evaluator(signal, "auto")
    for found in (needed, GOOD):
        (cleaned,) = evaluator.clean([found])
        assert cleaned.loss <= float(signal.loss(found, signal.voxels())) * (1 + 1e-11)
    assert len(evaluator.clean([needed])[0].sequence.flip_angle) == 2


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
    for one, cleaned in zip(found, Evaluator(problem, "auto").clean(found), strict=True):
        before = float(problem.loss(one, problem.voxels()))
        assert cleaned.loss == pytest.approx(problem.evaluate(cleaned.sequence).loss, rel=1e-12, abs=1e-14)
        assert cleaned.loss <= before + 1e-11 * abs(before)


def test_designs_of_many_pulses_are_followed_a_few_at_a_time(monkeypatch):
    train = Sequence.from_degrees_ms([90] + [150] * 4, [0] * 5, [7] * 5)
    simulator = PROBLEM.simulator(PROBLEM.voxels(8), "pathways")
    monkeypatch.setattr(pathways, "MAX_AMPLITUDES", 2 * 24 * 3**4)  # two trains over the voxels
    first, *others = _terms([train] * 3, simulator)
    assert others == [first, first]


@pytest.mark.parametrize("weight", [0.1, -0.1])
def test_phases_behind_a_spoiler_are_turned_only_where_no_term_of_ones_own_rises(weight):
    problem = Problem.load("spin-echo-2d")
    phases = Sequence.from_degrees_ms([170, 90], [0, 60], [800, 9])
    played = problem.played(phases, kinds=["invert", "excite"], gradients=["spoiler", "none"])
    problem = problem.with_term("phase", lambda m, sequence, v: sequence.phase.sin().sum(-1), weight)
    evaluator = Evaluator(problem, "auto")
    (design,) = evaluator.designs(evaluator.evaluate([near_draft(problem, played)]))
    assert math.degrees(design.sequence.phase[-1]) == pytest.approx(0 if weight > 0 else 60)
    assert design.evaluation.terms == pytest.approx(problem.evaluate(design.sequence).terms, rel=1e-12)
    others = problem.simulator(problem.voxels(n_check(problem), seed=1), n_places=16)
    assert design.check_loss == pytest.approx(float(others.loss(design.sequence)), rel=1e-12)


def test_a_slice_is_reported_as_it_is_evaluated():
    """By 16 places, twice as many as in a search, of the standard voxels and of others."""
    problem = Problem.load("cartilage")
    evaluator = Evaluator(problem, "auto")
    draft = near_draft(problem, problem.conventional.sequence(problem.acquisition))
    (found,) = evaluator.evaluate([draft])
    (design,) = evaluator.designs([found])
    assert design.evaluation.terms == pytest.approx(problem.evaluate(design.sequence).terms, rel=1e-12)
    assert abs(found.loss - design.loss) > 1e-6 * abs(design.loss)
    others = problem.simulator(problem.voxels(512, seed=1), n_places=16)
    assert design.check_loss == pytest.approx(float(others.loss(design.sequence)), rel=1e-12)


def test_other_voxels_are_fewer_where_each_is_at_places_of_a_slice():
    assert n_check(Problem.load("max-signal")) == 4096
    assert n_check(Problem.load("spin-echo-2d")) == 512
