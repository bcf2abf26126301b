import numpy as np
import pytest

from sequence_search import Normal, Uniform
from sequence_search.preview.fields import drawn_field

SIDE = np.linspace(-1, 1, 40)
HEAD = SIDE[:, None, None] ** 2 + SIDE[:, None] ** 2 + SIDE**2 < 1
POINTS = np.argwhere(HEAD)


def field(distribution, points=POINTS, seed=(0,), **how):
    return drawn_field(distribution, HEAD, np.full(3, 4.0), points, seed, **how)


@pytest.mark.parametrize("distribution", [Uniform(-50, 50), Normal(10, 20)])
def test_values_are_as_often_there_as_the_distribution_says(distribution):
    share = np.linspace(0.05, 0.95, 19)
    found = np.quantile(field(distribution), share)
    if isinstance(distribution, Uniform):
        assert found == pytest.approx(-50 + 100 * share, abs=1.0)
    else:
        from scipy.stats import norm

        assert found == pytest.approx(norm(10, 20).ppf(share), abs=0.5)


def test_a_constant_is_one():
    assert field(Normal(3.0)) == pytest.approx(3.0)


def test_it_is_smooth():
    volume = np.full(HEAD.shape, np.nan)
    volume[HEAD] = field(Uniform(-50, 50))
    assert np.nanmedian(np.abs(np.diff(volume, axis=0))) < 4  # of 100 Hz, over 4 of 160 mm


def test_it_depends_on_the_seed_and_not_on_which_points_are_asked_for():
    some = field(Uniform(0, 1), POINTS[500:600])
    assert some == pytest.approx(field(Uniform(0, 1))[500:600], abs=1e-12)
    assert np.abs(some - field(Uniform(0, 1), POINTS[500:600], seed=(1,))).max() > 0.1


def test_a_central_field_falls_from_the_middle():
    fallen = field(Uniform(0, 1), central=100.0)
    radius = np.linalg.norm(POINTS - 19.5, axis=1)
    assert np.corrcoef(fallen, radius)[0, 1] < -0.85


def test_a_single_slice_has_one_too():
    flat = HEAD[:, :, 20:21]
    found = drawn_field(Uniform(0, 1), flat, np.full(3, 4.0), np.argwhere(flat), (0,))
    assert found.std() == pytest.approx(1 / np.sqrt(12), abs=0.01)
