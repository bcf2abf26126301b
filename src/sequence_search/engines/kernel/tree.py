"""The tree of coherence pathways of a block of voxels: what pulses and delays make of it, and the signal.

With n pulses there are 3^(n-1) pathways, one for each way the magnetisation can spend the delays between
pulses: transverse, transverse and later conjugated, or longitudinal. A pathway knows the time tau for which
it has dephased; dephasing within the voxel weighs it by exp(-|tau|/T2') sinc(2 spread tau). Nothing is
dropped.

Level k of the tree holds, just before pulse k (counted from 0), the transverse amplitudes ("F", after delay
k-1), the longitudinal amplitudes that were once transverse ("Z", before delay k-1, one of each conjugate
pair) and one real number, "fresh", the part of Mz that never was transverse together with all that has
recovered. A pulse then makes of them, in order:

    F: [F kept] [F conjugated] [Z excited] [conjugate of Z excited] [fresh excited]
    Z: [F stored] [Z kept]

Each pulse is seen from a frame turned by its phase, so that it mixes with real numbers; the change of frame
is part of the precession in the delay before it. The last pulse is never expanded: three sums over the nodes
before it give the signal.

Eight voxels, a block, are worked on at once, one in each lane of a SIMD register (see `lanes`); "row" means
eight such numbers.
"""

from __future__ import annotations

import numpy as np

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.functions import exponential, half_squares, sinc_and_slope
from sequence_search.engines.kernel.lanes import WIDTH, load, skip, store

