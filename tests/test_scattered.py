import math

import pytest
import torch

from conftest import make_voxels, random_brain_voxels
from sequence_search.engines.isochromats import Isochromats
from sequence_search.engines.scattered import scattered
from sequence_search.engines.simulation import simulate
from sequence_search.engines.steps import play
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

OBJECTIVE = Problem.load("gm-wm").objective
N_SPINS = 256
# Read after an echo and after none; the third is the first with another delay, so that how they vary together
# is how a derivative does.
SEQUENCES = Sequence.from_degrees_ms(
    [[170, 88, 160], [20, 60, 120], [170, 88, 160]],
    [[0, 90, 10], [0, 40, 0], [0, 90, 10]],
    [[40, 6, 9], [40, 6, 9], [40, 6, 10]],
)
GM = {"t1": 1.3, "t2": 0.11, "t2_prime": 0.05, "spread": 30.0, "b0": 20.0, "b1": 0.9, "m0": 0.8}


def brute_force(voxels, scatter, generator):
    """Signals [3, n_voxels] of 256 spins in each voxel."""
    shape = (len(voxels), N_SPINS)
    frequency = torch.rand(shape, generator=generator, dtype=torch.float64) - 0.5
    place = torch.rand(shape, generator=generator, dtype=torch.float64)
    if scatter == "even":
        place = torch.linspace(0, 1, N_SPINS, dtype=torch.float64).expand(shape)
    offsets = torch.tan(math.pi * frequency) / (2 * math.pi * voxels.t2_prime[:, None])
    offsets = offsets + voxels.spread[:, None] * (2 * place - 1)
    return voxels.m0 * play(Isochromats(voxels, offsets), SEQUENCES)[0]


def moments(signal):
    """Mean of real and imaginary parts over the voxels, their errors, and their covariance."""
    parts = torch.view_as_real(signal.T).flatten(1).T
    covariance = parts.cov()
    return parts.mean(-1), (covariance.diagonal() / parts.shape[-1]).sqrt(), covariance


@pytest.mark.parametrize("scatter", ["independent", "even"])
def test_signals_have_the_mean_and_covariance_of_those_of_256_spins(scatter):
    generator = torch.Generator().manual_seed(1)
    many = make_voxels(20_000, **GM)
    mean, error, covariance = moments(scattered(many, OBJECTIVE, scatter, generator).signal(SEQUENCES))
    exact = torch.view_as_real(simulate(SEQUENCES, many[:1])).flatten()
    assert ((mean - exact).abs() < 4 * error).all()
    wanted = moments(brute_force(many[:1500], scatter, generator))[2]
    size = wanted.diagonal().sqrt()
    # Of 1,500 draws a variance is known to 4 %.
    torch.testing.assert_close(
        covariance / size / size[:, None], wanted / size / size[:, None], rtol=0, atol=0.12
    )


def test_evenly_placed_spins_scatter_less():
    of_each = []
    for scatter in ("independent", "even"):
        simulator = scattered(make_voxels(2000, **GM), OBJECTIVE, scatter, torch.Generator().manual_seed(0))
        of_each.append(moments(simulator.signal(SEQUENCES))[2].trace())
    assert of_each[1] < 0.7 * of_each[0]


@pytest.mark.parametrize("scatter", ["independent", "even"])
def test_the_gradient_is_that_of_the_loss_of_the_same_draw(scatter):
    voxels = random_brain_voxels(30, spread=20.0)
    simulator = scattered(voxels, OBJECTIVE, scatter, torch.Generator().manual_seed(2))
    loss, gradient = simulator.loss_and_gradient(SEQUENCES)
    torch.testing.assert_close(loss, simulator.loss(SEQUENCES))
    for name, step in (("flip_angle", 1e-5), ("phase", 1e-5), ("delay", 1e-7)):
        part = getattr(SEQUENCES, name)
        change = torch.zeros_like(part)
        change[:, 1] = step
        high, low = (simulator.loss(SEQUENCES.with_columns({name: part + sign * change})) for sign in (1, -1))
        slope = getattr(gradient, name)[:, 1]
        torch.testing.assert_close((high - low) / (2 * step), slope, rtol=1e-5, atol=1e-8)


def test_another_draw_is_another_loss():
    voxels = random_brain_voxels(30, spread=20.0)
    generator = torch.Generator().manual_seed(2)
    first, second = (scattered(voxels, OBJECTIVE, "independent", generator).loss(SEQUENCES) for _ in range(2))
    assert (first != second).all()
