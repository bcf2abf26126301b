"""Real sequences as a search changes them: each pulse with its kind, and the gradient until the next."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.columns import Column
from sequence_search.layout import HARD, Layout
from sequence_search.limits import Range
from sequence_search.problem.playable import MOMENTS, layout_of
from sequence_search.problem.problem import Problem
from sequence_search.search_space import GRADIENTS, SearchSpace
from sequence_search.sequence import Sequence

WHOLE_TURN = 2 * math.pi
MOST_STRUCTURES = 4096  # that are remembered
NO_BOUND = 1e9  # of a delay [s]: finite, since drafts are compared number by number
NONE, _, SPOILED = range(len(GRADIENTS))
LEAST_REST = 1e-4  # from the last readout to the end of the repetition [s]


def has_slice(problem: Problem) -> bool:
    """Whether a search may play pulses that select a slice: voxels are simulated at several places of it."""
    kinds = [problem.pulses[name] for name in problem.search_space.pulses if name != HARD]
    return any(kind.slice_bandwidth for kind in kinds)


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
    """

    COLUMNS = (
        *Sequence.COLUMNS,
        *(Column(name, name, _as_it_is, _as_it_is) for name in ("kind", "gradient", "shortest")),
        Column("longest", "longest", _as_it_is, _as_it_is, padding=NO_BOUND),
    )

    kind: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    gradient: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    shortest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)
    longest: Float[Tensor, "*batch n_rf"] = field(kw_only=True)


def delay_bounds(
    sequence: Sequence, space: SearchSpace
) -> tuple[Float[Tensor, "*batch n_rf"], Float[Tensor, "*batch n_rf"]]:
    """Least and largest delay after each pulse [s]."""
    least, most = (torch.full_like(sequence.delay, end) for end in (space.min_rf_delay, space.max_delay))
    if not isinstance(sequence, Draft):
        return least, most
    return sequence.shortest.maximum(least), sequence.longest.minimum(most)


class Expansion(NamedTuple):
    """How the numbers of a draft [n_rf] become those of its sequence.

    Attributes
    ----------
    layout : Layout
    pulse : which pulse of the draft each of the sequence is [layout.n_rf]
    delay : which delay of the draft each of the sequence is, but for the rest of a repetition
    total : how often each delay of the draft counts up to the last readout [n_rf]
    flip : flip angle of each pulse of the sequence whose amplitude is fixed, else nan [layout.n_rf], rad
    rest : least time from the last readout to the end of a repetition [s]
    """

    layout: Layout
    pulse: np.ndarray
    delay: np.ndarray
    total: np.ndarray
    flip: np.ndarray
    rest: float


