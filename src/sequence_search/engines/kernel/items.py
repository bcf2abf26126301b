"""One item of work, a sequence and a chunk of voxels, and the sums over items: the compiled loops."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from sequence_search.engines.kernel.adjoint import pull_gather, pull_grow
from sequence_search.engines.kernel.blocks import aligned
from sequence_search.engines.kernel.lanes import (
    WIDTH,
    inner,
    lesser,
    load,
    pointer,
    root,
    skip,
    store,
    take_next,
)
from sequence_search.engines.kernel.objective import contrast
from sequence_search.engines.kernel.tree import (
    F_COUNT,
    FIRST,
    GRADIENT,
    LEAF,
    M0,
    NODE,
    PULSE,
    R2_PRIME,
    RATE,
    VOXEL,
    Work,
    act,
    describe_leaves,
    gather,
    grow,
    weights_by_products,
    weights_directly,
)

FORWARD, ADJOINT, LOSS = range(3)
# Products of exponentials up to here are far from overflow, which is at exp(709).
LARGEST_EXPONENT = 600.0


def workspace(n_most: int) -> tuple[np.ndarray, np.ndarray]:
    """Uninitialised numbers and indices for one thread; `divide` gives them out."""
    rows = NODE * (FIRST[n_most] + 1) + 2 * F_COUNT[n_most] + (PULSE + 3 * GRADIENT) * n_most + 10
    numbers = WIDTH * (rows + 1) + FIRST[n_most + 1] + LEAF * F_COUNT[n_most]
    return aligned(int(numbers)), np.empty(2 * int(F_COUNT[n_most]), np.int64)


def cached(function: Callable[..., Any]) -> Any:
    try:
        return njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to write the cache
        return njit(nogil=True, error_model="numpy")(function)


@inner
def put_signal(signal, place, few, real, imaginary):
    store(few, 0, real)
    store(few, 1, imaginary)
    for v in range(WIDTH):
        if place[v] >= 0:
            signal[2 * place[v]], signal[2 * place[v] + 1] = few[v], few[WIDTH + v]


@inner
def get_signal(signal, place, few):
    for v in range(WIDTH):
        few[v] = few[WIDTH + v] = 0.0
        if place[v] >= 0:
            few[v], few[WIDTH + v] = signal[2 * place[v]], signal[2 * place[v] + 1]
    return load(few, 0), load(few, 1)


@inner
def add(n, N, w, a, b, size, c1, c2, group_weight):
    """Add to the sums of a segment: the gradient times a (rows GRADIENT k + i) and
    times b (as many rows later), the value and the group's mean of size = |S|."""
    mean = GRADIENT * N
    for row in range(GRADIENT * n):
        g = load(w.grad, row)
        store(w.total, row, load(w.total, row) + a * g)
        store(w.total, mean + row, load(w.total, mean + row) + b * g)
    store(w.total, 2 * mean, load(w.total, 2 * mean) + size * (c1 + c2 * size))
    store(w.total, 2 * mean + 1, load(w.total, 2 * mean + 1) + group_weight * size)


@inner
def do_block(mode, n, N, w, voxel, products, same_spread, place, factors, signal):
    """All that is done with a block once its pulses are known."""
    r2_prime = load(voxel, R2_PRIME)
    if products:
        weights_by_products(n, r2_prime, w)
    else:
        weights_directly(n, r2_prime, load(voxel, RATE), same_spread, w)
    for k in range(n - 1):
        grow(k, w.tree, w.pulses)
    real, imaginary = gather(n, w)
    real, imaginary = load(voxel, M0) * real, load(voxel, M0) * imaginary
    if mode == FORWARD:
        put_signal(signal, place, w.few, real, imaginary)
        return
    zero = r2_prime * 0.0
    if mode == LOSS:  # seed with S/|S|, the direction in which |S| grows
        size = root(real * real + imaginary * imaginary)
        inverse = lesser(0.0, size, 1.0 / size, 0.0)
        seed_re, seed_im = inverse * real, inverse * imaginary
        c1, c2, b = load(factors, 0), load(factors, 1), load(factors, 2)
        a = c1 + 2.0 * c2 * size
    else:
        seed_re, seed_im = get_signal(signal, place, w.grad)
        size, c1, c2, a, b = zero, zero, zero, zero + 1.0, zero
    fresh_bar = pull_gather(n, w, voxel, seed_re, seed_im, real, imaginary)
    for k in range(n - 2, -1, -1):
        fresh_bar = pull_grow(k, w, voxel, fresh_bar)
    add(n, N, w, a, b, size, c1, c2, b)


