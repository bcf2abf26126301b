import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.engines.simulation import simulate
from sequence_search.sequence import Sequence
from sequence_search.tissue import Imaging, Normal, Tissue, Uniform
from sequence_search.voxels import (
    Voxels,
    clipped_share,
    grid_voxels,
    more_and_less,
    random_voxels,
    sobol_voxels,
)

PROPERTIES = ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")


def test_random_voxels_have_the_stated_moments(gm, wm, imaging):
    voxels = random_voxels((gm, wm), imaging, 100_000)
    assert len(voxels) == 100_000
    assert 0.49 < voxels.tissue.double().mean() < 0.51
    grey = voxels.of_tissues((0,))
    for name in ("m0", "t1", "t2", "t2_prime"):
        stated = getattr(gm, name)
        assert float(getattr(grey, name).mean()) == pytest.approx(
            stated.mean, abs=5 * stated.sd / 50_000**0.5
        )
        assert float(getattr(grey, name).std()) == pytest.approx(stated.sd, rel=0.02)
    assert 0.8 <= voxels.b1.min() < 0.801
    assert 1.199 < voxels.b1.max() <= 1.2
    assert -50 <= voxels.b0.min() < -49.9
    assert voxels.spread.unique().tolist() == [30.0]


def test_sobol_means_are_far_closer_than_random_ones(gm, imaging):
    voxels = sobol_voxels((gm,), imaging, 1024)
    for name in ("m0", "t1", "t2", "t2_prime"):
        stated = getattr(gm, name)
        # Random draws would miss by sd / 32.
        assert abs(float(getattr(voxels, name).mean()) - stated.mean) < stated.sd / 1000


def test_sobol_shares_its_draws_between_tissues(gm, wm, imaging):
    voxels = sobol_voxels((gm, wm), imaging, 64)
    first, second = voxels.of_tissues((0,)), voxels.of_tissues((1,))
    assert torch.equal(first.b1, second.b1)
    assert torch.equal(first.b0, second.b0)
    quantile = [(v.t2 - t.t2.mean) / t.t2.sd for v, t in ((first, gm), (second, wm))]
    torch.testing.assert_close(*quantile)


