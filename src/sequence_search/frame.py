"""Pulses that are given, around those that a search finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool
from torch import Tensor

from sequence_search.batch import refuse_layout
from sequence_search.layout import SPOILER, Layout
from sequence_search.phases import wrap
from sequence_search.sections import section, up_to_readout
from sequence_search.sequence import Sequence

SAME = 1e-6  # of an angle [rad], and of a delay, relative: as far as files state them


@dataclass(frozen=True)
class Frame:
    """Pulses that are given, before and after those that a search finds."""

    head: Sequence | None = None
    tail: Sequence | None = None

    def __bool__(self) -> bool:
        """Whether a pulse is given."""
        return self.head is not None or self.tail is not None

    def complete(self, free: Sequence) -> Sequence:
        """Sequences of the given pulses and a free part each [*batch, n_rf], which may have no pulse."""
        width, n_head, n_tail = free.flip_angle.shape[-1], self._count(self.head), self._count(self.tail)
        tail_from = n_head + free.n_rf[..., None]
        place, stop = torch.arange(n_head + width + n_tail).expand(*free.batch_shape, -1), tail_from + n_tail
        # The tail, last of what is joined, comes right after the pulses that are there, then padding.
        source = torch.where(place < stop, place - tail_from + n_head + width, tail_from)
        source = torch.where(place < tail_from, place, source)

        def joined(name: str, own: Tensor) -> Tensor:
            head, tail = (
                own[..., :0] if part is None else part.columns()[name].expand(*free.batch_shape, -1)
                for part in (self.head, self.tail)
            )
            return torch.cat([head, own, tail], -1).gather(-1, source)

        columns: dict[str, Any] = {name: joined(name, own) for name, own in free.columns().items()}
        present = None if free.present is None else place < stop
        return replace(free, **columns, present=present)

    @property
    def alone(self) -> Sequence:
        """The given pulses with nothing between, without a layout."""
        given = self.tail if self.head is None else self.head
        if given is None:
            none = torch.zeros(0, dtype=torch.float64)
            return Sequence(none, none, none)
        return self.complete(replace(given, layout=None).map(lambda part: part[:0]))

    def free(self, sequence: Sequence) -> Sequence:
        """Free part of a single whole sequence."""
        single = sequence.without_padding()
        if not self:
            return single
        stop = len(single.delay) - self._count(self.tail)
        return single.map(lambda part: part[self._count(self.head) : stop])

    def is_fixed(self, sequence: Sequence) -> Bool[Tensor, "*batch n_rf"]:
        """Whether each pulse of whole sequences is one that is given."""
        place, count = torch.arange(sequence.flip_angle.shape[-1]), sequence.n_rf[..., None]
        behind = (place >= count - self._count(self.tail)) & (place < count)
        return (place < self._count(self.head)) | behind

    def hold(self, sequence: Sequence) -> Sequence:
        """Whole sequences [*batch, n_rf] with the delays of the given pulses as they are given.

        A descent may move delays together, those of an echo for example, whatever their slopes.
        """
        if not self:
            return sequence
        refuse_layout(sequence, "a head or tail that is given")
        delay, n_rf = sequence.delay, sequence.n_rf[..., None]
        place = torch.arange(delay.shape[-1]).expand(delay.shape)
        for part, first in ((self.head, 0), (self.tail, n_rf - self._count(self.tail))):
            if part is not None:
                at = place - first
                given = part.delay[at.clamp(0, len(part.delay) - 1)]
                delay = torch.where((at >= 0) & (at < len(part.delay)), given, delay)
        return replace(sequence, delay=delay)

    def keeps(self, sequence: Sequence, name: Literal["head", "tail"]) -> bool:
        """Whether a single sequence begins with the head, or ends with the tail, but for a common phase.

        Of a train the tail ends with its excitation and one or more refocusing pulses, and all others are as
        the last of them.
        """
        given, whole = self.head if name == "head" else self.tail, sequence.without_padding()
        readouts = range(whole.n_readouts if name == "tail" else 1)
        return given is None or any(_has(whole, readout, given, name) for readout in readouts)

    def without_small_pulses(self, sequence: Sequence) -> Sequence:
        """A single sequence without its small pulses, but for those given, if it has these."""
        n_given = self._count(self.head) + self._count(self.tail)
        if not self:
            return sequence.drop_small_pulses().without_padding()
        has_all = self.keeps(sequence, "head") and self.keeps(sequence, "tail")
        if not has_all or len(sequence.without_padding().delay) < n_given:
            return sequence.drop_small_pulses().without_padding()
        return self.complete(self.free(sequence).drop_small_pulses().without_padding())

    @staticmethod
    def _count(part: Sequence | None) -> int:
        return 0 if part is None else len(part.delay)


def _has(whole: Sequence, readout: int, given: Sequence, name: Literal["head", "tail"]) -> bool:
    """Whether a sequence up to a readout begins, or ends, with given pulses, and goes on with the last."""
    single = up_to_readout(whole, readout)
    n_rf, count = len(single.delay), len(given.delay)
    if n_rf < count:
        return False
    part = section(single, range(count) if name == "head" else range(n_rf - count, n_rf))
    played, wanted = (each.layout or Layout.plain(count) for each in (part, given))
    # Between the refocusing pulses of a train stand two crushers, one on each side of its echo.
    once = tuple(each if each == SPOILER else min(each, 1) for each in played.gradients)
    if (played.kinds, once) != (wanted.kinds, wanted.gradients):
        return False
    if name == "tail" and not (whole.flip_angle[n_rf:] == single.flip_angle[-1]).all():
        return False
    mine, theirs = part.turn_first_to_zero(), given.turn_first_to_zero()
    turned = wrap(mine.phase - theirs.phase).abs().max()
    flips = (mine.flip_angle - theirs.flip_angle).abs().max()
    return bool(max(turned, flips) < SAME and torch.allclose(mine.delay, theirs.delay, SAME, 0.0))
