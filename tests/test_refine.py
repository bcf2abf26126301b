import math

import pytest
import torch

from sequence_search.problem import Problem
from sequence_search.search.refine import descend, polish, random_sequences
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("max-signal")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_random_sequences_fill_the_search_space():
    space = SearchSpace(flip_range=(0.5, 2.0), min_rf_delay=0.01)
    drawn = random_sequences(space, 5000, generator())
    assert drawn.n_rf.bincount().tolist()[1:] == pytest.approx([1000] * 5, rel=0.15)
    assert 0.5 <= drawn.flip_angle.min() < 0.51
    assert 1.99 < drawn.flip_angle.max() <= 2.0
    assert drawn.phase.abs().max() <= math.pi
    assert 0.01 <= drawn.delay.min() < 0.0101
    assert 0.98 < drawn.delay.max() <= 1.0


def test_random_sequences_repeat():
    space = SearchSpace()
    first, again, other = (random_sequences(space, 3, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.delay, again.delay)
    assert not torch.equal(first.delay, other.delay)


def test_descent_lowers_every_loss_within_the_bounds():
    start = random_sequences(PROBLEM.search_space, 16, generator())
    steps = descend(PROBLEM, start, PROBLEM.voxels(16), engine="auto", learning_rate=0.02)
    losses, sequences = zip(*(next(steps) for _ in range(60)), strict=True)
    assert (losses[-1] < losses[0]).all()
    assert all(sequence.delay.min() >= 0.0062 * (1 - 1e-12) for sequence in sequences)
    torch.testing.assert_close(PROBLEM.loss(sequences[-1], PROBLEM.voxels(16)), losses[-1])


def test_polish_reaches_the_known_two_pulse_optimum():
    start = Sequence.from_degrees_ms([75, 150], [20, 170], [9, 8])
    loss, best = polish(PROBLEM, start, PROBLEM.voxels(128), engine="auto")
    found = best.standardize_phases().to_dict()
    assert found["flip_deg"] == pytest.approx([88.6, 177.1], abs=1)
    assert found["phase_deg"] == pytest.approx([0, 180], abs=1)
    assert found["delay_ms"] == pytest.approx([6.2, 6.2], rel=1e-6)
    assert loss == pytest.approx(float(PROBLEM.loss(best, PROBLEM.voxels(128))))
    assert loss < 0.0116
