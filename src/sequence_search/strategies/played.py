"""Drafts played: each as the sequence that it stands for, those of one structure as one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from sequence_search.checks import check_type
from sequence_search.engines.fused import ArrayLoss, Arrays
from sequence_search.engines.simulator import LossFunction, Simulator
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_SEARCH
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft, Expansion, Playing, playing_of
from sequence_search.voxels import Voxels

ROUNDING = 1e-9  # of bounds that were stated in another unit


def simulator_of(
    problem: Problem, voxels: Voxels, engine: str, n_places: int = IN_SEARCH
) -> Simulator | DraftSimulator:
    """Simulator of a problem for what its search proposes, sequences or drafts."""
    simulator, playing = problem.simulator(voxels, engine, n_places), playing_of(problem)
    return simulator if playing is None else DraftSimulator(simulator, playing)


def played_as(simulator: Simulator | DraftSimulator, sequence: Sequence) -> Sequence:
    """The sequence that a proposal stands for: itself if it is no draft."""
    return simulator.play(sequence) if isinstance(simulator, DraftSimulator) else sequence


def by_layout(
    simulator: Simulator | DraftSimulator, sequence: Sequence
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
        self._last: _Structures | None = None
        self._losses: dict[Layout, ArrayLoss | None] = {}

    def play(self, draft: Sequence) -> Sequence:
        """The sequence that a single draft stands for."""
        numbers = self._numbers(draft.without_padding().map(lambda part: part[None]))
        ((rows, expansion),) = numbers.structures.groups
        return _sequences(numbers, rows, expansion)[0]

    def by_layout(self, draft: Sequence) -> Iterator[tuple[np.ndarray, Sequence]]:
        """As the function of this name."""
        numbers = self._numbers(draft)
        for rows, expansion in numbers.structures.groups:
            yield rows, _sequences(numbers, rows, expansion)

    def shortened(self, draft: Sequence) -> Sequence:
        """Drafts with the delays that they are played with, so that what is played alike is alike."""
        played = torch.from_numpy(self._numbers(draft).delay).reshape(draft.delay.shape)
        return draft.with_columns({"delay": played})

    def signal(self, draft: Sequence) -> Complex[Tensor, "*batch n_signals"]:
        """Complex signals at all readouts of all voxels, 0 of what is no sequence."""
        n_signals = len(self._simulator.voxels) * self._playing.n_echoes
        signal = torch.zeros(draft.batch_shape.numel(), n_signals, dtype=torch.complex128)
        for rows, played in self.by_layout(draft):
            signal[rows] = self._simulator.signal(played).flatten(1).to(signal)
        return signal.reshape(*draft.batch_shape, -1)

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
        return self._simulator.most_at_once(n_rf, n_signals // self._playing.n_echoes)

    def loss(self, draft: Sequence) -> Float[Tensor, "*batch"]:
        """Objective of each draft."""
        return self.loss_and_gradient(draft)[0]

    def loss_and_gradient(self, draft: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Loss [*batch], inf of what is no sequence, and its derivatives by the columns of the drafts."""
        return self._derived(self._loss_of, draft, math.inf)

    def through(self, function: LossFunction, draft: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """Value of a function of sequences, nan of what is no sequence, and its derivatives by the drafts."""
        return self._derived(partial(_of_sequences, function), draft, math.nan)

    def _derived(self, of_rows: OfRows, draft: Sequence, nothing: float) -> tuple[Tensor, Sequence]:
        numbers = self._numbers(draft)
        loss = np.full(len(numbers.flip), nothing)
        flip, phase, delay = (np.zeros_like(numbers.flip) for _ in range(3))
        rest = np.zeros(len(loss))
        for rows, expansion in numbers.structures.groups:
            loss[rows], (by_flip, by_phase, by_delay) = of_rows(numbers, rows, expansion)
            by_flip = np.where(np.isnan(expansion.flip), by_flip, 0.0)
            np.add.at(flip, (rows[:, None], expansion.pulse), by_flip)
            np.add.at(phase, (rows[:, None], expansion.pulse), by_phase)
            np.add.at(delay, (rows[:, None], expansion.delay), by_delay[:, : len(expansion.delay)])
            if expansion.layout.steady:
                rest[rows] = by_delay[:, -1]
        by_own, by_tr = numbers.by_times(delay, rest)
        columns = {"flip_angle": flip, "phase": phase, "delay": by_own}
        if self._playing.least_tr is not None:
            columns["repetition"] = np.zeros_like(flip)
            columns["repetition"][:, 0] = by_tr * numbers.tr * math.log(self._playing.tr_ratio)
        slopes = {
            name: torch.from_numpy(columns.get(name, np.zeros_like(flip))).reshape(part.shape)
            for name, part in draft.columns().items()
        }
        return torch.from_numpy(loss).reshape(draft.batch_shape), draft.with_columns(slopes)

    def _loss_of(
        self, numbers: _Numbers, rows: np.ndarray, expansion: Expansion
    ) -> tuple[np.ndarray, Arrays]:
        """Loss of the drafts in these rows, and its derivatives by the numbers of what they play."""
        if expansion.layout not in self._losses:
            self._losses[expansion.layout] = self._simulator.array_loss(expansion.layout)
        array_loss = self._losses[expansion.layout]
        if array_loss is not None:
            return array_loss(_arrays(numbers, rows, expansion))
        return _of_sequences(self._simulator.loss_and_gradient, numbers, rows, expansion)

    def _numbers(self, draft: Sequence) -> _Numbers:
        check_type(draft, Draft)
        draft = cast(Draft, draft)
        if self._last is None or not self._last.are_those_of(draft):
            self._last = _structures(self._playing, draft)
        flip, phase, delay = (
            part.reshape(self._last.total.shape).numpy()
            for part in (draft.flip_angle, draft.phase, draft.delay)
        )
        tr = self._playing.tr_of(draft.repetition.reshape(flip.shape)[:, 0].numpy())
        return _Numbers.of(flip, phase, delay, tr, self._last)


class _Structures(NamedTuple):
    """What the drafts of a batch play: found once for a descent, in which it stays.

    Attributes
    ----------
    of : the drafts
    shortest : of these [batch, n_rf], s
    total : how often each delay counts up to the last readout [batch, n_rf]
    least_rest : least time from the last readout to the end of a repetition [batch], s
    shortest_tr : least time of a repetition [batch], s
    groups : rows and expansion of each structure, without drafts that are no sequence
    """

    of: Draft
    shortest: np.ndarray
    total: np.ndarray
    least_rest: np.ndarray
    shortest_tr: np.ndarray
    groups: list[tuple[np.ndarray, Expansion]]

    def are_those_of(self, draft: Draft) -> bool:
        """Whether these are of a batch, as far as it can be told at once."""
        names = ("kind", "gradient", "shortest", "present")
        return all(getattr(draft, name) is getattr(self.of, name) for name in names)


def _structures(playing: Playing, draft: Draft) -> _Structures:
    """Structures of a batch; too few pulses for a train, or more than fits the repetition, is no sequence."""
    flat = draft.flat()
    found: dict[tuple[Any, ...], list[int]] = {}
    kinds, gradients = flat.kind.int().tolist(), flat.gradient.int().tolist()
    for row, (count, kind, gradient) in enumerate(zip(flat.n_rf.tolist(), kinds, gradients, strict=True)):
        if count >= (1 if playing.n_echoes == 1 else 2):
            found.setdefault((tuple(kind[:count]), tuple(gradient[:count])), []).append(row)
    groups = [(np.array(rows), playing.expansion(*structure)) for structure, rows in found.items()]
    total, shortest = np.zeros(flat.delay.shape), flat.shortest.numpy()
    least_rest = np.zeros(len(total))
    for rows, expansion in groups:
        total[rows, : len(expansion.total)] = expansion.total
        least_rest[rows] = expansion.rest
    shortest_tr = least_rest + (total * shortest).sum(1)
    # Nor is what cannot keep its echo spacing.
    possible = (shortest_tr <= playing.tr * (1 + ROUNDING)) & (
        flat.shortest <= flat.longest * (1 + ROUNDING)
    ).all(-1).numpy()
    fit = [(rows[possible[rows]], expansion) for rows, expansion in groups]
    return _Structures(
        draft, shortest, total, least_rest, shortest_tr, [group for group in fit if len(group[0])]
    )


class _Numbers(NamedTuple):
    """Numbers of a batch of drafts [batch, n_rf], delays shortened where a repetition has no room for them.

    Attributes
    ----------
    beyond : what the delays of the drafts have beyond the shortest, before [s]
    scale : part of it that fits [batch, 1]
    rest : of the repetition after the last readout [batch], s; inf without repetition
    tr : repetition time [batch], s
    """

    flip: np.ndarray
    phase: np.ndarray
    delay: np.ndarray
    beyond: np.ndarray
    scale: np.ndarray
    rest: np.ndarray
    tr: np.ndarray
    structures: _Structures

    @classmethod
    def of(
        cls, flip: np.ndarray, phase: np.ndarray, delay: np.ndarray, tr: np.ndarray, structures: _Structures
    ) -> _Numbers:
        """From those of the drafts; a repetition is never shorter than what is played in it."""
        room = np.maximum(tr - structures.shortest_tr, 0.0)
        beyond = delay - structures.shortest
        needed = (beyond * structures.total).sum(1)
        too_long = (needed > room) & (needed > 0)
        scale = np.where(too_long, room / np.where(too_long, needed, 1.0), 1.0)[:, None]
        rest = room - scale[:, 0] * needed + structures.least_rest
        return cls(flip, phase, structures.shortest + scale * beyond, beyond, scale, rest, tr, structures)

    def by_times(self, by_delay: np.ndarray, by_rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives by the delays of drafts and by the TR, from those by the delays and rest played."""
        total = self.structures.total
        slope = by_delay - by_rest[:, None] * total
        scaled = self.scale < 1
        needed = np.where(scaled[:, 0], (self.beyond * total).sum(1), 1.0)
        along = ((slope * self.beyond).sum(1) / needed)[:, None]
        by_tr = np.where(scaled, along, 0.0)[:, 0] + by_rest
        by_own = np.where(scaled, self.scale * (slope - along * total), slope)
        return by_own, np.where(self.tr > self.structures.shortest_tr, by_tr, 0.0)


def _arrays(numbers: _Numbers, rows: np.ndarray, expansion: Expansion) -> Arrays:
    """Flip angles, phases and delays of what the drafts in these rows play, which are of one structure."""
    delay = numbers.delay[rows[:, None], expansion.delay]
    if expansion.layout.steady:
        delay = np.concatenate([delay, numbers.rest[rows, None]], axis=1)
    flip, phase = (part[rows[:, None], expansion.pulse] for part in (numbers.flip, numbers.phase))
    return np.where(np.isnan(expansion.flip), flip, expansion.flip), phase, delay


def _sequences(numbers: _Numbers, rows: np.ndarray, expansion: Expansion) -> Sequence:
    flip_angle, phase, delay = map(torch.from_numpy, _arrays(numbers, rows, expansion))
    return Sequence(flip_angle, phase, delay, layout=expansion.layout)


def _of_sequences(
    function: LossFunction, numbers: _Numbers, rows: np.ndarray, expansion: Expansion
) -> tuple[np.ndarray, Arrays]:
    """Value of a function of what the drafts in these rows play, and its derivatives by the numbers of it."""
    values, by = function(_sequences(numbers, rows, expansion))
    return values.numpy(), (by.flip_angle.numpy(), by.phase.numpy(), by.delay.numpy())


# Of some rows of the drafts, which are of one structure.
OfRows = Callable[[_Numbers, np.ndarray, Expansion], tuple[np.ndarray, Arrays]]
