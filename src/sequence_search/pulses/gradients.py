"""Rotations of a table in torch, differentiable by the flip angle."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.pulses.table import RotationTable

Rotations = tuple[
    Float[Tensor, "*batch n_lanes"], Float[Tensor, "*batch n_lanes"], Float[Tensor, "*batch n_lanes"]
]


def rotation(table: RotationTable, flip: Float[Tensor, "*batch"]) -> Rotations:
    """Angle, before and after at nominal flip angles [rad], as `RotationTable.rotation` gives them."""
    angle, before, after = _Rotation.apply(flip, table)  # type: ignore[no-untyped-call]
    return angle, before, after


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, flip: Tensor, table: RotationTable) -> Rotations:
        found = table.rotation(flip.detach().cpu().numpy())
        values = [torch.as_tensor(part, dtype=flip.dtype, device=flip.device) for part in found]
        ctx.save_for_backward(*values[3:])
        return values[0], values[1], values[2]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *seeds: Tensor) -> tuple[Tensor, None]:
        return sum(slope * seed for slope, seed in zip(ctx.saved_tensors, seeds, strict=True)).sum(-1), None
