"""Structures of what a search proposes, for TE and TI: finding one takes 1 to 2 ms, 100 times a loss."""

from __future__ import annotations

import torch
from torch import Tensor

from sequence_search.layout import Layout
from sequence_search.problem.wishes import exact_structures
from sequence_search.sequence import Sequence
from sequence_search.structure import Structure

# Numbers within which sequences count as of one structure: flip angles and phases [rad], delays as a ratio.
SAME_FLIP, SAME_PHASE, SAME_DELAY = 0.1, 0.3, 0.1
MOST_KEPT = 100_000


class RecentStructures:
    """Structures of a batch of each layout, found anew now and then, and where numbers of pulses change."""

    def __init__(self, every: int) -> None:
        self._every = every
        self.forget()

    def forget(self) -> None:
        """Find them anew at the next call."""
        self._known = dict[Layout | None, tuple[int, Tensor, list[Structure]]]()

    def __call__(self, sequence: Sequence) -> list[Structure]:
        """Structures, at most so many calls old."""
        age, n_rf, found = self._known.get(sequence.layout, (0, torch.zeros(0), []))
        if age % self._every == 0 or not torch.equal(n_rf, sequence.n_rf):
            age, n_rf, found = 0, sequence.n_rf, exact_structures(sequence)
        self._known[sequence.layout] = age + 1, n_rf, found
        return found


class NearStructures:
    """Structures of sequences [*batch], each found once for all whose numbers are nearly the same.

    For sequences that differ from call to call.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Structure] = {}

    def __call__(self, sequence: Sequence) -> list[Structure]:
        """Structures as near as the numbers are."""
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        flat = sequence.flat()
        numbers = (flat.flip_angle / SAME_FLIP, flat.phase / SAME_PHASE, flat.delay.log() / SAME_DELAY)
        rows = torch.cat([part.nan_to_num(neginf=-1e9).round() for part in numbers], -1).tolist()
        keys = [(sequence.layout, count, *row) for count, row in zip(flat.n_rf.tolist(), rows, strict=True)]
        for row, key in enumerate(keys):
            if key not in self._known:
                (self._known[key],) = exact_structures(flat[row : row + 1])
        return [self._known[key] for key in keys]
