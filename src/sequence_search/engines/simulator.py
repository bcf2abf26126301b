"""From a sequence and voxels to the signal: `simulate`, and the magnetisation over time: `evolve`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines import fused, isochromats, pathways
from sequence_search.sequence import Sequence, merge_delays
from sequence_search.voxels import Voxels

Engine = Callable[..., tuple[Tensor, Tensor]]
ENGINES: dict[str, Engine] = {
    "pathways": pathways.magnetization,
    "isochromats": isochromats.magnetization,
}
ENGINE_NAMES = ("auto", "fused", *ENGINES)


def simulate(
    sequence: Sequence, voxels: Voxels, engine: str = "auto", **options: Any
) -> Complex[Tensor, "*batch n_voxels"]:
    """Complex signal Mx + i My of each voxel at the readout, [*batch, n_voxels], in the unit of m0.

    Differentiable with respect to every sequence parameter and every property of the voxels.

    Parameters
    ----------
    sequence : Sequence [*batch, n_rf]
    voxels : Voxels
        On the device of the sequence.
    engine : str
        "fused": exact, compiled, on the CPU; for derivatives by voxel properties "pathways" steps in. It
        has first derivatives only: for second ones ask for "pathways".
        "pathways": exact, in torch, on any device. "isochromats": the paper's 256 spins per voxel, with
        their sampling noise. "auto": "fused" on the CPU, else "pathways".
    **options
        For "isochromats": `offsets`, or the arguments of `isochromats.draw_offsets`. For "pathways":
        `offsets`. "fused" has none.

    Raises
    ------
    ValueError
        If there is no such engine, or "fused" is asked for on another device than the CPU.
    """
    return prepare(voxels, engine, **options)(sequence)


def prepare(voxels: Voxels, engine: str = "auto", **options: Any) -> Callable[[Sequence], Tensor]:
    """`simulate` for one set of voxels and many sequences: what depends on the voxels alone is done once.

    Parameters
    ----------
    voxels, engine, **options
        As for `simulate`. The voxels must not be changed in place afterwards.

    Returns
    -------
    callable (sequence [*batch, n_rf]) -> complex signal [*batch, n_voxels]
    """
    arranged = functools.cache(lambda: fused.arrange(voxels))

    def signal(sequence: Sequence) -> Complex[Tensor, "*batch n_voxels"]:
        if engine == "fused" and not fused.on_cpu(sequence, voxels):
            raise ValueError("engine 'fused' runs on the CPU only; take 'auto' or 'pathways'")
        if engine in ("auto", "fused") and not options and fused.can_run(sequence, voxels):
            by_row = fused.signal(_flatten(sequence), voxels, arranged())
            return by_row.reshape(*sequence.batch_shape, len(voxels))
        mxy, _ = magnetization(sequence, voxels, engine, **options)
        return voxels.m0 * mxy

    return signal


def magnetization(
    sequence: Sequence, voxels: Voxels, engine: str = "auto", **options: Any
) -> tuple[Complex[Tensor, "*batch n_voxels"], Float[Tensor, "*batch n_voxels"]]:
    """Mxy and Mz of each voxel at the readout, each [*batch, n_voxels], in units of M0; as `simulate`.

    The fused kernel gives the signal alone, so that "pathways" steps in for it.
    """
    run = ENGINES.get("pathways" if engine in ("auto", "fused") else engine)
    if run is None:
        raise ValueError(f"engine must be one of {', '.join(ENGINE_NAMES)}, got {engine!r}")
    if engine == "isochromats" and "offsets" not in options:
        # Once for the whole batch: every sequence meets the same spins.
        options = {"offsets": isochromats.draw_offsets(voxels, **options)}
    flat = _flatten(sequence)
    if flat.present is None:
        mxy, mz = run(flat, voxels, **options)
    else:
        mxy, mz = _by_pulse_number(run, flat, voxels, options)
    shape = (*sequence.batch_shape, len(voxels))
    return mxy.reshape(shape), mz.reshape(shape)


def evolve(
    sequence: Sequence, voxels: Voxels, times: Float[Tensor, " n_times"], engine: str = "auto", **options: Any
) -> tuple[Complex[Tensor, "n_times n_voxels"], Float[Tensor, "n_times n_voxels"]]:
    """Mxy and Mz of a single sequence over time, each [n_times, n_voxels], in units of M0.

    Each time is one sequence, cut there, so that any engine gives it. At the time of a pulse the state
    is the one just after it.

    Parameters
    ----------
    sequence : Sequence, without batch
    voxels : Voxels
    times : tensor [n_times], s
        From the first pulse, not negative.
    engine, **options
        As for `simulate`.
    """
    single = sequence.without_padding()
    start = single.delay.cumsum(-1) - single.delay
    played = start <= times[:, None]
    until_next = torch.minimum(single.delay, times[:, None] - start)
    # After the last pulse the delay goes on as long as asked, also beyond the readout.
    until_next = torch.cat([until_next[:, :-1], times[:, None] - start[-1:]], -1)
    shape = played.shape
    cut = Sequence(
        single.flip_angle.expand(shape),
        single.phase.expand(shape),
        torch.where(played, until_next, 0.0),
        played,
    )
    return magnetization(cut, voxels, engine, **options)


def _flatten(sequence: Sequence) -> Sequence:
    """One batch dimension, pulses packed to the left."""
    n_rf = sequence.flip_angle.shape[-1]
    size = sequence.batch_shape.numel()
    flip, phase, delay = (
        part.reshape(size, n_rf) for part in (sequence.flip_angle, sequence.phase, sequence.delay)
    )
    if sequence.present is None:
        return Sequence(flip, phase, delay)
    present = sequence.present.reshape(size, n_rf)
    return merge_delays(flip, phase, torch.where(present, delay, 0.0), present)


def _by_pulse_number(
    run: Engine, sequence: Sequence, voxels: Voxels, options: dict[str, Any]
) -> tuple[Tensor, Tensor]:
    """Run the sequences of each pulse number together, so that padding costs nothing."""
    n_rf = sequence.n_rf
    rows, results = [], []
    for count in n_rf.unique().tolist():
        chosen = (n_rf == count).nonzero()[:, 0]
        flip, phase, delay = (
            part[chosen, :count] for part in (sequence.flip_angle, sequence.phase, sequence.delay)
        )
        rows.append(chosen)
        results.append(run(Sequence(flip, phase, delay), voxels, **options))
    back = torch.cat(rows).argsort()
    mxy, mz = (torch.cat(part)[back] for part in zip(*results, strict=True))
    return mxy, mz
