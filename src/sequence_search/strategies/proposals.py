"""What a search proposes: whole sequences of the pulses that it finds and of those that are given."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from sequence_search.frame import Frame
from sequence_search.problem.problem import Problem
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies.drafts import Draft, with_repetition
from sequence_search.strategies.held import delays_held, with_fewer_gradients
from sequence_search.strategies.playing import Playing, playing_of

KEPT_REPETITIONS = 0.5  # share of the proposals with the repetition time of one of the elite


class Proposals:
    """Sequences, or drafts of those with layouts, that a search of a problem proposes.

    Attributes
    ----------
    space, free_space : of whole sequences, and of the pulses that are not given
    frame : the pulses that are given
    playing : how drafts are played; None where sequences have no layout
    """

    def __init__(self, problem: Problem) -> None:
        limits, space, hardware = problem.limits, problem.search_space, problem.hardware
        self.playing = playing_of(problem)
        if hardware is not None and self.playing is None:
            space = hardware.narrowed(space)
        self.space = limits.narrowed(space) if limits else space
        self.free_space = limits.free(space) if limits else space
        self.frame = limits.frame
        if self.playing is not None:
            self.space, self.free_space = map(self.playing.narrowed, (self.space, self.free_space))
            self.frame = self.playing.frame(limits)

    def free_parts(self, sequences: list[Sequence]) -> list[Sequence]:
        """The pulses of single sequences that are not given, of those that have any."""
        parts = [self.frame.free(sequence) for sequence in sequences]
        return [part for part in parts if len(part.delay)]

    def stacked(self, free: list[Sequence], *, alone: bool) -> Sequence:
        """Whole sequences of free parts as one batch [n_sequences, n_rf].

        With `alone` the given pulses alone besides, if there are any.
        """
        more = [free[0].map(lambda part: part[:0])] if alone and self.frame else []
        if self.playing is None:
            batch = Sequence.stack([*free, *more])
            return self.frame.complete(batch) if self.frame else batch
        trains = [self.playing.with_train(each, self.frame) for each in free]
        batch = self.playing.bounded(Sequence.stack([*trains, *more]))
        drafts = self.playing.in_order(batch, self.frame)
        if not self.frame:
            return drafts
        return self._bounded(with_repetition(self.frame.complete(drafts), drafts.repetition[..., :1]))

    def _bounded(self, sequence: Sequence) -> Draft:
        """A draft within the bounds of its delays, those of the given pulses as they are given."""
        draft = cast(Playing, self.playing).bounded(sequence)
        return delays_held(draft, self.frame) if self.frame else draft

    def with_repetitions(
        self, free: list[Sequence], parents: list[Sequence], rng: np.random.Generator
    ) -> list[Sequence]:
        """Free parts with a repetition time each, where it is searched: that of a parent, or any."""
        if self.playing is None or not self.playing.is_tr_free:
            return free
        known = [float(one.repetition[0]) for one in parents if isinstance(one, Draft)]
        chosen = []
        for each in free:
            draft, place = self.playing.bounded(self.playing.with_train(each, self.frame)), rng.random()
            if known and rng.random() < KEPT_REPETITIONS:
                place = known[int(len(known) * rng.random() ** 2)]
            chosen.append(with_repetition(draft, draft.delay.new_tensor([place])))
        return chosen

    @property
    def idle(self) -> Sequence:
        """What does nothing: a pulse of 0°, or as many as make a train."""
        none = [0.0] * (1 if self.playing is None else max(1, self.playing.acquisition.n_train))
        plain = Sequence.from_degrees_ms(none, none, [1e3 * self.space.min_rf_delay] * len(none))
        if self.playing is None:
            return plain
        draft = self.playing.bounded(plain)
        kind = next((place for place, flip in enumerate(self.playing.fixed) if flip is None), 0)
        draft = self.playing.bounded(replace(draft, flip_angle=plain.flip_angle, kind=draft.kind + kind))
        return self.playing.in_order(draft, Frame())

    def without_small_pulses(self, sequence: Sequence) -> Sequence:
        """A single sequence without its small pulses, but for those given and those of a train."""
        if self.playing is None:
            return self.frame.without_small_pulses(sequence)
        single = sequence.without_padding()
        of_train = single.flip_angle[len(single.flip_angle) - self.playing.acquisition.n_train :]
        if (of_train.abs() < SMALL_PULSE).any():
            return single
        dropped = self.frame.without_small_pulses(single)
        if not len(dropped.delay):
            return dropped
        return self._bounded(dropped) if self.is_in_order(dropped) else single

    def is_in_order(self, single: Sequence) -> bool:
        """Whether the pulses of a single sequence that are not given stand where their kinds may."""
        if self.playing is None:
            return True
        free = cast(Draft, self.frame.free(single))
        return self.playing.in_order(free, self.frame) is free

    def with_fewer_gradients(self, sequence: Sequence) -> list[Sequence]:
        """A single draft without some of its gradients, where there may be none, but for those given."""
        if self.playing is None or self.playing.gradient:
            return []
        return with_fewer_gradients(sequence, self.frame.is_fixed(sequence))
