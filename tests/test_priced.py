import math

import pytest
import torch

from limit_cases import limited
from sequence_search.sequence import Sequence
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.priced import SOFT, price

# An inversion recovery spin echo, and one of other times and flip angles.
PAIR = Sequence.from_degrees_ms(
    [[180, 90, 180], [170, 100, 150]], [[0, 0, 90], [10, 0, 80]], [[2700, 15, 15], [80, 10, 30]]
)


def test_the_price_is_the_logarithm_of_the_miss_and_square_near_the_bound():
    problem = limited("[limits]\nrelative_rf_energy = 1.75\n")
    measured = problem.measures(problem.voxels(1))
    missed = 1.8 / 1.75  # 180, 90 and 180 degrees have 1.8
    assert 0 < math.log(missed) < SOFT
    value, _ = price(measured, 3.0, PAIR)
    assert float(value[0]) == pytest.approx(3 * math.log(missed) ** 2 / (2 * SOFT))
    assert float(value[1]) == 0
    far = limited("[limits]\ntime_to_readout_ms = 300\n")
    value, _ = price(far.measures(far.voxels(1)), 1.0, PAIR)
    assert value.tolist() == pytest.approx([math.log(2730 / 300) - SOFT / 2, 0])


def test_its_derivatives_are_those_of_finite_differences():
    problem = limited(
        "[limits]\nte_ms = { low = 50 }\nti_ms = 60\nrelative_rf_energy = 1.2\n"
        "[limits.signal.GM]\nmean = 0.1\n"
    )
    paid = Limited(problem, "auto").price_of(problem.voxels(8))
    _, slope = paid(PAIR)
    for name, part in PAIR.columns().items():
        for place in range(3):
            step = torch.zeros_like(part)
            step[:, place] = 1e-6
            high, low = (paid(PAIR.with_columns({name: part + sign * step}))[0] for sign in (1, -1))
            torch.testing.assert_close(
                slope.columns()[name][:, place], (high - low) / 2e-6, rtol=1e-4, atol=1e-5
            )


def test_without_limits_there_is_none():
    problem = limited()
    assert Limited(problem, "auto").price_of(problem.voxels(1)) is None
