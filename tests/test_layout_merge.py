"""Pulses of no flip angle leave a layout."""

import dataclasses

import pytest
import torch

from conftest import make_voxels
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.layout_merge import without_pulse
from sequence_search.sequence import Sequence


def test_of_a_plain_layout_a_plain_one_is_left():
    assert without_pulse(Layout.plain(3), 1) == (Layout.plain(2), ((0, 1), (2,)))
    assert without_pulse(Layout.plain(3), 2) == (Layout.plain(2), ((0,), (1, 2)))


def test_time_before_the_first_pulse_is_dropped():
    assert without_pulse(Layout.plain(3), 0) == (Layout.plain(2), ((1,), (2,)))


def test_what_stands_before_the_first_pulse_of_a_repetition_goes_to_its_end():
    # 0 | 1 - readout - rest: the recovery of the repetition is rest + interval 0, which is one delay then
    left = (Layout.plain(1, steady=True), ((1,), (0, 2)))
    assert without_pulse(Layout.plain(2, steady=True), 0) == left


def test_crushers_of_both_intervals_add_up():
    layout = Layout.plain(3, gradients=(1, 2, 3))
    assert without_pulse(layout, 1) == (Layout.plain(2, gradients=(3, 3)), ((0, 1), (2,)))


@pytest.mark.parametrize("gradients", [(SPOILER, 2, 3), (2, SPOILER, 3), (SPOILER, SPOILER, 3)])
def test_a_spoiler_outlives_a_crusher(gradients):
    assert without_pulse(Layout.plain(3, gradients=gradients), 1) == (
        Layout.plain(2, gradients=(SPOILER, 3)),
        ((0, 1), (2,)),
    )


def test_a_readout_after_the_pulse_is_then_after_the_one_before():
    layout = Layout.plain(2, gradients=(1, 1))
    left, groups = without_pulse(layout, 1)
    assert left == Layout.plain(1, gradients=(2,))
    assert groups == ((0, 1),)


def test_tied_delays_stay_tied():
    # 90 - t - 180 - 2t - 180 - t - readout: without the first 180 the second stands after 3t
    layout = Layout.train(2)
    layout = dataclasses.replace(layout, readouts=layout.readouts[1:])
    left, groups = without_pulse(layout, 1)
    assert left.multiples == ((3,), (1,))
    assert groups == ((0,),)


@pytest.mark.parametrize(
    ("layout", "pulse"),
    [
        (Layout.plain(2, gradients=(SPOILER, 1)), 1),
        (Layout.plain(1), 0),
        (Layout.plain(1, steady=True), 0),
    ],
    ids=["spoiler before a readout", "first before a readout", "of a repetition"],
)
def test_what_would_be_lost_keeps_its_pulse(layout, pulse):
    assert without_pulse(layout, pulse) is None


def test_each_readout_stays_at_its_pulse():
    layout = Layout(
        ((1, 0), (0, 2)), (0, 0), ("hard", "hard"), (Readout(1, (0, 1)), Readout(1, (0, 2))), steady=False
    )
    left, groups = without_pulse(layout, 0)
    assert left == Layout(((2,),), (0,), ("hard",), (Readout(0, (1,)), Readout(0, (2,))))
    assert groups == ((1,),)


@pytest.mark.parametrize(
    ("layout", "pulse"),
    [
        (Layout.plain(4, gradients=(1, 0, 1, 1)), 1),
        (Layout.plain(4, gradients=(1, 2, 2, 1), steady=True), 2),
        (Layout.plain(4, gradients=(SPOILER, 2, 1, 1), steady=True), 1),
        (Layout.plain(4, gradients=(2, SPOILER, 1, 1)), 1),
        (Layout.plain(4, gradients=(1, 1, 1, 1), steady=True), 0),
        (Layout.plain(4, gradients=(1, 0, 1, 1)), 0),
        (Layout.train(3, before=(1,), crusher=1, steady=True), 0),
        (Layout.train(3, before=(1,), steady=True), 2),
        (Layout.train(3, crusher=1), 3),
    ],
)
def test_without_a_pulse_of_no_flip_angle_the_signal_is_the_same(layout, pulse):
    generator = torch.Generator().manual_seed(3)
    flip = 1 + 2 * torch.rand(layout.n_rf, generator=generator, dtype=torch.float64)
    flip[pulse] = 0
    phase = 6 * torch.rand(layout.n_rf, generator=generator, dtype=torch.float64)
    delay = 0.01 + 0.2 * torch.rand(layout.n_delay, generator=generator, dtype=torch.float64)
    sequence = Sequence(flip, phase, delay, layout=layout)
    left = sequence.drop_small_pulses()
    assert left.n_rf == layout.n_rf - 1
    if layout.steady:
        torch.testing.assert_close(left.tr, sequence.tr)
    simulator = Simulator(make_voxels(3, t1=0.5, t2=0.3, b0=7.0), engine="configurations")
    signal = simulator.signal(sequence)
    assert signal.abs().max() > 1e-3
    torch.testing.assert_close(simulator.signal(left), signal, atol=1e-13, rtol=0)