@dataclass(frozen=True)
class Playing:
    """What all sequences of a problem have in common, beyond their pulses.

    Attributes
    ----------
    kinds : names of the kinds of pulse, by place
    sides : least time from the centre of a pulse of each to whatever else is played [s]; None: it is free
    fixed : flip angle of those of fixed amplitude [rad]; None: it is free
    crusher : time of a crusher or spoiler [s]
    tr : repetition time [s], or inf
    n_echoes : readouts; above 1 the last pulse of a draft is that of a train, of twice the delay before
    shortest_delay : between instantaneous pulses [s]
    echo_spacing : least and largest [s]
    """

    kinds: tuple[str, ...] = ("hard",)
    sides: tuple[float | None, ...] = (None,)
    fixed: tuple[float | None, ...] = (None,)
    crusher: float = 0.0
    tr: float = math.inf
    n_echoes: int = 1
    shortest_delay: float = 0.0
    echo_spacing: tuple[float, float] = (0.0, math.inf)

    def expansion(self, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
        """Of a draft with these kinds and gradients."""
        return _expansion(self, kind, gradient)

    def narrowed(self, space: SearchSpace) -> SearchSpace:
        """Without flip angles beyond a whole turn if a pulse has a shape: its table ends there."""
        if all(side is None for side in self.sides):
            return space
        return replace(space, max_flip=min(space.max_flip, WHOLE_TURN))

    def _meant(self, draft: Draft) -> Float[Tensor, "*batch n_rf"]:
        """Gradients without what has no meaning, and no spoiler right before a readout."""
        behind = draft.n_rf[..., None] - torch.arange(draft.gradient.shape[-1])  # 1 for the last pulse
        is_train = self.n_echoes > 1
        spoils = (behind <= 1 + is_train) & (draft.gradient == SPOILED)
        return torch.where(spoils | ((behind <= 1) & is_train), NONE, draft.gradient)

    def bounded(self, sequence: Sequence) -> Draft:
        """Sequences as drafts, whose shortest delays follow from what they play, and no delay below them.

        Pulses of fixed amplitude have their flip angle, so that equal designs have equal numbers.
        """
        plain = torch.zeros_like(sequence.delay)
        if not isinstance(sequence, Draft):
            columns = cast(Any, sequence.columns())
            columns |= dict.fromkeys(("kind", "gradient", "shortest", "longest"), plain)
            sequence = Draft(**columns, present=sequence.present)
        sides = [self.shortest_delay / 2 if side is None else side for side in self.sides]
        is_there = torch.arange(plain.shape[-1]) < sequence.n_rf[..., None]
        own = torch.where(is_there, plain.new_tensor(sides)[sequence.kind.long()], 0.0)
        after = torch.cat([own[..., 1:], plain[..., :1]], -1)
        gradient = self._meant(sequence)
        shortest = (own + after + self.crusher * (gradient > 0)).clamp(min=self.shortest_delay)
        fixed = plain.new_tensor([math.nan if flip is None else flip for flip in self.fixed])
        own_flip = fixed[sequence.kind.long()]
        longest = torch.full_like(shortest, NO_BOUND)
        if self.n_echoes > 1:
            # The delay before the refocusing pulse is half the echo spacing.
            half = torch.arange(shortest.shape[-1]) == sequence.n_rf[..., None] - 2
            low, high = self.echo_spacing
            shortest = torch.where(half, shortest.clamp(min=low / 2), shortest)
            longest = torch.where(half, min(high / 2, NO_BOUND), longest)
            # The last delay and gradient of a draft are none of a train: equal trains have equal drafts.
            last = torch.arange(shortest.shape[-1]) >= sequence.n_rf[..., None] - 1
            longest = torch.where(last, shortest, longest)
        return replace(
            sequence,
            flip_angle=torch.where(own_flip.isnan(), sequence.flip_angle, own_flip),
            shortest=shortest,
            longest=longest,
            delay=sequence.delay.maximum(shortest).minimum(longest),
            gradient=gradient,
        )


@lru_cache(maxsize=MOST_STRUCTURES)
def _expansion(playing: Playing, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
    kinds = tuple(playing.kinds[place] for place in kind)
    moments = [MOMENTS[GRADIENTS[code]] for code in gradient]
    layout, pulse = layout_of(kinds, moments, playing.n_echoes, steady=playing.tr < math.inf)
    delay, total = np.arange(len(kind)), np.ones(len(kind))
    if playing.n_echoes > 1:
        delay, total[-2:] = delay[:-1], (2.0 * playing.n_echoes, 0.0)
    flip = np.array([playing.fixed[place] for place in kind], float)[pulse]
    # The first pulse of the next repetition has to fit in, too.
    rest = max(LEAST_REST, playing.sides[kind[0]] or 0.0)
    return Expansion(layout, np.array(pulse), delay, total, flip, rest)


def with_fewer_gradients(sequence: Sequence) -> list[Sequence]:
    """A single draft without one or more of its gradients, those with the fewest left last."""
    if not isinstance(sequence, Draft):
        return []
    played = sequence.gradient.nonzero()[:, 0].tolist()
    fewer: list[Sequence] = []
    for count in range(1, len(played) + 1):
        for places in itertools.combinations(played, count):
            gradient = sequence.gradient.clone()
            gradient[list(places)] = NONE
            fewer.append(replace(sequence, gradient=gradient))
    return fewer


def playing_of(problem: Problem) -> Playing | None:
    """What a search plays beside flip angles, phases and delays; None if these are all.

    Raises
    ------
    ValueError
        If the repetition time or the echo spacing is a range.
    """
    space, acquisition = problem.search_space, problem.acquisition
    if not problem.has_layouts:
        return None
    tr, _ = acquisition.tr_bounds
    if isinstance(acquisition.tr, Range):
        raise ValueError(f"a search takes one repetition time: state tr_ms as a number in '{problem.name}'")
    kinds = [problem.pulses.get(name) for name in space.pulses]
    for name, kind in zip(space.pulses, kinds, strict=True):
        if kind is not None and kind.fixed_flip is not None and kind.fixed_flip > space.max_flip:
            raise ValueError(
                f"pulse '{name}' turns by {math.degrees(kind.fixed_flip):.6g}°, above max_flip_deg of"
                f" '{problem.name}', {math.degrees(space.max_flip):.6g}"
            )
    return Playing(
        kinds=space.pulses,
        sides=tuple(None if kind is None else kind.side for kind in kinds),
        fixed=tuple(None if kind is None else kind.fixed_flip for kind in kinds),
        crusher=space.crusher,
        tr=tr,
        n_echoes=acquisition.echoes,
        shortest_delay=space.min_rf_delay,
        echo_spacing=acquisition.echo_spacing_bounds,
    )
