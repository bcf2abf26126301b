"""What pulses and delays of a layout do: to all voxels alike, and to those of a block."""

from __future__ import annotations

import math

import numpy as np

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.functions import exponential, half_squares, sinc_and_slope
from sequence_search.engines.kernel.lanes import WIDTH, load, pointer, skip, store
from sequence_search.engines.kernel.levels import (
    AFTER_RE,
    AT_SPAN,
    BEFORE_RE,
    BY_AFTER,
    BY_ANGLE,
    BY_BEFORE,
    COSINE,
    COSINE_Z,
    DECAY,
    E1,
    E2_IM,
    E2_RE,
    OF_READ,
    PULSE,
    READ,
    SINE,
    SINE_Z,
    SPAN,
    TO_IM,
    TO_RE,
    TURN_RE,
)
from sequence_search.engines.kernel.rotations import NODE, rotate
from sequence_search.engines.kernel.tree import (
    B1,
    LEAF,
    M0,
    OMEGA,
    R1,
    R2,
    R2_PRIME,
    RATE,
    ROUNDING,
    SIGNED,
    SINC,
    SLOPE,
    TAU,
    VOXEL,
    weights_directly,
)


@inner
def describe(size, t, pulses, rate, w):
    """Fill in what all voxels share: times, clocks, turns by the phases of pulses."""
    rounding = 0.0
    for s in range(size.spans):
        w.time[s] = 0.0
        for g in range(size.delays):
            w.time[s] += t.span[size.delays * s + g] * pulses.delay[g]
    for k in range(size.pulses):
        rounding += ROUNDING * abs(w.time[t.interval[k]])
        before = pulses.phase[k - 1] if k > 0 else 0.0
        w.turn[2 * k] = math.cos(before - pulses.phase[k])
        w.turn[2 * k + 1] = math.sin(before - pulses.phase[k])
    for leaf in range(WIDTH * -(-size.leaves // WIDTH)):
        w.clock[leaf] = 0.0
        if leaf < size.leaves:
            for g in range(size.delays):
                w.clock[leaf] += t.leaf[size.delays * leaf + g] * pulses.delay[g]
        if abs(w.clock[leaf]) <= rounding:  # an echo, up to the rounding of the sum
            w.clock[leaf] = 0.0
    for leaf in range(size.leaves):
        if leaf % WIDTH == 0:
            sinc, slope = sinc_and_slope(rate, load(w.clock, leaf // WIDTH))
            store(w.few, 0, sinc)
            store(w.few, 1, slope)
        row = skip(w.table, LEAF * leaf)
        row[TAU], row[SINC], row[SLOPE] = w.clock[leaf], w.few[leaf % WIDTH], w.few[WIDTH + leaf % WIDTH]
        row[SIGNED] = np.sign(row[TAU]) * row[SINC]


@inner
def relax(size, t, voxel, same_spread, w):
    """Fill in what spans of time do to the voxels of a block, and how its leaves weigh."""
    for s in range(size.spans):
        at, time = skip(w.spans, WIDTH * SPAN * s), w.time[s]
        if t.relaxes[2 * s]:
            store(at, E1, exponential(load(voxel, R1) * -time))
        store(at, E2_RE, 0.0)
        store(at, E2_IM, 0.0)
        if t.relaxes[2 * s + 1]:
            e2 = exponential(load(voxel, R2) * -time)
            cos2, sin2, sine = half_squares(load(voxel, OMEGA) * time)
            store(at, E2_RE, e2 * (cos2 - sin2))
            store(at, E2_IM, e2 * sine)
    weights_directly(1, size.leaves, load(voxel, R2_PRIME), load(voxel, RATE), same_spread, w)


@inner
def relax_eight(size, t, blocks, i, end, w):
    """Do as `relax` for the one voxel of each of eight blocks from i on at once, for `deal`."""
    for v in range(WIDTH):
        voxel = pointer(blocks.rows, WIDTH * VOXEL * min(i + v, end - 1), WIDTH * VOXEL)
        for q in range(VOXEL):
            w.eight[WIDTH * q + v] = voxel[WIDTH * q]
    relax(size, t, w.eight, blocks.same_spread, w)
    n_spans = SPAN * size.spans
    for row in range(n_spans):
        store(w.dealt, row, load(w.spans, row))
    for leaf in range(size.leaves):
        store(w.dealt, n_spans + 2 * leaf, load(w.weight, leaf))
        store(w.dealt, n_spans + 2 * leaf + 1, load(w.slope, leaf))


@inner
def deal(size, v, w):
    """Give all lanes what `relax_eight` found of voxel v of the eight."""
    n_spans = SPAN * size.spans
    for row in range(n_spans):
        store(w.spans, row, w.dealt[WIDTH * row + v])
    for leaf in range(size.leaves):
        store(w.weight, leaf, w.dealt[WIDTH * (n_spans + 2 * leaf) + v])
        store(w.slope, leaf, w.dealt[WIDTH * (n_spans + 2 * leaf + 1) + v])


@inner
def act(size, t, i, pulses, rotations, voxel, w):
    """Describe what pulses do to the voxels of block i, and turns, once its spans are known."""
    for k in range(size.pulses):
        at = skip(w.pulses, WIDTH * PULSE * k)
        rotate_block(at, k, i, pulses, rotations, voxel, w.few)
        shaped = rotations.kind[k] >= 0
        if k > 0:
            span = skip(w.spans, WIDTH * SPAN * t.interval[k - 1])
            turn(at, TURN_RE, span, 0.5 * w.turn[2 * k], 0.5 * w.turn[2 * k + 1])
            store(at, DECAY, load(span, E1))
            if shaped:
                turn_more(at, TURN_RE, at, BEFORE_RE)
            if rotations.kind[k - 1] >= 0:
                turn_more(at, TURN_RE, skip(w.pulses, WIDTH * PULSE * (k - 1)), AFTER_RE)
        for r in range(t.first_read[k], t.first_read[k + 1]):
            to = skip(w.reads, WIDTH * READ * r)
            span = skip(w.spans, WIDTH * SPAN * t.read[OF_READ * r + AT_SPAN])
            # Back to the frame of the scanner.
            turn(to, TO_RE, span, 0.5 * math.cos(pulses.phase[k]), 0.5 * math.sin(pulses.phase[k]))
            store(to, TO_RE, load(voxel, M0) * load(to, TO_RE))
            store(to, TO_IM, load(voxel, M0) * load(to, TO_IM))
            if shaped:
                turn_more(to, TO_RE, at, AFTER_RE)


@inner
def turn(at, row, span, cosine, sine):
    """Write the turn of F over a span of time, by an angle of the pulses too."""
    real, imaginary = load(span, E2_RE), load(span, E2_IM)
    store(at, row, real * cosine - imaginary * sine)
    store(at, row + 1, real * sine + imaginary * cosine)


@inner
def turn_more(at, row, by, by_row):
    """Multiply a turn by another, of a pulse."""
    real, imaginary, cosine, sine = load(at, row), load(at, row + 1), load(by, by_row), load(by, by_row + 1)
    store(at, row, real * cosine - imaginary * sine)
    store(at, row + 1, real * sine + imaginary * cosine)


@inner
def rotate_block(at, k, i, pulses, rotations, voxel, few):
    """Describe the rotation of block i by pulse k."""
    kind = rotations.kind[k]
    if kind >= 0:
        count = rotations.nodes[kind]
        size = WIDTH * NODE * count
        nodes = pointer(rotations.rows, rotations.first[kind] + size * i, size)
        rotate(nodes, count, rotations.step[kind], pulses.flip[k], few, at)
        return
    cos2, sin2, sine = half_squares(load(voxel, B1) * pulses.flip[k])
    store(at, COSINE, cos2 - sin2)
    store(at, SINE, sine)
    store(at, COSINE_Z, cos2 - sin2)
    store(at, SINE_Z, sine)
    store(at, BY_ANGLE, load(voxel, B1))
    store(at, BY_BEFORE, 0.0)
    store(at, BY_AFTER, 0.0)
