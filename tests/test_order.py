import itertools
import re

import pytest
import torch

from sequence_search.strategies.proxyless.order import Order

LETTERS = "eriw"  # excitation, refocusing, inversion, wait


def order(layers=3, has_head=False, has_tail=False, n_refocusing=0):
    flags = {"before": "iw", "excites": "e", "after": "erw", "refocuses": "r"}
    may = {name: torch.tensor([each in letters for each in LETTERS]) for name, letters in flags.items()}
    return Order(layers=layers, has_head=has_head, has_tail=has_tail, n_refocusing=n_refocusing, **may)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "i*e[er]*"),
        ({"n_refocusing": 1}, "i*e[er]*r"),
        ({"n_refocusing": 2}, "err"),
        ({"has_head": True, "n_refocusing": 2}, "(i*e)?[er]*rr"),
        ({"has_head": True}, "(i*e)?[er]*"),
        ({"has_tail": True}, "i*(e[er]*)?"),
    ],
)
def test_paths_are_kept_and_chosen_by_their_pulses(options, word):
    paths = torch.tensor(list(itertools.product(range(4), repeat=3)))
    n_refocusing = options.get("n_refocusing", 0)
    paths = paths[(paths[:, 3 - n_refocusing :] != 3).all(1)]  # a train has no waits of its own

    def fits(path):
        return re.fullmatch(word, "".join(LETTERS[each] for each in path if LETTERS[each] != "w")) is not None

    keeps = order(**options).keeps(paths)
    assert keeps.tolist() == [fits(path) for path in paths.tolist()]
    assert 0 < keeps.sum() < len(keeps)
    # The highest score of each layer where these may stand, and else what may.
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand((200, 3, 4), generator=generator)
    scores[:, 3 - n_refocusing :, 3] = -torch.inf
    chosen, free = order(**options).path(scores), scores.argmax(-1)
    assert all(map(fits, chosen.tolist()))
    right = order(**options).keeps(free)
    assert torch.equal(chosen[right], free[right])
    assert 0 < right.sum() < 200


def test_neighbours_are_told_apart():
    paths = torch.tensor([[[2, 0, 1], [2, 1, 1]], [[0, 0, 2], [3, 3, 0]]])
    assert order().keeps(paths).tolist() == [[True, False], [False, True]]
