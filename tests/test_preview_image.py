import math

import numpy as np
import pytest

from sequence_search import Problem, Sequence, Voxels
from sequence_search.preview import Anatomy, Slice, image, rician
from sequence_search.preview.measures import contrasts, noise, tissue_signals

SHAPE = (3, 4, 2)
PROBLEM = Problem.load("csf-null-w1")
INVERSION = Sequence.from_degrees_ms([170, 80, 170], [0, 40, 10], [1200, 9, 11])
GM, WM, CSF = (np.full(SHAPE, value) for value in (0.3, 0.5, 0.2))


def head(gm=GM, wm=WM, csf=CSF, b0=20.0, b1=0.9):
    maps = {"GM": gm, "WM": wm, "CSF": csf}
    return Anatomy(np.eye(4), maps, b0=np.full(SHAPE, b0), b1=np.full(SHAPE, b1))


def of_tissue(index, sequence=INVERSION, b0=20.0, b1=0.9):
    voxels = PROBLEM.voxel_grid(b0=[b0], b1=[b1]).of_tissues((index,))
    return complex(PROBLEM.simulator(voxels).signal(sequence)[0])


def test_a_voxel_of_one_tissue_has_the_signal_of_the_engine():
    nothing, all_of_it = np.zeros(SHAPE), np.ones(SHAPE)
    found = image(INVERSION, PROBLEM, head(nothing, all_of_it, nothing)).signal
    assert found.shape == (1, *SHAPE)
    assert np.abs(found - of_tissue(1)).max() < 1e-14


def test_the_tissues_of_a_voxel_add_up_with_their_phases():
    found = image(INVERSION, PROBLEM, head()).signal
    parts = [0.3 * of_tissue(0), 0.5 * of_tissue(1), 0.2 * of_tissue(2)]
    assert np.abs(found - sum(parts)).max() < 1e-14
    assert abs(sum(parts)) < 0.99 * sum(map(abs, parts))  # some are inverted still


def test_only_the_slices_asked_for_and_what_is_inside_are_simulated():
    gm = GM.copy()
    gm[0] = 0
    anatomy = Anatomy(np.eye(4), {"GM": gm, "WM": 0 * gm, "CSF": 0 * gm})
    found = image(INVERSION, PROBLEM, anatomy, slices=[Slice("axial", 1)])
    assert found.where.sum() == 2 * 4
    assert (found.signal[0] != 0).tolist() == found.where.tolist()
    whole = image(INVERSION, PROBLEM, anatomy)
    assert found.signal[..., 1] == pytest.approx(whole.signal[..., 1], abs=1e-9)


def test_fields_that_are_not_given_are_drawn_by_seed_within_the_ranges_of_the_problem():
    anatomy = Anatomy(np.diag([30.0, 30, 30, 1]), {"GM": GM, "WM": WM, "CSF": CSF})
    one, other = (image(INVERSION, PROBLEM, anatomy, seed=seed) for seed in (0, 1))
    assert np.abs(one.b0).max() <= 50
    assert np.ptp(one.b0) > 50
    assert 0.8 <= one.b1.min() < 0.85
    assert 1.15 < one.b1.max() <= 1.2
    assert np.abs(one.b1 - other.b1).max() > 0.05
    assert np.abs(one.values - other.values).max() > 1e-3


def test_maps_of_relaxation_times_are_played_voxel_by_voxel():
    rng = np.random.default_rng(0)
    t1 = rng.uniform(0.5, 3, SHAPE)
    properties = {"m0": rng.uniform(0.5, 1, SHAPE), "t1": t1, "t2": t1 / 10, "t2_prime": t1 / 5}
    anatomy = Anatomy(np.eye(4), properties=properties, b0=np.full(SHAPE, 7.0), b1=np.full(SHAPE, 1.1))
    found = image(INVERSION, PROBLEM, anatomy).signal[0]
    at = (2, 1, 0)
    one = Voxels(**{name: [float(part[at])] for name, part in properties.items()}, b0=7, b1=1.1, spread=30)
    assert found[at] == pytest.approx(complex(PROBLEM.simulator(one).signal(INVERSION)[0]), abs=1e-14)
    without = Anatomy(
        np.eye(4), properties={name: properties[name] for name in ("m0", "t1", "t2")}, b1=anatomy.b1
    )
    assert not tissue_signals(image(INVERSION, PROBLEM, without))


def test_noise_is_that_of_magnitudes():
    """Of a strong signal s: mean s + sigma²/2s, sd sigma. Of none: Rayleigh, mean sigma sqrt(pi/2)."""
    generator, sigma = np.random.default_rng(0), 0.02
    strong = rician(np.full(200_000, 1j), sigma, generator)
    assert strong.mean() == pytest.approx(1 + sigma**2 / 2, abs=3 * sigma / math.sqrt(200_000))
    assert strong.std() == pytest.approx(sigma, rel=0.01)
    empty = rician(np.zeros(200_000, complex), sigma, generator)
    assert empty.mean() == pytest.approx(sigma * math.sqrt(math.pi / 2), rel=0.01)
    assert rician(np.full(3, 3 + 4j), 0.0, generator) == pytest.approx(5)


def test_magnitude_of_a_volume_has_the_noise_of_its_seed():
    made = image(INVERSION, PROBLEM, head())
    assert made.magnitude().dtype == np.float32
    assert made.magnitude() == pytest.approx(np.abs(made.signal[0]), rel=1e-6)
    assert (made.magnitude(0.1, 1) == made.magnitude(0.1, 1)).all()
    assert (made.magnitude(0.1, 1) != made.magnitude(0.1, 2)).all()


def test_numbers_are_of_voxels_of_nine_tenths():
    wm = np.zeros(SHAPE)
    wm[0], wm[1] = 0.95, 0.5
    made = image(INVERSION, PROBLEM, head(1 - wm, wm, 0 * wm))
    grey, white = tissue_signals(made)
    assert (grey.tissue, grey.n_voxels) == ("GM", 8)
    assert grey.mean == pytest.approx(abs(of_tissue(0)))
    assert grey.sd == pytest.approx(0, abs=1e-12)
    assert white.mean == pytest.approx(abs(0.95 * of_tissue(1) + 0.05 * of_tissue(0)))
    assert contrasts([grey, white]) == {"GM-WM": pytest.approx(grey.mean - white.mean)}
    sigma, tissue = noise(made, 50.0)
    brightest = max((grey, white), key=lambda each: each.mean)
    assert (sigma, tissue) == (pytest.approx(brightest.mean / 50), brightest.tissue)
    assert noise(made, 50.0, "GM") == (pytest.approx(grey.mean / 50), "GM")
    with pytest.raises(ValueError, match="no voxel shown is nine tenths of CSF; of these some are: GM, WM"):
        noise(made, 50.0, "CSF")
