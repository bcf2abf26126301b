import math

import numpy as np
import torch

from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.descent import bound_delays, descend, echoes


def bowl(target):
    """Loss with its least at flip angles of `target` [rad], and its slopes."""

    def loss_and_gradient(sequence):
        off = sequence.flip_angle - target
        zero = torch.zeros_like(off)
        return off.square().sum(-1), Sequence(2 * off, zero, zero, sequence.present)

    return loss_and_gradient


def test_the_rate_falls_so_that_the_end_is_near_and_the_best_point_counts():
    start = Sequence(*(torch.full((3, 2), x, dtype=torch.float64) for x in (0.5, 0.0, 0.01)))
    meter = Meter(Settings())
    loss, found = descend(
        bowl(1.0), SearchSpace(), start, learning_rate=0.1, parts=[(40, 1.0), (60, 1.0)], meter=meter
    )
    assert float(loss.max()) < 1e-3
    # From the least itself a descent leads away, and comes back with what it began with.
    at_least = Sequence(torch.ones(1, 2, dtype=torch.float64), start.phase[:1], start.delay[:1])
    away = bowl(1.0)

    def pushed(sequence):
        loss, slopes = away(sequence)
        return loss, Sequence(slopes.flip_angle + 1.0, slopes.phase, slopes.delay)

    loss, found = descend(pushed, SearchSpace(), at_least, learning_rate=0.5, parts=[(5, 1.0)], meter=meter)
    assert float(loss[0]) == 0
    assert found.flip_angle.tolist() == [[1, 1]]


def test_echoes_are_the_smallest_runs_of_delays_that_refocus():
    parts = [np.flatnonzero(each).tolist() for each in echoes(np.array([0.02, 0.02, 0.9, 0.01, 0.01]))]
    assert sorted(parts) == [[0, 1], [3, 4]]
    # 10 + 20 = 30; a delay alone is none.
    assert [np.flatnonzero(each).tolist() for each in echoes(np.array([0.01, 0.02, 0.03]))] == [[0, 1, 2]]
    assert echoes(np.array([0.01, 0.025])).shape == (0, 2)
    assert echoes(np.array([0.01])).shape == (0, 1)


def test_bound_delays_are_averaged_within_an_echo_and_no_further():
    delay = np.array([[0.02, 0.02, 0.9, 0.01, 0.01], [0.02, 0.02, 0.02, 1.0, 0.0]])
    average = bound_delays(delay, np.array([5, 3]))
    half, third = np.full((2, 2), 1 / 2), np.full((3, 3), 1 / 3)
    expected = np.zeros((2, 5, 5))
    expected[0, :2, :2], expected[0, 2, 2], expected[0, 3:, 3:] = half, 1, half
    expected[1, :3, :3], expected[1, 3, 3], expected[1, 4, 4] = third, 1, 1
    assert np.allclose(average, expected)


def test_a_descent_does_not_leave_a_narrow_echo():
    # T2' and b0 make the echo of the refocused delays narrower than one step of 8 % of 100 ms.
    problem = Problem.load("max-signal")
    start = Sequence.stack([Sequence.from_degrees_ms([80, 170], [0, 90], [100, 100])])
    loss, found = descend(
        problem.loss_and_gradient(problem.voxels(32)),
        problem.search_space,
        start,
        learning_rate=0.08,
        parts=[(60, 1.0)],
        meter=Meter(Settings()),
    )
    delays = found.delay[0].tolist()
    assert math.isclose(*delays, rel_tol=1e-9)
    assert delays[0] < 0.05
    assert float(loss[0]) < 0.5 * float(problem.loss(start[0], problem.voxels(32)))
