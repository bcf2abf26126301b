"""The states that layouts reach, counted."""

import numpy as np
import pytest

from sequence_search.engines.kernel.states import MOST_TRIPLES, tables
from sequence_search.layout import SPOILER, Layout


def counts(layout):
    """Triples, and leaves without the first, which counts for nothing."""
    found = tables(layout)
    return len(found.source), len(found.leaf) - 1


@pytest.mark.parametrize(("n_rf", "expected"), [(1, (0, 1)), (3, (5, 9)), (4, (18, 27)), (5, (58, 81))])
def test_free_delays_without_gradients_have_the_pathways_of_the_tree(n_rf, expected):
    assert counts(Layout.plain(n_rf)) == expected


def test_crushers_and_spoilers_leave_the_refocused_path_only():
    assert counts(Layout.plain(2, gradients=(1, 1))) == (1, 1)
    assert counts(Layout.plain(3, gradients=(SPOILER, 1, 1))) == (1, 1)
    assert counts(Layout.plain(5, gradients=(SPOILER, SPOILER, SPOILER, 1, 1))) == (1, 1)


def test_a_preparation_that_is_spoiled_keeps_its_pathways():
    # Of its three pulses without gradients, nine: what meets the crushed spin echo was longitudinal.
    assert counts(Layout.plain(5, gradients=(0, 0, SPOILER, 1, 1))) == (18, 9)


@pytest.mark.parametrize(
    ("n_echoes", "triples", "leaves", "crushed"),
    [(4, 16, 15, 6), (8, 64, 31, 20), (16, 256, 63, 72), (30, 900, 119, 240)],
)
def test_trains_have_as_many_states_as_echoes_squared(n_echoes, triples, leaves, crushed):
    assert counts(Layout.train(n_echoes)) == (triples, leaves)
    # Crushed, those of odd moment only, up to the moment that the pulses left can take back; in a steady
    # state those of even moment as well, which come back as what is longitudinal at the end.
    assert counts(Layout.train(n_echoes, crusher=1)) == (crushed, 1)
    assert counts(Layout.train(n_echoes, crusher=1, steady=True)) == (n_echoes**2 // 2, 1)


def test_what_stands_before_a_spoiled_train_adds_no_state():
    assert counts(Layout.train(8, before=(SPOILER,), crusher=1)) == (20, 1)


@pytest.mark.parametrize(
    "layout",
    [
        Layout.plain(5),
        Layout.plain(4, gradients=(1, 2, SPOILER, 1), steady=True),
        Layout.train(5, before=(SPOILER, 1), crusher=1, steady=True),
        Layout.train(4, steady=True).repeat(2),
    ],
)
def test_each_amplitude_is_the_source_of_its_user(layout):
    found = tables(layout)
    zero = 3 * len(found.source) + layout.n_rf
    source = np.concatenate((found.source.ravel(), found.origin[:, 0], [zero]))
    user = np.concatenate((found.user.ravel(), found.origin[:, 1], [zero]))
    places = np.arange(zero)
    assert np.isin(source[user[:-1]], [*places, zero]).all()
    np.testing.assert_array_equal(source[user[:-1]][user[:-1] < zero], places[user[:-1] < zero])
    np.testing.assert_array_equal(user[source[:-1]][source[:-1] < zero], places[source[:-1] < zero])


def test_a_layout_with_too_many_states_is_refused():
    with pytest.raises(ValueError, match=f"may reach {MOST_TRIPLES} states of three at a time, got"):
        tables(Layout.plain(12))
