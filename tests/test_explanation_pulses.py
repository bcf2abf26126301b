import math

import pytest
import torch

from explanation_cases import make_problem, play
from limit_cases import TAIL, limited
from sequence_search.explanation.pulses import pulse_worths, starts_without

NONE_GIVEN = torch.zeros(3, dtype=torch.bool)
TISSUES = {"GM": (1.3, 0.1)}


def test_a_refocusing_pulse_buys_what_dephases_without_it():
    # Without it: (1 - |S|)² of a free decay over the shortest delay, with |S| = exp(-t/T2*) sinc(2 spread t).
    problem = make_problem(TISSUES, min_rf_delay=6e-3)
    first, second = pulse_worths(problem, play([90, 180], [0, 90], [6, 6]))
    decay = math.exp(-6e-3 / 0.1 - 6e-3 / 0.1) * math.sin(0.36 * math.pi) / (0.36 * math.pi)
    echo = math.exp(-12e-3 / 0.1)
    assert second.loss_without == pytest.approx((1 - decay) ** 2, abs=1e-6)
    assert second.buys == pytest.approx((1 - decay) ** 2 - (1 - echo) ** 2, abs=1e-6)
    # Just left out it leaves the decay over both delays, 12 ms.
    joined = math.exp(-0.24) * math.sin(0.72 * math.pi) / (0.72 * math.pi)
    assert second.loss_left_out == pytest.approx((1 - joined) ** 2)
    assert first.loss_without == pytest.approx(second.loss_without, abs=1e-6)
    assert (first.pulse, second.pulse) == (0, 1)
    assert second.flip_angle == pytest.approx(math.pi)
    assert float(second.sequence_without.flip_angle) == pytest.approx(math.pi / 2, abs=1e-3)


def test_a_pulse_that_does_nothing_is_a_loss_by_its_cost():
    problem = make_problem(TISSUES, ("signal", 1.0, (0,)), ("rf_number", 0.01, ()), min_rf_delay=6e-3)
    idle, *_ = pulse_worths(problem, play([0, 90, 180], [0, 0, 90], [100, 6, 6]))
    assert idle.buys == pytest.approx(-0.01, abs=2e-4)
    assert len(idle.sequence_without.delay) == 2


def test_a_design_is_polished_as_the_rest_is():
    problem = make_problem(TISSUES, min_rf_delay=6e-3)
    best, worse = (pulse_worths(problem, play([flip, 180], [0, 90], [6, 6]))[1] for flip in (90, 70))
    assert worse.buys == pytest.approx(best.buys, abs=1e-6)
    assert worse.loss_with == pytest.approx(best.loss_with, abs=1e-6)
    assert worse.loss_left_out > best.loss_left_out


def test_starts_join_the_delays_or_leave_one_out():
    starts = starts_without(play([90, 180, 170], [0, 90, 30], [10, 25, 13]), 1, NONE_GIVEN)
    assert starts.delay[:3, 0].tolist() == pytest.approx([0.035, 0.010, 0.025])
    assert starts.delay[:, 1].tolist() == pytest.approx([0.013] * len(starts.delay))
    assert torch.rad2deg(starts.flip_angle[0]).tolist() == pytest.approx([90, 170])
    assert torch.rad2deg(starts.phase[2]).tolist() == pytest.approx([0, 30])
    assert len(starts.phase[:, 1].unique()) > len(starts.delay) // 2
    of_first = starts_without(play([90, 180, 170], [0, 90, 30], [10, 25, 13]), 0, NONE_GIVEN)
    assert of_first.delay[0].tolist() == pytest.approx([0.025, 0.013])


def test_nothing_is_left_without_the_only_pulse():
    assert pulse_worths(make_problem(TISSUES), play([90], [0], [6.2])) == ()


def test_pulses_that_are_given_stay():
    problem = limited(TAIL)
    sequence = problem.limits.frame.complete(play([180], [0], [800]))
    (worth,) = pulse_worths(problem, sequence)
    assert worth.pulse == 0
    assert worth.sequence_without is not None
    assert worth.sequence_without.to_dict()["delay_ms"] == pytest.approx([15, 15])
    given = torch.tensor([True, False, True])
    starts = starts_without(play([90, 180, 170], [0, 90, 30], [10, 25, 13]), 1, given)
    for column in starts.columns().values():
        assert (column == column[0]).all()
    assert starts.delay[0].tolist() == pytest.approx([0.010, 0.013])


def test_a_rest_beyond_the_limits_is_none():
    problem = limited("[limits]\nn_rf = { low = 2, high = 3 }\n")
    for worth in pulse_worths(problem, play([90, 180], [0, 90], [6.2, 6.2])):
        assert worth.loss_left_out > 0
        assert (worth.loss_without, worth.buys, worth.sequence_without) == (None, None, None)
