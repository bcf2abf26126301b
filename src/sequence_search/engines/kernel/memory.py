"""A thread's memory: one table of its parts gives the size and the division."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from sequence_search.engines.kernel.compilation import inner
from sequence_search.engines.kernel.lanes import WIDTH, pointer
from sequence_search.engines.kernel.tree import F_COUNT, FIRST, GRADIENT, LEAF, NODE, PULSE, Z_COUNT

# Rows of the sums over a segment, `total` and `total_of_s`; from SLOPES on two for each of the gradient.
VALUE, MEAN, SLOPES = range(3)
MEAN_RE, MEAN_IM = range(2)


class Work(NamedTuple):
    """The parts; rows are of eight numbers."""

    tree: Any  # NODE rows a node before the last pulse, and two more for products
    weight: Any  # a row a leaf: exp(-|tau|/T2') sinc(2 spread tau)
    slope: Any  # a row a leaf: derivative of the weight by tau
    pulses: Any  # PULSE rows a pulse
    grad: Any  # GRADIENT rows a pulse
    grad_re: Any  # GRADIENT rows a pulse, of Re S
    total: Any  # sums over a segment, see `items.add`
    total_of_s: Any  # sums over a segment, see `items.add_phased`
    few: Any  # some rows for the moment
    clock: Any  # tau of each node; those of leaves are read by eights
    table: Any  # LEAF numbers a leaf
    source: Any  # two integers a leaf, see `tree.describe_leaves`


def sizes(n: int) -> Work:
    """Numbers in each part for up to n pulses: the table."""
    return Work(
        tree=WIDTH * (NODE * FIRST[n] + 2),
        weight=WIDTH * F_COUNT[n],
        slope=WIDTH * F_COUNT[n],
        pulses=WIDTH * PULSE * n,
        grad=WIDTH * GRADIENT * n,
        grad_re=WIDTH * GRADIENT * n,
        total=WIDTH * (SLOPES + 2 * GRADIENT * n),
        total_of_s=WIDTH * (SLOPES + 2 * GRADIENT * n),
        few=WIDTH * 6,
        clock=FIRST[n] + max(F_COUNT[n] + Z_COUNT[n], WIDTH * -(-F_COUNT[n] // WIDTH)),
        table=LEAF * F_COUNT[n],
        source=2 * F_COUNT[n],
    )


@functools.cache
def starts(n: int) -> np.ndarray:
    """Where each part begins, and the end."""
    return np.cumsum((0, *sizes(n)))


def workspace(n_most: int) -> tuple[np.ndarray, np.ndarray]:
    """Uninitialised memory for one thread, and `starts`; `divide` gives the parts out."""
    return room(starts(n_most))


def room(start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Uninitialised memory for parts that begin there, and where they begin."""
    return np.empty(start[-1] + WIDTH), start


@inner
def aligned(numbers):
    """Take the memory from where a cache line begins."""
    return numbers[-(np.int64(numbers.ctypes.data) // numbers.itemsize) % WIDTH :]


@inner
def part(numbers, start, i):
    """Take the part with number i in the table."""
    return pointer(numbers, start[i], start[i + 1] - start[i])


@inner
def divide(numbers, start):
    """Divide a thread's memory into the parts, in the order of the table, from where a cache line begins."""
    numbers = aligned(numbers)
    return Work(
        part(numbers, start, 0),
        part(numbers, start, 1),
        part(numbers, start, 2),
        part(numbers, start, 3),
        part(numbers, start, 4),
        part(numbers, start, 5),
        part(numbers, start, 6),
        part(numbers, start, 7),
        part(numbers, start, 8),
        part(numbers, start, 9),
        part(numbers, start, 10),
        part(numbers.view(np.int64), start, 11),
    )
