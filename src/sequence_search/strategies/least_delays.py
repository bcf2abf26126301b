"""The least delays of drafts, from a table of the least times between neighbours."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.problem.room import AT_END, READOUT, Least
from sequence_search.strategies.drafts import SPOILED, Draft

# Least times [s] from a kind of pulse, or at last a readout, to another, by what stands between: nothing, a
# crusher, the first, second and so on spoiler of a repetition, the spoiler at its end.
Table = tuple[tuple[tuple[float, ...], ...], ...]


def table_of(least: Least, kinds: tuple[str, ...], most_spoilers: int) -> Table:
    """Table of kinds by name, from what reckons each time."""
    names = (*kinds, READOUT)
    between: list[tuple[int, int | None]] = [(0, None), (1, None)]
    between += [(0, number + 1) for number in range(most_spoilers)] + [(0, AT_END)]
    return tuple(
        tuple(tuple(least(one, other, *each) for each in between) for other in names) for one in names
    )


def least_delays(
    table: Float[Tensor, "names names between"],
    draft: Draft,
    gradient: Float[Tensor, "*batch n_rf"],
    n_train: int,
) -> Float[Tensor, "*batch n_rf"]:
    """Least delay after each pulse [s]: to the next, of the last to the readout; 0 of padding.

    Parameters
    ----------
    table : as a tensor
    gradient : codes of what is played after each pulse
    n_train : last pulses that stand for a train; of its first it is half the echo spacing
    """
    readout, place = table.shape[0] - 1, torch.arange(draft.delay.shape[-1])
    last, kind = draft.n_rf[..., None] - 1, draft.kind.long()
    following = torch.cat([kind[..., 1:], kind[..., :1]], -1)
    spoilers = (gradient == SPOILED).cumsum(-1) + 1
    between = torch.where(gradient == SPOILED, spoilers, gradient).long().clamp(max=table.shape[-1] - 2)
    least = table[kind, torch.where(place == last, readout, following), between]
    if n_train:
        pairs = (table[following, readout, between], table[readout, following, between])
        half = torch.maximum(*pairs).maximum(least)
        least = torch.where(place == last + 1 - n_train, half, least)
    return torch.where(place <= last, least, 0.0)
