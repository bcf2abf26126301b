"""What all sequences of a problem have in common, and which drafts may be played."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.acquisition import Acquisition
from sequence_search.frame import Frame
from sequence_search.layout import HARD, Layout
from sequence_search.limits import MOST_PULSES, FixedPulses, Limits, Range
from sequence_search.outside import is_dephased, is_silent_outside, unselective
from sequence_search.problem.problem import Problem
from sequence_search.problem.pulses_table import uses_of
from sequence_search.problem.room import READOUT, Room
from sequence_search.pulses.uses import AFTER, ANY, EXCITES, REFOCUSES, Uses, in_order
from sequence_search.search_space import GRADIENTS, SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import (
    CRUSHED,
    FIXED,
    NO_BOUND,
    NONE,
    SPOILED,
    Draft,
    gradient_codes,
)
from sequence_search.strategies.least_delays import Table, least_delays, table_of

WHOLE_TURN = 2 * math.pi


@dataclass(frozen=True)
class Playing:
    """What all sequences of a problem have in common, beyond their pulses.

    Attributes
    ----------
    kinds : names of the kinds of pulse, by place
    sides : least time from the centre of a pulse of each to whatever else is played [s]; None: it is free
    fixed : flip angle of those of fixed amplitude [rad]; None: it is free
    crusher : time of a crusher or spoiler [s]
    shortest_delay : between instantaneous pulses [s]
    acquisition : how it is repeated and read; the last pulses of a draft stand for its train
    gradient : what stands where none was chosen: 0, or another where there must be one
    uses : what those of the search space, which come first, may be for
    largest : flip angle of each kind that the scanner of the problem can play [rad]; empty without one
    on_scanner : its least times between neighbours; empty without one
    raster : by half of which each delay may be rounded there [s]
    unselective : kinds of which what they excite outside the slice has to be dephased, see `outside`
    refocusing : kinds for it and not for excitation, of which all that they excite has to be dephased; empty
        where no crusher may stand
    """

    kinds: tuple[str, ...] = ("hard",)
    sides: tuple[float | None, ...] = (None,)
    fixed: tuple[float | None, ...] = (None,)
    crusher: float = 0.0
    shortest_delay: float = 0.0
    acquisition: Acquisition = field(default_factory=Acquisition)
    gradient: int = NONE
    uses: tuple[Uses, ...] = (ANY,)
    largest: tuple[float, ...] = ()
    on_scanner: Table = ()
    raster: float = 0.0
    unselective: frozenset[str] = frozenset()
    refocusing: frozenset[str] = frozenset()

    def may_read(self, layout: Layout) -> bool:
        """Whether gradients dephase what is not to be excited: outside the slice, or by pulses to refocus."""
        of_refocusing = not self.refocusing or is_dephased(layout, self.refocusing, frozenset(layout.kinds))
        return of_refocusing and is_silent_outside(layout, self.unselective)

    @property
    def not_exciting(self) -> frozenset[str]:
        """Kinds that may be chosen, but not for excitation."""
        pairs = zip(self.kinds, self.uses, strict=False)
        return frozenset(name for name, uses in pairs if not uses & EXCITES)

    @property
    def only_before(self) -> frozenset[str]:
        """Kinds that may be chosen, but neither for excitation nor for refocusing."""
        pairs = zip(self.kinds, self.uses, strict=False)
        return frozenset(name for name, uses in pairs if not uses & AFTER)

    def narrowed(self, space: SearchSpace) -> SearchSpace:
        """Without flip angles beyond a whole turn if a pulse has a shape: its table ends there."""
        if all(side is None for side in self.sides):
            return space
        return replace(space, max_flip=min(space.max_flip, WHOLE_TURN))

    def _meant(self, draft: Draft) -> Float[Tensor, "*batch n_rf"]:
        """Gradients without what has no meaning, no spoiler right before a readout, crushers in some trains.

        Those are the trains of pulses for refocusing alone.
        """
        behind = draft.n_rf[..., None] - torch.arange(draft.gradient.shape[-1])  # 1 for the last pulse
        gradient = torch.where(draft.gradient == NONE, float(self.gradient), draft.gradient)
        spoils = (behind <= max(1, self.acquisition.n_train)) & (gradient == SPOILED)
        gradient = torch.where(spoils | (behind < self.acquisition.n_train), NONE, gradient)
        if not (self.refocusing and self.acquisition.n_train):
            return gradient
        refocuses = torch.tensor([name in self.refocusing for name in self.kinds])[draft.kind.long()]
        is_crushed = (refocuses & (behind == 1)).any(-1, keepdim=True) & (behind == self.acquisition.n_train)
        return torch.where(is_crushed, CRUSHED, gradient)

    def frame(self, limits: Limits) -> Frame:
        """The pulses that are given, as drafts."""
        return Frame(*(None if part is None else self._given(part) for part in (limits.head, limits.tail)))

    def _given(self, part: FixedPulses) -> Draft:
        pulses = replace(part.sequence, layout=None).turn_first_to_zero()
        columns = cast(Any, pulses.columns())
        kinds = part.pulses or (HARD,) * len(part)
        codes = map(GRADIENTS.index, part.gradients or (GRADIENTS[NONE],) * len(part))
        columns["kind"] = pulses.delay.new_tensor([self.kinds.index(name) for name in kinds])
        columns["gradient"] = pulses.delay.new_tensor([*codes])
        columns["repetition"] = torch.full_like(pulses.delay, FIXED)
        return Draft(**columns, shortest=pulses.delay, longest=pulses.delay, largest=pulses.flip_angle.abs())

    def in_order(self, free: Draft, frame: Frame) -> Draft:
        """Drafts [*batch, n_rf] of pulses that are not given, with kinds that may stand where they do."""
        if all(use == ANY for use in self.uses):
            return free
        given = [0 if part is None else len(part.delay) for part in (frame.head, frame.tail)]
        flat, n_refocusing = free.flat(), max(0, self.acquisition.n_train - 1)
        ordered = [
            [*in_order(tuple(row[:count]), self.uses, *given, n_refocusing=n_refocusing), *row[count:]]
            for row, count in zip(flat.kind.int().tolist(), flat.n_rf.tolist(), strict=True)
        ]
        kind = free.kind.new_tensor(ordered).reshape(free.kind.shape)
        return free if torch.equal(kind, free.kind) else self.bounded(replace(free, kind=kind))

    def with_train(self, free: Sequence, frame: Frame) -> Sequence:
        """A single sequence of pulses that are not given, the last repeated if they are too few for a train.

        That is as simple as a train can be: its refocusing pulses are alike.
        """
        needed = 0 if frame.tail is not None else self.acquisition.n_train - (frame.head is not None)
        missing = max(0, needed - len(free.delay))
        return free.map(lambda part: torch.cat([part, part[-1:].expand(missing)])) if missing else free

    def tr_of(self, repetition: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Repetition time at places between its bounds [s]."""
        return np.asarray(self.acquisition.tr_bounds[0] * self.tr_ratio ** repetition.clip(0, 1))

    def repetition_of(self, tr: float) -> float:
        """Place of a repetition time between its bounds; -1 where it is not searched."""
        low = self.acquisition.tr_bounds[0]
        return math.log(tr / low) / math.log(self.tr_ratio) if self.is_tr_free else FIXED

    @property
    def is_tr_free(self) -> bool:
        """Whether the repetition time is searched."""
        return isinstance(self.acquisition.tr, Range)

    @property
    def tr_ratio(self) -> float:
        """Of the longest to the shortest repetition time."""
        low, high = self.acquisition.tr_bounds
        return high / low if self.is_tr_free else 1.0

    def bounded(self, sequence: Sequence) -> Draft:
        """Sequences as drafts, whose shortest delays follow from what they play, and no delay below them.

        Pulses of fixed amplitude have their flip angle, so that equal designs have equal numbers.
        """
        plain = torch.zeros_like(sequence.delay)
        if not isinstance(sequence, Draft):
            columns = cast(Any, sequence.columns())
            columns |= dict.fromkeys(("kind", "gradient", "shortest", "longest", "largest"), plain)
            columns["repetition"] = torch.full_like(plain, FIXED)
            sequence = Draft(**columns, present=sequence.present)
        place, last = torch.arange(plain.shape[-1]), sequence.n_rf[..., None] - 1
        excitation = last + 1 - self.acquisition.n_train
        if self.acquisition.free_refocusing:
            of_last = sequence.kind.gather(-1, last.clamp(min=0))
            in_train = (place > excitation) & (place <= last)
            sequence = replace(sequence, kind=torch.where(in_train, of_last, sequence.kind))
        gradient = self._meant(sequence)
        shortest = least_delays(self._least, sequence, gradient, self.acquisition.n_train)
        shortest = shortest.clamp(min=self.shortest_delay)
        flip, largest = sequence.flip_angle, plain + NO_BOUND
        if self.largest:
            largest = plain.new_tensor(self.largest)[sequence.kind.long()]
            flip = flip.maximum(-largest).minimum(largest)
        fixed = plain.new_tensor([math.nan if flip is None else flip for flip in self.fixed])
        own_flip = fixed[sequence.kind.long()]
        longest = torch.full_like(shortest, NO_BOUND)
        if self.acquisition.echoes > 1:
            # The delay before the refocusing pulse is half the echo spacing.
            half = place == excitation
            low, high = self.acquisition.echo_spacing_bounds
            shortest = torch.where(half, shortest.clamp(min=low / 2), shortest)
            longest = torch.where(half, min(high / 2, NO_BOUND), longest)
            # Delays and gradients after it are none of a train: equal trains have equal drafts.
            longest = torch.where(place > excitation, shortest, longest)
        return replace(
            sequence,
            flip_angle=torch.where(own_flip.isnan(), flip, own_flip),
            shortest=shortest,
            longest=longest,
            largest=largest,
            delay=sequence.delay.maximum(shortest).minimum(longest),
            gradient=gradient,
            repetition=sequence.repetition.maximum(plain) if self.is_tr_free else sequence.repetition,
        )

    @cached_property
    def _least(self) -> Tensor:
        """Least times between neighbours, those of the scanner too, as a `Table`."""
        sides = {
            name: self.shortest_delay / 2 if side is None else side
            for name, side in zip(self.kinds, self.sides, strict=True)
        }
        room = Room({READOUT: self.acquisition.readout / 2, **sides}, self.crusher)
        own = torch.tensor(table_of(room.least, self.kinds, MOST_PULSES), dtype=torch.float64)
        return own.maximum(own.new_tensor(self.on_scanner)) if self.on_scanner else own


