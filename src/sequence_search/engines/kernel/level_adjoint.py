"""The way back through the tables of states: gradients by flip angles, phases, times and clocks.

Amplitudes are overwritten with the adjoints (see `adjoint`) of what they were made from: F just before its
pulse, 2 Z a level back. So a level finds the adjoints of what it became with its users. The derivative by an
angle is the torque Im(V'_bar* 2Z' + 2Z'_bar* V'), and needs no sums of its own for cosine and sine.
"""

from __future__ import annotations

from sequence_search.engines.kernel.compilation import inner, outer
from sequence_search.engines.kernel.lanes import WIDTH, load, skip, store
from sequence_search.engines.kernel.levels import (
    AT_SPAN,
    BAR_IM,
    BAR_RE,
    BY_AFTER,
    BY_ANGLE,
    BY_BEFORE,
    COSINE,
    COSINE_Z,
    DECAY,
    E1,
    FIRST_ENTRY,
    OF_ORIGIN,
    OF_READ,
    PULSE,
    READ,
    S_IM,
    S_RE,
    SINE,
    SINE_Z,
    SPAN,
    TO_IM,
    TO_RE,
    TURN_IM,
    TURN_RE,
    get,
    increase,
    put,
)
from sequence_search.engines.kernel.tree import OMEGA, R1, R2


@inner
def pull_reads(i, k, t, w, tau_bar, ar, ai, br, bi, pr, pi, qr, qi):
    """Add what is read of triple i to p and q, the adjoints of F = a and b, and to that of the clocks."""
    for r in range(t.first_read[k], t.first_read[k + 1]):
        at, row = skip(w.reads, WIDTH * READ * r), OF_READ * r
        entry = skip(t.entry, 2 * (t.read[row + FIRST_ENTRY] + i - t.level[k]))
        mr, mi = load(at, BAR_RE), load(at, BAR_IM)
        plus, minus = load(w.weight, entry[0]), load(w.weight, entry[1])
        pr, pi = pr + plus * mr, pi + plus * mi
        qr, qi = qr + minus * mr, qi + minus * mi
        increase(tau_bar, entry[0], load(w.slope, entry[0]) * (mr * ar + mi * ai))
        increase(tau_bar, entry[1], load(w.slope, entry[1]) * (mr * br + mi * bi))
    return pr, pi, qr, qi


@inner
def pull(k, size, t, w, fresh_bar, end_bar):
    """Reverse `push` and the readouts of pulse k.

    Leaves the adjoints of what is before the pulse. Returns fresh_bar there, the torque, and over the delay
    after the pulse the sum of conj(F_bar) F, kr + i ki, and the real part of that of Z.
    """
    at, rows, tau_bar = skip(w.pulses, WIDTH * PULSE * k), w.rows, skip(w.grad, WIDTH * size.before_leaves)
    cosine, sine, across = load(at, COSINE), load(at, SINE), load(at, SINE_Z)
    gr = gi = kr = ki = kz = torque = twice = cosine * 0.0
    along_z = sine_z = gr
    if k > 0:
        along_z, sine_z = load(at, COSINE_Z) * load(at, DECAY), sine * load(at, DECAY)
    if k < size.pulses - 1:
        gr, gi = load(at, PULSE + TURN_RE), load(at, PULSE + TURN_IM)
    first, last_read, ends = t.level[k], t.level[k] + t.n_read[k], size.steady and k == size.pulses - 1
    for i in range(first, t.level[k + 1]):
        xr, xi = get(rows, t.user[3 * i])
        yr, yi = get(rows, t.user[3 * i + 1])
        wr, wi = get(rows, t.user[3 * i + 2])
        ar, ai = get(rows, 3 * i)
        br, bi = get(rows, 3 * i + 1)
        zr, zi = get(rows, 3 * i + 2)
        pr, pi, qr, qi = gr * xr + gi * xi, gr * xi - gi * xr, gr * yr + gi * yi, gr * yi - gi * yr
        kr += pr * ar + pi * ai + qr * br + qi * bi
        ki += pr * ai - pi * ar + qr * bi - qi * br
        kz += wr * zr + wi * zi
        if i < last_read:
            pr, pi, qr, qi = pull_reads(i, k, t, w, tau_bar, ar, ai, br, bi, pr, pi, qr, qi)
        if ends:
            leaf = t.end[i - first]
            wr = wr + load(w.weight, leaf) * end_bar
            increase(tau_bar, leaf, load(w.slope, leaf) * end_bar * zr)
        ur, ui, vr, vi = pr + qr, pi - qi, pr - qr, pi + qi
        torque += vr * zi - vi * zr
        twice += wr * (ai + bi) - wi * (ar - br)
        xr, xi = cosine * vr - across * wi, cosine * vi + across * wr
        put(rows, 3 * i, ur + xr, ui + xi)
        put(rows, 3 * i + 1, ur - xr, xi - ui)
        put(rows, 3 * i + 2, along_z * wr - sine_z * vi, along_z * wi + sine_z * vr)
    fresh_bar, torque_0, kr_0, ki_0 = pull_nameless(k, size, t, w, gr, gi, fresh_bar)
    return fresh_bar, torque + 0.5 * twice + torque_0, kr + kr_0, ki + ki_0, kz


