"""One item of work, a sequence and a chunk of voxels, and the sums over items: the compiled loops."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sequence_search.engines.kernel.adjoint import pull_gather, pull_grow
from sequence_search.engines.kernel.blocks import Blocks
from sequence_search.engines.kernel.compilation import cached, inner, outer
from sequence_search.engines.kernel.lanes import WIDTH, load, pointer, root, select_less, store, take_next
from sequence_search.engines.kernel.memory import MEAN, MEAN_IM, MEAN_RE, SLOPES, VALUE, divide
from sequence_search.engines.kernel.objective import Encoding, contrast
from sequence_search.engines.kernel.tree import (
    DELAY,
    F_COUNT,
    FLIP,
    GRADIENT,
    M0,
    R2_PRIME,
    RATE,
    VOXEL,
    act,
    describe_leaves,
    gather,
    grow,
    weights_by_products,
    weights_directly,
)

# What is done with a block. PRODUCT sums Re(conj(given) S); PHASED is LOSS with the mean of S, beside |S|'s.
FORWARD, PRODUCT, ADJOINT, LOSS, PHASED = range(5)
# Products of exponentials up to here are far from overflow, which is at exp(709).
LARGEST_EXPONENT = 600.0


class Block(NamedTuple):
    """Where a block's numbers are."""

    voxel: Any  # VOXEL rows
    place: Any  # the voxel in each lane, -1 for none
    factors: Any  # rows of the objective: factor of |S|, of |S|², weight in the group's mean
    signal: Any  # of all voxels of the sequence, or what is given for each: real and imaginary part


class Pulses(NamedTuple):
    """A sequence of n pulses."""

    n: Any
    flip: Any
    phase: Any
    delay: Any


@inner
def put_signal(block, few, real, imaginary):
    """Write the signals of a block's voxels to their places."""
    store(few, 0, real)
    store(few, 1, imaginary)
    for v in range(WIDTH):
        place = block.place[v]
        if place >= 0:
            block.signal[2 * place], block.signal[2 * place + 1] = few[v], few[WIDTH + v]


@inner
def get_signal(block, few):
    """Read numbers of a block's voxels, 0 in lanes without one, from their places."""
    for v in range(WIDTH):
        few[v] = few[WIDTH + v] = 0.0
        place = block.place[v]
        if place >= 0:
            few[v], few[WIDTH + v] = block.signal[2 * place], block.signal[2 * place + 1]
    return load(few, 0), load(few, 1)


@inner
def add(n, w, value, size, a, b):
    """Add a block to the sums over a segment: its value, its part of the group's mean of size = |S|, and the
    gradient times a and times b, which is the weight in the mean."""
    store(w.total, VALUE, load(w.total, VALUE) + value)
    store(w.total, MEAN, load(w.total, MEAN) + b * size)
    for row in range(GRADIENT * n):
        g = load(w.grad, row)
        at = SLOPES + 2 * row
        store(w.total, at, load(w.total, at) + a * g)
        store(w.total, at + 1, load(w.total, at + 1) + b * g)


@inner
def add_phased(n, w, real, imaginary, toward_re, toward_im, b):
    """Add a block's part of the group's mean of S and of its gradient, from those of Re S (`grad_re`) and of
    Im S (`grad`), in whose place it leaves that of |S|, which grows towards (toward_re, toward_im)."""
    store(w.total_of_s, MEAN_RE, load(w.total_of_s, MEAN_RE) + b * real)
    store(w.total_of_s, MEAN_IM, load(w.total_of_s, MEAN_IM) + b * imaginary)
    for row in range(GRADIENT * n):
        x, y = load(w.grad_re, row), load(w.grad, row)
        at = SLOPES + 2 * row
        store(w.total_of_s, at, load(w.total_of_s, at) + b * x)
        store(w.total_of_s, at + 1, load(w.total_of_s, at + 1) + b * y)
        store(w.grad, row, toward_re * x + toward_im * y)


