import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sequence_search.means import mean_of_worst, weighted_mean

GENERATOR = torch.Generator().manual_seed(3)
VALUES = torch.randn(4, 30, generator=GENERATOR, dtype=torch.float64)
WEIGHT = torch.rand(30, generator=GENERATOR, dtype=torch.float64)


def by_sorting(values, weight, share):
    """Take voxels from the worst on until their weight is that share of all, the last in part."""
    left, total = share * sum(weight), 0.0
    for value, own in sorted(zip(values, weight, strict=True), reverse=True):
        total += value * min(own, left)
        left -= min(own, left)
    return total / (share * sum(weight))


@pytest.mark.parametrize("share", [1e-6, 0.01, 0.05, 0.37, 0.5, 0.999, 1.0])
def test_it_is_the_mean_of_the_worst_by_sorting(share):
    expected = [by_sorting(row, WEIGHT.tolist(), share) for row in VALUES.tolist()]
    assert mean_of_worst(VALUES, WEIGHT, share).tolist() == pytest.approx(expected, rel=1e-12)


def test_the_voxel_at_the_boundary_counts_in_part():
    values, weight = torch.tensor([1.0, 5.0, 3.0, 2.0]).double(), torch.ones(4).double()
    assert float(mean_of_worst(values, weight, 0.25)) == 5
    assert float(mean_of_worst(values, weight, 0.375)) == pytest.approx((5 + 0.5 * 3) / 1.5)


@given(share=st.floats(0.01, 1.0))
def test_it_is_the_least_over_thresholds_that_defines_it(share):
    """Rockafellar & Uryasev: least over t of t + mean of max(value - t, 0) / share, at a value."""
    row = VALUES[0]
    bounds = [float(t + weighted_mean((row - t).clamp(min=0), WEIGHT) / share) for t in row]
    assert float(mean_of_worst(row, WEIGHT, share)) == pytest.approx(min(bounds), rel=1e-12)


def test_a_share_of_nearly_all_meets_the_plain_mean():
    torch.testing.assert_close(
        mean_of_worst(VALUES, WEIGHT, 1 - 1e-15), weighted_mean(VALUES, WEIGHT), rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("share", [0.05, 0.4, 1.0])
def test_its_gradient_is_exact(share):
    leaves = VALUES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: mean_of_worst(values, WEIGHT, share), leaves)


def test_voxels_without_weight_do_not_count_and_what_is_no_number_shows():
    weight = WEIGHT * (torch.arange(30) < 20)
    torch.testing.assert_close(
        mean_of_worst(VALUES, weight, 0.1), mean_of_worst(VALUES[:, :20], WEIGHT[:20], 0.1)
    )
    values = VALUES.clone()
    values[1, 7] = math.nan
    assert mean_of_worst(values, WEIGHT, 0.1).isnan().tolist() == [False, True, False, False]
