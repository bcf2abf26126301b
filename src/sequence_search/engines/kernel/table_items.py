"""One item of work over tables of states, a sequence and a chunk of voxels, and the sums over items.

As `items`, for sequences of one layout. A gradient is one row: by flip angles, phases and delays in turn.
"""

from __future__ import annotations

import numpy as np

from sequence_search.engines.kernel.actions import act, deal, describe, relax, relax_eight
from sequence_search.engines.kernel.blocks import Blocks
from sequence_search.engines.kernel.compilation import cached, inner
from sequence_search.engines.kernel.items import (
    FORWARD,
    LOSS,
    Block,
    Pulses,
    add_contrasts,
    get_signal,
    put_signal,
)
from sequence_search.engines.kernel.lanes import (
    WIDTH,
    load,
    pointer,
    root,
    select_less,
    skip,
    store,
    take_next,
)
from sequence_search.engines.kernel.level_adjoint import sweep_back
from sequence_search.engines.kernel.levels import (
    BAR_IM,
    BAR_RE,
    NUMBER,
    OF_READ,
    READ,
    S_IM,
    S_RE,
    START_IM,
    START_RE,
    increase,
    put,
    sweep,
)
from sequence_search.engines.kernel.memory import MEAN, SLOPES, VALUE
from sequence_search.engines.kernel.objective import Encoding
from sequence_search.engines.kernel.rotations import Rotations
from sequence_search.engines.kernel.states import Tables
from sequence_search.engines.kernel.table_memory import count, divide, point
from sequence_search.engines.kernel.tree import R2_PRIME, RATE, VOXEL


@inner
def simulate(mode, size, t, w, one):
    """Leave all signals, and amplitudes for the way back.

    Returns Mz at the start, and 1 less the part of it that is left at the end of a repetition. This takes one
    sweep, or in a steady state three: from Mz = 1 without recovery, from 0 with it, from what is then steady.
    """
    start, rest, steady_forward = one, one, size.steady and mode == FORWARD
    for turn in range(0 if size.steady else 2, 2 if steady_forward else 3):
        fresh = one * 0.0 if turn == 1 else start
        end = sweep(size, t, w, fresh, 0.0 if turn == 0 else 1.0, START_RE if turn == 0 else S_RE)
        if turn == 0:
            rest = 1.0 - end
        elif turn == 1:
            start = select_less(0.0, rest, end / rest, 1.0)
    if steady_forward:
        for r in range(size.reads):
            at = skip(w.reads, WIDTH * READ * r)
            increase(at, S_RE, start * load(at, START_RE))
            increase(at, S_IM, start * load(at, START_IM))
    return start, rest


@inner
def end_adjoint(size, w, rest):
    """Adjoint of Mz at the end of a repetition, from those of the signals."""
    by_start = rest * 0.0
    for r in range(size.reads):
        at = skip(w.reads, WIDTH * READ * r)
        by_start += load(at, BAR_RE) * load(at, START_RE) + load(at, BAR_IM) * load(at, START_IM)
    return select_less(0.0, rest, by_start / rest, 0.0)


@inner
def add(size, w, a, b):
    """Add the gradient of a block, times a and times b, which is the weight in a mean, to the sums."""
    for row in range(size.gradient):
        g = load(w.grad, row)
        increase(w.total, SLOPES + 2 * row, a * g)
        increase(w.total, SLOPES + 2 * row + 1, b * g)


@inner
def over_lanes(few, value):
    """Sum over the lanes, in all of them."""
    store(few, 0, value)
    total = 0.0
    for v in range(WIDTH):
        total += few[v]
    return value * 0.0 + total


@inner
def seed_loss(w, factors, across):
    """Seed the one readout with S/|S|, the direction in which |S| grows; add to the value and the mean.

    Returns the slope of the value by |S|, and the weight in the mean.
    """
    c1, c2, b = load(factors, 0), load(factors, 1), load(factors, 2)
    length, share = seed(w.reads, w, across)
    increase(w.total, VALUE, share * length * (c1 + c2 * length))
    increase(w.total, MEAN, share * b * length)
    return c1 + 2.0 * c2 * length, b


@inner
def seed_losses(size, w, factors, across):
    """Seed several readouts with the derivative of the value, which is the mean of those at each, and add."""
    part = 1.0 / size.reads
    c1, c2 = part * load(factors, 0), part * load(factors, 1)
    for r in range(size.reads):
        at = skip(w.reads, WIDTH * READ * r)
        length, share = seed(at, w, across)
        increase(w.total, VALUE, share * length * (c1 + c2 * length))
        slope = c1 + 2.0 * c2 * length
        store(at, BAR_RE, slope * load(at, BAR_RE))
        store(at, BAR_IM, slope * load(at, BAR_IM))


@inner
def seed(at, w, across):
    """Seed a readout with S/|S|, and return |S| and the part of it that a lane counts for.

    With places across the slice S is the sum over the lanes, all of which are seeds.
    """
    real, imaginary, share = load(at, S_RE), load(at, S_IM), 1.0
    if across:
        real, imaginary, share = over_lanes(w.few, real), over_lanes(w.few, imaginary), 1.0 / WIDTH
    length = root(real * real + imaginary * imaginary)
    inverse = select_less(0.0, length, 1.0 / length, 0.0)
    store(at, BAR_RE, inverse * real)
    store(at, BAR_IM, inverse * imaginary)
    return length, share


