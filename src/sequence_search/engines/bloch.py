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
