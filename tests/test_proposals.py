"""Whole sequences that a search proposes, of pulses found and pulses given."""

import re
from dataclasses import replace

import numpy as np
import pytest

from draft_cases import HS, REAL, USED
from limit_cases import TAIL, limited
from sequence_search.acquisition import Acquisition
from sequence_search.limits import FixedPulses, Limits
from sequence_search.pulses.shapes import Sinc
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played import simulator_of
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.proposals import Proposals
from sequence_search.strategies.rounds.propose import changed_designs, random_designs

ECHO = Sequence.from_degrees_ms([80, 170], [0, 80], [9, 9])


def test_around_the_pulses_that_are_found_stand_those_that_are_given():
    proposals = Proposals(limited(TAIL))
    (with_tail, alone) = (one.without_padding() for one in proposals.stacked([ECHO], alone=True))
    assert with_tail.flip_angle.rad2deg().tolist() == pytest.approx([80, 170, 90, 180])
    assert alone.flip_angle.rad2deg().tolist() == pytest.approx([90, 180])
    assert proposals.free_parts([with_tail, alone]) == [ECHO]


def test_what_does_nothing_is_of_a_kind_that_can():
    space = replace(REAL.search_space, pulses=("inv", "sinc"))
    problem = replace(REAL, pulses={"inv": HS, **REAL.pulses}, search_space=space)
    assert Proposals(problem).idle.kind.tolist() == [1]


def test_without_a_small_pulse_delays_still_fit_the_others():
    long = Sinc(duration=20e-3, time_bandwidth=4.0)
    problem = replace(REAL, pulses={"sinc": long})
    playing = playing_of(problem)
    draft = playing.bounded(
        Draft.from_degrees_ms(
            [120, 0.1, 90],
            [0, 0, 0],
            [13.1, 13.1, 30],
            kind=[1, 0, 1],
            gradient=[0, 0, 0],
            shortest=[0] * 3,
            longest=[9] * 3,
            largest=[9] * 3,
            repetition=[-1] * 3,
        )
    )
    rest = Proposals(problem).without_small_pulses(draft)
    assert rest.kind.tolist() == [1, 1]
    assert float(rest.shortest[0]) == pytest.approx(20e-3)
    assert float(rest.delay[0]) >= 20e-3 - 1e-12


def word_of(design, problem):
    """A letter for the kind of each pulse of a draft."""
    names = playing_of(problem).kinds
    return "".join(names[int(kind)][0] for kind in design.without_padding().kind)


def kinds_of(designs, problem):
    """Words of the kinds of drafts."""
    return {word_of(designs[row], problem) for row in range(len(designs.kind))}


def test_a_search_proposes_kinds_where_they_may_stand_alone():
    rng, proposals = np.random.default_rng(0), Proposals(USED)
    found = random_designs(proposals.free_space, 200, rng)
    words = kinds_of(proposals.stacked(found, alone=False), USED)
    assert all(re.fullmatch("h*e[er]*", word) for word in words)
    assert {word for word in words if len(word) == 2} == {"he", "ee", "er"}
    children = proposals.stacked(changed_designs(found, proposals.free_space, 200, rng), alone=False)
    assert all(re.fullmatch("h*e[er]*", word) for word in kinds_of(children, USED))
    assert kinds_of(proposals.idle.map(lambda part: part[None]), USED) == {"e"}
    anywhere = replace(USED, pulses=USED.pulses | {"hs": replace(HS, use="excitation")})
    found = random_designs(proposals.free_space, 200, rng)
    assert "eh" in kinds_of(Proposals(anywhere).stacked(found, alone=False), anywhere)


def test_the_last_pulse_of_a_train_refocuses():
    train = replace(USED, acquisition=Acquisition(tr=6.0, echoes=3))
    proposals = Proposals(train)
    found = proposals.stacked(
        random_designs(proposals.free_space, 200, np.random.default_rng(0)), alone=False
    )
    words = {word for word in kinds_of(found, train) if len(word) > 1}
    assert all(re.fullmatch("h*e[er]*r", word) for word in words)
    assert kinds_of(proposals.idle.map(lambda part: part[None]), train) == {"er"}


def test_before_given_pulses_kinds_stand_as_before_an_excitation():
    tail = FixedPulses((1.5, 3.0), (0.0, 1.5), (9e-3, 9e-3), pulses=("excite", "refocus"))
    proposals = Proposals(replace(USED, limits=Limits(tail=tail)))
    found = proposals.stacked(random_designs(proposals.free_space, 200, np.random.default_rng(0)), alone=True)
    words = kinds_of(found, USED)
    assert all(re.fullmatch("(h*|h*e[er]*)er", word) for word in words)
    assert {"her", "er"} < words


def test_an_excitation_is_not_dropped_where_the_inversion_before_it_would_be_the_last():
    proposals = Proposals(USED)
    one = proposals.playing.bounded(
        Draft.from_degrees_ms(
            [180, 1],
            [0, 0],
            [500, 20],
            kind=[0, 2],
            gradient=[0, 0],
            shortest=[0, 0],
            longest=[9, 9],
            largest=[9, 9],
            repetition=[-1, -1],
        )
    )
    assert len(proposals.without_small_pulses(one).delay) == 2


def test_every_proposal_of_a_train_with_free_refocusing_pulses_can_be_played():
    train = replace(
        USED,
        search_space=replace(USED.search_space, max_rf=6),
        acquisition=Acquisition(tr=6.0, echoes=6, free_refocusing=2),
    )
    rng, proposals = np.random.default_rng(0), Proposals(train)
    simulator = simulator_of(train, train.voxels(method="nominal"), "auto")
    first = proposals.stacked(random_designs(proposals.free_space, 100, rng), alone=False)
    parents = [one.without_padding() for one in first]
    children = proposals.stacked(changed_designs(parents, proposals.free_space, 100, rng), alone=False)
    for batch in (first, children):
        words = kinds_of(batch, train)
        assert all(re.fullmatch("h*e[er]*rrr", word) for word in words)
        # Nor does one pulse for refocusing read what another excites.
        rows = [row for row in range(100) if "r" not in word_of(batch[row], train)[:-3]][:8]
        signal = simulator.signal(batch[rows])
        assert signal.shape == (8, 6 * 3)
        assert signal.abs().amax(-1).min() > 0
    # Where too few were drawn the last is repeated: a train of one flip angle.
    alike = [len(one.flip_angle[-3:].unique()) == 1 for one in parents]
    assert 0.3 < np.mean(alike) < 0.7
