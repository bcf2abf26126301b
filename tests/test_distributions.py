import pytest
import torch
from scipy import stats

from sequence_search.distributions import Normal, Uniform

PROBABILITY = torch.linspace(0.01, 0.99, 25, dtype=torch.float64)


@pytest.mark.parametrize(
    ("distribution", "reference"),
    [(Normal(2.0, 0.5), stats.norm(2.0, 0.5)), (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0))],
)
def test_quantile_matches_scipy(distribution, reference):
    expected = torch.from_numpy(reference.ppf(PROBABILITY.numpy()))
    torch.testing.assert_close(distribution.quantile(PROBABILITY), expected)


def test_quantile_is_finite_at_both_ends():
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    low, high = Normal(0.0, 1.0).quantile(ends)
    assert torch.isfinite(low)
    assert torch.isfinite(high)
    assert low < -6 < 6 < high


def test_a_constant_has_one_value_also_if_infinite():
    assert Normal(3.0).quantile(PROBABILITY).unique().tolist() == [3.0]
    assert Normal(float("inf")).quantile(PROBABILITY).isinf().all()


def test_centre():
    assert Normal(2.0, 0.5).centre == 2.0
    assert Uniform(-1.0, 3.0).centre == 1.0
