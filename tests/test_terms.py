"""Kinds of terms that concern repetition."""

import math

import pytest
import torch

from conftest import make_voxels
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout
from sequence_search.objective import Objective, Prepared, Term
from sequence_search.pulses.kinds import Hard
from sequence_search.pulses.shapes import HyperbolicSecant
from sequence_search.sequence import Sequence
from sequence_search.terms import TERMS, b1_rms, duration, peak_b1, snr_efficiency

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


def test_efficiency_has_its_optimum_at_the_ernst_angle():
    # cos(flip) = exp(-TR/T1)
    voxels, flip = make_voxels(1, t1=0.8, t2=0.05), math.degrees(math.acos(math.exp(-0.025 / 0.8)))
    objective = Objective((Term("snr", snr_efficiency, 1.0, tuple(voxels.tissue.tolist())),))
    simulator = Simulator(voxels, objective)
    sequence = Sequence.from_degrees_ms([[flip], [flip - 2]], [[0]] * 2, [[5, 20]] * 2, layout=FID)
    slopes = simulator.loss_and_gradient(sequence)[1].flip_angle[:, 0]
    assert slopes[0] == pytest.approx(0, abs=1e-12)
    assert slopes[1] < -1e-3


def test_efficiency_of_what_is_played_once_is_refused():
    once = Sequence.from_degrees_ms([[30]], [[0]], [[5]])
    with pytest.raises(ValueError, match="snr_efficiency needs sequences that are repeated, with a TR"):
        snr_efficiency(torch.ones(1, 3, dtype=torch.float64), once, VOXELS)


def test_duration_is_the_tr_or_the_time_to_the_readout():
    magnitude = torch.zeros(1, 3, dtype=torch.float64)
    assert duration(magnitude, repeated(tr=(25,)), VOXELS).tolist() == pytest.approx([0.025])
    once = Sequence.from_degrees_ms([[30, 20]], [[0, 0]], [[5, 6]])
    assert duration(magnitude, once, VOXELS).tolist() == pytest.approx([0.011])


GAMMA_BAR = 42.577478518  # Hz/uT
HARD, ADIABATIC = Hard(duration=1e-3), HyperbolicSecant(duration=8e-3, peak_b1=800, bandwidth=1000)
KINDS = {"block": HARD, "invert": ADIABATIC}
PREPARED = Layout.plain(3, gradients=(SPOILER, 0, 0), kinds=("invert", "block", "block"), steady=True)
NONE = torch.zeros(2, 3, dtype=torch.float64)


def prepared(*flips):
    """An adiabatic inversion, then two blocks of these flip angles, TR 1 s."""
    return Sequence.from_degrees_ms(
        [[180, *flips], [180, 90, 90]], [[0] * 3] * 2, [[900, 5, 5, 90]] * 2, layout=PREPARED
    )


def test_b1_of_a_block_is_its_turn_over_its_time():
    # 180 degrees in 1 ms are 500 Hz, 90 are 250 Hz; the inversion has its 800 Hz at any flip angle
    layout = Layout.plain(1, kinds=("block",))
    block = Sequence.from_degrees_ms([[180], [-90]], [[0], [0]], [[5], [5]], layout=layout)
    assert peak_b1(NONE, block, VOXELS, KINDS).tolist() == pytest.approx([500 / GAMMA_BAR, 250 / GAMMA_BAR])
    assert peak_b1(NONE, prepared(90, 180), VOXELS, KINDS).tolist() == pytest.approx([800 / GAMMA_BAR] * 2)
    assert peak_b1(NONE, prepared(90, 360), VOXELS, KINDS)[0] == pytest.approx(1000 / GAMMA_BAR)


def test_b1_rms_is_over_the_tr():
    own = ADIABATIC.rms_b1_ut(0.0) ** 2 * 8e-3
    blocks = [(250**2 + 500**2) / GAMMA_BAR**2 * 1e-3, 2 * 250**2 / GAMMA_BAR**2 * 1e-3]
    expected = [math.sqrt(own + each) for each in blocks]
    assert b1_rms(NONE, prepared(90, 180), VOXELS, KINDS).tolist() == pytest.approx(expected)


def test_b1_is_differentiable():
    sequence = prepared(80, 100)

    def values(flip, delay):
        changed = sequence.with_columns({"flip_angle": flip, "delay": delay})
        return torch.stack([term(NONE, changed, VOXELS, KINDS) for term in (peak_b1, b1_rms)])

    inputs = [part.clone().requires_grad_() for part in (sequence.flip_angle, sequence.delay)]
    assert torch.autograd.gradcheck(values, inputs)


def test_b1_terms_get_the_kinds_of_the_objective():
    objective = Objective((Term("b1", peak_b1, 2.0), Term("rms", b1_rms, 1.0)))
    signal = torch.zeros(2, 3, dtype=torch.complex128)
    parts = Prepared(objective, VOXELS, KINDS).parts(signal, prepared(90, 180))
    assert parts["b1"].tolist() == pytest.approx([1600 / GAMMA_BAR] * 2)
    with pytest.raises(ValueError, match="pulse 1 of kind 'invert' without one"):
        Prepared(objective, VOXELS).parts(signal, prepared(90, 180))


def test_b1_of_an_instantaneous_pulse_is_refused():
    for sequence in (
        Sequence.from_degrees_ms([90], [0], [5]),
        Sequence.from_degrees_ms([90], [0], [5], layout=Layout.plain(1, gradients=(1,))),
    ):
        with pytest.raises(ValueError, match="B1 needs pulses with a duration, got pulse 1 of kind 'hard'"):
            peak_b1(NONE[0], sequence, VOXELS, KINDS)


def test_kinds_are_known_by_name():
    assert TERMS["duration"] is duration
    assert TERMS["snr_efficiency"] is snr_efficiency


def test_the_slope_of_no_b1_at_all_is_zero():
    kinds = {"long": Hard(duration=1e-3)}
    layout = Layout.plain(1, kinds=("long",), steady=True)
    flip = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    sequence = Sequence(flip, torch.zeros(1), torch.tensor([0.005, 0.095]), layout=layout)
    value = b1_rms(torch.ones(1), sequence, VOXELS, kinds)
    (slope,) = torch.autograd.grad(value, flip)
    assert (value.item(), slope.item()) == (0.0, 0.0)
