"""States by name: a turn about z, and moments that no gradient undoes."""

import torch

from sequence_search.engines.configuration_state import ConfigurationState, negative


def state(*moments):
    """Of these crusher moments and one delay, which each has gained once."""
    parts = {(moment, 1): torch.full((1, 1, 1), 1.0 + 0j, dtype=torch.complex128) for moment in moments}
    return ConfigurationState(parts, dict(parts), torch.tensor([[0.01]]), torch.zeros(1))


def test_a_turn_is_of_what_is_transverse():
    turned = state(0).turned(torch.full((1, 1, 1), torch.pi / 2))
    torch.testing.assert_close(turned.transverse[0, 1], torch.full((1, 1, 1), 1j, dtype=torch.complex128))
    assert turned.longitudinal == state(0).longitudinal
    assert state(0).turned(None).transverse == state(0).transverse


def test_moments_beyond_the_gradients_to_come_are_left_out_on_both_sides():
    kept = state(-3, -2, 0, 2, 3).within(2)
    assert list(kept.transverse) == list(kept.longitudinal) == [(-2, 1), (0, 1), (2, 1)]


def test_the_other_way_round_all_counts_are_negated():
    assert negative((2, 0, -1)) == (-2, 0, 1)


def test_times_are_counts_of_the_delays():
    assert state(0).time((3,)).tolist() == torch.tensor([0.03]).tolist()