def playing_of(problem: Problem) -> Playing | None:
    """What a search plays beside flip angles, phases and delays; None if these are all."""
    space = problem.search_space
    if not problem.has_layouts:
        return None
    parts = filter(None, (problem.limits.head, problem.limits.tail))
    given = [name for part in parts for name in part.pulses or (HARD,)]
    names, uses = list(dict.fromkeys([*space.pulses, *given])), uses_of(problem.pulses, space.pulses)
    refocusing = [
        name for name, use in zip(space.pulses, uses, strict=True) if use & REFOCUSES and not use & EXCITES
    ]
    kinds, hardware = [problem.pulses.get(name) for name in names], problem.hardware
    return Playing(
        kinds=tuple(names),
        sides=tuple(None if kind is None else kind.side for kind in kinds),
        fixed=tuple(None if kind is None else kind.fixed_flip for kind in kinds),
        crusher=space.crusher,
        shortest_delay=space.min_rf_delay,
        acquisition=problem.acquisition,
        gradient=min(gradient_codes(space)),
        uses=uses,
        largest=() if hardware is None else tuple(min(hardware.most(name), NO_BOUND) for name in names),
        on_scanner=() if hardware is None else table_of(hardware.least, tuple(names), MOST_PULSES),
        raster=0.0 if hardware is None else hardware.system.tick,
        unselective=unselective(tuple(names), problem.pulses).difference(given),
        refocusing=frozenset(refocusing if "crusher" in space.gradients else ()).difference(given),
    )
