"""Polish within constraints, against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from sequence_search.objective import contrast_loss
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.constrained import MET, Inequalities, augmented_least
from sequence_search.strategies.refine import polish
from sequence_search.voxels import Voxels

MAX_SIGNAL = Problem.load("max-signal")
T2 = 0.1
ONE = Voxels(t2=T2)


def constraint(function):
    """From g [1] of a sequence, differentiable, its value and derivatives."""

    def value_and_gradient(sequence):
        leaves = sequence.detach()
        columns = leaves.columns()
        for part in columns.values():
            part.requires_grad_()
        value = function(leaves)
        total = value + 0.0 * sum(part.sum() for part in columns.values())
        slopes = torch.autograd.grad(total, list(columns.values()))
        return value.detach(), replace(leaves, **dict(zip(columns, slopes, strict=True)))

    return value_and_gradient


def signal(sequence):
    return MAX_SIGNAL.simulator(ONE).signal(sequence).abs()[0]


def at_most(function, bound):
    return constraint(lambda sequence: function(sequence) / bound - 1)


def energy(sequence):
    return sequence.rf_energy


def time(sequence):
    return sequence.time_to_readout


def one_pulse(flip_deg=70.0, delay_ms=20.0):
    return Sequence.from_degrees_ms([flip_deg], [0], [delay_ms])


def polished(function, start, *constraints, **how):
    return polish(constraint(function), MAX_SIGNAL.search_space, start, constraints=constraints, **how)


def test_energy_holds_the_flip_angle_of_one_pulse_at_its_bound():
    """S = sin(flip) exp(-TE/T2): the most signal is at the largest flip angle and the shortest delay."""
    loss, best = polished(lambda s: -signal(s), one_pulse(), at_most(energy, math.radians(60) ** 2))
    assert float(best.flip_angle) == pytest.approx(math.radians(60), rel=1e-7)
    assert float(best.delay) == pytest.approx(6.2e-3)
    assert loss == pytest.approx(-math.sin(math.radians(60)) * math.exp(-6.2e-3 / T2), rel=1e-7)


def test_least_energy_for_a_signal_that_is_asked_for():
    """From a start without enough signal: sin(flip) exp(-TE/T2) = 0.5 at TE = 6.2 ms."""
    enough = constraint(lambda sequence: 1 - signal(sequence) / 0.5)
    loss, best = polished(energy, one_pulse(5.0, 300.0), enough)
    flip = math.asin(0.5 * math.exp(6.2e-3 / T2))
    assert loss == pytest.approx(flip**2, rel=1e-6)
    assert float(signal(best)) == pytest.approx(0.5, rel=1e-6)


def test_a_constraint_that_does_not_bind_changes_nothing():
    free = polished(lambda s: -signal(s), one_pulse())
    loose = polished(lambda s: -signal(s), one_pulse(), at_most(energy, 100.0))
    assert loose[0] == pytest.approx(free[0], rel=1e-9)
    assert free[0] == pytest.approx(-math.exp(-6.2e-3 / T2), rel=1e-9)


def test_constraints_that_exclude_each_other_end_between_them():
    """Flip of 30° at most, and 60° at least: the relative violations are shared."""
    low = constraint(lambda sequence: 1 - sequence.rf_energy / math.radians(60) ** 2)
    _, best = polished(lambda s: -signal(s), one_pulse(), at_most(energy, math.radians(30) ** 2), low)
    assert 30 < math.degrees(float(best.flip_angle)) < 60


def test_time_limit_binds_along_the_kink_of_an_echo():
    """Two tissues that differ in T2 alone contrast most at TE = ln(T2a/T2b) / (1/T2b - 1/T2a), 64.8 ms here;
    with 40 ms to the readout at most, the echo stays an echo, 20 ms and 20 ms."""
    voxels = Voxels(t2=[0.1, 0.045], t2_prime=0.03, spread=30, tissue=[0, 1])

    def loss(sequence):
        return contrast_loss(MAX_SIGNAL.simulator(voxels).signal(sequence).abs(), sequence, voxels)

    start = Sequence.from_degrees_ms([85, 175], [0, 90], [30, 34])
    _, free = polished(loss, start)
    _, held = polished(loss, start, at_most(time, 0.04))
    best_te = math.log(0.1 / 0.045) / (1 / 0.045 - 1 / 0.1)
    assert float(free.time_to_readout) == pytest.approx(best_te, rel=1e-4)
    assert held.delay.tolist() == pytest.approx([0.02, 0.02], rel=1e-6)
    assert held.flip_angle.rad2deg().tolist() == pytest.approx([90, 180], abs=0.1)


def test_fixed_pulses_stay_to_the_last_bit():
    """A spin echo that is given, outside the bounds even, and an inversion in front that nulls."""
    start = Sequence.from_degrees_ms([170, 91.3, 177.7], [10, 0, 90], [500, 4.1, 4.1])
    voxels = Voxels(t1=1.0, t2=T2)
    fixed = torch.tensor([False, True, True])
    null = constraint(lambda s: MAX_SIGNAL.simulator(voxels).signal(s).abs().square()[0])
    loss, best = polish(null, MAX_SIGNAL.search_space, start, fixed=fixed)
    for part, given in zip(best.columns().values(), start.columns().values(), strict=True):
        assert part[fixed].tolist() == given[fixed].tolist()
    assert loss == pytest.approx(0, abs=1e-6)
    flip, ti = float(best.flip_angle[0]), float(best.delay[0])
    assert ti == pytest.approx(math.log(1 - math.cos(flip)), rel=0.02)


def test_a_polish_within_constraints_ends_at_its_budget():
    meter = Meter(Settings(max_evaluations=5.0))
    polished(energy, one_pulse(5.0), constraint(lambda s: 1 - signal(s) / 0.5), meter=meter)
    assert meter.status == "cut"
    assert meter.evaluations < 30


@pytest.mark.parametrize("start", [[3.0, 0.0], [1e-4, -1e-4]])
def test_augmented_lagrangian_of_a_plane(start):
    """Least x² + y² with x + y >= 2 is at (1, 1), also from where the loss is hardly any."""

    def loss(x):
        return float(x @ x), 2 * x

    inequalities = Inequalities([lambda x: (2 - x.sum(), -np.ones(2))])

    def least(function, x):
        return minimize(function, x, jac=True, method="BFGS").x

    x = augmented_least(loss, inequalities, least, np.array(start))
    assert x == pytest.approx([1, 1], abs=2e-3)
    assert inequalities.violation(np.array([3.0, 0.0])) == 0
    assert inequalities.violation(np.array([1.0, 0.5])) == 0.5
    assert inequalities.violation(np.array([1.0, 1.0 - MET / 2])) == 0
