"""Engines against many spins, each rotated by itself, on random layouts; gradients against differences."""

import numpy as np
import pytest
import torch

from random_layouts import KINDS, N_CASES, N_PLACES, random_case, signal_of_spins
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import HARD
from sequence_search.sequence import Sequence

ENGINES = ("configurations", "fused")
FEW = pytest.param(range(20), 2**11, id="few")
ALL = pytest.param(range(N_CASES), 2**14, id="all", marks=pytest.mark.slow)
TABLE = 3e-6
STEP = 1e-5  # rad; of delays in 1 / (2 pi 30 Hz)


def signal_of(batch, voxels, engine):
    """Of a flat batch [batch, n_readouts, n_voxels]."""
    simulator = Simulator(voxels, engine=engine, kinds=KINDS, n_places=N_PLACES)
    return simulator.signal(batch).reshape(len(batch.delay), -1, len(voxels))


@pytest.mark.parametrize(("numbers", "n_spins"), [FEW, ALL])
def test_signal_is_that_of_many_spins(numbers, n_spins):
    for number in numbers:
        sequence, voxels, _ = random_case(number)
        expected, error = signal_of_spins(number, n_spins)
        for engine in ENGINES:
            found = signal_of(sequence.flat(), voxels, engine)[0]
            message = f"{engine}, case {number}: {sequence}"
            # "fused" looks pulses of a kind up between the nodes of a table.
            kinds = set() if sequence.layout is None else {*sequence.layout.kinds} - {HARD}
            atol = error + (TABLE if kinds and engine == "fused" else 0.0)
            np.testing.assert_allclose(found, expected, rtol=0, atol=atol, err_msg=message)


@pytest.mark.parametrize(("numbers", "_"), [FEW, ALL])
def test_gradient_is_that_of_differences(numbers, _):
    """Of the real part of a sum of the signals, each with a random weight."""
    for number in numbers:
        sequence, voxels, _ = random_case(number)
        rng = np.random.default_rng(number)
        for engine in ENGINES:
            signal = signal_of(differing(sequence), voxels, engine).numpy()
            weight = rng.normal(size=signal[0].shape) + 1j * rng.normal(size=signal[0].shape)
            up, down = np.split((weight.conj() * signal).real.sum((1, 2)), 2)
            flip, phase, delay = gradient(sequence, voxels, engine, weight)
            found = torch.cat([flip, phase, delay / (2 * np.pi * 30)])
            message = f"{engine}, case {number}: {sequence}"
            np.testing.assert_allclose(found, (up - down) / (2 * STEP), rtol=0, atol=1e-6, err_msg=message)


def gradient(sequence, voxels, engine, weight):
    leaves = sequence.map(lambda part: part.clone().requires_grad_())
    signal = signal_of(leaves.flat(), voxels, engine)[0]
    value = (torch.from_numpy(weight).conj() * signal).real.sum()
    columns = list(leaves.columns().values())
    # Where nothing is left to be read, nothing depends on them.
    return torch.autograd.grad(value, columns, allow_unused=True, materialize_grads=True)


def differing(sequence: Sequence) -> Sequence:
    """Batch in which one number after another is a step up, then one after another a step down."""
    parts = sequence.columns()
    step = STEP * torch.eye(sum(map(len, parts.values())), dtype=torch.float64)
    steps = dict(zip(parts, torch.cat([step, -step]).split(list(map(len, parts.values())), 1), strict=True))
    steps["delay"] = steps["delay"] / (2 * np.pi * 30)
    return sequence.with_columns({name: part + steps[name] for name, part in parts.items()})