@inner
def pull_nameless(k, size, t, w, gr, gi, fresh_bar):
    """As `pull`, of F and Mz without a name; gr + i gi is half the turn of the delay after the pulse."""
    at, rows, place = skip(w.pulses, WIDTH * PULSE * k), w.rows, 3 * size.triples + k
    cosine, sine, tau_bar = load(at, COSINE), load(at, SINE), skip(w.grad, WIDTH * size.before_leaves)
    xr, xi = get(rows, t.origin[2 * k + 1])
    ar, ai = get(rows, place)
    pr, pi = gr * xr + gi * xi, gr * xi - gi * xr
    kr, ki = pr * ar + pi * ai, pr * ai - pi * ar
    for r in range(t.first_read[k], t.first_read[k + 1]):
        sums, leaf = skip(w.reads, WIDTH * READ * r), t.read[OF_READ * r + OF_ORIGIN]
        mr, mi, weight = load(sums, BAR_RE), load(sums, BAR_IM), load(w.weight, leaf)
        pr, pi = pr + weight * mr, pi + weight * mi
        increase(tau_bar, leaf, load(w.slope, leaf) * (mr * ar + mi * ai))
    put(rows, place, 2.0 * pr, 2.0 * cosine * pi + load(at, SINE_Z) * fresh_bar)
    torque = 0.5 * fresh_bar * ai - 2.0 * pi * load(w.fresh, k)
    return load(at, COSINE_Z) * fresh_bar - 2.0 * sine * pi, torque, kr, ki


@outer
def sweep_back(size, t, w, voxel, start, end_bar):
    """Reverse `sweep` from Mz = start for the adjoints of the readouts: leave the gradient in `grad`.

    end_bar is the adjoint of Mz at the end of a repetition.
    """
    r1, r2, omega, last = load(voxel, R1), load(voxel, R2), load(voxel, OMEGA), size.pulses - 1
    phase, spans = skip(w.grad, WIDTH * size.pulses), skip(w.grad, WIDTH * 2 * size.pulses)
    for row in range(size.gradient):
        store(w.grad, row, 0.0)
    if size.steady:  # where Mz is what it was at the start
        increase(spans, t.interval[last], -1.0 * r1 * end_bar * (start - 1.0))
        end_bar = end_bar * load(w.spans, SPAN * t.interval[last] + E1)
    fresh_bar = end_bar
    for k in range(last, -1, -1):
        at, turned = skip(w.pulses, WIDTH * PULSE * k), r1 * 0.0
        for r in range(t.first_read[k], t.first_read[k + 1]):
            sums = skip(w.reads, WIDTH * READ * r)
            turned += pull_turn(sums, spans, t.read[OF_READ * r + AT_SPAN], r2, omega)
        fresh_bar, torque, kr, ki, kz = pull(k, size, t, w, fresh_bar, end_bar)
        if k < last:
            turned += ki
            increase(spans, t.interval[k], -1.0 * (r2 * kr + omega * ki + r1 * kz))
            increase(phase, k + 1, ki)
            increase(w.grad, k + 1, -1.0 * load(at, PULSE + BY_BEFORE) * ki)
        increase(phase, k, -1.0 * turned)
        increase(w.grad, k, load(at, BY_ANGLE) * torque - load(at, BY_AFTER) * turned)
        if k > 0:
            fresh_bar = load(at, DECAY) * fresh_bar
            increase(spans, t.interval[k - 1], -1.0 * r1 * fresh_bar * (load(w.fresh, k - 1) - 1.0))


@inner
def pull_turn(at, spans, span, r2, omega):
    """Turn the adjoint of a signal, found in its place, back to that of the sum.

    Adds to the gradient by time; returns that by the turn, negated.
    """
    sr, si, br, bi = load(at, S_RE), load(at, S_IM), load(at, BAR_RE), load(at, BAR_IM)
    gr, gi = load(at, TO_RE), load(at, TO_IM)
    kr, ki = br * sr + bi * si, br * si - bi * sr
    increase(spans, span, -1.0 * (r2 * kr + omega * ki))
    store(at, BAR_RE, gr * br + gi * bi)
    store(at, BAR_IM, gr * bi - gi * br)
    return ki
