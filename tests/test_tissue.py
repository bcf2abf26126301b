import math

import pytest
import torch
from scipy import stats

from sequence_search.tissue import Imaging, Normal, Tissue, Uniform

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


def test_a_plain_number_is_a_constant():
    assert Tissue("GM", 1, 1.331, 0.11, math.inf) == Tissue(
        "GM", Normal(1.0), Normal(1.331), Normal(0.11), Normal(math.inf), Normal(0.0)
    )
    assert Imaging(1, 0, 30.0) == Imaging(Normal(1.0), Normal(0.0), Normal(30.0))


def test_the_limits_of_textbooks_are_allowed():
    water = Tissue("water", 1.0, math.inf, math.inf, math.inf)
    assert water.t1.centre == water.t2.centre == math.inf


GREY = {"m0": 0.8, "t1": 1.331, "t2": 0.11, "t2_prime": 0.17}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t1": 1331}, "t1 must lie between 0.001 s and 100 s or be inf, got 1331 s"),
        ({"t1": -1}, "t1 must lie between 0.001 s and 100 s or be inf, got -1 s"),
        ({"t1": math.nan}, "t1 must be a number, got nan"),
        ({"t2": "0.1"}, "t2 must be a number, got '0.1'"),
        ({"m0": True}, "m0 must be a number, got True"),
        ({"t1": 0.05}, "t2 must not exceed twice t1, got 0.11 s and 0.05 s"),
        ({"t2": math.inf}, "t2 must not exceed twice t1, got inf s and 1.331 s"),
        ({"t2": Uniform(0.1, 90.0)}, "t2 must not exceed twice t1, got 90 s"),
        ({"t1": Normal(1.331, 0.8)}, r"t1: sd must be at most half of the mean \(1.331 s\), got 0.8 s"),
        ({"t2_prime": 0}, "t2_prime must lie between 1e-05 s and inf s, got 0 s"),
        ({"m0": Uniform(-1, 1)}, r"m0 must lie between 0 and 1000 \(arbitrary units\), got -1"),
        ({"b0": Normal(0, 1e9)}, "b0 must lie between -100000 Hz and 100000 Hz, got -1e.09 Hz"),
        ({"name": 5}, "the name of a tissue must be a text that is not empty, got 5"),
        ({"name": " "}, "the name of a tissue must be a text that is not empty"),
    ],
)
def test_a_tissue_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Tissue(**{"name": "GM", **GREY, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b1": 80}, r"b1 must lie between 0 and 5 \(relative to nominal, which is 1\), got 80"),
        ({"b0": math.inf}, "b0 must lie between -100000 Hz and 100000 Hz, got inf Hz"),
        ({"spread": -1}, "spread must lie between 0 Hz and 100000 Hz"),
    ],
)
def test_imaging_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Imaging(**{"b1": 1, "b0": 0, "spread": 30, **change})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(1.0, -1.0), "sd must be at least 0, got -1"),
        (lambda: Normal(math.inf, 1.0), "sd must be 0 where the mean is infinite"),
        (lambda: Normal(math.nan), "mean must be a number, got nan"),
        (lambda: Uniform(1.0, 0.0), "low must not exceed high, both finite, got 1 and 0"),
        (lambda: Uniform(0.0, math.inf), "low must not exceed high, both finite"),
    ],
)
def test_distributions_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
