"""The way back through the tree of pathways: gradients by flip angles, phases and delays.

x_bar is the derivative of the result with respect to x; for complex x, that with respect to Re x plus i times
that to Im x. The sweep overwrites amplitudes with their adjoints, so that a block stays in the first-level
cache. The derivative of |tau| at an echo, tau = 0 up to rounding, is 0.
"""

from __future__ import annotations

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.lanes import WIDTH, load, skip, store
from sequence_search.engines.kernel.tree import (
    B1,
    COS2,
    COSINE,
    DELAY,
    E1_BEFORE,
    F_COUNT,
    FIRST,
    FLIP,
    FRESH,
    GRADIENT,
    M0,
    NODE,
    OMEGA,
    PHASE,
    PULSE,
    R1,
    R2,
    SIN2,
    SINE,
    TURN_IM,
    TURN_RE,
    Z_COUNT,
    get,
    nodes,
    put,
)


@inner
def settle_delay(grad, k, voxel, kr, ki, rest):
    """Write the gradients by delay k, where kr + i ki sums conj(F_bar) F after it."""
    store(grad, GRADIENT * k + PHASE, -1.0 * ki)
    store(grad, GRADIENT * k + DELAY, rest - load(voxel, OMEGA) * ki - load(voxel, R2) * kr)


@inner
def settle_pulse(grad, k, voxel, at, c2_bar, s2_bar, sine_bar, cosine_bar):
    """Write the gradient by the flip angle of pulse k."""
    sine, cosine = load(at, SINE), load(at, COSINE)
    angle_bar = 0.5 * sine * (s2_bar - c2_bar) + cosine * sine_bar - sine * cosine_bar
    store(grad, GRADIENT * k + FLIP, load(voxel, B1) * angle_bar)


@inner
def settle_before(grad, k, voxel, kr, ki, tau_bar, e1_bar):
    """Write the gradients by the delay before pulse k, e1_bar being E1 times that of E1."""
    if k > 0:
        row = GRADIENT * k + PHASE
        store(grad, row, load(grad, row) + ki)
        settle_delay(grad, k - 1, voxel, kr, ki, tau_bar - load(voxel, R1) * e1_bar)


@inner
def pull_leaves(nf, nz, first, w, ar, ai, br, bi, zr, zi):
    """Overwrite F and Z before the last pulse with their adjoints.

    a, b and z: what a weight of 1 would give F kept, F conjugated and Z as adjoint.
    Returns the sums of tau_bar of F and of that of all leaves (without fresh).
    """
    tau_bar = last_bar = ar * 0.0
    for j in range(nf):
        fr, fi = get(w.tree, first + j)
        kept, conjugated = load(w.weight, j), load(w.weight, nf + j)
        plus = (ar * fr + ai * fi) * load(w.slope, j)
        minus = (br * fr + bi * fi) * load(w.slope, nf + j)
        last_bar += plus + minus
        tau_bar += plus - minus
        put(w.tree, first + j, kept * ar + conjugated * br, kept * ai + conjugated * bi)
        store(w.tree, NODE * (first + j) + 2, plus - minus)
    for j in range(nz):
        fr, fi = get(w.tree, first + nf + j)
        p, q = zr * fr, zi * fi
        a, b = load(w.weight, 2 * nf + j), load(w.weight, 2 * nf + nz + j)
        plus = (p + q) * load(w.slope, 2 * nf + j)
        minus = (p - q) * load(w.slope, 2 * nf + nz + j)
        last_bar += plus + minus
        put(w.tree, first + nf + j, (a + b) * zr, (a - b) * zi)
        store(w.tree, NODE * (first + nf + j) + 2, plus - minus)
    return tau_bar, last_bar


@inner
def pull_gather(n, w, voxel, seed_re, seed_im, signal_re, signal_im):
    """Reverse `gather` for signal_bar = seed; return fresh_bar."""
    k = n - 1
    nf, nz, first = F_COUNT[k], Z_COUNT[k], FIRST[k]
    at, leaf = skip(w.pulses, WIDTH * PULSE * k), 2 * (nf + nz)
    c2, s2, sine, e1 = load(at, COS2), load(at, SIN2), load(at, SINE), load(at, E1_BEFORE)
    gr, gi, m0 = load(at, TURN_RE), load(at, TURN_IM), load(voxel, M0)
    mr, mi = m0 * (gr * seed_re + gi * seed_im), m0 * (gr * seed_im - gi * seed_re)
    xr, xi, yr, yi = load(w.few, 0), load(w.few, 1), load(w.few, 2), load(w.few, 3)
    fresh, weight = load(at, FRESH), load(w.weight, leaf)
    stored = mr * load(w.few, 5) - mi * load(w.few, 4)
    sine_bar = e1 * stored - mi * fresh * weight
    settle_pulse(w.grad, k, voxel, at, mr * xr + mi * xi, mr * yr - mi * yi, sine_bar, m0 * 0.0)
    ar, ai, br, bi = c2 * mr, c2 * mi, s2 * mr, -1.0 * s2 * mi
    zr, zi = -1.0 * sine * mi, sine * mr
    tau_bar, last_bar = pull_leaves(nf, nz, first, w, ar, ai, br, bi, zr * e1, zi * e1)
    kr, ki = seed_re * signal_re + seed_im * signal_im, seed_re * signal_im - seed_im * signal_re
    settle_delay(w.grad, k, voxel, kr, ki, last_bar + zr * fresh * load(w.slope, leaf))
    fresh_bar = zr * weight
    kr = ar * xr + ai * xi + br * yr + bi * yi
    ki = ar * xi - ai * xr + br * yi - bi * yr
    e1_bar = sine * e1 * stored + fresh_bar * (fresh - 1.0)
    settle_before(w.grad, k, voxel, kr, ki, tau_bar, e1_bar)
    return fresh_bar


