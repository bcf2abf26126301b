"""Voxels as the kernel wants them: blocks of eight, one voxel in each lane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sequence_search.engines.kernel.lanes import WIDTH

CHUNK = 64  # blocks that a thread takes at a time; fixed, so that no result depends on threads


class Blocks(NamedTuple):
    """Voxels arranged for the kernel; made by `arrange_voxels`.

    A block holds voxels of one group only. A segment is a run of blocks of one group within a chunk.
    """

    rows: np.ndarray  # [block, quantity, lane], flat
    place: np.ndarray  # the voxel in each lane, -1 for none
    segment: np.ndarray  # first block of each segment, and the end
    chunk: np.ndarray  # first segment of each chunk, and the end
    group: np.ndarray  # group of each segment
    n_voxels: int
    n_groups: int
    steepest: float  # largest 1/T2'
    same_spread: bool


def arrange_voxels(properties: list[np.ndarray], group: np.ndarray) -> Blocks:
    """Arrange voxels in blocks.

    Parameters
    ----------
    properties : list of seven arrays [n_voxels]
        m0, t1, t2, t2_prime [s, may be infinite], b1, b0 [Hz], spread [Hz].
    group : int array [n_voxels]
        Non-negative group of each voxel, over which `kernel.run.loss` takes means; there should be many
        voxels in a group, since it is padded to whole blocks.
    """
    m0, t1, t2, t2_prime, b1, b0, spread = properties
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=1)
    n_blocks = -(-sizes // WIDTH)
    starts, total = np.cumsum(n_blocks) - n_blocks, int(n_blocks.sum())
    within = np.arange(len(m0)) - (np.cumsum(sizes) - sizes)[group[order]]
    place = np.full(total * WIDTH, -1)
    place[starts[group[order]] * WIDTH + within] = order
    ends = np.unique(np.append(np.arange(0, total, CHUNK), total))
    segment = np.unique(np.concatenate((ends, starts)))
    quantities = (m0, 1 / t1, 1 / t2, 1 / t2_prime, b1, 2 * np.pi * b0, 2 * np.pi * spread)
    return Blocks(
        rows=arrange(quantities, place),
        place=place,
        segment=segment,
        chunk=np.searchsorted(segment, ends),
        group=np.repeat(np.arange(sizes.size), n_blocks)[segment[:-1]],
        n_voxels=len(m0),
        n_groups=sizes.size,
        steepest=float(np.max(1 / t2_prime, initial=0.0)),
        same_spread=bool(len(m0) and np.all(spread == spread[0])),
    )


def arrange(quantities: tuple[np.ndarray, ...], place: np.ndarray) -> np.ndarray:
    """Rows [block, quantity, lane], 0 in lanes without a voxel; flat."""
    flat = aligned(place.size * len(quantities))
    rows = flat.reshape(place.size // WIDTH, len(quantities), WIDTH)
    for i, quantity in enumerate(quantities):
        padded = np.append(quantity, 0.0)[place]  # place -1 is the appended zero
        rows[:, i] = padded.reshape(-1, WIDTH)
    return flat


def aligned(count: int) -> np.ndarray:
    """Uninitialised numbers that begin with a cache line."""
    raw = np.empty(count + WIDTH)
    start = (-raw.ctypes.data // raw.itemsize) % WIDTH
    return raw[start : start + count]
