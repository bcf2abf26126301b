"""Entries of the kernel for sequences of one layout: as `run`, over tables of states.

Flip angles and phases are arrays [batch, n_rf] of float64, delays [batch, n_delay]. A pulse is hard where
there are no rotations of its kind. Results are the same to the last bit for any number of threads, and for a
sequence alone or in a batch.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from sequence_search.columns import latest_of, readout_multiples
from sequence_search.engines.kernel.blocks import Blocks
from sequence_search.engines.kernel.items import ADJOINT, FORWARD, LOSS
from sequence_search.engines.kernel.memory import SLOPES, room
from sequence_search.engines.kernel.objective import NOTHING, Arranged
from sequence_search.engines.kernel.rotations import Rotations, all_hard
from sequence_search.engines.kernel.run import WORTH_A_THREAD, Sequences, share
from sequence_search.engines.kernel.states import Tables, tables
from sequence_search.engines.kernel.table_items import add_up_tables, table_work
from sequence_search.engines.kernel.table_memory import starts
from sequence_search.layout import Layout

# Of a search with kinds and gradients a batch has hundreds, with few tables among them.
MOST_LAYOUTS = 2048
Gradient = tuple[np.ndarray, np.ndarray, np.ndarray]


class Plan(NamedTuple):
    """What depends on the layout alone."""

    tables: Tables
    start: np.ndarray  # of each part of a thread's memory, and the end
    readouts: np.ndarray  # how often the time to each contains each delay [n_readouts, n_delay]


@functools.lru_cache(MOST_LAYOUTS)
def plan(layout: Layout) -> Plan:
    """Plan of a layout; ValueError if it has no tables."""
    of_layout = tables(layout)
    return Plan(of_layout, starts(of_layout), np.array(readout_multiples(layout), float))


def forward(
    sequences: Sequences, layout: Layout, blocks: Blocks, threads: int, rotations: Rotations | None = None
) -> np.ndarray:
    """Signals [batch, n_readouts, n_voxels], complex."""
    signal = np.zeros((len(sequences[0]), len(layout.readouts), blocks.n_voxels), np.complex128)
    no_sums = np.zeros((len(signal), 0, 0))
    of_voxels = blocks, rotations, NOTHING
    _run(FORWARD, plan(layout), *of_voxels, sequences, signal.view(np.float64), no_sums, threads)
    return signal


def adjoint(
    sequences: Sequences,
    layout: Layout,
    blocks: Blocks,
    signal_bar: np.ndarray,
    threads: int,
    rotations: Rotations | None = None,
) -> Gradient:
    """Gradients by flip angle, phase [batch, n_rf] and delay [batch, n_delay] of a function of the signals.

    Parameters
    ----------
    signal_bar : complex array [batch, n_readouts, n_voxels], contiguous
        Derivative of the function, which is real, by Re S plus i times that by Im S.
    """
    of_voxels = blocks, rotations, NOTHING
    signal = signal_bar.view(np.float64)
    return _run_back(ADJOINT, plan(layout), *of_voxels, sequences, signal, threads)[1]


def loss(
    sequences: Sequences,
    layout: Layout,
    blocks: Blocks,
    objective: Arranged,
    threads: int,
    rotations: Rotations | None = None,
) -> tuple[np.ndarray, Gradient]:
    """Objective [batch] and its gradients by flip angle, phase [batch, n_rf] and delay [batch, n_delay].

    Of several readouts it is the mean of what it is at each, without a contrast; of one without a contrast of
    complex signals. The derivative of |S| at S = 0 is 0.
    """
    return planned_loss(sequences, plan(layout), blocks, objective, threads, rotations)


def planned_loss(
    sequences: Sequences,
    prepared: Plan,
    blocks: Blocks,
    objective: Arranged,
    threads: int,
    rotations: Rotations | None = None,
) -> tuple[np.ndarray, Gradient]:
    """As `loss`, of a layout whose plan is at hand: to find it takes as long as the loss of a sequence."""
    if (len(prepared.readouts) > 1 and objective.encoding.pairs.size) or objective.phased.size:
        raise ValueError(
            "the objective of a layout takes no contrast of several readouts, nor one of means of S"
        )
    no_signal = np.zeros((len(sequences[0]), 1, 0))
    return _run_back(LOSS, prepared, blocks, rotations, objective, sequences, no_signal, threads)


def _run_back(
    mode: int,
    prepared: Plan,
    blocks: Blocks,
    rotations: Rotations | None,
    objective: Arranged,
    sequences: Sequences,
    signal: np.ndarray,
    threads: int,
) -> tuple[np.ndarray, Gradient]:
    (batch, n_rf), (_, n_delay) = sequences[0].shape, sequences[2].shape
    n_slopes = 2 * n_rf + n_delay
    partial = np.zeros((batch, blocks.group.size, SLOPES + 2 * n_slopes))
    _run(mode, prepared, blocks, rotations, objective, sequences, signal, partial, threads)
    value, gradient = np.zeros(batch), np.zeros((batch, n_slopes))
    flip, _, delay = sequences
    of_blocks = blocks.group, blocks.n_groups
    encoding = tuple(objective.encoding)
    last = latest_of(prepared.readouts, delay)
    add_up_tables(partial, *of_blocks, flip, delay, last, encoding, value, gradient)
    return value, (gradient[:, :n_rf], gradient[:, n_rf : 2 * n_rf], gradient[:, 2 * n_rf :])


def _run(
    mode: int,
    prepared: Plan,
    blocks: Blocks,
    rotations: Rotations | None,
    objective: Arranged,
    sequences: Sequences,
    signal: np.ndarray,
    partial: np.ndarray,
    threads: int,
) -> None:
    batch, n_rf = sequences[0].shape
    threads = min(threads, batch * (blocks.chunk.size - 1))
    if batch * blocks.n_voxels * (6 * n_rf + 4 * len(prepared.tables.source)) < WORTH_A_THREAD:
        threads = 1
    rotations = rotations or all_hard(n_rf)
    of_voxels = tuple(rotations), tuple(blocks), objective.factors
    arguments = sequences, tuple(prepared.tables), *of_voxels, signal, partial
    share(table_work, mode, lambda: room(prepared.start), arguments, threads)
