"""Kinds of terms that concern repetition."""

import math

import pytest
import torch

from conftest import make_voxels
from sequence_search.layout import Layout
from sequence_search.objective import Objective, Term
from sequence_search.sequence import Sequence
from sequence_search.terms import TERMS, duration, snr_efficiency

FID = Layout.plain(1, steady=True)
VOXELS = make_voxels(3)


def repeated(*flips, tr=(25.0,)):
    """A pulse with a readout after 5 ms, repeated after TR [ms]."""
    count = len(tr)
    return Sequence.from_degrees_ms([[30]] * count, [[0]] * count, [[5, each - 5] for each in tr], layout=FID)


def test_efficiency_is_the_mean_signal_over_the_root_of_the_tr():
    magnitude = torch.tensor([[0.2, 0.3, 0.4], [0.2, 0.3, 0.4]], dtype=torch.float64)
    found = snr_efficiency(magnitude, repeated(tr=(25, 1000)), VOXELS)
    assert found.tolist() == pytest.approx([-0.3 / math.sqrt(0.025), -0.3])


def test_efficiency_of_several_readouts_is_the_mean_of_theirs():
    train = Sequence.from_degrees_ms(
        [[90, 180, 180]] * 2, [[0] * 3] * 2, [[4, 984], [4, 234]], layout=Layout.train(2, steady=True)
    )
    signal = torch.tensor([[[0.4] * 3, [0.2] * 3]] * 2, dtype=torch.complex128)
    objective = Objective((Term("snr", snr_efficiency, 2.0, tuple(VOXELS.tissue.unique().tolist())),))
    assert objective(signal, train, VOXELS).tolist() == pytest.approx([-0.6, -1.2])


def test_efficiency_of_saturation_recovery_is_largest_near_1_26_t1():
    # |S| = 1 - exp(-x) with x = TR / T1, and (1 - exp(-x)) / sqrt(x) is largest at exp(x) = 1 + 2 x.
    x = 1.2564312086
    tr = 1000 * x * torch.tensor([1 - 1e-3, 1, 1 + 1e-3], dtype=torch.float64)
    magnitude = (1 - torch.exp(-tr / 1000))[:, None].expand(3, 3)
    before, at, after = snr_efficiency(magnitude, repeated(tr=tr.tolist()), VOXELS).tolist()
    assert at < before
    assert at < after
    assert after - before == pytest.approx(0, abs=1e-8)


def test_efficiency_of_what_is_played_once_is_refused():
    once = Sequence.from_degrees_ms([[30]], [[0]], [[5]])
    with pytest.raises(ValueError, match="snr_efficiency needs sequences that are repeated, with a TR"):
        snr_efficiency(torch.ones(1, 3, dtype=torch.float64), once, VOXELS)


def test_duration_is_the_tr_or_the_time_to_the_readout():
    magnitude = torch.zeros(1, 3, dtype=torch.float64)
    assert duration(magnitude, repeated(tr=(25,)), VOXELS).tolist() == pytest.approx([0.025])
    once = Sequence.from_degrees_ms([[30, 20]], [[0, 0]], [[5, 6]])
    assert duration(magnitude, once, VOXELS).tolist() == pytest.approx([0.011])


def test_kinds_are_known_by_name():
    assert TERMS["duration"] is duration
    assert TERMS["snr_efficiency"] is snr_efficiency
