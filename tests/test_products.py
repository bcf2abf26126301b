import pytest
import torch

from conftest import make_voxels
from sequence_search.engines.products import products_of
from sequence_search.engines.scattered import scattered
from sequence_search.engines.simulator import Simulator
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

SEQUENCES = Sequence.from_degrees_ms(
    [[[170, 88, 160], [20, 60, 120]], [[90, 180, 180], [30, 60, 10]]],
    [[[0, 90, 10], [0, 40, 0]], [[0, 90, 90], [0, 0, 180]]],
    [[[40, 6, 9], [40, 6, 9]], [[10, 20, 10], [5, 5, 5]]],
)


def given_of(n_voxels):
    return torch.randn(2, n_voxels, generator=torch.Generator().manual_seed(0), dtype=torch.complex128)


def simulators():
    """All that play plain sequences, over the same voxels."""
    voxels = make_voxels(5, t1=1.3, t2=0.11, t2_prime=0.05, spread=30.0, b0=20.0, b1=0.9, m0=0.8)
    objective = Problem.load("max-signal").objective
    return {
        "fused": Simulator(voxels, engine="fused"),
        "pathways": Simulator(voxels, engine="pathways"),
        "scattered": scattered(voxels, objective, "even", torch.Generator().manual_seed(1)),
    }


@pytest.mark.parametrize("name", simulators())
def test_each_row_of_sequences_has_its_own_numbers(name):
    simulator, given = simulators()[name], given_of(5)
    signals = simulator.signal(SEQUENCES)
    expected = (given[:, None].conj() * signals).sum(-1).real
    torch.testing.assert_close(simulator.signal_products(SEQUENCES, given), expected)
    torch.testing.assert_close(products_of(signals, given), expected)


def test_numbers_may_be_views_by_conjugation():
    simulator, given = simulators()["fused"], given_of(5)
    expected = simulator.signal_products(SEQUENCES, given.conj().resolve_conj())
    torch.testing.assert_close(simulator.signal_products(SEQUENCES, given.conj()), expected)


@pytest.mark.parametrize("name", simulators())
@pytest.mark.parametrize("shape", [(1, 5), (3, 5), (2, 4), (0, 5)])
def test_numbers_that_are_not_of_the_sequences_are_refused(name, shape):
    given = torch.ones(shape, dtype=torch.complex128)
    with pytest.raises(ValueError, match=r"with 5 signals each must be given \[2, 5\] numbers, got"):
        simulators()[name].signal_products(SEQUENCES, given)


@pytest.mark.parametrize("name", simulators())
def test_a_row_may_be_one_sequence_or_none(name):
    simulator, given = simulators()[name], given_of(5)
    expected = simulator.signal_products(SEQUENCES, given)[:, 0]
    torch.testing.assert_close(simulator.signal_products(SEQUENCES[:, 0], given), expected)
    assert simulator.signal_products(SEQUENCES[:0], given[:0]).shape == (0, 2)