@inner
def pull(n, w, voxel, seed_re, seed_im, real, imaginary):
    """Go back through a block for signal_bar = seed: leave the gradient in `grad`, overwrite the tree."""
    fresh_bar = pull_gather(n, w, voxel, seed_re, seed_im, real, imaginary)
    for k in range(n - 2, -1, -1):
        fresh_bar = pull_grow(k, w, voxel, fresh_bar)


@outer
def pull_twice(n, w, voxel, real, imaginary):
    """Go back for signal_bar = 1, then i: leave the gradients of Re S in `grad_re` and of Im S in `grad`."""
    zero = real * 0.0
    for sweep in range(2):
        if sweep == 1:
            for row in range(GRADIENT * n):
                store(w.grad_re, row, load(w.grad, row))
            for k in range(n - 1):
                grow(k, w.tree, w.pulses)
        pull(n, w, voxel, zero + (1.0 - sweep), zero + 1.0 * sweep, real, imaginary)


@inner
def do_block(mode, n, w, block, products, same_spread):
    """Do all that is done with a block once its pulses are known."""
    r2_prime, m0 = load(block.voxel, R2_PRIME), load(block.voxel, M0)
    goes_back = mode >= ADJOINT
    if products:
        weights_by_products(n, r2_prime, w, goes_back)
    else:
        weights_directly(0, F_COUNT[n], r2_prime, load(block.voxel, RATE), same_spread, w)
    for k in range(n - 1):
        grow(k, w.tree, w.pulses)
    real, imaginary = gather(n, w)
    real, imaginary = m0 * real, m0 * imaginary
    if mode == FORWARD:
        put_signal(block, w.few, real, imaginary)
        return
    if mode == PRODUCT:
        given_re, given_im = get_signal(block, w.few)
        store(w.total, VALUE, load(w.total, VALUE) + (given_re * real + given_im * imaginary))
        return
    zero = r2_prime * 0.0
    if mode >= LOSS:  # seed with S/|S|, the direction in which |S| grows
        size = root(real * real + imaginary * imaginary)
        inverse = select_less(0.0, size, 1.0 / size, 0.0)
        seed_re, seed_im = inverse * real, inverse * imaginary
        c1, c2, b = load(block.factors, 0), load(block.factors, 1), load(block.factors, 2)
        value, a = size * (c1 + c2 * size), c1 + 2.0 * c2 * size
    else:
        seed_re, seed_im = get_signal(block, w.grad)  # `few` is needed on the way back
        size, value, a, b = zero, zero, zero + 1.0, zero
    if mode == PHASED:
        pull_twice(n, w, block.voxel, real, imaginary)
        add_phased(n, w, real, imaginary, seed_re, seed_im, b)
    else:
        pull(n, w, block.voxel, seed_re, seed_im, real, imaginary)
    add(n, w, value, size, a, b)


@inner
def can_multiply(pulses, steepest, same_spread):
    """Tell whether the weights may be products of exponentials; these pay from three pulses on."""
    longest = 0.0
    for k in range(pulses.n):
        longest += abs(pulses.delay[k])
    return same_spread and pulses.n > 2 and longest * steepest < LARGEST_EXPONENT


@inner
def do_segment(mode, pulses, products, w, blocks, first, last, factors, signal):
    """Do the blocks from `first` to before `last`, adding to the sums from zero."""
    for row in range(SLOPES + 2 * GRADIENT * pulses.n):
        store(w.total, row, 0.0)
        if mode == PHASED:
            store(w.total_of_s, row, 0.0)
    for i in range(first, last):
        block = Block(
            pointer(blocks.rows, WIDTH * VOXEL * i, WIDTH * VOXEL),
            pointer(blocks.place, WIDTH * i, WIDTH),
            pointer(factors, WIDTH * 3 * i, WIDTH * 3),
            signal,
        )
        act(pulses.n, pulses.flip, pulses.phase, pulses.delay, block.voxel, products, w.pulses)
        do_block(mode, pulses.n, w, block, products, blocks.same_spread)


