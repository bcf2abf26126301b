"""The spins of `engines.spins`, compiled: few of them in each of many voxels, instead of many in a few.

Voxel number v has the spins that `play_spins` has of it for the seed `seed + v`, and its signal to rounding.
So sampling errors of voxels are independent, and fall in means over them. As there, a pulse that takes time
is played sample by sample, in each voxel and at each place across the slice, and each spin turns and relaxes
by itself. What a repetition leaves of Mz is linear in what it begins with, so that the line through two of
them leads to the Mz that returns, and a third repetition proves it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from voxel_kernel import NO_SPOILER, play, sampled

from sequence_search.engines.ensemble import LATTICE
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import EXTENT, inversion_efficiency, selects_slice
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

RETURNS = 1e-8  # change of Mz in a repetition that ends as it begins
LARGEST_TURN = 1.0  # of a sample [rad], to which the series of its sine and cosine are right to rounding


def play_voxels(
    sequence: Sequence,
    voxels: Voxels,
    kinds: Mapping[str, Kind],
    *,
    n_spins: int,
    n_places: int,
    seed: int,
    keeps_mz: bool = False,
) -> Tensor:
    """Signal of a single sequence, [n_voxels], of several readouts [n_readouts, n_voxels].

    Parameters
    ----------
    n_spins : at each place, a power of two
    n_places : midpoints across the slice, if a pulse selects one
    seed : of the spins of the first voxel, one more for each after it
    keeps_mz : of a steady layout, whether each spin begins a repetition with its own Mz, as where all are
        alike; else with the mean over its place

    Raises
    ------
    RuntimeError
        If Mz does not return to what a repetition begins with.
    """
    layout = sequence.layout or Layout.plain(sequence.flip_angle.shape[-1])
    n_places = n_places if selects_slice(layout.kinds, kinds) else 1
    place = 2 * EXTENT * ((np.arange(n_places) + 0.5) / n_places - 0.5)
    one = {name: getattr(voxels, name).numpy() for name in ("t1", "t2", "t2_prime", "b1", "b0", "spread")}
    steps, of_pulse, of_readout = _steps(layout, sequence.delay.numpy())
    n_axes = 4 + layout.gradients.count(SPOILER)
    width = 1 / (2 * math.pi * one["t2_prime"])  # of the Lorentzian [Hz]
    signal, change = play(
        np.array(LATTICE[:n_axes])[:, None] * np.arange(n_spins) % n_spins / n_spins,
        np.stack([np.random.default_rng(seed + v).random((n_axes, n_places)) for v in range(len(voxels))]),
        np.stack([1 / one["t1"], 1 / one["t2"], width, one["b0"], one["spread"]], -1),
        *_rotations(sequence, layout, kinds, one, place),
        *steps,
        of_pulse,
        np.array([readout.pulse for readout in layout.readouts]),
        of_readout,
        layout.steady,
        keeps_mz,
    )
    if not change < RETURNS:
        raise RuntimeError(f"Mz changes by {change:.1e} in a repetition that should end as it begins")
    whole = signal.mean(-1) * (2 * EXTENT if n_places > 1 else 1.0) * voxels.m0.numpy()[:, None]
    read = torch.from_numpy(whole.T.copy())
    return read if len(read) > 1 else read[0]


def _steps(
    layout: Layout, delay: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Time [s], moment and spoiler of each distinct wait; which follows each pulse, which is to a readout."""
    waits, spoiler = [], NO_SPOILER
    for row, gradient in zip(layout.multiples, layout.gradients, strict=True):
        spoiler += gradient == SPOILER
        crusher, at = (0, spoiler) if gradient == SPOILER else (gradient, NO_SPOILER)
        waits.append((float(np.dot(row, delay)), crusher, at))
    reads = [(float(np.dot(one.multiples, delay)), one.gradient, NO_SPOILER) for one in layout.readouts]
    distinct = list(dict.fromkeys(waits + reads))
    times, moments, spoilers = zip(*distinct, strict=True)
    numbers = [np.array([distinct.index(each) for each in part]) for part in (waits, reads)]
    return (np.array(times), np.array(moments, float), np.array(spoilers)), *numbers


def _rotations(
    sequence: Sequence,
    layout: Layout,
    kinds: Mapping[str, Kind],
    one: Mapping[str, np.ndarray],
    place: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cayley-Klein parameters of each pulse about its centre, and what it leaves of Mz.

    All are [n_voxels, n_rf, n_places].
    """
    shape = (len(one["b1"]), layout.n_rf, len(place))
    alpha, beta, left = np.empty(shape, complex), np.empty(shape, complex), np.ones(shape)
    flips, phases = sequence.flip_angle.tolist(), sequence.phase.tolist()
    b1 = np.repeat(one["b1"][:, None], len(place), 1)
    for pulse, (name, flip, phase) in enumerate(zip(layout.kinds, flips, phases, strict=True)):
        turn = np.exp(1j * phase)
        if name == HARD:
            alpha[:, pulse], beta[:, pulse] = np.cos(flip * b1 / 2), -1j * turn * np.sin(flip * b1 / 2)
            continue
        kind = kinds[name]
        frequency = one["b0"][:, None] + kind.slice_bandwidth * place
        nominal = (flip if kind.fixed_flip is None else kind.fixed_flip) * turn
        dwell = kind.duration / len(kind.waveform)
        largest = np.hypot(
            abs(nominal) * b1.max() * abs(kind.waveform).max(), 2 * math.pi * abs(frequency).max() * dwell
        )
        if largest > LARGEST_TURN:
            raise ValueError(f"a sample may turn by {LARGEST_TURN} rad, that of '{name}' by {largest:.2g}")
        halves = kind.waveform * nominal / 2
        a, b = sampled(halves.real.copy(), halves.imag.copy(), b1, math.pi * frequency * dwell)
        # Half of its time is taken back on both sides: intervals go from centre to centre.
        alpha[:, pulse], beta[:, pulse] = a * np.exp(1j * math.pi * frequency * kind.duration), b
        if kind.fixed_flip is not None:
            t1, t2 = one["t1"][:, None], one["t2"][:, None]
            left[:, pulse] = inversion_efficiency(kind, t1, t2, b1, frequency)
    return alpha, beta, left
