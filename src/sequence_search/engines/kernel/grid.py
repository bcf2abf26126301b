"""Losses of a grid of two-pulse sequences, by what depends on which parameter.

With one pulse of phase 0 and one of phase p, and a delay after each, three pathways reach the readout.
Divided by a phase that all share, and with u = p - 2 pi b0 t1, they are

    S = A exp(-iu) - B exp(iu) + C,    |S|² = ((A - B) cos u + C)² + (A + B)² sin² u,

where A, B and C are real: A of the magnetisation that stays transverse, B of that which refocuses, C of that
which the second pulse excites.  So trigonometry is done once for each flip angle and voxel, exponentials
once for each pair of delays, and cos u once for each first delay; a point costs a root for each voxel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sequence_search.engines.kernel.compilation import cached
from sequence_search.engines.kernel.objective import Encoding, contrast

M0, R1, R2, R2_PRIME, OFFSET, SPREAD = range(6)  # rows of Tables.voxels
STAYS, REFOCUSES, EXCITES, RECOVERS = range(4)  # rows of the factors of a pair of delays


class Tables(NamedTuple):
    """Axes of the grid, and what depends on one of them and the voxel; made by `make_tables`."""

    flips: tuple[np.ndarray, np.ndarray]  # rad
    delays: tuple[np.ndarray, np.ndarray]  # s
    phase: np.ndarray  # of the second pulse relative to the first, rad
    first_turn: np.ndarray  # [n, 2, n_voxels]: sin and cos of the first flip angle times b1
    second_turn: np.ndarray  # [n, 3, n_voxels]: of the second cos² and sin² of its half, sin
    voxels: np.ndarray  # [6, n_voxels]


def make_tables(flips, phase, delays, properties) -> Tables:
    """Tables for two flip angle axes [rad], a phase axis [rad], two delay axes [s] and the voxels.

    `properties` are m0, t1, t2, t2_prime, b1, b0, spread, each [n_voxels].
    """
    m0, t1, t2, t2_prime, b1, b0, spread = properties
    first, second = (flip[:, None] * b1 for flip in flips)
    half = second / 2
    return Tables(
        flips,
        delays,
        phase,
        np.stack((np.sin(first), np.cos(first)), 1),
        np.stack((np.cos(half) ** 2, np.sin(half) ** 2, np.sin(second)), 1),
        np.stack((m0, 1 / t1, 1 / t2, 1 / t2_prime, 2 * np.pi * b0, 2 * np.pi * spread)),
    )


@cached
def describe_delays(t1, t2, voxels, factors):
    """Fill in relaxation and dephasing of the three pathways, and the recovery in the first delay."""
    for v in range(voxels.shape[1]):
        spread, r2_prime = voxels[SPREAD, v], voxels[R2_PRIME, v]
        for row, tau in ((STAYS, t1 + t2), (REFOCUSES, t2 - t1), (EXCITES, t2)):
            transverse = t2 if row == EXCITES else t1 + t2
            x = spread * tau
            sinc = np.sin(x) / x if abs(x) > 1e-4 else 1.0 - x * x / 6.0
            decay = np.exp(-transverse * voxels[R2, v] - abs(tau) * r2_prime)
            factors[row, v] = voxels[M0, v] * decay * sinc
        factors[RECOVERS, v] = np.exp(-t1 * voxels[R1, v])


@cached
def describe_phases(t1, phase, offset, cosine):
    """Fill in the cosine of u of each voxel and phase."""
    for v in range(offset.size):
        for p in range(phase.size):
            cosine[v, p] = np.cos(phase[p] - offset[v] * t1)


@cached
def add_voxel(cosine, difference, excited, both2, linear, square, weight, total, mean):
    """Add a voxel to the loss and to its group's mean |S|, at each phase."""
    for p in range(cosine.size):
        x = cosine[p]
        u = difference * x + excited
        power = u * u + both2 * ((1.0 - x) * (1.0 + x))
        size = np.sqrt(power)
        total[p] += linear * size + square * power
        mean[p] += weight * size


@cached
def sum_voxels(first, second, factors, cosine, encoding, total, mean):
    """Add all voxels for one pair of flip angles and of delays, at each phase."""
    for v in range(cosine.shape[0]):
        stays = first[0, v] * second[0, v] * factors[STAYS, v]
        refocuses = first[0, v] * second[1, v] * factors[REFOCUSES, v]
        along = 1.0 + (first[1, v] - 1.0) * factors[RECOVERS, v]
        excited = second[2, v] * along * factors[EXCITES, v]
        difference, both2 = stays - refocuses, (stays + refocuses) ** 2
        linear, square, weight = encoding.linear[v], encoding.square[v], encoding.mean[v]
        own_mean = mean[encoding.group[v]]
        add_voxel(cosine[v], difference, excited, both2, linear, square, weight, total, own_mean)


@cached
def add_contrasts(encoding, mean, total):
    """Add the contrasts, which need the means over all voxels, at each phase."""
    for c in range(encoding.pairs.shape[0]):
        for p in range(total.size):
            difference = mean[encoding.pairs[c, 0], p] - mean[encoding.pairs[c, 1], p]
            total[p] += contrast(encoding, c, difference)[0]


@cached
def _rows(tables, encoding, start, stop, loss):
    """Fill in losses [stop - start, n_phase] of rows: all phases of one pair of flip angles and of delays."""
    n_phase, n_voxels = tables.phase.size, tables.voxels.shape[1]
    flips, delays = tables.flips, tables.delays
    n_second, n_flips = flips[1].size, flips[0].size * flips[1].size
    factors, cosine = np.empty((4, n_voxels)), np.empty((n_voxels, n_phase))
    mean = np.empty((encoding.group.max() + 1, n_phase))
    last_pair = last_i = -1
    for row in range(start, stop):
        pair, j, k = row // n_flips, row % n_flips // n_second, row % n_second
        i = pair // delays[1].size
        t1, t2 = delays[0][i], delays[1][pair % delays[1].size]
        if i != last_i:
            describe_phases(t1, tables.phase, tables.voxels[OFFSET], cosine)
            last_i = i
        if pair != last_pair:
            describe_delays(t1, t2, tables.voxels, factors)
            last_pair = pair
        energy = flips[0][j] ** 2 + flips[1][k] ** 2
        total, penalties = loss[row - start], encoding.penalties
        total[:] = encoding.constant + penalties[0] * energy + penalties[1] * 2.0 + penalties[2] * (t1 + t2)
        mean[:] = 0.0
        sum_voxels(tables.first_turn[j], tables.second_turn[k], factors, cosine, encoding, total, mean)
        add_contrasts(encoding, mean, total)


def losses(tables: Tables, encoding: Encoding, start: int, stop: int) -> np.ndarray:
    """Losses [stop - start] of the points from `start` to before `stop`.

    Points count with the phase fastest, then second flip angle, first flip angle, second delay, first delay.
    """
    n_phase = tables.phase.size
    first, last = start // n_phase, -(-stop // n_phase)
    loss = np.empty((last - first, n_phase))
    _rows(tables, encoding, first, last, loss)
    return loss.reshape(-1)[start - first * n_phase : stop - first * n_phase]
