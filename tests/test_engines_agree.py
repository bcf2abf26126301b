"""Engines against many spins, each rotated by itself, on random layouts; gradients against differences."""

import numpy as np
import pytest
import torch

from random_layouts import N_CASES, random_case, signal_of_spins
from sequence_search.engines import fused
from sequence_search.engines.kernel import table_run
from sequence_search.engines.simulator import simulate
from sequence_search.layout import Layout
from sequence_search.sequence import Sequence

FEW = pytest.param(range(20), 2**12, id="few")
ALL = pytest.param(range(N_CASES), 2**14, id="all", marks=pytest.mark.slow)
STEP = 1e-5  # rad; of delays in 1 / (2 pi 30 Hz)


def numbers_of(batch):
    """Layout, and flip angles, phases and delays as arrays."""
    layout = batch.layout or Layout.plain(batch.flip_angle.shape[-1])
    return layout, tuple(part.numpy() for part in batch.columns().values())


def signal_of_configurations(batch, voxels):
    return simulate(batch, voxels, "configurations").reshape(len(batch.delay), -1, len(voxels)).numpy()


def signal_of_kernel(batch, voxels):
    layout, numbers = numbers_of(batch)
    return table_run.forward(numbers, layout, fused.arrange(voxels), 1)


def gradient_of_configurations(batch, voxels, weight):
    leaves = batch.map(lambda part: part.clone().requires_grad_())
    signal = simulate(leaves, voxels, "configurations").reshape(weight.shape)
    value = (torch.from_numpy(weight).conj() * signal).real.sum()
    return [
        part.numpy()
        for part in torch.autograd.grad(
            value, list(leaves.columns().values()), allow_unused=True, materialize_grads=True
        )
    ]


def gradient_of_kernel(batch, voxels, weight):
    layout, numbers = numbers_of(batch)
    return table_run.adjoint(numbers, layout, fused.arrange(voxels), weight, 1)


ENGINES = {
    "configurations": (signal_of_configurations, gradient_of_configurations),
    "kernel": (signal_of_kernel, gradient_of_kernel),
}


@pytest.mark.parametrize(("numbers", "n_spins"), [FEW, ALL])
def test_signal_is_that_of_many_spins(numbers, n_spins):
    for number in numbers:
        sequence, voxels, _ = random_case(number)
        expected, error = signal_of_spins(number, n_spins)
        for engine, (signal_of, _) in ENGINES.items():
            found = signal_of(sequence.flat(), voxels)[0]
            message = f"{engine}, case {number}: {sequence}"
            np.testing.assert_allclose(found, expected, rtol=0, atol=error, err_msg=message)


@pytest.mark.parametrize(("numbers", "_"), [FEW, ALL])
def test_gradient_is_that_of_differences(numbers, _):
    """Of the real part of a sum of the signals, each with a random weight."""
    for number in numbers:
        sequence, voxels, _ = random_case(number)
        rng = np.random.default_rng(number)
        for engine, (signal_of, gradient_of) in ENGINES.items():
            signal = signal_of(differing(sequence), voxels)
            weight = rng.normal(size=signal[:1].shape) + 1j * rng.normal(size=signal[:1].shape)
            up, down = np.split((weight.conj() * signal).real.sum((1, 2)), 2)
            flip, phase, delay = gradient_of(sequence.flat(), voxels, weight)
            found = np.concatenate([flip[0], phase[0], delay[0] / (2 * np.pi * 30)])
            message = f"{engine}, case {number}: {sequence}"
            np.testing.assert_allclose(found, (up - down) / (2 * STEP), rtol=0, atol=1e-6, err_msg=message)


def differing(sequence: Sequence) -> Sequence:
    """Batch in which one number after another is a step up, then one after another a step down."""
    parts = sequence.columns()
    step = STEP * torch.eye(sum(map(len, parts.values())), dtype=torch.float64)
    steps = dict(zip(parts, torch.cat([step, -step]).split(list(map(len, parts.values())), 1), strict=True))
    steps["delay"] = steps["delay"] / (2 * np.pi * 30)
    return sequence.with_columns({name: part + steps[name] for name, part in parts.items()})
