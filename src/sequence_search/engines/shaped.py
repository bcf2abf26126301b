"""Kinds of pulse for an engine in torch: the rotation about the centre, differentiable by the flip angle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.pulses.kinds import Kind

Lanes = Float[Tensor, "batch n_voxels n_places"]


def effective_rotation(
    kind: Kind,
    flip_angle: Float[Tensor, " batch"],
    b1: Float[Tensor, " n_voxels"],
    b0: Float[Tensor, " n_voxels"],
    place: Float[np.ndarray, " n_places"],
) -> tuple[Lanes, Lanes, Lanes]:
    """Angle, before and after [rad] of Rz(after) Rx(angle) Rz(before) in each voxel and place, for phase 0.

    Parameters
    ----------
    flip_angle : nominal [rad]
    b1, b0 : relative transmit field, off-resonance [Hz]
    place : slice thicknesses from the middle

    Raises
    ------
    ValueError
        If derivatives by b1 or b0 are wanted.
    """
    if torch.is_grad_enabled() and (b1.requires_grad or b0.requires_grad):
        raise ValueError("derivatives by b1 and b0 are known of hard pulses only")
    field, offset = (part.detach().numpy(force=True)[:, None] for part in (b1, b0))
    parts: tuple[Lanes, Lanes, Lanes] = _Effective.apply(  # type: ignore[no-untyped-call]
        flip_angle, kind, field, kind.frequency(offset, place)
    )
    return parts


class _Effective(torch.autograd.Function):
    """What a kind gives for nominal flip angles, and its derivatives by them."""

    @staticmethod
    def forward(
        ctx: Any, flip_angle: Tensor, kind: Kind, b1: np.ndarray, frequency: np.ndarray
    ) -> tuple[Tensor, ...]:
        nominal = flip_angle.detach().numpy(force=True)[:, None, None]
        found = (torch.from_numpy(part).to(flip_angle) for part in kind.rotation(nominal, b1, frequency))
        angle, before, after, *slopes = found
        ctx.save_for_backward(*slopes)
        return angle, before, after

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *bars: Tensor) -> tuple[Tensor | None, ...]:
        terms = (bar * slope for bar, slope in zip(bars, ctx.saved_tensors, strict=True))
        return sum(term.sum((1, 2)) for term in terms), None, None, None