MAX_PULSES = 10
# Sums of delays are known to eight units in the last place of the whole time.
ROUNDING = 8 * np.finfo(np.float64).eps
# Numbers of F and Z at each level, and the index of a level's first node.
F_COUNT = np.array([0] + [3**k for k in range(MAX_PULSES)])
Z_COUNT = np.array([0] + [(3**k - 1) // 2 for k in range(MAX_PULSES)])
FIRST = np.concatenate(([0], np.cumsum(F_COUNT + Z_COUNT)))
NODE = 3  # rows of a node: amplitude (real, imaginary) and tau_bar

# Rows of a block of voxels; R1 is 1/T1 and so on, RATE is 2 pi spread.
M0, R1, R2, R2_PRIME, B1, OMEGA, RATE, VOXEL = range(8)
# Rows of a pulse and the delay after it: cos^2 and sin^2 of half the flip angle, its sine and cosine;
# exp(-t/T2) times the turn of the delay; UP = exp(-t/T2') and its inverse. E1_BEFORE = exp(-t/T1) is of the
# delay before, FRESH is taken before the pulse.
COS2, SIN2, SINE, COSINE, TURN_RE, TURN_IM, UP, DOWN, E1_BEFORE, FRESH, PULSE = range(11)
# Numbers of a leaf that all voxels share; SIGNED is sign(tau) sinc.
TAU, SINC, SLOPE, SIGNED, LEAF = range(5)
# Rows of the gradient of each pulse.
FLIP, PHASE, DELAY, GRADIENT = range(4)


@inner
def nodes(k):
    """Count F and Z at level k and find the first of level k, of level k + 1, and the first Z of that."""
    new = FIRST[k + 1]
    return F_COUNT[k], Z_COUNT[k], FIRST[k], new, new + F_COUNT[k + 1]


@inner
def get(tree, node):
    """Read the amplitude of a node."""
    return load(tree, NODE * node), load(tree, NODE * node + 1)


@inner
def put(tree, node, a, b):
    """Write the amplitude of a node."""
    store(tree, NODE * node, a)
    store(tree, NODE * node + 1, b)


@inner
def clocks(delay, n, clock):
    """Write the clock tau of every node."""
    for k in range(n):
        nf, nz, first, new, stored = nodes(k)
        for j in range(nf):
            tau = clock[first + j] + delay[k - 1]
            clock[new + j] = clock[stored + j] = tau
            clock[new + nf + j] = -tau
        for j in range(nz):
            tau = clock[first + nf + j]
            clock[new + 2 * nf + j] = clock[stored + nf + j] = tau
            clock[new + 2 * nf + nz + j] = -tau
        clock[stored - 1] = 0.0
    for leaf in range(FIRST[n], FIRST[n] + F_COUNT[n]):
        clock[leaf] += delay[n - 1]


@inner
def describe_leaves(n, delay, rate, w):
    """Fill the tables that all voxels share.

    `source` tells how `weights_by_products` makes exp(-|tau|/T2'): the row of the tree and the factor to
    multiply.
    """
    clocks(delay, n, w.clock)
    tau = skip(w.clock, FIRST[n])
    rounding = 0.0
    for k in range(n):
        rounding += ROUNDING * abs(delay[k])
    for leaf in range(F_COUNT[n]):
        if abs(tau[leaf]) <= rounding:  # an echo, up to the rounding of the sum
            tau[leaf] = 0.0
    nf, nz, first = F_COUNT[n - 1], Z_COUNT[n - 1], FIRST[n - 1]
    for leaf in range(F_COUNT[n]):
        lane = leaf % WIDTH
        if lane == 0:
            sinc, slope = sinc_and_slope(rate, load(tau, leaf // WIDTH))
            store(w.few, 0, sinc)
            store(w.few, 1, slope)
        row = skip(w.table, LEAF * leaf)
        row[TAU], row[SINC], row[SLOPE] = tau[leaf], w.few[lane], w.few[WIDTH + lane]
        row[SIGNED] = np.sign(tau[leaf]) * w.few[lane]
        negative = tau[leaf] < 0.0
        if leaf < 2 * nf:
            inverse = (leaf >= nf) != negative
            node, factor = first + leaf % nf, 2 * inverse + negative
        else:
            z = leaf - 2 * nf
            inverse = (z >= nz) != negative
            node, factor = first + nf + z % nz, 4 + negative
            if z == 2 * nz:  # fresh
                node, inverse = FIRST[n], False
        w.source[2 * leaf], w.source[2 * leaf + 1] = NODE * node + inverse, factor


@inner
def act(n, flip, phase, delay, voxel, products, pulses):
    """Describe what pulses and delays do to the voxels of a block."""
    fresh = e1 = load(voxel, M0) * 0.0 + 1.0
    for k in range(n):
        at = skip(pulses, WIDTH * PULSE * k)
        t = delay[k]
        c2, s2, sine = half_squares(load(voxel, B1) * flip[k])
        store(at, COS2, c2)
        store(at, SIN2, s2)
        store(at, SINE, sine)
        store(at, COSINE, c2 - s2)
        store(at, E1_BEFORE, e1)
        store(at, FRESH, fresh)
        if k < n - 1:
            e1 = exponential(load(voxel, R1) * -t)
            fresh = 1.0 + ((c2 - s2) * fresh - 1.0) * e1
        # To the frame of the next pulse, in the end to that of the scanner.
        turn = phase[k + 1] - phase[k] if k < n - 1 else -phase[k]
        e2 = exponential(load(voxel, R2) * -t)
        c2, s2, sine = half_squares(turn - load(voxel, OMEGA) * t)
        store(at, TURN_RE, e2 * (c2 - s2))
        store(at, TURN_IM, -1.0 * e2 * sine)
        if products:
            up = exponential(load(voxel, R2_PRIME) * -t)
            store(at, UP, up)
            store(at, DOWN, 1.0 / up)


@inner
def decay_of_nodes(n, tree, pulses, one):
    """Write exp(-tau/T2') of each node before the last pulse, and its inverse."""
    put(tree, 0, one, one)
    put(tree, FIRST[n], one, one)
    for k in range(1, n - 1):
        at = skip(pulses, WIDTH * PULSE * (k - 1))
        up, down = load(at, UP), load(at, DOWN)
        nf, nz, first, new, stored = nodes(k)
        for j in range(nf):
            a, b = get(tree, first + j)
            a, b = a * up, b * down
            put(tree, new + j, a, b)
            put(tree, new + nf + j, b, a)
            put(tree, stored + j, a, b)
        for j in range(nz):
            a, b = get(tree, first + nf + j)
            put(tree, new + 2 * nf + j, a, b)
            put(tree, new + 2 * nf + nz + j, b, a)
            put(tree, stored + nf + j, a, b)
        put(tree, stored - 1, one, one)


@inner
def weights_by_products(n, r2_prime, w, goes_back):
    """Weigh the leaves if all voxels share the spread, with slopes for the way back.

    exp(-|tau|/T2') is a product of exponentials of the delays, or of their inverses where tau < 0, which must
    not overflow. The tree lends its rows.
    """
    one = r2_prime * 0.0 + 1.0
    decay_of_nodes(n, w.tree, w.pulses, one)
    at = skip(w.pulses, WIDTH * PULSE * (n - 1))
    up, down = load(at, UP), load(at, DOWN)
    before = skip(w.pulses, WIDTH * PULSE * (n - 2))
    store(w.few, 0, load(before, UP) * up)
    store(w.few, 1, load(before, UP) * down)
    store(w.few, 2, load(before, DOWN) * up)
    store(w.few, 3, load(before, DOWN) * down)
    store(w.few, 4, up)
    store(w.few, 5, down)
    for leaf in range(F_COUNT[n]):
        row = skip(w.table, LEAF * leaf)
        decay = load(w.tree, w.source[2 * leaf]) * load(w.few, w.source[2 * leaf + 1])
        store(w.weight, leaf, decay * row[SINC])
        if goes_back:
            store(w.slope, leaf, decay * (row[SLOPE] - r2_prime * row[SIGNED]))


@inner
def weights_directly(first, end, r2_prime, rate, same_spread, w):
    """Weigh leaves for any delays, T2' and spreads."""
    one = r2_prime * 0.0 + 1.0
    for leaf in range(first, end):
        row = skip(w.table, LEAF * leaf)
        if same_spread:
            sinc, slope = one * row[SINC], one * row[SLOPE]
        else:
            sinc, slope = sinc_and_slope(rate, row[TAU])
        decay = exponential(r2_prime * -abs(row[TAU]))
        store(w.weight, leaf, decay * sinc)
        store(w.slope, leaf, decay * (slope - r2_prime * sinc * np.sign(row[TAU])))


@inner
def grow(k, tree, pulses):
    """Take the tree through pulse k and the delay after it."""
    at = skip(pulses, WIDTH * PULSE * k)
    c2, s2, sine, e1 = load(at, COS2), load(at, SIN2), load(at, SINE), load(at, E1_BEFORE)
    gr, gi = load(at, TURN_RE), load(at, TURN_IM)
    nf, nz, first, new, stored = nodes(k)
    kr, ki, cr, ci, half = c2 * gr, c2 * gi, s2 * gr, s2 * gi, 0.5 * sine
    for j in range(nf):
        fr, fi = get(tree, first + j)
        put(tree, new + j, kr * fr - ki * fi, kr * fi + ki * fr)
        put(tree, new + nf + j, cr * fr + ci * fi, ci * fr - cr * fi)
        put(tree, stored + j, half * fi, -1.0 * half * fr)
    er, ei = sine * gi, -1.0 * sine * gr  # -i sin(flip) times the turn
    fresh, keep = load(at, FRESH), load(at, COSINE) * e1
    put(tree, stored - 1, er * fresh, ei * fresh)
    er, ei = er * e1, ei * e1
    for j in range(nz):
        zr, zi = get(tree, first + nf + j)
        put(tree, new + 2 * nf + j, er * zr - ei * zi, er * zi + ei * zr)
        put(tree, new + 2 * nf + nz + j, er * zr + ei * zi, ei * zr - er * zi)
        put(tree, stored + nf + j, keep * zr, keep * zi)


@inner
def gather(n, w):
    """Give the signal of voxels with m0 = 1, after the last pulse and delay.

    In `few` it leaves the sums over F, as kept (x) and as conjugated (y), and the one over Z.
    """
    at = skip(w.pulses, WIDTH * PULSE * (n - 1))
    nf, nz, first = F_COUNT[n - 1], Z_COUNT[n - 1], FIRST[n - 1]
    xr = xi = yr = yi = zr = zi = load(at, COS2) * 0.0
    for j in range(nf):
        fr, fi = get(w.tree, first + j)
        kept, conjugated = load(w.weight, j), load(w.weight, nf + j)
        xr += kept * fr
        xi += kept * fi
        yr += conjugated * fr
        yi += conjugated * fi
    for j in range(nz):
        a, b = load(w.weight, 2 * nf + j), load(w.weight, 2 * nf + nz + j)
        fr, fi = get(w.tree, first + nf + j)
        zr += (a + b) * fr
        zi += (a - b) * fi
    for row, value in enumerate((xr, xi, yr, yi, zr, zi)):
        store(w.few, row, value)
    c2, s2, sine, e1 = load(at, COS2), load(at, SIN2), load(at, SINE), load(at, E1_BEFORE)
    fresh = load(at, FRESH) * load(w.weight, 2 * (nf + nz))
    mr = c2 * xr + s2 * yr + sine * (e1 * zi)
    mi = c2 * xi - s2 * yi - sine * (e1 * zr + fresh)
    gr, gi = load(at, TURN_RE), load(at, TURN_IM)
    return gr * mr - gi * mi, gr * mi + gi * mr
