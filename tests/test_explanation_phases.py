import math
from dataclasses import replace

import pytest
import torch

from explanation_cases import BRAIN, make_problem, play
from limit_cases import TAIL, limited
from sequence_search.explanation.phases import (
    examine_phases,
    phase_curvature,
    polish_with,
    rounded,
    simplest_form,
    turn_change,
)
from sequence_search.problem.problem import Problem
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import simulator_of
from sequence_search.strategies.refine import polish
from sequence_search.tissue import Uniform
from strategy_cases import WIDE, proposed

PROBLEM = make_problem(
    BRAIN,
    ("signal", 1.0, (0, 1)),
    ("null", 1.0, (2,)),
    b1=Uniform(0.8, 1.2),
    b0=Uniform(-50.0, 50.0),
    min_rf_delay=6e-3,
)
PREPARED = play([87, 176, 87, 88, 176], [20, 133, -120, 77, 255], [129, 129, 2600, 6.2, 6.2])


def test_phases_of_a_t2_preparation_and_of_what_follows_are_free():
    found = examine_phases(PROBLEM, PREPARED)
    assert [each.turns for each in found.free] == [(0, 0, 0, 1, 1), (0, 1, 2, 0, 0)]
    assert all(each.change < 1e-4 for each in found.free)
    assert found.common < 1e-12
    # What is not free: the tip-up alone inverts or restores.
    simulator = PROBLEM.simulator(PROBLEM.voxels(64))
    assert turn_change(simulator, PREPARED, (0, 0, 1, 0, 0)) > 0.1


def test_the_simplest_form_is_of_right_angles():
    found = examine_phases(PROBLEM, PREPARED)
    loss = float(PROBLEM.loss(PREPARED, PROBLEM.voxels()))
    assert found.rounded_to == (90,) * 5
    steps = torch.rad2deg(found.simplest.phase) / 90
    torch.testing.assert_close(steps, steps.round())
    assert found.simplest_loss <= loss * (1 + 1e-4)
    assert found.simplest_loss == pytest.approx(float(PROBLEM.loss(found.simplest, PROBLEM.voxels())))


def test_a_phase_that_the_loss_notices_stays():
    # The train's phases cancel errors of b1; they are neither free nor multiples of 45°.
    problem = Problem.load("gm-wm-t2-w30")
    train = play([88, 175, 175, 176, 175], [0, 155, -125, -85, 81], [6.8, 13.6, 6.3, 6.3, 6.8])
    simulator = problem.simulator(problem.voxels(256))
    train = polish(simulator.loss_and_gradient, problem.search_space, train)[1].turn_first_to_zero()
    assert turn_change(simulator, train, (0, 0, 1, 0, 0)) > 1e-2
    _, rounded_to = simplest_form(simulator, Limited(problem, "auto"), train, ())
    assert 0 in rounded_to


def test_negated_phases_mirror_b0():
    one_sided = make_problem(BRAIN, b0=Uniform(0.0, 50.0), b1=0.8, spread=0.0)
    odd = play([70, 120, 60], [0, 70, 10], [6.2, 9, 6.2])
    assert examine_phases(one_sided, odd).mirrored > 1e-2
    even = make_problem(BRAIN, b0=0.0, b1=0.8, spread=0.0)
    assert examine_phases(even, odd).mirrored < 1e-12


def test_the_curvature_is_that_of_the_loss():
    simulator = PROBLEM.simulator(PROBLEM.voxels(8))
    curvature, step = phase_curvature(simulator.loss_and_gradient, PREPARED), 1e-2

    def loss(angle):
        turned = PREPARED.phase + torch.tensor([0, 0, angle, 0, 0])
        return float(simulator.loss(type(PREPARED)(PREPARED.flip_angle, turned, PREPARED.delay)))

    expected = (loss(step) - 2 * loss(0) + loss(-step)) / step**2
    assert curvature[2, 2] == pytest.approx(expected, rel=1e-3)
    assert abs(curvature.sum(1)).max() < 1e-5


def test_a_polish_with_phases_held():
    simulator = PROBLEM.simulator(PROBLEM.voxels(16))
    start = play([80, 170], [0, 50], [6.2, 6.2])
    held = polish_with(simulator, Limited(PROBLEM, "auto"), start, [True, True])
    assert torch.equal(held.phase, start.phase)
    assert float(simulator.loss(held)) < float(simulator.loss(start))
    free = polish_with(simulator, Limited(PROBLEM, "auto"), start, [True, False])
    assert float(free.phase[0]) == 0
    assert float(free.phase[1]) != pytest.approx(math.radians(50))


def test_phases_of_a_problem_with_given_pulses_stay():
    problem = limited(TAIL)
    sequence = problem.limits.frame.complete(play([180], [33], [800])).turn_first_to_zero()
    found = examine_phases(problem, sequence)
    assert found.simplest == sequence
    assert found.rounded_to == (90, 0, 0)


def test_the_simplest_form_keeps_the_limits():
    text = "[limits]\nrelative_rf_energy = 1.2\n"
    sequence = play([90, 180], [0, 171], [6.2, 6.2])
    found = examine_phases(limited(text), sequence)
    assert found.rounded_to == (90, 90)
    assert Limited(limited(text), "auto").missed([found.simplest]) == [0.0]


def test_the_simplest_form_is_one_that_a_search_would_keep():
    """Polished with a phase rounded, the pulse for refocusing, of a wide slice, becomes the excitation."""
    problem, draft = Problem.from_toml(WIDE), proposed(WIDE, [30, 140], ["none", "none"])
    draft = replace(draft, phase=draft.phase.new_tensor([0.0, 0.5]))
    limited, simulator = Limited(problem, "auto"), simulator_of(problem, problem.voxels(), "auto")
    other = polish_with(simulator, limited, rounded(draft, 1, 90), [True, True])
    assert float(simulator.loss(other)) < float(simulator.loss(draft))
    assert not limited.may_stand(other)
    assert limited.may_stand(simplest_form(simulator, limited, draft, ())[0])
