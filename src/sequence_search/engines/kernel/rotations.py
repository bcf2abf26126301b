"""Pulses that take time: the rotation of each lane, between the nodes of a table over the nominal flip angle.

A pulse is Rz(after) Rx(angle) Rz(before) about its centre, see `pulses.rotation`. It mixes by the angle; the
turns before and after go into those of the delays beside it. Here they are, with their derivatives, made of
values and slopes of the Cayley-Klein parameters a and b, by cubic Hermite interpolation as in `pulses.table`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from sequence_search.engines.kernel.blocks import Blocks, arrange
from sequence_search.engines.kernel.compilation import inner, outer
from sequence_search.engines.kernel.lanes import WIDTH, load, root, select_less, skip, store
from sequence_search.engines.kernel.levels import (
    AFTER_IM,
    AFTER_RE,
    BEFORE_IM,
    BEFORE_RE,
    BY_AFTER,
    BY_ANGLE,
    BY_BEFORE,
    COSINE,
    COSINE_Z,
    SINE,
    SINE_Z,
)
from sequence_search.pulses.rotation import NO_PHASE
from sequence_search.pulses.table import RotationTable

# Rows of a node: a and b, real and imaginary, and their slopes; of a single one, which has no slopes, its
# efficiency in place of the first.
NODE = 8
SMALL = NO_PHASE**2


class Rotations(NamedTuple):
    """Tables of the kinds of pulse of a layout over the lanes of blocks; made by `arrange_rotations`."""

    kind: np.ndarray  # int [n_rf], table of each pulse, -1 for a hard one
    rows: np.ndarray  # rows [block, node, quantity] of each table in turn, flat
    first: np.ndarray  # int [tables], first number of each
    nodes: np.ndarray  # int [tables]
    step: np.ndarray  # [tables], from node to node [rad]
    across: bool  # whether the lanes of a block are places across the slice of one voxel


@functools.cache
def all_hard(n_rf: int) -> Rotations:
    """Of so many hard pulses: no tables."""
    none = np.zeros(0, np.int64)
    return Rotations(np.full(n_rf, -1), np.zeros(0), none, none, np.zeros(0), across=False)


def arrange_rotations(
    kinds: tuple[str, ...], tables: dict[str, RotationTable], blocks: Blocks, across: bool
) -> Rotations:
    """Arrange tables, by the names of kinds that are not hard, as the lanes of `blocks`."""
    parts, counts = [], []
    for table in tables.values():
        quantities = [
            part
            for numbers in (table.values, table.slopes)
            for of_a_or_b in numbers
            for part in (of_a_or_b.real, of_a_or_b.imag)
        ]
        counts.append(table.values.shape[1])
        if counts[-1] == 1:
            left = np.ones(table.values.shape[2]) if table.efficiency is None else table.efficiency
            quantities[4] = left[None]
        nodes = [part[node] for node in range(counts[-1]) for part in quantities]
        parts.append(arrange(tuple(nodes), blocks.place))
    names = list(tables)
    return Rotations(
        kind=np.array([names.index(kind) if kind in tables else -1 for kind in kinds]),
        rows=np.concatenate(parts),
        first=np.cumsum([0, *(part.size for part in parts[:-1])]),
        nodes=np.array(counts, np.int64),
        step=np.array([table.step for table in tables.values()]),
        across=across,
    )


@outer
def rotate(nodes, count, step, flip, few, at):
    """Write what a pulse of a nominal flip angle does to a block."""
    size, cell, sign = abs(flip), 0, 1.0
    if count > 1:  # one of a fixed amplitude is played whatever its flip angle
        cell, sign = max(0, min(int(size / step), count - 2)), -1.0 if flip < 0.0 else 1.0
    low = skip(nodes, WIDTH * NODE * cell)
    for i in range(4):
        value, slope = load(low, i), load(low, i + 4)
        if count > 1:
            high, t = skip(low, WIDTH * NODE), size / step - cell
            end, end_slope = load(high, i), load(high, i + 4)
            rise = step * t * (1.0 - t) ** 2 * slope + step * t * t * (t - 1.0) * end_slope
            steep = (1.0 - t) * (1.0 - 3.0 * t) * slope + t * (3.0 * t - 2.0) * end_slope
            slope = 6.0 * t * (t - 1.0) / step * (value - end) + steep
            value = (1.0 + 2.0 * t) * (1.0 - t) ** 2 * value + t * t * (3.0 - 2.0 * t) * end + rise
        store(few, i, value)
        store(few, i + 4, slope)
    if count == 1:
        store(few, 4, 0.0 * load(few, 4))
    turns(few, sign, at)
    cosine, sine = load(at, COSINE), load(at, SINE)
    if count == 1:
        efficiency = load(low, 4)
        cosine, sine = efficiency * cosine, efficiency * sine
    store(at, COSINE_Z, cosine)
    store(at, SINE_Z, sine)


@inner
def turns(few, sign, at):
    """Write angle and turns of a and b, of which a negative flip angle turns b over."""
    slope_re, slope_im = sign * load(few, 4), sign * load(few, 5)
    a, d_a, ar, ai, d_phase_a = polar(
        load(few, 0), load(few, 1), slope_re, slope_im, -1.0 * slope_re, -1.0 * slope_im
    )
    slope_re, slope_im = -1.0 * load(few, 7), load(few, 6)  # of i b
    b, d_b, br, bi, d_phase_b = polar(
        -1.0 * sign * load(few, 3), sign * load(few, 2), slope_re, slope_im, slope_re, slope_im
    )
    norm = a * a + b * b
    inverse = select_less(0.0, norm, 1.0 / norm, 0.0)  # both are 0 in lanes without a voxel
    store(at, COSINE, (a * a - b * b) * inverse)
    store(at, SINE, 2.0 * a * b * inverse)
    store(at, BY_ANGLE, 2.0 * (a * d_b - b * d_a) * inverse)
    store(at, BEFORE_RE, ar * br - ai * bi)
    store(at, BEFORE_IM, -1.0 * (ar * bi + ai * br))
    store(at, AFTER_RE, ar * br + ai * bi)
    store(at, AFTER_IM, ar * bi - ai * br)
    store(at, BY_BEFORE, -1.0 * (d_phase_a + d_phase_b))
    store(at, BY_AFTER, d_phase_b - d_phase_a)


@inner
def polar(real, imaginary, slope_re, slope_im, toward_re, toward_im):
    """Magnitude, its derivative, phase as a unit number, its derivative.

    Where the number vanishes the phase is that of a direction.
    """
    square, other = real * real + imaginary * imaginary, toward_re * toward_re + toward_im * toward_im
    ur = select_less(SMALL, square, real, select_less(SMALL, other, toward_re, 1.0))
    ui = select_less(SMALL, square, imaginary, select_less(SMALL, other, toward_im, 0.0))
    inverse, size = 1.0 / root(ur * ur + ui * ui), root(square)
    ur, ui = ur * inverse, ui * inverse
    d_phase = select_less(SMALL, square, (slope_im * ur - slope_re * ui) / size, 0.0)
    return size, slope_re * ur + slope_im * ui, ur, ui, d_phase
