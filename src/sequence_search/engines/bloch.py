"""Elementary rotation, precession and relaxation, shared by the engines.

Signs: Mxy = Mx + i My; a pulse of phase 0 turns about +x, so that Mz = 1 becomes -i sin(flip), and free
precession is exp(2 pi i b0 t): RF phase and off-resonance turn in one sense, as RF phase, RF frequency and
off-resonance do in a Pulseq file. So 45°(0°), 1 ms, 45°(90°) at b0 = 250 Hz is one pulse of 90°.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

# Sums of delays are known to this many units in the last place of the whole time.
ROUNDING = 8


@dataclass(frozen=True, slots=True)
class Rotation:
    """Instantaneous RF pulse of flip angle a and phase p, as coefficients of Mxy and Mz.

    Mxy+ = stay Mxy + conjugate Mxy* + excite Mz
    Mz+  = keep Mz + Im(store Mxy)

    Attributes
    ----------
    stay, keep : tensor, real
        cos²(a/2) and cos(a).
    conjugate, excite, store : tensor, complex
        e^{2ip} sin²(a/2), -i e^{ip} sin(a) and e^{-ip} sin(a).
    """

    stay: Float[Tensor, "..."]
    conjugate: Complex[Tensor, "..."]
    excite: Complex[Tensor, "..."]
    keep: Float[Tensor, "..."]
    store: Complex[Tensor, "..."]


def rotation(flip_angle: Float[Tensor, "..."], phase: Float[Tensor, "..."]) -> Rotation:
    """Coefficients of the rotation by `flip_angle` [rad] about the axis at `phase` [rad] in the xy plane."""
    cos, sin = torch.cos(flip_angle), torch.sin(flip_angle)
    axis = torch.polar(torch.ones_like(phase), phase)
    return Rotation(
        stay=(1 + cos) / 2,
        conjugate=axis.square() * ((1 - cos) / 2),
        excite=-1j * axis * sin,
        keep=cos,
        store=axis.conj() * sin,
    )


def precession(
    delay: Float[Tensor, "..."], t2: Float[Tensor, "..."], b0: Float[Tensor, "..."]
) -> Complex[Tensor, "..."]:
    """Factor exp(-t/T2 + 2 pi i b0 t) of Mxy over a delay t [s], with t2 [s] and b0 [Hz]."""
    return torch.polar(torch.exp(-delay / t2), 2 * math.pi * b0 * delay)


def longitudinal_decay(delay: Float[Tensor, "..."], t1: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Factor E1 = exp(-t/T1) of Mz - 1 over a delay t [s], with t1 [s]."""
    return torch.exp(-delay / t1)


def refocused(tau: Float[Tensor, "..."], elapsed: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Time dephased [s], exactly 0 where it is within rounding of an echo, for the time elapsed [s].

    The derivative of |tau| at an echo is then 0, the mean of both sides.
    """
    return torch.where(tau.abs() <= ROUNDING * torch.finfo(elapsed.dtype).eps * elapsed, 0.0, tau)


def dephasing(
    tau: Float[Tensor, "..."], t2_prime: Float[Tensor, "..."], spread: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """Mean of exp(2 pi i f tau) over the frequencies f within a voxel, with t2_prime [s] and spread [Hz].

    It is exp(-|tau| / T2') for the Lorentzian, and sinc(2 spread tau) for the uniform spread.
    """
    return torch.exp(-tau.abs() / t2_prime) * torch.sinc(2 * spread * tau)
