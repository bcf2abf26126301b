"""A search of real sequences: gradients, repetition, trains and kinds of pulse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from draft_cases import PLAIN, REAL, SINC, USED
from sequence_search import Problem, search
from sequence_search.acquisition import Acquisition
from sequence_search.layout import SPOILER
from sequence_search.limits import FixedPulses, Limits, Range
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.plain import from_plain, to_plain
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.rounds.propose import changed_designs, random_designs
from sequence_search.strategies.rounds.state import SearchState

QUICK = {"n_starts": 16, "n_children": 8, "max_rounds": 3, "steps": 20, "n_polished": 2, "n_per_tissue": 4}
UNDEPHASED = """
name = "undephased"
[tissues.GM]
m0 = 0.8
t1_ms = 1331
t2_ms = 110
t2_prime_ms = inf
[tissues.WM]
m0 = 0.7
t1_ms = 832
t2_ms = 80
t2_prime_ms = inf
[tissues.CSF]
m0 = 1.0
t1_ms = 4000
t2_ms = 2000
t2_prime_ms = inf
[imaging]
spread_hz = 0
b1 = { low = 0.8, high = 1.2 }
b0_hz = { low = -50, high = 50 }
[[objective]]
term = "signal"
weight = 0.75
tissues = ["GM", "WM"]
[[objective]]
term = "null"
weight = 1
tissues = ["CSF"]
[[objective]]
term = "rf_energy"
weight = 1e-4
[search_space]
max_rf = 3
gradients = ["none", "crusher", "spoiler"]
"""


def test_a_plain_problem_has_no_drafts():
    assert playing_of(PLAIN) is None
    assert not PLAIN.search_space.has_choice
    assert REAL.search_space.has_choice


def test_proposals_play_all_there_is_to_choose():
    rng = np.random.default_rng(0)
    parents = random_designs(REAL.search_space, 200, rng)
    for designs in (parents, changed_designs(parents[:5], REAL.search_space, 200, rng)):
        chosen = {
            name: set(torch.cat([getattr(one, name) for one in designs]).tolist())
            for name in ("kind", "gradient")
        }
        assert chosen == {"kind": {0, 1}, "gradient": {0, 1, 2}}
        assert all(isinstance(one, Draft) for one in designs)


def test_a_search_ends_with_sequences_that_can_be_played():
    run = search(REAL, seeds=(0,), progress=False, **QUICK).runs[0]
    for design in run.families:
        sequence = design.sequence
        assert float(sequence.tr) == pytest.approx(3.0)
        assert sequence.layout.kinds[0] in ("hard", "sinc")
        loss = REAL.evaluate(sequence).loss
        assert loss == pytest.approx(design.loss, rel=1e-12)
        sides = [
            SINC.side if kind == "sinc" else REAL.search_space.min_rf_delay / 2
            for kind in sequence.layout.kinds
        ]
        between = sequence.intervals[:-1]
        assert (between >= torch.tensor(sides[:-1]) + torch.tensor(sides[1:]) - 1e-9).all()


def test_a_search_of_a_train():
    problem = replace(PLAIN, acquisition=Acquisition(tr=3.0, echoes=4))
    run = search(problem, seeds=(0,), progress=False, **QUICK).runs[0]
    assert all(len(design.sequence.layout.readouts) == 4 for design in run.families)


def test_a_state_with_drafts_comes_back_from_a_checkpoint():
    rng = np.random.default_rng(0)
    drafts = tuple(random_designs(REAL.search_space, 2, rng))
    state = SearchState(0, {}, polished=drafts)
    plain = to_plain(state)
    again = from_plain(SearchState, plain["state"], plain)
    assert [one.columns().keys() for one in again.polished] == [one.columns().keys() for one in drafts]
    assert again.polished == drafts


@pytest.mark.slow
def test_a_search_chooses_to_spoil_where_nothing_dephases():
    result = search(Problem.from_toml(UNDEPHASED), seeds=(0,), progress=False)
    best = result.best.sequence
    # A spoiled inversion recovery; without a gradient the least is above .030.
    assert result.best.loss == pytest.approx(0.0273, abs=1e-4)
    assert best.layout.gradients[0] in (1, SPOILER)
    assert torch.rad2deg(best.flip_angle).tolist() == pytest.approx([178, 89], abs=2)
    assert float(best.delay[0]) == pytest.approx(2.87, abs=0.02)


def test_a_train_keeps_to_its_echo_spacing():
    problem = replace(PLAIN, acquisition=Acquisition(echoes=3, echo_spacing=Range(14e-3, 16e-3)))
    for design in search(problem, seeds=(0,), progress=False, **QUICK).runs[0].families:
        first, second, third = design.sequence.readout_times.tolist()
        assert 14e-3 - 1e-9 <= second - first <= 16e-3 + 1e-9
        assert third - second == pytest.approx(second - first)


@pytest.mark.parametrize("echoes", [1, 3])
def test_a_search_leaves_room_for_the_readout(echoes):
    problem = replace(REAL, acquisition=Acquisition(tr=0.3, echoes=echoes, readout=16e-3))
    playing = playing_of(problem)
    for name, side in (("hard", REAL.search_space.min_rf_delay / 2), ("sinc", SINC.side)):
        kinds = [playing.kinds.index(name)] * 2
        draft = Draft.from_degrees_ms(
            [90, 180],
            [0, 90],
            [1, 1],
            kind=kinds,
            gradient=[1, 1],
            **{each: [0] * 2 for each in ("shortest", "longest", "largest", "repetition")},
        )
        place = 0 if echoes > 1 else 1  # the delay that is half an echo spacing, or that before the readout
        assert float(playing.bounded(draft).delay[place]) == pytest.approx(side + 1e-3 + 8e-3)
    for design in search(problem, seeds=(0,), progress=False, **QUICK).runs[0].families:
        problem.check_sequence(design.sequence)


def test_equal_trains_have_equal_drafts():
    playing = playing_of(replace(PLAIN, acquisition=Acquisition(echoes=3)))
    first, second = (
        playing.bounded(
            Draft.from_degrees_ms(
                [90, 180],
                [0, 90],
                [8, last],
                kind=[0, 0],
                gradient=[2, code],
                shortest=[0] * 2,
                longest=[9] * 2,
                largest=[9] * 2,
                repetition=[-1] * 2,
            )
        )
        for last, code in ((9, 0), (500, 1))
    )
    assert first == second
    assert first.gradient.tolist() == [0, 0]


def test_a_given_train_is_kept_with_its_free_refocusing_pulses():
    tail = FixedPulses(
        (1.5, 2.6, 2.2, 2.1),
        (0.0, *[1.5] * 3),
        (9e-3, 18e-3, 18e-3, 9e-3),
        pulses=("excite", *["refocus"] * 3),
        gradients=("crusher",) * 4,
    )
    problem = replace(
        USED, limits=Limits(tail=tail), acquisition=Acquisition(tr=6.0, echoes=5, free_refocusing=2)
    )
    for design in search(problem, seeds=(0,), progress=False, **QUICK).runs[0].families:
        assert [wish.name for wish in design.evaluation.wishes if wish.met] == ["tail"]
        assert design.sequence.flip_angle[-6:].tolist() == pytest.approx([1.5, 2.6, 2.2, *[2.1] * 3])
        other = design.sequence.flip_angle.clone()
        other[-4] += 0.1
        changed = problem.evaluate(replace(design.sequence, flip_angle=other))
        assert not changed.wishes[0].met