@inner
def get_bar(tree, node):
    """Read the adjoint of a node: real, imaginary, of its clock."""
    row = NODE * node
    return load(tree, row), load(tree, row + 1), load(tree, row + 2)


@inner
def pull_z(k, tree, gr, gi, excite, keep):
    """Overwrite Z of level k with its adjoint; return excite_bar and keep_bar."""
    nf, nz, first, new, stored = nodes(k)
    excite_bar = keep_bar = gr * 0.0
    for j in range(nz):
        ar, ai, a_tau = get_bar(tree, new + 2 * nf + j)
        br, bi, b_tau = get_bar(tree, new + 2 * nf + nz + j)
        lr, li, l_tau = get_bar(tree, stored + nf + j)
        zr, zi = get(tree, first + nf + j)
        mr = gi * (ar + br) - gr * (ai + bi)
        mi = gi * (ai - bi) + gr * (ar - br)
        excite_bar += mr * zr + mi * zi
        keep_bar += lr * zr + li * zi
        put(tree, first + nf + j, excite * mr + keep * lr, excite * mi + keep * li)
        store(tree, NODE * (first + nf + j) + 2, a_tau - b_tau + l_tau)
    return excite_bar, keep_bar


@inner
def pull_f(k, tree, kr, ki, cr, ci, half):
    """Overwrite F of level k with its adjoint; return sums over it.

    They are, of what became of F (a: kept, b: conjugated, z: stored), p = sum of conj(a_bar) F, q = sum of
    b_bar F, s = sum of conj(z_bar) F, and of tau_bar.
    """
    nf, _, first, new, stored = nodes(k)
    pr = pi = qr = qi = sr = si = tau_bar = half * 0.0
    for j in range(nf):
        ar, ai, a_tau = get_bar(tree, new + j)
        br, bi, b_tau = get_bar(tree, new + nf + j)
        zr, zi, z_tau = get_bar(tree, stored + j)
        fr, fi = get(tree, first + j)
        pr += ar * fr + ai * fi
        pi += ar * fi - ai * fr
        qr += br * fr - bi * fi
        qi += br * fi + bi * fr
        sr += zr * fr + zi * fi
        si += zr * fi - zi * fr
        tau = a_tau - b_tau + z_tau  # conjugation has turned the clock
        tau_bar += tau
        real = kr * ar + ki * ai + cr * br + ci * bi - half * zi
        put(tree, first + j, real, kr * ai - ki * ar + ci * br - cr * bi + half * zr)
        store(tree, NODE * (first + j) + 2, tau)
    return pr, pi, qr, qi, sr, si, tau_bar


@inner
def pull_grow(k, w, voxel, fresh_bar):
    """Reverse `grow`: take fresh_bar before pulse k + 1 to that before pulse k."""
    at = skip(w.pulses, WIDTH * PULSE * k)
    c2, s2, sine, cosine = load(at, COS2), load(at, SIN2), load(at, SINE), load(at, COSINE)
    gr, gi = load(at, TURN_RE), load(at, TURN_IM)
    e1, fresh = load(at, E1_BEFORE), load(at, FRESH)
    br, bi = get(w.tree, FIRST[k + 1] + F_COUNT[k + 1] - 1)
    excited = br * gi - bi * gr
    fresh_bar = fresh_bar * load(at, PULSE + E1_BEFORE)
    sine_bar, cosine_bar = excited * fresh, fresh_bar * fresh
    fresh_bar = sine * excited + cosine * fresh_bar
    kr, ki, cr, ci, half = c2 * gr, c2 * gi, s2 * gr, s2 * gi, 0.5 * sine
    pr, pi, qr, qi, sr, si, tau_bar = pull_f(k, w.tree, kr, ki, cr, ci, half)
    excite, keep = sine * e1, cosine * e1
    excite_bar, keep_bar = pull_z(k, w.tree, gr, gi, excite, keep)

    sine_bar += 0.5 * si + e1 * excite_bar
    cosine_bar += e1 * keep_bar
    settle_pulse(w.grad, k, voxel, at, gr * pr - gi * pi, gr * qr + gi * qi, sine_bar, cosine_bar)
    sum_re = kr * pr - ki * pi + cr * qr + ci * qi + half * si
    sum_im = kr * pi + ki * pr + cr * qi - ci * qr - half * sr
    e1_bar = excite * excite_bar + keep * keep_bar + fresh_bar * (fresh - 1.0)
    settle_before(w.grad, k, voxel, sum_re, sum_im, tau_bar, e1_bar)
    return fresh_bar
