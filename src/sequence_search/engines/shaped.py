"""Pulses for an engine in torch: the rotation of each about its centre, differentiable by the flip angle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.layout import HARD
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import inversion_efficiency
from sequence_search.voxels import Voxels


class Pulse(NamedTuple):
    """Rz(after) Rx(angle) Rz(before) in each voxel and place [rad], for phase 0; Rx(angle) if it is hard.

    Of a fixed amplitude it leaves Mz times its efficiency, by T1 and T2 during it.
    """

    angle: Float[Tensor, "batch n_voxels n_places"]
    before: Float[Tensor, "batch n_voxels n_places"] | None = None
    after: Float[Tensor, "batch n_voxels n_places"] | None = None
    efficiency: Float[Tensor, "n_voxels n_places"] | None = None


def pulses_of(
    flip_angle: Float[Tensor, "batch n_rf"],
    names: tuple[str, ...],
    kinds: Mapping[str, Kind],
    voxels: Voxels,
    place: Float[np.ndarray, " n_places"],
) -> list[Pulse]:
    """Rotation by each pulse.

    Parameters
    ----------
    flip_angle : nominal [rad]
    names : of the kind of each pulse
    kinds : of the names other than "hard"
    place : slice thicknesses from the middle

    Raises
    ------
    ValueError
        If derivatives by b1 or b0 are wanted and not all pulses are hard.
    """
    pulses, efficiencies = [], dict[str, Tensor]()
    for nominal, name in zip(flip_angle.unbind(1), names, strict=True):
        if name == HARD:
            pulses.append(Pulse(nominal[:, None, None] * voxels.b1[:, None]))
            continue
        if torch.is_grad_enabled() and (voxels.b1.requires_grad or voxels.b0.requires_grad):
            raise ValueError("derivatives by b1 and b0 are known of hard pulses only")
        b1, b0 = (part.detach().numpy(force=True)[:, None] for part in (voxels.b1, voxels.b0))
        frequency = kinds[name].frequency(b0, place)
        angle, before, after = _Effective.apply(nominal, kinds[name], b1, frequency)  # type: ignore[no-untyped-call]
        if kinds[name].fixed_flip is not None and name not in efficiencies:
            t1, t2 = (part.detach().numpy(force=True)[:, None] for part in (voxels.t1, voxels.t2))
            left = inversion_efficiency(kinds[name], t1, t2, b1, frequency)
            efficiencies[name] = torch.from_numpy(left).to(nominal)
        pulses.append(Pulse(angle, before, after, efficiencies.get(name)))
    return pulses


class _Effective(torch.autograd.Function):
    """What a kind gives for nominal flip angles [batch], and its derivatives by them."""

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
