"""What missing the limits of a problem costs on the way to a design."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.engines.simulator import Simulator
from sequence_search.problem.wishes import Measure
from sequence_search.sequence import Sequence
from sequence_search.strategies.played import DraftSimulator

# Part of a bound below which the price is square: so a descent ends near a limit, not to and fro across it.
SOFT = 0.05


def price(
    measured: Iterable[Measure], weight: float, sequence: Sequence
) -> tuple[Float[Tensor, "*batch"], Sequence]:
    """What sequences pay for missed limits and its derivatives; the weight is that of a factor of e."""
    total = sequence.delay.new_zeros(sequence.batch_shape)
    columns = {name: torch.zeros_like(part) for name, part in sequence.columns().items()}
    for each in measured:
        value, by = each.value_and_gradient(sequence)
        excess, slope = each.excess(value)
        size = excess.log1p()
        total = total + weight * torch.where(size < SOFT, size**2 / (2 * SOFT), size - SOFT / 2)
        steep = (weight * slope * (size / SOFT).clamp(max=1) / (1 + excess))[..., None]
        columns = {name: part + steep * by.columns()[name] for name, part in columns.items()}
    return total, sequence.with_columns(columns)


def of_proposals(simulator: Simulator | DraftSimulator, measured: list[Measure]) -> list[Measure]:
    """Measures of what a search proposes: where these are drafts, of what they stand for."""
    if not isinstance(simulator, DraftSimulator):
        return measured
    return [
        replace(each, value_and_gradient=partial(simulator.through, each.value_and_gradient))
        for each in measured
    ]
