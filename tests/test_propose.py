import math

import numpy as np
import pytest

from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.rounds.propose import CHANGES, changed_designs, random_designs

SPACE = SearchSpace(max_rf=4)


def columns(sequence):
    return sequence.flip_angle.numpy(), sequence.phase.numpy(), sequence.delay.numpy()


def test_random_designs_fill_the_search_space():
    space = SearchSpace(flip_range=(0.5, 2.0), min_rf_delay=0.01)
    drawn = random_designs(space, 5000, np.random.default_rng(0))
    flip, phase, delay = (np.concatenate(parts) for parts in zip(*map(columns, drawn), strict=True))
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
    parent = tuple(np.array(part) for part in ([1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [0.01, 0.02, 0.03]))
    before = [part.copy() for part in parent]
    grown = {
        "_add": {4},
        "_split": {4},
        "_repeat": {4},
        "_drop": {2},
        "_replace": {3},
        "_shift": {3},
        "_cross": {1, 2, 3, 4},
    }
    for _ in range(50):
        child = change(parent, [parent], SPACE, rng)
        assert len({len(part) for part in child}) == 1
        assert len(child[0]) in grown[change.__name__]
        assert any(a.shape != b.shape or (a != b).any() for a, b in zip(child, before, strict=True)) or (
            change.__name__ == "_cross"
        )
    assert all((a == b).all() for a, b in zip(parent, before, strict=True))


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