@cached
def work(mode, counter, numbers, start, sequences, n_rf, blocks, factors, phased, signal, partial):
    """Do (sequence, chunk) items until none is left; any number of threads may."""
    flip, phase, delay = sequences
    blocks = Blocks(*blocks)  # a plain tuple is passed in half the time
    n_sequences, n_most = delay.shape
    n_chunks, n_signal = blocks.chunk.size - 1, signal.shape[1]
    w = divide(numbers, start)
    while True:
        item = take_next(counter)
        if item >= n_sequences * n_chunks:
            return
        b, c = item // n_chunks, item % n_chunks
        n, at = min(n_rf[b], n_most), b * n_most
        if n <= 0:
            continue  # signal and sums stay zero
        pulses = Pulses(n, pointer(flip, at, n), pointer(phase, at, n), pointer(delay, at, n))
        describe_leaves(n, pulses.delay, blocks.rows[WIDTH * RATE], w)
        products = can_multiply(pulses, blocks.steepest, blocks.same_spread)
        # Several sequences in turn may have the same given numbers.
        own = pointer(signal, n_signal * (b * signal.shape[0] // n_sequences), n_signal)
        for s in range(blocks.chunk[c], blocks.chunk[c + 1]):
            first, last = blocks.segment[s], blocks.segment[s + 1]
            how = PHASED if phased.size and phased[s] else mode
            do_segment(how, pulses, products, w, blocks, first, last, factors, own)
            if how != FORWARD:
                for row in range(VALUE + 1 if how == PRODUCT else SLOPES + 2 * GRADIENT * n):
                    for v in range(WIDTH):
                        partial[b, s, 0, row] += w.total[WIDTH * row + v]
                        if how == PHASED:
                            partial[b, s, 1, row] += w.total_of_s[WIDTH * row + v]


@inner
def add_contrasts(encoding, mean, slope):
    """Return the sum of the contrasts, and add its slopes by the groups' means of |S|, Re S and Im S."""
    total = 0.0
    for c in range(encoding.signed.size):
        first, second = encoding.pairs[c, 0], encoding.pairs[c, 1]
        for of in range(1, 3) if encoding.complex[c] else range(1):
            term, by_difference = contrast(encoding, c, mean[of, first] - mean[of, second])
            total += term
            slope[of, first] += by_difference
            slope[of, second] -= by_difference
    return total


@inner
def add_penalties(penalties, n, flip, delay, gradient):
    """Return the sum of the terms that concern the sequence only, and add its gradient."""
    total = penalties[1] * n
    for k in range(n):
        total += penalties[0] * flip[k] ** 2 + penalties[2] * delay[k]
        gradient[FLIP, k] += 2.0 * penalties[0] * flip[k]
        gradient[DELAY, k] += penalties[2]
    return total


@cached
def add_up(partial, group, n_groups, sequences, n_rf, encoding, value, gradient):
    """Add what the segments gave, always in the same order, and the terms that need all of them."""
    flip, _, delay = sequences
    encoding = Encoding(*encoding)
    for b in range(partial.shape[0]):
        mean, slope = np.zeros((3, n_groups)), np.zeros((3, n_groups))
        value[b] = encoding.constant
        for s in range(partial.shape[1]):
            value[b] += partial[b, s, 0, VALUE]
            mean[0, group[s]] += partial[b, s, 0, MEAN]
            if partial.shape[2] == 2:
                mean[1, group[s]] += partial[b, s, 1, MEAN_RE]
                mean[2, group[s]] += partial[b, s, 1, MEAN_IM]
        value[b] += add_contrasts(encoding, mean, slope)
        for s in range(partial.shape[1]):
            for k in range(n_rf[b]):
                for i in range(GRADIENT):
                    at = SLOPES + 2 * (GRADIENT * k + i)
                    gradient[b, i, k] += partial[b, s, 0, at] + slope[0, group[s]] * partial[b, s, 0, at + 1]
                    if partial.shape[2] == 2:
                        gradient[b, i, k] += slope[1, group[s]] * partial[b, s, 1, at]
                        gradient[b, i, k] += slope[2, group[s]] * partial[b, s, 1, at + 1]
        value[b] += add_penalties(encoding.penalties, n_rf[b], flip[b], delay[b], gradient[b])
