"""The least time that the kernel's arithmetic takes: operations counted, at the throughput of this machine.

The kernel's own functions are run in plain Python on stand-ins that count, so that the count follows the
kernel. Loads, stores, loops and what all voxels of a sequence share count nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
from numba import njit

from sequence_search.engines.kernel import adjoint, items, memory, tree
from sequence_search.engines.kernel.blocks import aligned
from sequence_search.engines.kernel.functions import exponential, half_squares
from sequence_search.engines.kernel.lanes import WIDTH, load, pointer, store

ROWS = 16  # of numbers that a measuring loop works on: they stay in the first-level cache
CHAINS = 12  # independent multiply-adds, more than their latency times two a cycle
SHARED = 0.7  # stands for any number that all voxels share; not 1, since factors of 1 and -1 are free


class _Number:
    """Stands for eight numbers and counts what is done with them; a multiply and its add count as one."""

    def __init__(self, tally: Counter[str], is_product: bool = False) -> None:
        self.tally, self.is_product = tally, is_product

    def __add__(self, other: Any) -> _Number:
        for term in (self, other):
            if isinstance(term, _Number) and term.is_product:
                term.is_product = False
                return _Number(self.tally)
        self.tally["multiply_add"] += 1
        return _Number(self.tally)

    def __mul__(self, other: Any) -> _Number:
        if not isinstance(other, _Number) and abs(other) == 1:
            return self
        self.tally["multiply_add"] += 1
        return _Number(self.tally, is_product=True)

    def __truediv__(self, other: Any) -> _Number:
        self.tally["division"] += 1
        return _Number(self.tally)

    __radd__ = __sub__ = __rsub__ = __add__
    __rmul__, __rtruediv__ = __mul__, __truediv__


class _Pointer:
    """Stands for numbers that all voxels share, and for rows that are loaded and stored."""

    def __getitem__(self, index: int) -> float:
        return SHARED


def count(n_rf: int) -> dict[str, int]:
    """Operations on eight voxels for signal, loss and gradient of a sequence, where the spread is shared."""
    tally: Counter[str] = Counter()

    def number(*_: Any) -> _Number:
        return _Number(tally)

    def counted(name: str, results: int) -> Any:
        def call(*_: Any) -> Any:
            tally[name] += 1
            return number() if results == 1 else tuple(number() for _ in range(results))

        return call

    stand_ins = {
        "load": number,
        "select_less": number,
        "store": lambda *_: None,
        "skip": lambda start, *_: start,
        "root": counted("division", 1),  # takes about as long
        "exponential": counted("exponential", 1),
        "half_squares": counted("half_squares", 3),
    }
    space: dict[str, Any] = {"abs": abs, "range": range}
    for module in (tree, adjoint, items):
        for name, value in vars(module).items():
            plain = getattr(value, "py_func", None)
            space[name] = FunctionType(plain.__code__, space) if plain else value
    space |= stand_ins
    at = _Pointer()
    work = SimpleNamespace(**dict.fromkeys(memory.Work._fields, at))
    block = SimpleNamespace(**dict.fromkeys(items.Block._fields, at))
    products = n_rf > 2
    space["act"](n_rf, at, at, at, at, products, at)
    space["do_block"](items.LOSS, n_rf, work, block, products, True)
    return dict(tally)


@njit(nogil=True, error_model="numpy")
def _multiply_adds(rows, rounds):
    at = pointer(rows, 0, rows.size)
    x, y = load(at, 12), load(at, 13)
    a, b, c, d = load(at, 0), load(at, 1), load(at, 2), load(at, 3)
    e, f, g, h = load(at, 4), load(at, 5), load(at, 6), load(at, 7)
    i, j, k, m = load(at, 8), load(at, 9), load(at, 10), load(at, 11)
    for _ in range(rounds):
        a, b, c, d = a * x + y, b * x + y, c * x + y, d * x + y
        e, f, g, h = e * x + y, f * x + y, g * x + y, h * x + y
        i, j, k, m = i * x + y, j * x + y, k * x + y, m * x + y
    store(at, 0, ((a + b) + (c + d)) + ((e + f) + (g + h)) + ((i + j) + (k + m)))


@njit(nogil=True, error_model="numpy")
def _exponentials(rows, rounds):
    at = pointer(rows, 0, rows.size)
    for _ in range(rounds):
        for row in range(rows.size // (2 * WIDTH)):
            store(at, 2 * row + 1, exponential(load(at, 2 * row)))


@njit(nogil=True, error_model="numpy")
def _half_squares(rows, rounds):
    at = pointer(rows, 0, rows.size)
    for _ in range(rounds):
        for row in range(rows.size // (2 * WIDTH)):
            cos2, sin2, sine = half_squares(load(at, 2 * row))
            store(at, 2 * row + 1, (cos2 - sin2) * sine)


@njit(nogil=True, error_model="numpy")
def _divisions(rows, rounds):
    at = pointer(rows, 0, rows.size)
    for _ in range(rounds):
        for row in range(rows.size // (2 * WIDTH)):
            store(at, 2 * row + 1, 1.0 / load(at, 2 * row))


# Loop, operations of each of its rounds, and rounds: some 30 ms, so that starting threads does not count.
LOOPS = {
    "multiply_add": (_multiply_adds, CHAINS, 8_000_000),
    "exponential": (_exponentials, ROWS, 400_000),
    "half_squares": (_half_squares, ROWS, 200_000),
    "division": (_divisions, ROWS, 800_000),
}


def throughput(cores: int, repeats: int = 5) -> dict[str, float]:
    """Time of an operation on eight numbers with all cores at it [ns], the least of several repeats."""
    rows = [aligned(2 * ROWS * WIDTH) for _ in range(cores)]
    for each in rows:
        each[:] = np.linspace(0.1, 0.9, each.size)
    best = dict.fromkeys(LOOPS, float("inf"))
    with ThreadPoolExecutor(cores) as pool:
        for name, (loop, operations, rounds) in LOOPS.items():
            loop(rows[0], 1)  # compiles
            for _ in range(repeats):
                start = time.perf_counter()
                list(pool.map(loop, rows, [rounds] * cores))
                seconds = time.perf_counter() - start
                best[name] = min(best[name], 1e9 * seconds / (cores * rounds * operations))
    return best


def floor_ms(n_rf: int, n_voxels: int, nanoseconds: dict[str, float]) -> float:
    """Least time for signal and gradient of a sequence [ms]."""
    block = sum(nanoseconds[name] * number for name, number in count(n_rf).items())
    return 1e-6 * block * n_voxels / WIDTH