@inner
def divide(rows, indices, N):
    """Divide a thread's memory (see `workspace`)."""
    tree = pointer(rows, 0)
    weight = skip(tree, WIDTH * NODE * (FIRST[N] + 1))
    slope = skip(weight, WIDTH * F_COUNT[N])
    pulses = skip(slope, WIDTH * F_COUNT[N])
    grad = skip(pulses, WIDTH * PULSE * N)
    total = skip(grad, WIDTH * (GRADIENT * N + 2))
    few = skip(total, WIDTH * (2 * GRADIENT * N + 2))
    clock = skip(few, WIDTH * 6)
    table = skip(clock, FIRST[N + 1] + WIDTH)
    return Work(tree, weight, slope, pulses, grad, total, few, clock, table, pointer(indices, 0))


@functools.cache
def worker() -> Any:
    """Compiled loop over items, for the kernel as its source is now."""
    sources = _source_digest()

    @cached
    def work(
        mode,
        counter,
        rows,
        indices,
        flip,
        phase,
        delay,
        n_rf,
        voxels,
        places,
        steepest,
        same_spread,
        factors,
        chunk,
        segment,
        signal,
        partial,
    ):
        """Do (sequence, chunk) items until none is left; any number of threads may."""
        _ = sources  # numba's cache looks at this file only; so it looks at those inlined here as well
        B, N = flip.shape
        chunks, V = chunk.size - 1, signal.shape[1] // 2
        w = divide(rows, indices, N)
        while True:
            item = take_next(counter)
            if item >= B * chunks:
                return
            b, c = item // chunks, item % chunks
            n = min(n_rf[b], N)
            if n <= 0:
                continue  # signal and sums stay zero
            times = pointer(delay, b * N)
            describe_leaves(n, times, voxels[WIDTH * RATE], w)
            longest = 0.0
            for k in range(n):
                longest += abs(times[k])
            # Products pay from three pulses on.
            products = same_spread and n > 2 and longest * steepest < LARGEST_EXPONENT
            for s in range(chunk[c], chunk[c + 1]):
                for row in range(2 * GRADIENT * N + 2):
                    store(w.total, row, 0.0)
                for block in range(segment[s], segment[s + 1]):
                    voxel = pointer(voxels, WIDTH * VOXEL * block)
                    act(n, pointer(flip, b * N), pointer(phase, b * N), times, voxel, products, w.pulses)
                    do_block(
                        mode,
                        n,
                        N,
                        w,
                        voxel,
                        products,
                        same_spread,
                        pointer(places, WIDTH * block),
                        pointer(factors, WIDTH * 3 * block),
                        pointer(signal, 2 * V * b),
                    )
                if mode != FORWARD:
                    for row in range(2 * GRADIENT * N + 2):
                        for v in range(WIDTH):
                            partial[b, s, row] += w.total[WIDTH * row + v]

    return work


def _source_digest() -> str:
    """Of all files of the kernel, without which numba would go on with code cached before they changed."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cached
def add_up(
    partial,
    group,
    n_groups,
    flip,
    delay,
    n_rf,
    encoding,
    value,
    gradient,
):
    """Add what the segments gave, always in the same order, and the terms that need all of them."""
    N = gradient.shape[2]
    for b in range(partial.shape[0]):
        mean, slope = np.zeros(n_groups), np.zeros(n_groups)
        value[b] = encoding.constant
        for s in range(partial.shape[1]):
            value[b] += partial[b, s, 2 * GRADIENT * N]
            mean[group[s]] += partial[b, s, 2 * GRADIENT * N + 1]
        for c in range(encoding.signed.size):
            first, second = encoding.pairs[c, 0], encoding.pairs[c, 1]
            term, by_difference = contrast(encoding, c, mean[first] - mean[second])
            value[b] += term
            slope[first] += by_difference
            slope[second] -= by_difference
        for s in range(partial.shape[1]):
            for k in range(N):
                for i in range(GRADIENT):
                    row = GRADIENT * k + i
                    by_mean = slope[group[s]] * partial[b, s, GRADIENT * N + row]
                    gradient[b, i, k] += partial[b, s, row] + by_mean
        energy, number, time = encoding.penalties[0], encoding.penalties[1], encoding.penalties[2]
        value[b] += number * n_rf[b]
        for k in range(n_rf[b]):
            value[b] += energy * flip[b, k] ** 2 + time * delay[b, k]
            gradient[b, 0, k] += 2.0 * energy * flip[b, k]
            gradient[b, 2, k] += time