@pytest.mark.parametrize("sample", [sobol_voxels, random_voxels])
def test_samples_repeat_and_seeds_differ(sample, gm, imaging):
    first, again, other = (sample((gm,), imaging, 16, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.b1, again.b1)
    assert not torch.equal(first.b1, other.b1)


@pytest.mark.parametrize("sample", [sobol_voxels, random_voxels])
def test_sampling_leaves_the_global_generator_alone(sample, gm, imaging):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    sample((gm,), imaging, 16)
    assert torch.equal(before, torch.get_rng_state())


def test_unphysical_draws_are_clipped_and_their_share_is_known(imaging):
    wide = Tissue("wide", Normal(1.0), Normal(1.0), Normal(0.1), Normal(0.1, 0.05))
    voxels = random_voxels((wide,), imaging, 20_000)
    assert float(voxels.t2_prime.min()) == pytest.approx(0.001)
    clipped = float((voxels.t2_prime <= 0.001 * (1 + 1e-9)).double().mean())
    assert clipped == pytest.approx(clipped_share(wide)["t2_prime"], abs=0.005)
    assert clipped > 0.02


def test_transmit_field_is_not_negative(gm):
    imaging = Imaging(b1=Normal(0.1, 0.05), b0=Uniform(0.0, 0.0), spread=Normal(0.0))
    assert random_voxels((gm,), imaging, 1000).b1.min() == 0


def test_a_frequency_of_a_tissue_is_added_to_that_of_the_voxel(gm, wm, imaging):
    fat = replace(wm, b0=-440.0)
    for sample in (sobol_voxels, random_voxels):
        plain, shifted = sample((gm, wm), imaging, 64), sample((gm, fat), imaging, 64)
        torch.testing.assert_close(shifted.b0, plain.b0 - 440.0 * plain.tissue)
        assert torch.equal(shifted.t2, plain.t2)
    grid = grid_voxels((gm, fat), imaging, b0=torch.tensor([-10.0, 10.0]), b1=torch.ones(1))
    assert grid.b0.tolist() == [-10, 10, -450, -430]


def test_a_frequency_of_a_tissue_that_varies_is_independent_of_the_voxel(gm, imaging):
    fat = replace(gm, b0=Uniform(-450.0, -430.0))
    voxels = sobol_voxels((fat,), replace(imaging, b0=Normal(0.0)), 256)
    assert -450 <= voxels.b0.min() < -449
    assert -431 < voxels.b0.max() <= -430
    for other in ("b1", "t2"):
        both = torch.stack((voxels.b0, getattr(voxels, other)))
        assert abs(float(torch.corrcoef(both)[0, 1])) < 0.05


def test_times_without_end_stay_so(imaging):
    water = Tissue("water", 1.0, math.inf, math.inf, math.inf)
    for voxels in (sobol_voxels((water,), imaging, 4), random_voxels((water,), imaging, 4)):
        assert torch.stack((voxels.t1, voxels.t2, voxels.t2_prime)).isposinf().all()


def test_a_grid_of_one_point_has_the_nominal_tissues(gm, wm, imaging):
    voxels = grid_voxels((gm, wm), imaging, b0=[0.0], b1=[1.0])
    assert voxels.tissue.tolist() == [0, 1]
    assert voxels.t1.tolist() == [1.331, 0.832]
    assert voxels.b1.tolist() == [1, 1]
    assert voxels.b0.tolist() == [0, 0]
    assert voxels.spread.tolist() == [30, 30]


def test_grid_has_b1_fastest(gm, wm, imaging):
    voxels = grid_voxels((gm, wm), imaging, b0=torch.tensor([-10.0, 10.0]), b1=torch.tensor([0.8, 1.0, 1.2]))
    assert len(voxels) == 12
    assert voxels.tissue.tolist() == [0] * 6 + [1] * 6
    torch.testing.assert_close(voxels.b1[:3], torch.tensor([0.8, 1.0, 1.2]).double())
    assert voxels.b0[:6].tolist() == [-10] * 3 + [10] * 3


def test_real_properties_change_their_dtype(gm, imaging):
    assert sobol_voxels((gm,), imaging, 4).t1.dtype == torch.float64
    converted = sobol_voxels((gm,), imaging, 4).to(dtype=torch.float32)
    assert converted.b0.dtype == torch.float32
    assert converted.tissue.dtype == torch.int64


def test_every_distribution_reaches_its_property(gm, imaging):
    for name in PROPERTIES:
        changed = {name: Normal(0.5)}
        if name in ("m0", "t1", "t2", "t2_prime"):
            parts = {each: getattr(gm, each) for each in ("name", "m0", "t1", "t2", "t2_prime")}
            voxels = sobol_voxels((Tissue(**{**parts, **changed}),), imaging, 8)
        else:
            parts = {each: getattr(imaging, each) for each in ("b1", "b0", "spread")}
            voxels = sobol_voxels((gm,), Imaging(**{**parts, **changed}), 8)
        assert getattr(voxels, name).unique().tolist() == [0.5]


@pytest.mark.parametrize("sample", [sobol_voxels, random_voxels])
def test_no_voxels_are_refused(sample, gm, imaging):
    with pytest.raises(ValueError, match="at least 1 voxel"):
        sample((gm,), imaging, 0)


def test_numbers_stand_for_all_voxels_and_have_defaults():
    t2 = torch.tensor([0.05, 0.1], dtype=torch.float32, requires_grad=True)
    voxels = Voxels(t2=t2, b0=10.0)
    assert len(voxels) == 2
    assert voxels.b0.tolist() == [10, 10]
    assert voxels.m0.tolist() == voxels.b1.tolist() == voxels.weight.tolist() == [1, 1]
    assert voxels.t1.tolist() == voxels.t2_prime.tolist() == [math.inf] * 2
    assert voxels.tissue.tolist() == [0, 0]
    assert voxels.spread.dtype == torch.float32
    assert len(Voxels()) == 1
    assert repr(voxels) == "<Voxels: 2 of tissues [0]>"
    echo = Sequence.from_degrees_ms([90, 180], [0, 90], [10, 10])
    (slope,) = torch.autograd.grad(simulate(echo, voxels).abs().sum(), t2)
    torch.testing.assert_close(slope, (0.02 / t2**2 * torch.exp(-0.02 / t2)).detach(), atol=1e-4, rtol=1e-4)


def test_lists_and_arrays_are_taken_as_tensors():
    made = Voxels(t1=[1.0, 2.0], t2=np.array([0.1, 0.2]), tissue=[0, 1])
    assert made.t1.dtype == made.t2.dtype == made.b0.dtype == torch.float64
    assert made.t2.tolist() == [0.1, 0.2]
    assert made.tissue.tolist() == [0, 1]


def test_more_and_less_of_a_property_and_of_no_other():
    voxels = Voxels(m0=[1.0, 0.8], t2=[0.1, math.inf])
    both = more_and_less(voxels, "t2", math.log(2))
    assert both.t2.tolist() == pytest.approx([0.2, math.inf, 0.05, math.inf])
    assert both.m0.tolist() == [1.0, 0.8, 1.0, 0.8]
