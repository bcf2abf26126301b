"""Entries of the kernel: signals, their adjoint, and an objective with its gradient in one pass.

Sequences are arrays [batch, n_rf] of float64, of which the first `n_rf[b]` pulses of sequence b count. Work
is cut into items, a sequence times a chunk of voxels, which threads take from a counter. Partial sums of an
item are its own and are added in fixed order: results are the same to the last bit for any number of
threads, and for a sequence alone or in a batch.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sequence_search.engines.kernel.blocks import Blocks
from sequence_search.engines.kernel.items import ADJOINT, FORWARD, LOSS, PRODUCT, add_up, work
from sequence_search.engines.kernel.memory import SLOPES, VALUE, workspace
from sequence_search.engines.kernel.objective import NOTHING, Arranged
from sequence_search.engines.kernel.tree import GRADIENT, MAX_PULSES

# Below this estimated work [ns] a call is over before another thread wakes.
WORTH_A_THREAD = 60_000

Sequences = tuple[np.ndarray, np.ndarray, np.ndarray]


def forward(sequences: Sequences, n_rf: np.ndarray, blocks: Blocks, threads: int) -> np.ndarray:
    """Signals [batch, n_voxels], complex."""
    signal = np.zeros((len(n_rf), blocks.n_voxels), np.complex128)
    no_sums = np.zeros((len(n_rf), 0, 0, 0))
    _run(FORWARD, sequences, n_rf, blocks, NOTHING, signal.view(np.float64), no_sums, threads)
    return signal


def products(
    sequences: Sequences, n_rf: np.ndarray, blocks: Blocks, given: np.ndarray, threads: int
) -> np.ndarray:
    """Sums [batch] over voxels of Re(conj(given) S).

    Parameters
    ----------
    given : complex array [n, n_voxels], contiguous
        The first is of the first batch / n sequences, and so on.
    """
    partial = np.zeros((len(n_rf), blocks.group.size, 1, VALUE + 1))
    _run(PRODUCT, sequences, n_rf, blocks, NOTHING, given.view(np.float64), partial, threads)
    return sum(partial[:, :, 0, VALUE].T, np.zeros(len(n_rf)))  # one segment after the other


def adjoint(
    sequences: Sequences, n_rf: np.ndarray, blocks: Blocks, signal_bar: np.ndarray, threads: int
) -> np.ndarray:
    """Gradients [batch, 3, n_rf] by flip angle, phase and delay of a real function of the signals.

    Parameters
    ----------
    signal_bar : complex array [batch, n_voxels], contiguous
        Derivative of the function by Re S plus i times that by Im S.
    """
    return _run_back(ADJOINT, sequences, n_rf, blocks, NOTHING, signal_bar.view(np.float64), threads)[1]


def loss(
    sequences: Sequences, n_rf: np.ndarray, blocks: Blocks, objective: Arranged, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Objective [batch] and its gradients [batch, 3, n_rf] by flip angle, phase and delay.

    The derivative of |S| at S = 0 is 0.
    """
    return _run_back(LOSS, sequences, n_rf, blocks, objective, np.zeros((0, 0)), threads)


def _run_back(
    mode: int,
    sequences: Sequences,
    n_rf: np.ndarray,
    blocks: Blocks,
    objective: Arranged,
    signal_bar: np.ndarray,
    threads: int,
) -> tuple[np.ndarray, np.ndarray]:
    batch, n_most = sequences[0].shape
    kinds = 2 if objective.phased.size else 1
    partial = np.zeros((batch, blocks.group.size, kinds, SLOPES + 2 * GRADIENT * n_most))
    _run(mode, sequences, n_rf, blocks, objective, signal_bar, partial, threads)
    value, gradient = np.zeros(batch), np.zeros((batch, GRADIENT, n_most))
    encoding = tuple(objective.encoding)
    add_up(partial, blocks.group, blocks.n_groups, sequences, n_rf, encoding, value, gradient)
    return value, gradient


def _run(
    mode: int,
    sequences: Sequences,
    n_rf: np.ndarray,
    blocks: Blocks,
    objective: Arranged,
    signal: np.ndarray,
    partial: np.ndarray,
    threads: int,
) -> None:
    batch, n_most = sequences[0].shape
    if n_most > MAX_PULSES:
        raise ValueError(f"the fused engine takes at most {MAX_PULSES} pulses, got {n_most}")
    of_voxels = objective.factors, objective.phased
    arguments: tuple[Any, ...] = sequences, n_rf, tuple(blocks), *of_voxels, signal, partial
    threads = min(threads, batch * (blocks.chunk.size - 1))
    if batch * blocks.n_voxels * (6 * n_most + 3**n_most / 3) < WORTH_A_THREAD:
        threads = 1
    share(work, mode, lambda: workspace(n_most), arguments, threads)


def share(
    work: Any,
    mode: int,
    memory: Callable[[], tuple[np.ndarray, np.ndarray]],
    arguments: tuple[Any, ...],
    threads: int,
) -> None:
    """Share the work with helpers, each in its own memory; what they have not begun by then is done here."""
    counter = np.zeros(1, np.int64)

    def take() -> None:
        work(mode, counter, *memory(), *arguments)

    if not work.overloads:
        _announce_compilation(take)
        return
    helpers = [_helpers().submit(take) for _ in range(threads - 1)]
    take()
    for helper in helpers:
        if not helper.cancel():
            helper.result()


def _announce_compilation(first_call: Callable[[], object]) -> None:
    """Say so if the first call compiles: loading from the cache takes a third of a second, compiling ten."""
    message = "compiling the simulation for this processor; this is done once and takes about ten seconds"
    notice = threading.Timer(1.0, logging.getLogger(__name__).warning, (message,))
    notice.daemon = True
    notice.start()
    try:
        first_call()
    finally:
        notice.cancel()


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    """Threads beside the calling one; made on first use."""
    return ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 1) - 1))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads do not survive a fork
