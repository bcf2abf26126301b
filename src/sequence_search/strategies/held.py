"""What of a draft is given and stays, and what of the rest may be left out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from sequence_search.frame import Frame
from sequence_search.search_space import ROUNDING
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import NONE, Draft


def delays_held(draft: Draft, frame: Frame) -> Draft:
    """Drafts [*batch, n_rf] with the delays of given pulses as they are given, and no others.

    Between two of them all has its place; after the last of a head, what is found next may have none.
    """
    fixed, delay = frame.is_fixed(draft), frame.hold(draft).delay
    next_too = torch.cat([fixed[..., 1:], torch.ones_like(fixed[..., :1])], -1)
    has_place = fixed & (next_too | (draft.shortest <= delay * (1 + ROUNDING)))
    return replace(
        draft,
        delay=delay,
        shortest=torch.where(has_place, delay, draft.shortest),
        longest=torch.where(fixed, delay, draft.longest),
    )


def with_fewer_gradients(sequence: Sequence, held: Bool[Tensor, " n_rf"]) -> list[Sequence]:
    """A single draft without one or more of its gradients but for those held, the fewest left last."""
    if not isinstance(sequence, Draft):
        return []
    played = ((sequence.gradient != NONE) & ~held).nonzero()[:, 0].tolist()
    fewer: list[Sequence] = []
    for count in range(1, len(played) + 1):
        for places in itertools.combinations(played, count):
            gradient = sequence.gradient.clone()
            gradient[list(places)] = NONE
            fewer.append(replace(sequence, gradient=gradient))
    return fewer
