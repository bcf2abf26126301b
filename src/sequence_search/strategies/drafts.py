"""Real sequences as a search changes them: each pulse with its kind, and the gradient until the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.columns import Column
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import selects_slice
from sequence_search.search_space import GRADIENTS, SearchSpace
from sequence_search.sequence import Sequence

NO_BOUND = 1e9  # of a delay [s]: finite, since drafts are compared number by number
NONE, CRUSHED, SPOILED = range(len(GRADIENTS))
FIXED = -1.0  # where a repetition time is not searched


def has_slice(problem: Problem) -> bool:
    """Whether a search may play pulses that select a slice: voxels are simulated at several places of it."""
    return selects_slice(problem.search_space.pulses, problem.pulses)


def gradient_codes(space: SearchSpace) -> list[int]:
    """What a draft's gradients may be."""
    return [GRADIENTS.index(name) for name in space.gradients]


def _as_it_is(number: Tensor) -> Tensor:
    return number


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Draft(Sequence):
    """Sequences without a layout, with what their layouts follow from, pulse by pulse.

    Attributes
    ----------
    kind : tensor [*batch, n_rf], place of the pulse's kind in `search_space.pulses`
    gradient : tensor [*batch, n_rf], of the interval after the pulse: 0 none, 1 a crusher, 2 a spoiler
    shortest, longest : tensor [*batch, n_rf], bounds of the delay after the pulse [s]
    largest : tensor [*batch, n_rf], flip angle of the pulse [rad]
    repetition : tensor [*batch, n_rf]
        Place of the repetition time between its bounds, 0 to 1, on a log scale; that of the first pulse
        counts. -1 where it is not searched.
    """

    COLUMNS = (
        *Sequence.COLUMNS,
        *(Column(name, name, _as_it_is, _as_it_is) for name in ("kind", "gradient", "shortest")),
        *(Column(name, name, _as_it_is, _as_it_is, padding=NO_BOUND) for name in ("longest", "largest")),
        Column("repetition", "repetition", _as_it_is, _as_it_is, padding=FIXED),
    )

    kind: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    gradient: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    shortest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    longest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    largest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    repetition: Float[Tensor, "*batch n_rf"] = field(kw_only=True)


def delay_bounds(
    sequence: Sequence, space: SearchSpace
) -> tuple[Float[Tensor, "*batch n_rf"], Float[Tensor, "*batch n_rf"]]:
    """Least and largest delay after each pulse [s]."""
    least, most = (torch.full_like(sequence.delay, end) for end in (space.min_rf_delay, space.max_delay))
    if not isinstance(sequence, Draft):
        return least, most
    return sequence.shortest.maximum(least), sequence.longest.minimum(most)


def flip_bound(sequence: Sequence, space: SearchSpace) -> Float[Tensor, "*batch n_rf"]:
    """Largest flip angle of each pulse [rad]."""
    most = torch.full_like(sequence.flip_angle, space.max_flip)
    return sequence.largest.minimum(most) if isinstance(sequence, Draft) else most


def is_repetition_free(sequence: Sequence) -> bool:
    """Whether a repetition time is searched."""
    return isinstance(sequence, Draft) and bool((sequence.repetition >= 0).any())


def with_repetition(sequence: Sequence, repetition: Float[Tensor, "*batch 1"]) -> Sequence:
    """Drafts with this place of the repetition time at every pulse, so that it stays without the first."""
    return sequence.with_columns({"repetition": repetition.expand(sequence.delay.shape)})
