"""Real sequences as a search changes them: each pulse with its kind, and the gradient until the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.acquisition import LEAST_REST
from sequence_search.columns import Column
from sequence_search.frame import Frame
from sequence_search.layout import HARD, Layout
from sequence_search.limits import FixedPulses, Limits
from sequence_search.outside import is_dephased, is_silent_outside, unselective
from sequence_search.problem.hardware import Hardware
from sequence_search.problem.playable import layout_of
from sequence_search.problem.problem import Problem
from sequence_search.problem.pulses_table import uses_of
from sequence_search.problem.room import AT_END, READOUT
from sequence_search.pulses.slices import selects_slice
from sequence_search.pulses.uses import ANY, EXCITES, REFOCUSES, Uses, in_order
from sequence_search.search_space import GRADIENTS, MOMENTS, SearchSpace
from sequence_search.sequence import Sequence

WHOLE_TURN = 2 * math.pi
MOST_STRUCTURES = 4096  # that are remembered
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
    tr : repetition time [s], or inf; if it is searched the longest
    least_tr : the shortest if it is searched [s]; None: it is not
    n_echoes : readouts; above 1 the last pulse of a draft is that of a train, of twice the delay before
    free_refocusing : refocusing pulses of a train before that one, of its kind and spacing
    shortest_delay : between instantaneous pulses [s]
    echo_spacing : least and largest [s]
    readout : duration of each readout [s]
    gradient : what stands where none was chosen: 0, or another where there must be one
    uses : what those of the search space, which come first, may be for
    largest : flip angle of each kind that the scanner of the problem can play [rad]; empty without one
    least : its least times between neighbours, see `Table`; empty without one
    raster : by half of which each delay may be rounded there [s]
    unselective : kinds of which what they excite outside the slice has to be dephased, see `outside`
    refocusing : kinds for it and not for excitation, of which all that they excite has to be dephased; empty
        where no crusher may stand
    """

    kinds: tuple[str, ...] = ("hard",)
    sides: tuple[float | None, ...] = (None,)
    fixed: tuple[float | None, ...] = (None,)
    crusher: float = 0.0
    tr: float = math.inf
    n_echoes: int = 1
    shortest_delay: float = 0.0
    echo_spacing: tuple[float, float] = (0.0, math.inf)
    readout: float = 0.0
    least_tr: float | None = None
    gradient: int = NONE
    uses: tuple[Uses, ...] = (ANY,)
    largest: tuple[float, ...] = ()
    least: Table = ()
    raster: float = 0.0
    unselective: frozenset[str] = frozenset()
    refocusing: frozenset[str] = frozenset()
    free_refocusing: int = 0

    @property
    def n_train(self) -> int:
        """Last pulses of a draft that stand for its train, the excitation among them; 0 without one."""
        return self.free_refocusing + 2 if self.n_echoes > 1 else 0

    def may_read(self, layout: Layout) -> bool:
        """Whether gradients dephase what is not to be excited: outside the slice, or by pulses to refocus."""
        of_refocusing = not self.refocusing or is_dephased(layout, self.refocusing, frozenset(layout.kinds))
        return of_refocusing and is_silent_outside(layout, self.unselective)

    @property
    def not_exciting(self) -> frozenset[str]:
        """Kinds that may be chosen, but not for excitation."""
        pairs = zip(self.kinds, self.uses, strict=False)
        return frozenset(name for name, uses in pairs if "excitation" not in uses)

    def expansion(self, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
        """Of a draft with these kinds and gradients."""
        return _expansion(self, kind, gradient)

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
        spoils = (behind <= max(1, self.n_train)) & (gradient == SPOILED)
        gradient = torch.where(spoils | (behind < self.n_train), NONE, gradient)
        if not (self.refocusing and self.n_train):
            return gradient
        refocuses = torch.tensor([name in self.refocusing for name in self.kinds])[draft.kind.long()]
        is_crushed = (refocuses & (behind == 1)).any(-1, keepdim=True) & (behind == self.n_train)
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
        flat, n_refocusing = free.flat(), max(0, self.n_train - 1)
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
        needed = 0 if frame.tail is not None else self.n_train - (frame.head is not None)
        missing = max(0, needed - len(free.delay))
        return free.map(lambda part: torch.cat([part, part[-1:].expand(missing)])) if missing else free

    def tr_of(self, repetition: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Repetition time at places between its bounds [s]."""
        low = self.tr if self.least_tr is None else self.least_tr
        return np.asarray(low * self.tr_ratio ** repetition.clip(0, 1))

    def repetition_of(self, tr: float) -> float:
        """Place of a repetition time between its bounds; -1 where it is not searched."""
        return FIXED if self.least_tr is None else math.log(tr / self.least_tr) / math.log(self.tr_ratio)

    @property
    def tr_ratio(self) -> float:
        """Of the longest to the shortest repetition time."""
        return 1.0 if self.least_tr is None else self.tr / self.least_tr

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
        sides = [self.shortest_delay / 2 if side is None else side for side in self.sides]
        place, last = torch.arange(plain.shape[-1]), sequence.n_rf[..., None] - 1
        excitation = last + 1 - self.n_train
        if self.free_refocusing:
            of_last = sequence.kind.gather(-1, last.clamp(min=0))
            in_train = (place > excitation) & (place <= last)
            sequence = replace(sequence, kind=torch.where(in_train, of_last, sequence.kind))
        is_there = place <= last
        own = torch.where(is_there, plain.new_tensor(sides)[sequence.kind.long()], 0.0)
        after = torch.cat([own[..., 1:], plain[..., :1]], -1)
        gradient = self._meant(sequence)
        crushed, reading = self.crusher * (gradient > 0).to(plain), self.readout / 2
        shortest = own + torch.where(place == last, reading, after) + crushed
        shortest = shortest.clamp(min=self.shortest_delay)
        flip, largest = sequence.flip_angle, plain + NO_BOUND
        if self.largest:
            shortest = shortest.maximum(self._least_on_scanner(sequence, gradient))
            largest = plain.new_tensor(self.largest)[sequence.kind.long()]
            flip = flip.maximum(-largest).minimum(largest)
        fixed = plain.new_tensor([math.nan if flip is None else flip for flip in self.fixed])
        own_flip = fixed[sequence.kind.long()]
        longest = torch.full_like(shortest, NO_BOUND)
        if self.n_echoes > 1:
            # The delay before the refocusing pulse is half the echo spacing.
            half = place == excitation
            low, high = self.echo_spacing
            around = shortest.maximum(after + crushed + reading).clamp(min=low / 2)
            shortest = torch.where(half, around, shortest)
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
            repetition=sequence.repetition if self.least_tr is None else sequence.repetition.maximum(plain),
        )

    def _least_on_scanner(self, draft: Draft, gradient: Tensor) -> Float[Tensor, "*batch n_rf"]:
        """Least delay after each pulse that the scanner of the problem can play [s]."""
        table, readout, place = _tensor(self.least), len(self.kinds), torch.arange(draft.delay.shape[-1])
        last, kind = draft.n_rf[..., None] - 1, draft.kind.long()
        following = torch.cat([kind[..., 1:], kind[..., :1]], -1)
        spoilers = (gradient == SPOILED).cumsum(-1) + 1
        between = torch.where(gradient == SPOILED, spoilers, gradient).long().clamp(max=table.shape[-1] - 2)
        least = table[kind, torch.where(place == last, readout, following), between]
        if self.n_echoes > 1:
            pairs = (table[following, readout, between], table[readout, following, between])
            half = torch.maximum(*pairs).maximum(least)
            least = torch.where(place == last + 1 - self.n_train, half, least)
        return torch.where(place <= last, least, 0.0)


# Least times [s] from a kind of pulse, or at last a readout, to another, by what stands between: nothing, a
# crusher, the first, second and so on spoiler of a repetition, the spoiler at its end.
Table = tuple[tuple[tuple[float, ...], ...], ...]


def _table_of(hardware: Hardware, kinds: tuple[str, ...], most_spoilers: int) -> Table:
    names = (*kinds, READOUT)
    between = [(0, None), (1, None), *((0, number + 1) for number in range(most_spoilers)), (0, AT_END)]
    return tuple(
        tuple(tuple(hardware.least(one, other, *each) for each in between) for other in names)
        for one in names
    )


@lru_cache(maxsize=8)
def _tensor(table: Table) -> Tensor:
    return torch.tensor(table, dtype=torch.float64)


@lru_cache(maxsize=MOST_STRUCTURES)
def _expansion(playing: Playing, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
    kinds = tuple(playing.kinds[place] for place in kind)
    moments = [MOMENTS[GRADIENTS[code]] for code in gradient]
    layout, pulse = layout_of(
        kinds, moments, playing.n_echoes, playing.free_refocusing, steady=playing.tr < math.inf
    )
    delay, total = np.arange(len(kind)), np.ones(len(kind))
    if playing.n_echoes > 1:
        excitation = len(kind) - playing.n_train
        delay, total[excitation:] = delay[: excitation + 1], 0.0
        total[excitation] = 2.0 * playing.n_echoes
    flip = np.array([playing.fixed[place] for place in kind], float)[pulse]
    # The first pulse of the next repetition has to fit in, too.
    rest = max(LEAST_REST, playing.readout / 2 + (playing.sides[kind[0]] or 0.0))
    if playing.least:
        rounding = playing.raster / 2 * (total.sum() + 1)
        rest = max(rest, playing.least[-1][kind[0]][-1] + rounding)
    return Expansion(layout, np.array(pulse), delay, total, flip, rest)


def playing_of(problem: Problem) -> Playing | None:
    """What a search plays beside flip angles, phases and delays; None if these are all.

    Raises
    ------
    ValueError
        If a pulse of fixed amplitude turns by more than the largest flip angle.
    """
    space, acquisition = problem.search_space, problem.acquisition
    if not problem.has_layouts:
        return None
    least_tr, tr = acquisition.tr_bounds
    parts = filter(None, (problem.limits.head, problem.limits.tail))
    given = [name for part in parts for name in part.pulses or (HARD,)]
    names, uses = list(dict.fromkeys([*space.pulses, *given])), uses_of(problem.pulses, space.pulses)
    refocusing = [
        name for name, use in zip(space.pulses, uses, strict=True) if use & REFOCUSES and not use & EXCITES
    ]
    kinds, hardware = [problem.pulses.get(name) for name in names], problem.hardware
    for name, kind in zip(names, kinds, strict=True):
        if kind is not None and kind.fixed_flip is not None and kind.fixed_flip > space.max_flip:
            raise ValueError(
                f"pulse '{name}' turns by {math.degrees(kind.fixed_flip):.6g}°, above max_flip_deg of"
                f" '{problem.name}', {math.degrees(space.max_flip):.6g}"
            )
    return Playing(
        kinds=tuple(names),
        sides=tuple(None if kind is None else kind.side for kind in kinds),
        fixed=tuple(None if kind is None else kind.fixed_flip for kind in kinds),
        crusher=space.crusher,
        tr=tr,
        n_echoes=acquisition.echoes,
        free_refocusing=acquisition.free_refocusing,
        shortest_delay=space.min_rf_delay,
        echo_spacing=acquisition.echo_spacing_bounds,
        readout=acquisition.readout,
        least_tr=least_tr if least_tr < tr else None,
        gradient=min(gradient_codes(space)),
        uses=uses,
        largest=() if hardware is None else tuple(min(hardware.most(name), NO_BOUND) for name in names),
        least=() if hardware is None else _table_of(hardware, tuple(names), space.max_rf),
        raster=0.0 if hardware is None else hardware.system.tick,
        unselective=unselective(tuple(names), problem.pulses).difference(given),
        refocusing=frozenset(refocusing if "crusher" in space.gradients else ()).difference(given),
    )
