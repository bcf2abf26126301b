"""Drafts played: each as the sequence that it stands for, those of one structure as one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import cast

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from sequence_search.checks import check_type
from sequence_search.engines.fused import Arrays
from sequence_search.engines.products import products_of
from sequence_search.engines.scattered import Scattered
from sequence_search.engines.simulator import LossFunction, Simulator
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_SEARCH
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played_numbers import Group, Numbers, Structures, structures_of
from sequence_search.strategies.playing import Playing, playing_of
from sequence_search.voxels import Voxels

MOST_LAYOUTS = 4096  # whose losses are kept


def simulator_of(
    problem: Problem, voxels: Voxels, engine: str, n_places: int = IN_SEARCH
) -> Simulator | DraftSimulator:
    """Simulator of a problem for what its search proposes, sequences or drafts."""
    simulator, playing = problem.simulator(voxels, engine, n_places), playing_of(problem)
    return simulator if playing is None else DraftSimulator(simulator, playing)


def played_as(simulator: Simulator | DraftSimulator, sequence: Sequence) -> Sequence:
    """The sequence that a proposal stands for: itself if it is no draft."""
    return simulator.play(sequence) if isinstance(simulator, DraftSimulator) else sequence


def of_played(simulator: Simulator | DraftSimulator) -> Simulator:
    """Simulator of the sequences that proposals stand for."""
    return simulator.of_played if isinstance(simulator, DraftSimulator) else simulator


def by_layout(
    simulator: Simulator | DraftSimulator | Scattered, sequence: Sequence
) -> Iterable[tuple[Int[np.ndarray, " rows"], Sequence]]:
    """Rows of a batch made flat, and what they are played as, of one layout at a time.

    Without drafts that are no sequence.
    """
    if isinstance(simulator, DraftSimulator):
        return simulator.by_layout(sequence)
    flat = sequence.flat()
    return [(np.arange(len(flat.flip_angle)), flat)]


def as_short_as_played(simulator: Simulator | DraftSimulator, sequence: Sequence) -> Sequence:
    """Drafts with the delays that they are played with, where a repetition shortens them."""
    return simulator.shortened(sequence) if isinstance(simulator, DraftSimulator) else sequence


class DraftSimulator:
    """A `Simulator` of drafts, of which each is played as the sequence that it stands for."""

    def __init__(self, simulator: Simulator, playing: Playing) -> None:
        self._simulator, self._playing = simulator, playing
        self._last: Structures | None = None
        self._array_loss = lru_cache(MOST_LAYOUTS)(simulator.array_loss)

    @property
    def voxels(self) -> Voxels:
        """Those of the simulator."""
        return self._simulator.voxels

    @property
    def of_played(self) -> Simulator:
        """That of the sequences that drafts stand for."""
        return self._simulator

    def play(self, draft: Sequence) -> Sequence:
        """The sequence that a single draft stands for."""
        numbers = self._numbers(draft.without_padding().map(lambda part: part[None]))
        (group,) = numbers.structures.groups
        return _sequences(numbers, group)[0]

    def by_layout(self, draft: Sequence) -> Iterator[tuple[np.ndarray, Sequence]]:
        """As the function of this name."""
        numbers = self._numbers(draft)
        for group in numbers.structures.groups:
            yield group.rows, _sequences(numbers, group)

    def shortened(self, draft: Sequence) -> Sequence:
        """Drafts with the delays that they are played with, so that what is played alike is alike."""
        played = torch.from_numpy(self._numbers(draft).delay).reshape(draft.delay.shape)
        return draft.with_columns({"delay": played})

    def signal(self, draft: Sequence) -> Complex[Tensor, "*batch n_signals"]:
        """Complex signals at all readouts of all voxels, 0 of what is no sequence."""
        n_signals = len(self._simulator.voxels) * self._playing.acquisition.echoes
        signal = torch.zeros(draft.batch_shape.numel(), n_signals, dtype=torch.complex128)
        for rows, played in self.by_layout(draft):
            signal[rows] = self._simulator.signal(played).flatten(1).to(signal)
        return signal.reshape(*draft.batch_shape, -1)

    def signal_products(
        self, draft: Sequence, given: Complex[Tensor, "rows n_signals"]
    ) -> Float[Tensor, " rows *batch"]:
        """As `Simulator.signal_products`, 0 of what is no sequence."""
        return products_of(self.signal(draft), given)

    def parts(self, draft: Sequence) -> dict[str, Float[Tensor, "*batch"]]:
        """Weighted part of each term of the objective by name, inf of what is no sequence."""
        parts: dict[str, Tensor] = {}
        for rows, played in self.by_layout(draft):
            for name, part in self._simulator.parts(played).items():
                nothing = torch.full((draft.batch_shape.numel(),), math.inf, dtype=part.dtype)
                parts.setdefault(name, nothing)[rows] = part
        return {name: part.reshape(draft.batch_shape) for name, part in parts.items()}

    def most_at_once(self, n_rf: int, n_signals: int) -> int:
        """As of the simulator."""
        return self._simulator.most_at_once(n_rf, n_signals // self._playing.acquisition.echoes)

    def loss(self, draft: Sequence) -> Float[Tensor, "*batch"]:
        """Objective of each draft."""
        return self.loss_and_gradient(draft)[0]

    def loss_and_gradient(self, draft: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Loss [*batch], inf of what is no sequence, and its derivatives by the columns of the drafts."""
        return self._derived(self._loss_of, draft, math.inf)

    def through(self, function: LossFunction, draft: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Value of a function of sequences, nan of what is no sequence, and its derivatives by the drafts."""
        return self._derived(partial(_of_sequences, function), draft, math.nan)

    def _derived(self, of_group: OfGroup, draft: Sequence, nothing: float) -> tuple[Tensor, Sequence]:
        numbers = self._numbers(draft)
        loss, by = np.full(len(numbers.delay), nothing), []
        for group in numbers.structures.groups:
            loss[group.rows], by_played = of_group(numbers, group)
            by.append(by_played)
        flip, phase, by_own, by_tr = numbers.by_drafts(by)
        columns = {"flip_angle": flip, "phase": phase, "delay": by_own}
        if self._playing.is_tr_free:
            columns["repetition"] = np.zeros_like(flip)
            columns["repetition"][:, 0] = by_tr * numbers.tr * math.log(self._playing.tr_ratio)
        slopes = {
            name: torch.from_numpy(columns.get(name, np.zeros_like(flip))).reshape(part.shape)
            for name, part in draft.columns().items()
        }
        return torch.from_numpy(loss).reshape(draft.batch_shape), draft.with_columns(slopes)

    def _loss_of(self, numbers: Numbers, group: Group) -> tuple[np.ndarray, Arrays]:
        """Loss of the drafts of a structure, and its derivatives by the numbers of what they play."""
        if group.array_loss is not None:
            return group.array_loss(numbers.arrays(group))
        return _of_sequences(self._simulator.loss_and_gradient, numbers, group)

    def _numbers(self, draft: Sequence) -> Numbers:
        check_type(draft, Draft)
        draft = cast(Draft, draft)
        if self._last is None or not self._last.are_those_of(draft):
            self._last = structures_of(self._playing, draft, self._array_loss)
        flip, phase, delay = (
            part.reshape(self._last.total.shape).numpy()
            for part in (draft.flip_angle, draft.phase, draft.delay)
        )
        tr = self._playing.tr_of(draft.repetition.reshape(flip.shape)[:, 0].numpy())
        return Numbers.of(flip, phase, delay, tr, self._last)


def _sequences(numbers: Numbers, group: Group) -> Sequence:
    flip_angle, phase, delay = map(torch.from_numpy, numbers.arrays(group))
    return Sequence(flip_angle, phase, delay, layout=group.expansion.layout)


def _of_sequences(function: LossFunction, numbers: Numbers, group: Group) -> tuple[np.ndarray, Arrays]:
    """Value of a function of what the drafts of a structure play, and its derivatives by that."""
    values, by = function(_sequences(numbers, group))
    return values.numpy(), (by.flip_angle.numpy(), by.phase.numpy(), by.delay.numpy())


# Of the drafts of one structure.
OfGroup = Callable[[Numbers, Group], tuple[np.ndarray, Arrays]]
