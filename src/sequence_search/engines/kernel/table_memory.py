"""A thread's memory for tables of states, and these as pointers: as `memory`, of a layout."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.lanes import WIDTH, pointer
from sequence_search.engines.kernel.levels import PULSE, READ, SPAN
from sequence_search.engines.kernel.memory import SLOPES, aligned, part
from sequence_search.engines.kernel.rotations import NODE
from sequence_search.engines.kernel.states import Tables
from sequence_search.engines.kernel.tree import LEAF, VOXEL


class Work(NamedTuple):
    """The parts of a thread's memory; rows are of eight numbers."""

    rows: Any  # two rows for each place of the tables
    fresh: Any  # a row a pulse: Mz without a name just after it
    pulses: Any  # PULSE rows a pulse
    spans: Any  # SPAN rows a span
    reads: Any  # READ rows a readout
    weight: Any  # a row a leaf: exp(-|tau|/T2') sinc(2 spread tau)
    slope: Any  # a row a leaf: derivative of the weight by tau
    grad: Any  # a row for each flip angle, phase, time of a span, clock of a leaf
    total: Any  # sums over a segment: value, mean, then two for each row of `grad`
    few: Any  # some rows for the moment
    clock: Any  # tau of each leaf, read by eights
    table: Any  # LEAF numbers a leaf
    turn: Any  # cosine and sine of the turn of the frame before each pulse
    time: Any  # of each span
    eight: Any  # VOXEL rows of eight voxels, where each is a block of places
    dealt: Any  # of these: SPAN rows a span, then weight and slope of each leaf


class Size(NamedTuple):
    """Counts of a layout."""

    pulses: Any
    delays: Any
    spans: Any
    leaves: Any
    triples: Any
    reads: Any
    steady: Any
    before_leaves: Any  # rows of `grad` before those of leaves
    gradient: Any  # rows of `grad`


def sizes(t: Tables) -> Work:
    """Numbers in each part: the table."""
    n, n_leaves, n_spans = len(t.interval), len(t.leaf), len(t.span)
    gradient = 2 * n + n_spans + n_leaves
    return Work(
        rows=WIDTH * 2 * (3 * len(t.source) + n + 1),
        fresh=WIDTH * n,
        pulses=WIDTH * PULSE * n,
        spans=WIDTH * SPAN * n_spans,
        reads=WIDTH * READ * len(t.read),
        weight=WIDTH * n_leaves,
        slope=WIDTH * n_leaves,
        grad=WIDTH * gradient,
        total=WIDTH * (SLOPES + 2 * gradient),
        few=WIDTH * NODE,
        clock=WIDTH * -(-n_leaves // WIDTH),
        table=LEAF * n_leaves,
        turn=2 * n,
        time=n_spans,
        eight=WIDTH * VOXEL,
        dealt=WIDTH * (SPAN * n_spans + 2 * n_leaves),
    )


def starts(t: Tables) -> np.ndarray:
    """Where each part begins, and the end."""
    return np.cumsum((0, *sizes(t)))


@inner
def divide(numbers, start):
    """Divide a thread's memory into the parts, in the order of the table, from where a cache line begins."""
    numbers = aligned(numbers)
    return Work(
        part(numbers, start, 0),
        part(numbers, start, 1),
        part(numbers, start, 2),
        part(numbers, start, 3),
        part(numbers, start, 4),
        part(numbers, start, 5),
        part(numbers, start, 6),
        part(numbers, start, 7),
        part(numbers, start, 8),
        part(numbers, start, 9),
        part(numbers, start, 10),
        part(numbers, start, 11),
        part(numbers, start, 12),
        part(numbers, start, 13),
        part(numbers, start, 14),
        part(numbers, start, 15),
    )


@inner
def count(t):
    """Counts of the tables."""
    n, n_leaves, n_spans = t.interval.size, t.leaf.shape[0], t.span.shape[0]
    before = 2 * n + n_spans
    return Size(
        n,
        t.leaf.shape[1],
        n_spans,
        n_leaves,
        t.source.shape[0],
        t.read.shape[0],
        t.steady,
        before,
        before + n_leaves,
    )


@inner
def point(t):
    """Pointers to the tables."""
    return Tables(
        pointer(t.level, 0, t.level.size),
        pointer(t.source, 0, t.source.size),
        pointer(t.user, 0, t.user.size),
        pointer(t.origin, 0, t.origin.size),
        pointer(t.span, 0, t.span.size),
        pointer(t.interval, 0, t.interval.size),
        pointer(t.relaxes, 0, t.relaxes.size),
        pointer(t.leaf, 0, t.leaf.size),
        pointer(t.read, 0, t.read.size),
        pointer(t.first_read, 0, t.first_read.size),
        pointer(t.n_read, 0, t.n_read.size),
        pointer(t.entry, 0, t.entry.size),
        pointer(t.end, 0, t.end.size),
        t.steady,
    )
