"""Structures that a search remembers: of recent calls, and of sequences that are nearly the same."""

import torch

from sequence_search.problem import wishes
from sequence_search.sequence import Sequence
from sequence_search.strategies import structures
from sequence_search.strategies.structures import NearStructures

ECHOES = Sequence.from_degrees_ms(
    [[90, 180, 180], [90, 180, 100]], [[0, 90, 90], [0, 90, 0]], [[10, 20, 10], [10, 15, 70]]
)


def test_near_structures_are_found_once(monkeypatch):
    found = []

    def counted(sequence):
        found.extend(exact := wishes.exact_structures(sequence))
        return exact

    monkeypatch.setattr(structures, "exact_structures", counted)
    near = NearStructures()
    assert near(ECHOES) == wishes.exact_structures(ECHOES)
    assert len(found) == 2
    again = near(ECHOES.with_columns({"delay": ECHOES.delay * (1 + 1e-9)}))
    assert again == found
    other = ECHOES.with_columns({"delay": ECHOES.delay * torch.tensor([[1.0], [4.0]])})
    assert near(other)[0] == found[0]
    assert len(found) == 3
    single = ECHOES[0].map(lambda part: part[None, :2])
    assert near(single)[0].refocusing == (1,)