@inner
def do_block(mode, size, t, w, block, n_signal, across):
    """Do all that is done with a block once its pulses are known."""
    one = load(block.voxel, R2_PRIME) * 0.0 + 1.0
    start, rest = simulate(mode, size, t, w, one)
    for r in range(size.reads if mode != LOSS else 0):
        at = skip(w.reads, WIDTH * READ * r)
        own = Block(
            block.voxel,
            block.place,
            block.factors,
            skip(block.signal, n_signal * t.read[OF_READ * r + NUMBER]),
        )
        if mode == FORWARD:
            put_signal(own, w.few, load(at, S_RE), load(at, S_IM))
        else:
            seed_re, seed_im = get_signal(own, w.few)
            store(at, BAR_RE, seed_re)
            store(at, BAR_IM, seed_im)
    if mode == FORWARD:
        return
    a, b = one, one * 0.0
    if mode == LOSS and size.reads == 1:
        a, b = seed_loss(w, block.factors, across)
    elif mode == LOSS:
        seed_losses(size, w, block.factors, across)
    end_bar = end_adjoint(size, w, rest) if size.steady else one * 0.0
    sweep_back(size, t, w, block.voxel, start, end_bar)
    add(size, w, a, b)


@inner
def fold(size, t, w, partial, a):
    """Add the lanes of the sums over a segment to its gradients by flip angles, phases and delays.

    With a = 0 those of the value, with a = 1 those of the mean, which take turns in `partial`.
    """
    for row in range(size.gradient):
        total = 0.0
        for v in range(WIDTH):
            total += w.total[WIDTH * (SLOPES + 2 * row + a) + v]
        if row < 2 * size.pulses:
            partial[SLOPES + 2 * row + a] += total
            continue
        multiples = skip(t.span, size.delays * (row - 2 * size.pulses))
        if row >= size.before_leaves:
            multiples = skip(t.leaf, size.delays * (row - size.before_leaves))
        for g in range(size.delays):
            partial[SLOPES + 2 * (2 * size.pulses + g) + a] += multiples[g] * total


@cached
def table_work(mode, counter, numbers, start, sequences, tables, rotations, blocks, factors, signal, partial):
    """Do (sequence, chunk) items until none is left; any number of threads may."""
    flip, phase, delay = sequences
    blocks, tables, rotations = Blocks(*blocks), Tables(*tables), Rotations(*rotations)
    size, t, w = count(tables), point(tables), divide(numbers, start)
    n, n_chunks, n_signal = size.pulses, blocks.chunk.size - 1, signal.shape[2]
    put(w.rows, 3 * size.triples + n, 0.0, 0.0)
    store(w.weight, 0, 0.0)
    store(w.slope, 0, 0.0)
    while True:
        item = take_next(counter)
        if item >= delay.shape[0] * n_chunks:
            return
        c, b = item // delay.shape[0], item % delay.shape[0]  # so that tables of rotations stay in the cache
        pulses = Pulses(
            n, pointer(flip, n * b, n), pointer(phase, n * b, n), pointer(delay, size.delays * b, size.delays)
        )
        describe(size, t, pulses, blocks.rows[WIDTH * RATE], w)
        own = pointer(signal, signal.shape[1] * n_signal * b, signal.shape[1] * n_signal)
        for s in range(blocks.chunk[c], blocks.chunk[c + 1]):
            for row in range(SLOPES + 2 * size.gradient):
                store(w.total, row, 0.0)
            first, last = blocks.segment[s], blocks.segment[s + 1]
            for i in range(first, last):
                block = Block(
                    pointer(blocks.rows, WIDTH * VOXEL * i, WIDTH * VOXEL),
                    pointer(blocks.place, WIDTH * i, WIDTH),
                    pointer(factors, WIDTH * 3 * i, WIDTH * 3),
                    own,
                )
                if rotations.across:
                    if (i - first) % WIDTH == 0:
                        relax_eight(size, t, blocks, i, last, w)
                    deal(size, (i - first) % WIDTH, w)
                else:
                    relax(size, t, block.voxel, blocks.same_spread, w)
                act(size, t, i, pulses, rotations, block.voxel, w)
                do_block(mode, size, t, w, block, n_signal, rotations.across)
            if mode != FORWARD:
                for v in range(WIDTH):
                    partial[b, s, VALUE] += w.total[WIDTH * VALUE + v]
                    partial[b, s, MEAN] += w.total[WIDTH * MEAN + v]
                for a in range(2):
                    fold(size, t, w, partial[b, s], a)


@cached
def add_up_tables(partial, group, n_groups, flip, delay, time, encoding, value, gradient):
    """Add what the segments gave, always in the same order, and the terms that need all of them.

    time : multiples of the delays up to the last readout of each.
    """
    encoding = Encoding(*encoding)
    n, (energy, number, seconds) = flip.shape[1], encoding.penalties
    for b in range(partial.shape[0]):
        mean, slope = np.zeros((3, n_groups)), np.zeros((3, n_groups))
        value[b] = encoding.constant + number * n
        for s in range(partial.shape[1]):
            value[b] += partial[b, s, VALUE]
            mean[0, group[s]] += partial[b, s, MEAN]
        value[b] += add_contrasts(encoding, mean, slope)
        for s in range(partial.shape[1]):
            for j in range(gradient.shape[1]):
                at = SLOPES + 2 * j
                gradient[b, j] += partial[b, s, at] + slope[0, group[s]] * partial[b, s, at + 1]
        for k in range(n):
            value[b] += energy * flip[b, k] ** 2
            gradient[b, k] += 2.0 * energy * flip[b, k]
        for g in range(delay.shape[1]):
            value[b] += seconds * time[b, g] * delay[b, g]
            gradient[b, 2 * n + g] += seconds * time[b, g]
