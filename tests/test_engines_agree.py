"""Engines against many spins, rotated one by one, on random layouts; and their gradients against differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from random_layouts import N_CASES, random_case, signal_of_spins
from sequence_search.engines.simulator import Simulator
from sequence_search.objective import Objective, Term
from sequence_search.sequence import Sequence

ENGINES = ["configurations", "auto"]
FEW = range(24)


def signal_of(sequence, voxels, engine):
    """[n_readouts, n_voxels], also of one readout."""
    return Simulator(voxels, engine=engine).signal(sequence).reshape(-1, len(voxels))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", FEW)
def test_signal_is_that_of_many_spins(number, engine):
    case = random_case(number)
    expected, error = signal_of_spins(number, 2**12)
    np.testing.assert_allclose(signal_of(case.sequence, case.voxels, engine), expected, rtol=0, atol=error)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(len(FEW), N_CASES))
def test_signal_is_that_of_many_spins_on_all_layouts(number, engine):
    case = random_case(number)
    expected, error = signal_of_spins(number)
    np.testing.assert_allclose(signal_of(case.sequence, case.voxels, engine), expected, rtol=0, atol=error)


def energy(sequence, voxels):
    """Something that every readout and voxel counts in [batch]."""
    signal = Simulator(voxels, engine="configurations").signal(sequence)
    return signal.abs().square().flatten(1).mean(1)


def by_autograd(sequence, voxels):
    leaves = sequence.map(lambda part: part.clone().requires_grad_())
    return leaves.with_columns(
        dict(zip(leaves.columns(), torch.autograd.grad(energy(leaves[None], voxels).sum(), list(leaves.columns().values())), strict=True))
    )
