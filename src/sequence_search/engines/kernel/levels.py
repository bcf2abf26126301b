"""From level to level of the tables of states: pulses, delays, readouts, the end of a repetition.

Of the level after a pulse the amplitudes are kept doubled, 2 F(+name), 2 F(-name) and 2 Z(name), since a
pulse about x leaves U = F(+name) + F(-name)* alone and turns only V = F(+name) - F(-name)* and 2 Z:

    V' = V cos - i sin 2Z,   2Z' = 2Z cos - i sin V,   2 F(+name)' = U + V',   2 F(-name)'* = U - V'.

To the next level F takes half the turn of the delay between, Z its exp(-t/T1). The nameless are 2 F0 and, not
doubled, `fresh` = Mz, which recovers. What is read is a sum over a level, weighted by the clocks.
"""

from __future__ import annotations

from sequence_search.engines.kernel.compilation import inner, outer
from sequence_search.engines.kernel.lanes import WIDTH, load, skip, store

# Rows of a pulse: cosine and sine of its angle; half the turn and exp(-t/T1) of the delay before it; its own
# turns before and after, if it is not hard; derivatives of angle and turns by the nominal flip angle; cosine
# and sine as they make Mz, with what is left of it by the T1 and T2 during a pulse of fixed amplitude.
COSINE, SINE, TURN_RE, TURN_IM, DECAY, BEFORE_RE, BEFORE_IM, AFTER_RE, AFTER_IM = range(9)
BY_ANGLE, BY_BEFORE, BY_AFTER, COSINE_Z, SINE_Z, PULSE = range(9, 15)
# Rows of a span of time: exp(-t/T1), exp(-t/T2 + 2 pi i b0 t).
E1, E2_RE, E2_IM, SPAN = range(4)
# Rows of a readout: half the turn since its pulse, the signal, its derivative by Mz at the start, the adjoint
# of the signal and then of the sum before the turn.
TO_RE, TO_IM, S_RE, S_IM, START_RE, START_IM, BAR_RE, BAR_IM, READ = range(9)
# Numbers of a readout in the tables.
NUMBER, AT_SPAN, OF_ORIGIN, FIRST_ENTRY, OF_READ = range(5)


@inner
def get(rows, place):
    """Read an amplitude."""
    return load(rows, 2 * place), load(rows, 2 * place + 1)


@inner
def put(rows, place, a, b):
    """Write an amplitude."""
    store(rows, 2 * place, a)
    store(rows, 2 * place + 1, b)


@inner
def increase(rows, row, value):
    """Add to a row."""
    store(rows, row, load(rows, row) + value)


@inner
def push(k, size, t, w, fresh):
    """Through pulse k, from the level before or from `fresh` alone; `fresh` is taken before the pulse."""
    at, rows, zero = skip(w.pulses, WIDTH * PULSE * k), w.rows, fresh * 0.0
    cosine, sine, along, across = load(at, COSINE), load(at, SINE), load(at, COSINE_Z), load(at, SINE_Z)
    origin, fr, fi = 3 * size.triples + k, zero, zero
    if k > 0:
        gr, gi, e1 = load(at, TURN_RE), load(at, TURN_IM), load(at, DECAY)
        along_z, sine_z = along * e1, sine * e1
        for i in range(t.level[k], t.level[k + 1]):
            xr, xi = get(rows, t.source[3 * i])
            yr, yi = get(rows, t.source[3 * i + 1])
            zr, zi = get(rows, t.source[3 * i + 2])
            ar, ai, br, bi = gr * xr - gi * xi, gr * xi + gi * xr, gr * yr - gi * yi, gr * yi + gi * yr
            ur, ui, vr, vi = ar + br, ai - bi, ar - br, ai + bi
            xr, xi = cosine * vr + sine_z * zi, cosine * vi - sine_z * zr
            put(rows, 3 * i, ur + xr, ui + xi)
            put(rows, 3 * i + 1, ur - xr, xi - ui)
            put(rows, 3 * i + 2, along_z * zr + across * vi, along_z * zi - across * vr)
        xr, xi = get(rows, t.origin[2 * k])
        fr, fi = gr * xr - gi * xi, gr * xi + gi * xr
    put(rows, origin, 2.0 * fr, 2.0 * (cosine * fi - sine * fresh))
    store(w.fresh, k, along * fresh + across * fi)


@inner
def read(r, k, size, t, w, row):
    """Write the signal of readout r, after pulse k, at a row of the readout."""
    at, rows = skip(w.reads, WIDTH * READ * r), w.rows
    weight = load(w.weight, t.read[OF_READ * r + OF_ORIGIN])
    ar, ai = get(rows, 3 * size.triples + k)
    real, imaginary = weight * ar, weight * ai
    entry, first = skip(t.entry, 2 * t.read[OF_READ * r + FIRST_ENTRY]), t.level[k]
    for j in range(t.n_read[k]):
        plus, minus = load(w.weight, entry[2 * j]), load(w.weight, entry[2 * j + 1])
        ar, ai = get(rows, 3 * (first + j))
        br, bi = get(rows, 3 * (first + j) + 1)
        real += plus * ar + minus * br
        imaginary += plus * ai + minus * bi
    gr, gi = load(at, TO_RE), load(at, TO_IM)
    store(at, row, gr * real - gi * imaginary)
    store(at, row + 1, gr * imaginary + gi * real)


@outer
def sweep(size, t, w, fresh, recovered, row):
    """Through the whole sequence from Mz = fresh, towards Mz = recovered: leave the signals in a row.

    Returns Mz at the end of a repetition, if there is one.
    """
    for k in range(size.pulses):
        if k > 0:
            e1 = load(w.pulses, PULSE * k + DECAY)
            fresh = e1 * (load(w.fresh, k - 1) - recovered) + recovered
        push(k, size, t, w, fresh)
        for r in range(t.first_read[k], t.first_read[k + 1]):
            read(r, k, size, t, w, row)
    if not size.steady:
        return fresh
    last = size.pulses - 1
    total, first = load(w.fresh, last), t.level[last]
    for i in range(first, t.level[last + 1]):
        total += load(w.weight, t.end[i - first]) * load(w.rows, 2 * (3 * i + 2))
    return load(w.spans, SPAN * t.interval[last] + E1) * (total - recovered) + recovered
