"""Reference engine: each voxel is a set of spins with offsets of their own. Sequence Search, Sec. II.C."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.bloch import longitudinal_decay, precession, rotation
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

Draw = Literal["independent", "stratified", "ordered"]


def magnetization(
    sequence: Sequence, voxels: Voxels, *, offsets: Float[Tensor, "n_voxels n_spins"]
) -> tuple[Complex[Tensor, "batch n_voxels"], Float[Tensor, "batch n_voxels"]]:
    """Mean over spins of Mxy and Mz at the readout, in units of M0.

    Parameters
    ----------
    sequence : Sequence [batch, n_rf], without padding
    voxels : Voxels
    offsets : tensor [n_voxels, n_spins], Hz
        The spins' frequencies within the voxel, as `draw_offsets` draws them.
    """
    frequency = voxels.b0[:, None] + offsets
    shape = (*sequence.batch_shape, *frequency.shape)
    mz = frequency.new_ones(shape)
    mxy = torch.complex(torch.zeros_like(mz), torch.zeros_like(mz))
    for flip_angle, phase, delay in _columns(sequence):
        pulse = rotation(flip_angle * voxels.b1[:, None], phase)
        mxy, mz = (
            pulse.stay * mxy + pulse.conjugate * mxy.conj() + pulse.excite * mz,
            pulse.keep * mz + (pulse.store * mxy).imag,
        )
        mxy = mxy * precession(delay, voxels.t2[:, None], frequency)
        mz = 1 + (mz - 1) * longitudinal_decay(delay, voxels.t1[:, None])
    return mxy.mean(-1), mz.mean(-1)


def draw_offsets(
    voxels: Voxels,
    n_spins: int = 256,
    draw: Draw = "independent",
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n_voxels n_spins"]:
    """Frequency offsets of the spins [Hz]: a Lorentzian of T2' plus the uniform spread.

    The Lorentzian has the half width 1 / (2 pi T2'), whose ensemble decays as exp(-t/T2').
    Differentiable with respect to t2_prime and spread.

    Parameters
    ----------
    n_spins : int
        Spins in a voxel; the sampling error falls as 1/sqrt(n_spins) for independent draws.
    draw : str
        "independent": both frequencies of each spin are random, as the paper reads.
        "stratified": evenly spaced quantiles of each, paired at random in each voxel.
        "ordered": the same quantiles paired in order, lowest with lowest; no randomness, but the two
        frequencies are then fully correlated, which is not the distribution stated.
    generator : torch.Generator, optional
        On the CPU; seeded with 0 if not given.

    Raises
    ------
    ValueError
        If `draw` is unknown or `n_spins` is not positive.
    """
    if n_spins < 1:
        raise ValueError(f"n_spins must be at least 1, got {n_spins}")
    lorentzian, uniform = _probabilities(
        (len(voxels), n_spins), draw, generator or torch.Generator().manual_seed(0)
    )
    width = 1 / (2 * math.pi * voxels.t2_prime[:, None])
    return width * torch.tan(math.pi * (lorentzian.to(width) - 0.5)) + voxels.spread[:, None] * (
        2 * uniform.to(width) - 1
    )


def _probabilities(shape: tuple[int, int], draw: Draw, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Quantiles of both distributions, each [n_voxels, n_spins] in (0, 1)."""
    if draw == "independent":
        first, second = torch.rand((2, *shape), generator=generator, dtype=torch.float64)
        return first, second
    even = ((torch.arange(shape[1], dtype=torch.float64) + 0.5) / shape[1]).expand(shape)
    if draw == "stratified":
        order = torch.rand(shape, generator=generator).argsort(-1)
        return even, even.gather(-1, order)
    if draw == "ordered":
        return even, even
    raise ValueError(f"draw must be one of {get_args(Draw)}, got {draw!r}")


def _columns(sequence: Sequence) -> list[tuple[Tensor, ...]]:
    """Flip angle, phase and delay of each pulse, [batch, 1, 1]."""
    parts = (sequence.flip_angle, sequence.phase, sequence.delay)
    return [tuple(part[..., i, None, None] for part in parts) for i in range(sequence.flip_angle.shape[-1])]
