"""Many sequences a batch at a time: of one number of pulses, or as many as memory allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.search_space import Grid
from sequence_search.sequence import Sequence

# Losses [stop - start] of the points of a grid from start to before stop.
GridLosses = Callable[[int, int], np.ndarray]


def by_pulse_number(play: Callable[[Sequence], tuple[Tensor, ...]], flat: Sequence) -> list[Tensor]:
    """What is played of a flat batch, each with a row for each sequence; of those without padding together.

    So padding costs nothing.
    """
    if flat.present is None or not len(flat.present):
        return list(play(flat))
    groups = [(rows, *play(unpadded)) for rows, unpadded in flat.by_pulse_number()]
    rows, *parts = zip(*groups, strict=True)
    return [torch.cat(part)[torch.cat(rows).argsort()] for part in parts]


def in_batches(loss: Callable[[Sequence], Float[Tensor, " batch"]], grid: Grid, most: int) -> GridLosses:
    """Losses of the points of a grid, at most so many at once."""

    def losses(start: int, stop: int) -> np.ndarray:
        parts = np.split(np.arange(start, stop), range(most, stop - start, most))
        return torch.cat([loss(grid.sequences(part)) for part in parts]).detach().numpy()

    return losses
