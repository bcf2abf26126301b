import math

import numpy as np
import pytest

from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.descent import echoes
from sequence_search.strategies.rounds.propose import (
    CHANGES,
    _move,
    _refocus,
    _reverse,
    _stretch,
    _swap,
    changed_designs,
    random_designs,
)

SPACE = SearchSpace(max_rf=4)


def columns(sequence):
    return np.stack([part.numpy() for part in sequence.columns().values()])


def test_random_designs_fill_the_search_space():
    space = SearchSpace(flip_range=(0.5, 2.0), min_rf_delay=0.01)
    drawn = random_designs(space, 5000, np.random.default_rng(0))
    flip, phase, delay = (row for row in np.concatenate([columns(one) for one in drawn], axis=1))
    assert np.bincount([len(one.flip_angle) for one in drawn])[1:].tolist() == pytest.approx(
        [1000] * 5, rel=0.15
    )
    assert 0.5 <= flip.min() < 0.51
    assert 1.99 < flip.max() <= 2.0
    assert -math.pi <= phase.min() < -3.1
    assert 3.1 < phase.max() <= math.pi
    assert 0.01 <= delay.min() < 0.0101
    assert 0.98 < delay.max() <= 1.0


def test_draws_repeat():
    first, again, other = (
        Sequence.stack(random_designs(SPACE, 3, np.random.default_rng(seed))).delay.tolist()
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_changed_designs_stay_in_the_search_space_and_differ():
    rng = np.random.default_rng(0)
    parents = random_designs(SPACE, 10, rng)
    children = changed_designs(parents, SPACE, 500, rng)
    known = {str(parent) for parent in parents}
    assert sum(str(child) not in known for child in children) > 400
    for child in children:
        SPACE.check(child, "test")
    assert {len(child.flip_angle) for child in children} == {1, 2, 3, 4}


def test_better_parents_have_more_children():
    rng = np.random.default_rng(0)
    short, long = random_designs(SearchSpace(max_rf=1), 1, rng)[0], random_designs(SearchSpace(), 20, rng)
    long = next(one for one in long if len(one.flip_angle) == 4)
    lengths = [
        np.mean([len(child.flip_angle) for child in changed_designs(parents, SPACE, 2000, rng)])
        for parents in ([short] * 5 + [long] * 5, [long] * 5 + [short] * 5)
    ]
    assert lengths[0] < lengths[1]


@pytest.mark.parametrize("change", sorted(set(CHANGES), key=lambda change: change.__name__))
def test_each_change_does_what_it_says(change):
    rng = np.random.default_rng(1)
    parent = np.array([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [0.01, 0.02, 0.03]])
    before = parent.copy()
    grown = {
        "_add": {4},
        "_split": {4},
        "_repeat": {4},
        "_drop": {2},
        "_replace": {3},
        "_shift": {3},
        "_cross": {1, 2, 3, 4},
    }
    may_do_nothing = ("_cross", "_swap", "_move", "_reverse", "_refocus", "_shift")
    for _ in range(50):
        child = change(parent, [parent], SPACE, rng)
        assert child.shape[0] == 3
        assert child.shape[1] in grown.get(change.__name__, {3})
        changed = not np.array_equal(child, before)
        assert changed or change.__name__ in may_do_nothing
    assert np.array_equal(parent, before)


def test_a_stretch_keeps_echoes_and_lengthens_one_or_a_delay():
    rng = np.random.default_rng(4)
    # An echo of the first two delays, one of the last two, apart by a long wait.
    train = np.array([[1.0] * 5, [0.0] * 5, [0.02, 0.02, 0.9, 0.01, 0.01]])
    stretched = [_stretch(train, [], SearchSpace(), rng)[2] / train[2] != 1 for _ in range(200)]
    kinds = {tuple(np.flatnonzero(each).tolist()) for each in stretched}
    assert {(0, 1), (3, 4)} <= kinds <= {(0, 1), (3, 4), (0,), (1,), (2,), (3,), (4,), ()}
    for _ in range(50):
        delay = _stretch(train, [], SearchSpace(), rng)[2]
        if delay[0] != 0.02 and delay[1] != 0.02:
            assert delay[0] == delay[1]


def test_a_new_echo_is_exact_and_of_one_delay():
    rng = np.random.default_rng(5)
    delays = np.array([0.011, 0.1, 0.023, 0.4])
    children = [
        _refocus(np.stack([np.ones(4), np.zeros(4), delays]), [], SearchSpace(), rng) for _ in range(100)
    ]
    of_one = [delay for flip, _, delay in children if (flip == 1).all() and (delay != delays).sum() == 1]
    assert len(of_one) > 70  # now and then no draw can refocus
    assert all(len(echoes(found)) >= 1 for found in of_one)


def test_swap_move_and_reverse_keep_what_there_is():
    rng = np.random.default_rng(6)
    parent = np.add([[0.0], [10.0], [20.0]], np.arange(1.0, 5))
    flip, _, delay = parent
    for change in (_swap, _move, _reverse):
        seen = set()
        for _ in range(100):
            flips, phases, delays = change(parent, [], SearchSpace(), rng)
            assert (phases - flips == 10).all()
            assert sorted(flips) == flip.tolist()
            assert sorted(delays) == delay.tolist()
            assert change is not _swap or (delays == delay).all()
            assert change is not _move or (delays - flips == 20).all()
            seen.add(tuple(flips))
        assert len(seen) == {_swap: 7, _move: 10, _reverse: 7}[change]
    # Backwards: the delays between the pulses with them, the one after the last stays.
    flips, _, delays = next(
        child for child in (_reverse(parent, [], SearchSpace(), rng) for _ in range(500)) if child[0][0] == 4
    )
    assert flips.tolist() == [4, 3, 2, 1]
    assert delays.tolist() == [23, 22, 21, 24]


@pytest.mark.parametrize("change", sorted(set(CHANGES), key=lambda change: change.__name__))
@pytest.mark.parametrize("n_rf", [1, 4])
def test_changes_keep_to_the_number_of_pulses(change, n_rf):
    rng = np.random.default_rng(2)
    space = SearchSpace(max_rf=n_rf)
    parents = [columns(one) for one in random_designs(SearchSpace(max_rf=n_rf), 8, rng)]
    for parent in parents:
        assert 1 <= len(change(parent, parents, space, rng)[0]) <= n_rf


def test_a_negative_flip_is_changed_as_the_positive_one_it_is():
    rng = np.random.default_rng(3)
    parent = Sequence.from_degrees_ms([-90, 177], [0, 90], [10, 10])
    children = changed_designs([parent], SearchSpace(max_rf=2), 300, rng)
    first = [float(child.flip_angle[0]) for child in children if len(child.flip_angle) == 2]
    assert np.mean(np.array(first) < 0.05) < 0.1
    assert min(first) >= 0
