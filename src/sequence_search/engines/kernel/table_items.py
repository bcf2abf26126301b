"""One item of work over tables of states, a sequence and a chunk of voxels, and the sums over items.

As `items`, for sequences of one layout. A gradient is one row: by flip angles, phases and delays in turn.
"""

from __future__ import annotations

import numpy as np

from sequence_search.engines.kernel.blocks import Blocks
from sequence_search.engines.kernel.compilation import cached, inner
from sequence_search.engines.kernel.items import (
    ADJOINT,
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
    NUMBER,
    OF_READ,
    READ,
    S_IM,
    S_RE,
    START_IM,
    START_RE,
    SUM_IM,
    SUM_RE,
    act,
    describe,
    increase,
    put,
    sweep,
)
from sequence_search.engines.kernel.memory import MEAN, SLOPES, VALUE
from sequence_search.engines.kernel.objective import Encoding
from sequence_search.engines.kernel.states import Tables
from sequence_search.engines.kernel.table_memory import count, divide, point
from sequence_search.engines.kernel.tree import R2_PRIME, RATE, VOXEL, weights_directly


@inner
def simulate(size, t, w, one):
    """Leave all signals; return Mz at the start, and 1 less the part of it that is left at the end."""
    if not size.steady:
        sweep(size, t, w, one, 1.0, S_RE)
        return one, one
    rest = 1.0 - sweep(size, t, w, one, 0.0, START_RE)
    start = select_less(0.0, rest, sweep(size, t, w, one * 0.0, 1.0, S_RE) / rest, 1.0)
    for r in range(size.reads):
        at = skip(w.reads, WIDTH * READ * r)
        increase(at, S_RE, start * load(at, START_RE))
        increase(at, S_IM, start * load(at, START_IM))
    return start, rest


@inner
def pull(size, t, w, voxel, start, rest):
    """Go back through a block for the adjoints of the signals: leave the gradient in `grad`."""
    end_bar = rest * 0.0
    if size.steady:
        for r in range(size.reads):
            at = skip(w.reads, WIDTH * READ * r)
            end_bar += load(at, SUM_RE) * load(at, START_RE) + load(at, SUM_IM) * load(at, START_IM)
        end_bar = select_less(0.0, rest, end_bar / rest, 0.0)
        sweep(size, t, w, start, 1.0, S_RE)
    sweep_back(size, t, w, voxel, start, end_bar)


@inner
def add(size, w, value, mean, a, b, both):
    """Add a block to the sums over a segment: value, mean, the gradient times a and, if `both`, times b."""
    increase(w.total, VALUE, value)
    increase(w.total, MEAN, mean)
    for row in range(size.gradient):
        g = load(w.grad, row)
        increase(w.total, SLOPES + 2 * row, a * g)
        if both:
            increase(w.total, SLOPES + 2 * row + 1, b * g)


@inner
def do_block(mode, size, t, w, block, signal, n_signal):
    """Do all that is done with a block once its pulses are known."""
    one = load(block.voxel, R2_PRIME) * 0.0 + 1.0
    start, rest = simulate(size, t, w, one)
    for r in range(size.reads):
        at = skip(w.reads, WIDTH * READ * r)
        own = Block(
            block.voxel, block.place, block.factors, skip(signal, n_signal * t.read[OF_READ * r + NUMBER])
        )
        if mode == FORWARD:
            put_signal(own, w.few, load(at, S_RE), load(at, S_IM))
        elif mode == ADJOINT:
            seed_re, seed_im = get_signal(own, w.few)
            store(at, SUM_RE, seed_re)
            store(at, SUM_IM, seed_im)
    if mode == ADJOINT:
        pull(size, t, w, block.voxel, start, rest)
        add(size, w, 0.0, 0.0, 1.0, 0.0, False)
    if mode == LOSS:  # of one readout: seed with S/|S|, the direction in which |S| grows
        real, imaginary = load(w.reads, S_RE), load(w.reads, S_IM)
        length = root(real * real + imaginary * imaginary)
        inverse = select_less(0.0, length, 1.0 / length, 0.0)
        store(w.reads, SUM_RE, inverse * real)
        store(w.reads, SUM_IM, inverse * imaginary)
        pull(size, t, w, block.voxel, start, rest)
        c1, c2, b = load(block.factors, 0), load(block.factors, 1), load(block.factors, 2)
        add(size, w, length * (c1 + c2 * length), b * length, c1 + 2.0 * c2 * length, b, True)


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
def table_work(mode, counter, numbers, start, sequences, tables, blocks, factors, signal, partial):
    """Do (sequence, chunk) items until none is left; any number of threads may."""
    flip, phase, delay = sequences
    blocks, tables = Blocks(*blocks), Tables(*tables)
    size, t, w = count(tables), point(tables), divide(numbers, start)
    n, n_chunks, n_signal = size.pulses, blocks.chunk.size - 1, signal.shape[2]
    put(w.rows, 3 * size.triples + n, 0.0, 0.0)
    while True:
        item = take_next(counter)
        if item >= delay.shape[0] * n_chunks:
            return
        b, c = item // n_chunks, item % n_chunks
        pulses = Pulses(
            n, pointer(flip, n * b, n), pointer(phase, n * b, n), pointer(delay, size.delays * b, size.delays)
        )
        describe(size, t, pulses, blocks.rows[WIDTH * RATE], w)
        own = pointer(signal, signal.shape[1] * n_signal * b, signal.shape[1] * n_signal)
        for s in range(blocks.chunk[c], blocks.chunk[c + 1]):
            for row in range(SLOPES + 2 * size.gradient):
                store(w.total, row, 0.0)
            for i in range(blocks.segment[s], blocks.segment[s + 1]):
                block = Block(
                    pointer(blocks.rows, WIDTH * VOXEL * i, WIDTH * VOXEL),
                    pointer(blocks.place, WIDTH * i, WIDTH),
                    pointer(factors, WIDTH * 3 * i, WIDTH * 3),
                    own,
                )
                act(size, t, pulses, block.voxel, w)
                rates = load(block.voxel, R2_PRIME), load(block.voxel, RATE)
                weights_directly(size.leaves, *rates, blocks.same_spread, w)
                store(w.weight, 0, 0.0)
                store(w.slope, 0, 0.0)
                do_block(mode, size, t, w, block, own, n_signal)
            if mode != FORWARD:
                for v in range(WIDTH):
                    partial[b, s, VALUE] += w.total[WIDTH * VALUE + v]
                    partial[b, s, MEAN] += w.total[WIDTH * MEAN + v]
                for a in range(2):
                    fold(size, t, w, partial[b, s], a)


@cached
def add_up_tables(partial, group, n_groups, flip, delay, time, encoding, value, gradient):
    """Add what the segments gave, always in the same order, and the terms that need all of them.

    time : multiples of the delays up to the readout.
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
            value[b] += seconds * time[g] * delay[b, g]
            gradient[b, 2 * n + g] += seconds * time[g]
