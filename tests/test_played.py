"""Drafts and the real sequences that they stand for."""

import math

import pytest
import torch

from pulse_cases import ADIABATIC
from sequence_search.acquisition import LEAST_REST, Acquisition
from sequence_search.engines.simulator import Simulator
from sequence_search.frame import Frame
from sequence_search.layout import SPOILER, Layout
from sequence_search.limits import Range
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played import DraftSimulator
from sequence_search.strategies.playing import Playing

PROBLEM = Problem.load("gm-wm")
VOXELS = PROBLEM.voxels(2)


def draft(flip_deg, phase_deg, delay_ms, gradient, kind=None):
    zeros = [0.0] * len(flip_deg)
    columns = {
        "kind": kind or zeros,
        "gradient": gradient,
        "shortest": zeros,
        "longest": [9.0] * len(flip_deg),
        "largest": [9.0] * len(flip_deg),
        "repetition": [0.3] * len(flip_deg),
    }
    return Draft.from_degrees_ms(flip_deg, phase_deg, delay_ms, **columns)


INVERSION = draft([175, 85, 160], [0, 20, 110], [400, 9, 8], [2, 1, 1])
ECHO = draft([80, 150], [0, 90], [9, 8], [0, 1])
PLAIN = draft([60, 120, 40], [0, 10, 50], [30, 7, 8], [0, 0, 0])


def how_played(shortest_delay=0.0, **acquisition):
    return Playing(shortest_delay=shortest_delay, acquisition=Acquisition(**acquisition))


def simulator(playing):
    return DraftSimulator(PROBLEM.simulator(VOXELS), playing)


def test_a_draft_is_played_with_its_gradients():
    played = simulator(Playing()).play(INVERSION)
    expected = Sequence.from_degrees_ms(
        [175, 85, 160], [0, 20, 110], [400, 9, 8], layout=Layout.plain(3, gradients=(SPOILER, 1, 1))
    )
    assert played == expected
    assert simulator(Playing()).play(PLAIN).layout is None


def test_a_repetition_is_filled_and_a_draft_too_long_for_it_shortened():
    inside = simulator(how_played(tr=1.0)).play(INVERSION)
    assert float(inside.tr) == pytest.approx(1.0)
    assert inside.delay.tolist() == pytest.approx([0.4, 0.009, 0.008, 1 - 0.417])
    brief = how_played(tr=0.2, shortest_delay=5e-3)
    short = simulator(brief).play(brief.bounded(INVERSION))
    assert float(short.tr) == pytest.approx(0.2)
    assert float(short.time_to_readout) == pytest.approx(0.2 - LEAST_REST)
    beyond = short.delay[:3] - 5e-3
    assert (beyond / beyond[1]).tolist() == pytest.approx([395 / 4, 1, 3 / 4])


def test_a_train_repeats_the_last_pulse_and_ties_its_spacing():
    played = simulator(how_played(echoes=4, tr=1.0)).play(INVERSION)
    assert played.layout == Layout.train(4, before=(SPOILER,), crusher=1, steady=True)
    assert torch.rad2deg(played.flip_angle).tolist() == pytest.approx([175, 85, *[160] * 4])
    assert played.delay.tolist() == pytest.approx([0.4, 0.009, 1 - 0.4 - 8 * 0.009])
    one = draft([90], [0], [5], [0])
    loss, _ = simulator(how_played(echoes=4)).loss_and_gradient(one)
    assert math.isinf(float(loss))


@pytest.mark.parametrize(
    "playing",
    [
        *(
            Playing(),
            how_played(tr=1.5),
            how_played(tr=0.2),
            how_played(echoes=3),
            how_played(echoes=3, tr=0.3),
        ),
        *(
            how_played(tr=Range(0.5, 1.5)),
            how_played(tr=Range(0.2, 0.4)),
            how_played(echoes=3, tr=Range(0.1, 0.3)),
            how_played(echoes=4, tr=Range(0.1, 0.3), free_refocusing=1),
        ),
        how_played(tr=Range(1e-3, 0.2)),
    ],
)
def test_derivatives_of_a_mixed_batch(playing):
    drafts = [playing.with_train(one, Frame()) for one in (INVERSION, ECHO, PLAIN)]
    batch = playing.bounded(Draft.stack(drafts))
    played = simulator(playing)
    loss, slopes = played.loss_and_gradient(batch)
    alone = [played.loss_and_gradient(playing.bounded(one))[0] for one in drafts]
    torch.testing.assert_close(loss, torch.stack(alone), rtol=1e-13, atol=0)
    for name in ("flip_angle", "phase", "delay", *["repetition"] * (playing.is_tr_free)):
        part, step = getattr(batch, name), 1e-6 if name != "delay" else 1e-8
        for at in range(part.shape[1]):
            moved = []
            for sign in (1, -1):
                other = part.clone()
                other[:, at] += sign * step
                moved.append(played.loss(batch.with_columns(batch.columns() | {name: other})))
            expected = (moved[0] - moved[1]) / (2 * step)
            got = getattr(slopes, name)[:, at]
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_the_shortest_delays_leave_room_for_what_is_played():
    playing = Playing(("hard", "slow"), (None, 2e-3), (None, None), crusher=1e-3, shortest_delay=4e-3)
    one = draft([90, 180, 90], [0, 0, 0], [1, 9, 1], [0, 1, 2], kind=[1, 1, 0])
    # What a spoiler before the readout would leave is nothing.
    bounded = playing.bounded(one)
    assert bounded.gradient.tolist() == [0, 1, 0]
    # Two slow pulses; a slow one, a crusher and half the shortest; the shortest.
    assert bounded.shortest.tolist() == pytest.approx([4e-3, 5e-3, 4e-3])
    assert bounded.delay.tolist() == pytest.approx([4e-3, 9e-3, 4e-3])


def test_a_pulse_of_fixed_amplitude_turns_as_it_does_and_fits_before_the_next_repetition():
    objective = Objective((Term("rf_energy", TERMS["rf_energy"], 1.0),))
    playing = Playing(
        ("hard", "invert"),
        (None, 4e-3),
        (None, math.pi),
        shortest_delay=5e-3,
        acquisition=Acquisition(tr=0.1),
    )
    one = playing.bounded(draft([20, 90], [0, 0], [200, 9], [0, 0], kind=[1, 0]))
    assert torch.rad2deg(one.flip_angle).tolist() == pytest.approx([180, 90])
    simulator = DraftSimulator(Simulator(VOXELS, objective, kinds={"invert": ADIABATIC}), playing)
    played = simulator.play(one)
    assert torch.rad2deg(played.flip_angle).tolist() == pytest.approx([180, 90])
    assert float(played.delay[-1]) == pytest.approx(4e-3)
    loss, slopes = simulator.loss_and_gradient(one)
    assert float(loss) == pytest.approx(1.25 * math.pi**2)
    assert slopes.flip_angle.tolist() == pytest.approx([0, math.pi])
