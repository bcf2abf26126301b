"""Check which of many candidates go on: few forms of one design, so that others have a place."""

from dataclasses import replace

import torch

from sequence_search.sequence import Sequence
from sequence_search.strategies.playing import Playing
from sequence_search.strategies.rounds.elite import LEAST_GAIN, Candidate, at_best, select


def draft(flips, delays, gradients):
    one = Playing().bounded(Sequence.from_degrees_ms(flips, [0] * len(flips), delays))
    return replace(one, gradient=torch.tensor(gradients, dtype=torch.float64))


def plain(*flips):
    return Sequence.from_degrees_ms(flips, [0] * len(flips), [10] * len(flips))


def test_the_best_of_each_family_are_chosen_best_first():
    worse, best, near, other = (
        Candidate(*each) for each in ((0.3, plain(90)), (0.1, plain(60)), (0.2, plain(67)), (0.25, plain(75)))
    )
    assert select([worse, best, near, other], 4, by_number=True) == [best, other, worse]


def test_those_at_the_best_are_within_a_gain_of_it_whatever_its_sign():
    less = 0.9 * LEAST_GAIN
    found = [Candidate(loss, plain(60)) for loss in (-2.0, -2.0 * (1 - less), -2.0 * (1 - 2 * less), 3.0)]
    assert at_best(found) == (-2.0, 2)
    assert at_best(found[3:]) == (3.0, 1)
    assert at_best([]) == (float("inf"), 0)


def test_so_many_of_each_number_or_of_all():
    found = [Candidate(loss, plain(*flips)) for loss, flips in ((1.0, [40]), (2.0, [60]), (3.0, [40, 60]))]
    assert select(found, 1, by_number=True) == [found[0], found[2]]
    assert select(found, 2, by_number=False) == found[:2]


def test_a_niche_is_wider_than_a_family_and_narrow_enough():
    found = [Candidate(loss, plain(flip)) for loss, flip in ((1.0, 60), (2.0, 75), (3.0, 100))]
    assert select(found, 3, by_number=True, niche=3.0) == [found[0], found[2]]


def test_a_gradient_that_does_nothing_makes_no_other_design_but_one_that_counts_does():
    bare, crushed = draft([90, 180], [10, 10], [0, 0]), draft([90, 180], [10, 10], [1, 0])
    best, same, changed = (
        Candidate(loss, each) for loss, each in ((1.0, bare), (1 + LEAST_GAIN / 2, crushed), (1.1, crushed))
    )
    assert select([best, same], 2, by_number=True) == [best]
    assert select([best, changed], 2, by_number=True) == [best, changed]


def test_forms_that_do_not_count_leave_room_for_others():
    found = [Candidate(loss, plain(*flips)) for loss, flips in ((1.0, [90]), (2.0, [0, 90]), (3.0, [90, 45]))]
    chosen = select(found, 2, by_number=True, form=lambda one: one.drop_small_pulses().without_padding())
    assert chosen == [found[0], found[2]]
