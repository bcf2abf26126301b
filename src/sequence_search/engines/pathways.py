"""Exact engine: the voxel signal as a finite sum over coherence pathways, without sampling noise.

At each pulse the transverse magnetisation stays, is conjugated or is stored along z, and stored or
recovered magnetisation is excited. A pathway therefore gathers a clock tau = sum of m_i t_i, with
m = +1 transverse, -1 conjugated, 0 longitudinal. Frequencies within a voxel, f, enter only as the mean of
exp(-2 pi i f tau), the characteristic function of their distribution: exp(-|tau| / T2') for the Lorentzian
and sinc(2 spread tau) for the uniform spread. After n pulses 3^(n-1) pathways end transverse.

Source: Hennig, "Echoes - how to generate, recognize, use or avoid them in MR-imaging sequences",
Concepts Magn Reson 3 (1991); DOI 10.1002/cmr.1820030302.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.bloch import longitudinal_decay, precession, rotation
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

# Sums of delays are known to this many units in the last place of the whole time.
ROUNDING = 8


def magnetization(
    sequence: Sequence, voxels: Voxels, *, offsets: Float[Tensor, "n_voxels n_spins"] | None = None
) -> tuple[Complex[Tensor, "batch n_voxels"], Float[Tensor, "batch n_voxels"]]:
    """Mxy and Mz at the readout, in units of M0, exact for instantaneous pulses.

    The derivative of |tau| at an echo is taken as 0, the mean of both sides; a clock within rounding of 0
    counts as an echo.

    Parameters
    ----------
    sequence : Sequence [batch, n_rf], without padding
    voxels : Voxels
    offsets : tensor [n_voxels, n_spins], Hz, optional
        A finite set of frequencies within each voxel in place of T2' and the spread.
    """
    batch, n_rf = sequence.flip_angle.shape
    # Amplitudes [batch, n_voxels, pathways] with their clocks [batch, pathways]. Mz that was never transverse
    # is one real number, `recovered`.
    recovered = voxels.b1.new_ones(batch, len(voxels))
    empty = voxels.b1.new_zeros(batch, len(voxels), 0)
    transverse = longitudinal = torch.complex(empty, empty)
    transverse_clock = longitudinal_clock = sequence.delay[:, :0]
    for i in range(n_rf):
        pulse = rotation(
            sequence.flip_angle[:, i, None, None] * voxels.b1[:, None], sequence.phase[:, i, None, None]
        )
        stored = transverse * pulse.store / 2j  # Im(x) = x/2i + (x/2i)*
        transverse, longitudinal = (
            torch.cat(
                [
                    pulse.stay * transverse,
                    pulse.conjugate * transverse.conj(),
                    pulse.excite * recovered[..., None],
                    pulse.excite * longitudinal,
                ],
                -1,
            ),
            torch.cat([pulse.keep * longitudinal, stored, stored.conj()], -1),
        )
        recovered = recovered * pulse.keep[..., 0]
        transverse_clock, longitudinal_clock = (
            torch.cat(
                [
                    transverse_clock,
                    -transverse_clock,
                    torch.zeros_like(sequence.delay[:, :1]),
                    longitudinal_clock,
                ],
                -1,
            ),
            torch.cat([longitudinal_clock, transverse_clock, -transverse_clock], -1),
        )
        delay = sequence.delay[:, i, None]
        transverse = transverse * precession(delay[..., None], voxels.t2[:, None], voxels.b0[:, None])
        transverse_clock = transverse_clock + delay
        decay = longitudinal_decay(delay, voxels.t1)
        longitudinal = longitudinal * decay[..., None]
        recovered = 1 + (recovered - 1) * decay
    rounding = (
        ROUNDING * torch.finfo(sequence.delay.dtype).eps * sequence.delay.detach().sum(-1, keepdim=True)
    )
    clocks = (torch.where(c.abs() <= rounding, 0.0, c) for c in (transverse_clock, longitudinal_clock))
    of_transverse, of_longitudinal = (_dephasing(clock, voxels, offsets) for clock in clocks)
    mxy = (transverse * of_transverse).sum(-1)
    mz = recovered + (longitudinal * of_longitudinal).sum(-1).real
    return mxy, mz


def _dephasing(
    clock: Float[Tensor, "batch pathways"], voxels: Voxels, offsets: Float[Tensor, "n_voxels n_spins"] | None
) -> Tensor:
    """Mean of exp(-2 pi i f tau) over the frequencies f of each voxel, [batch, n_voxels, pathways]."""
    tau = clock[:, None, :]
    if offsets is None:
        return torch.exp(-tau.abs() / voxels.t2_prime[:, None]) * torch.sinc(2 * voxels.spread[:, None] * tau)
    angle = -2 * math.pi * offsets[:, :, None] * tau[:, :, None, :]
    return torch.polar(torch.ones_like(angle), angle).mean(-2)
