"""Numbers of a batch of drafts as they are played, gathered and added up for all structures at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from sequence_search.engines.fused import ArrayLoss, Arrays
from sequence_search.layout import Layout
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.expansion import Expansion, expansion_of
from sequence_search.strategies.playing import Playing

ROUNDING = 1e-9  # of bounds that were stated in another unit
FindLoss = Callable[[Layout], ArrayLoss | None]


@dataclass(frozen=True, eq=False)
class Group:
    """Drafts of one structure in a batch.

    Attributes
    ----------
    rows : of the batch
    expansion : what they are played as
    pulses, delays : where these are of all that the batch plays, row by row
    find_loss : the loss of arrays of a layout in one pass; None: there is none
    """

    rows: np.ndarray
    expansion: Expansion
    pulses: slice
    delays: slice
    find_loss: FindLoss

    @cached_property
    def array_loss(self) -> ArrayLoss | None:
        """That of these, found when first needed, since it makes tables."""
        return self.find_loss(self.expansion.layout)


class Structures(NamedTuple):
    """What the drafts of a batch play: found once for a descent, in which it stays.

    Attributes
    ----------
    of : the drafts
    shortest : of these [batch, n_rf], s
    total : how often each delay counts up to the last readout [batch, n_rf]
    least_rest : least time from the last readout to the end of a repetition [batch], s
    shortest_tr : least time of a repetition [batch], s
    groups : of each structure, without drafts that are no sequence
    pulse, delay : number of the drafts that each pulse and delay played is, of the rests after all delays
    fixed_flip : flip angle of each pulse played whose amplitude is fixed, else nan [rad]
    """

    of: Draft
    shortest: np.ndarray
    total: np.ndarray
    least_rest: np.ndarray
    shortest_tr: np.ndarray
    groups: list[Group]
    pulse: np.ndarray
    delay: np.ndarray
    fixed_flip: np.ndarray

    def are_those_of(self, draft: Draft) -> bool:
        """Whether these are of a batch, as far as it can be told at once."""
        names = ("kind", "gradient", "shortest", "present")
        return all(getattr(draft, name) is getattr(self.of, name) for name in names)


def structures_of(playing: Playing, draft: Draft, find_loss: FindLoss) -> Structures:
    """Structures of a batch.

    Too few pulses for a train, more than fits the repetition, or a layout by which something is read that is
    not to be excited, is no sequence.
    """
    flat = draft.flat()
    found: dict[tuple[Any, ...], list[int]] = {}
    kinds, gradients = flat.kind.int().tolist(), flat.gradient.int().tolist()
    for row, (count, kind, gradient) in enumerate(zip(flat.n_rf.tolist(), kinds, gradients, strict=True)):
        if count >= max(1, playing.acquisition.n_train):
            found.setdefault((tuple(kind[:count]), tuple(gradient[:count])), []).append(row)
    every = ((np.array(rows), expansion_of(playing, *structure)) for structure, rows in found.items())
    expanded = [pair for pair in every if playing.may_read(pair[1].layout)]
    total, shortest = np.zeros(flat.delay.shape), flat.shortest.numpy()
    least_rest = np.zeros(len(total))
    for rows, expansion in expanded:
        total[rows, : len(expansion.total)] = expansion.total
        least_rest[rows] = expansion.rest
    shortest_tr = least_rest + (total * shortest).sum(1)
    # Nor is what cannot keep its echo spacing.
    possible = (shortest_tr <= playing.acquisition.tr_bounds[1] * (1 + ROUNDING)) & (
        flat.shortest <= flat.longest * (1 + ROUNDING)
    ).all(-1).numpy()
    fit = [(rows[possible[rows]], expansion) for rows, expansion in expanded]
    of_batch = draft, shortest, total, least_rest, shortest_tr
    return Structures(*of_batch, *_laid_out([pair for pair in fit if len(pair[0])], total.shape, find_loss))


def _laid_out(
    expanded: list[tuple[np.ndarray, Expansion]],
    shape: tuple[int, ...],
    find_loss: FindLoss,
) -> tuple[list[Group], np.ndarray, np.ndarray, np.ndarray]:
    """Groups of a batch of this shape, and the last three of its `Structures`: all is gathered as one."""
    n_batch, n_rf = shape
    groups: list[Group] = []
    pulses, delays, flips = ([np.zeros(0, kind)] for kind in (int, int, float))
    n_pulses = n_delays = 0
    for rows, expansion in expanded:
        at = n_rf * rows[:, None]
        pulse, delay = at + expansion.pulse, at + expansion.delay
        if expansion.layout.steady:
            delay = np.concatenate([delay, n_batch * n_rf + rows[:, None]], axis=1)
        ends = n_pulses + pulse.size, n_delays + delay.size
        where = slice(n_pulses, ends[0]), slice(n_delays, ends[1])
        groups.append(Group(rows, expansion, *where, find_loss))
        n_pulses, n_delays = ends
        pulses.append(pulse.ravel())
        delays.append(delay.ravel())
        flips.append(np.broadcast_to(expansion.flip, pulse.shape).ravel())
    return groups, np.concatenate(pulses), np.concatenate(delays), np.concatenate(flips)


class Numbers(NamedTuple):
    """Numbers of a batch of drafts, delays shortened where a repetition has no room for them.

    Attributes
    ----------
    delay : as played [batch, n_rf], s
    beyond : what the delays of the drafts have beyond the shortest, before [batch, n_rf], s
    scale : part of it that fits [batch, 1]
    tr : repetition time [batch], s
    played : flip angles, phases and delays of all that is played, of one group after the other
    """

    delay: np.ndarray
    beyond: np.ndarray
    scale: np.ndarray
    tr: np.ndarray
    played: Arrays
    structures: Structures

    @classmethod
    def of(
        cls, flip: np.ndarray, phase: np.ndarray, delay: np.ndarray, tr: np.ndarray, structures: Structures
    ) -> Numbers:
        """From those of the drafts; a repetition is never shorter than what is played in it."""
        room = np.maximum(tr - structures.shortest_tr, 0.0)
        beyond = delay - structures.shortest
        needed = (beyond * structures.total).sum(1)
        too_long = (needed > room) & (needed > 0)
        scale = np.where(too_long, room / np.where(too_long, needed, 1.0), 1.0)[:, None]
        rest = room - scale[:, 0] * needed + structures.least_rest
        shortened = structures.shortest + scale * beyond
        own, fixed = flip.take(structures.pulse), structures.fixed_flip
        played = (
            np.where(np.isnan(fixed), own, fixed),
            phase.take(structures.pulse),
            np.concatenate([shortened.ravel(), rest]).take(structures.delay),
        )
        return cls(shortened, beyond, scale, tr, played, structures)

    def arrays(self, group: Group) -> Arrays:
        """Flip angles, phases and delays of what the drafts of a structure play."""
        flip, phase, delay = self.played
        n_rows = len(group.rows)
        return (
            flip[group.pulses].reshape(n_rows, -1),
            phase[group.pulses].reshape(n_rows, -1),
            delay[group.delays].reshape(n_rows, -1),
        )

    def by_drafts(
        self, by_played: list[Arrays]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, Float[np.ndarray, " batch"]]:
        """Derivatives by flip angles, phases and delays of drafts and by the TR, from those of each group."""
        of_batch, shape = self.structures, self.beyond.shape
        nothing = (np.zeros(0),) * 3
        flips, phases, delays = (
            np.concatenate([part.ravel() for part in parts])
            for parts in zip(nothing, *by_played, strict=True)
        )
        flips = np.where(np.isnan(of_batch.fixed_flip), flips, 0.0)
        n_numbers, n_rests = self.beyond.size, len(self.beyond)
        flip, phase = (_sums(of_batch.pulse, part, n_numbers).reshape(shape) for part in (flips, phases))
        delay = _sums(of_batch.delay, delays, n_numbers + n_rests)
        by_own, by_tr = self._by_times(delay[:n_numbers].reshape(shape), delay[n_numbers:])
        return flip, phase, by_own, by_tr

    def _by_times(self, by_delay: np.ndarray, by_rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives by the delays of drafts and by the TR, from those by the delays and rest played."""
        total = self.structures.total
        slope = by_delay - by_rest[:, None] * total
        scaled = self.scale < 1
        needed = np.where(scaled[:, 0], (self.beyond * total).sum(1), 1.0)
        along = ((slope * self.beyond).sum(1) / needed)[:, None]
        by_tr = np.where(scaled, along, 0.0)[:, 0] + by_rest
        by_own = np.where(scaled, self.scale * (slope - along * total), slope)
        return by_own, np.where(self.tr > self.structures.shortest_tr, by_tr, 0.0)


def _sums(place: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Sum of the values at each of so many places; of none at all numpy makes integers."""
    return np.bincount(place, value, count).astype(float, copy=False)
