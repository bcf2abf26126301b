from dataclasses import replace

import numpy as np
import pytest
import torch

from limit_cases import limited
from sequence_search.acquisition import Acquisition
from sequence_search.layout import Layout
from sequence_search.limits import Range
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import draft_of, of_one_tr
from sequence_search.strategies.played import played_as, simulator_of
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.rounds.propose import random_designs

REAL = Problem.load("spin-echo-2d")
TRAIN = replace(REAL, acquisition=Acquisition(tr=3.0, echoes=4))
FREE = replace(REAL, acquisition=Acquisition(tr=3.0, echoes=4, free_refocusing=1))


@pytest.mark.parametrize("problem", [REAL, TRAIN, FREE, replace(REAL, acquisition=Acquisition())])
def test_the_draft_of_what_a_draft_is_played_as_is_played_as_the_same(problem):
    simulator = simulator_of(problem, problem.voxels(method="nominal"), "auto")
    drafts = random_designs(problem.search_space, 60, np.random.default_rng(3))
    n_played = 0
    for each in drafts:
        try:
            sequence = played_as(simulator, playing_of(problem).bounded(each))
        except ValueError:  # too few pulses for a train, too long, or a refocusing pulse excites
            continue
        n_played += 1
        again = played_as(simulator, draft_of(problem, sequence))
        assert again.layout == sequence.layout
        for name, part in again.columns().items():
            torch.testing.assert_close(part, getattr(sequence, name), rtol=1e-9, atol=1e-12)
    assert n_played > 10


def test_what_no_search_proposes_has_no_draft():
    problem = limited("[sequence]\ntr_ms = 900")
    numbers = [90, 180], [0, 0], [10, 10, 880]
    strong = Sequence.from_degrees_ms(*numbers, layout=Layout.plain(2, gradients=(2, 2), steady=True))
    other = Sequence.from_degrees_ms(*numbers, layout=Layout.plain(2, kinds=("hard", "hs"), steady=True))
    plain = Sequence.from_degrees_ms([90], [0], [10])
    assert [draft_of(problem, each) for each in (strong, other, plain)] == [None] * 3
    assert draft_of(limited(), plain) == plain
    assert draft_of(limited(), strong) is None
    train = Sequence.from_degrees_ms([90, 180, 150], [0, 0, 0], [5], layout=Layout.train(2))
    uneven = replace(problem, acquisition=Acquisition(echoes=2))
    assert draft_of(uneven, train) is None


def test_a_searched_repetition_time_is_that_of_the_sequence():
    problem = limited("[sequence]\ntr_ms = { low = 500, high = 900 }")
    played = problem.played(Sequence.from_degrees_ms([90], [0], [10]), tr=0.7)
    assert of_one_tr(problem, played).acquisition.tr == pytest.approx(0.7)
    assert problem.acquisition.tr == Range(0.5, 0.9)
    assert of_one_tr(REAL, played) is REAL
