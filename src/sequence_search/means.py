"""Means over voxels: of all of them by their weight, and of the worst share."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor


def weighted_mean(
    values: Num[Tensor, "*batch n_voxels"], weight: Float[Tensor, " n_voxels"]
) -> Num[Tensor, "*batch"]:
    """Mean over the last dimension, by weight."""
    return (values * weight).sum(-1) / weight.sum()


def mean_of_worst(
    values: Float[Tensor, "*batch n_voxels"], weight: Float[Tensor, " n_voxels"], share: float
) -> Float[Tensor, "*batch"]:
    """Mean over the largest values that together have this share of the weight: conditional value at risk.

    The voxel at the boundary counts by the part of it that is needed, so that the mean is continuous in the
    values and convex: Rockafellar & Uryasev, J. Banking & Finance 26:1443 (2002), Proposition 8. Its gradient
    is that of the weighted mean over those voxels, exact wherever the boundary falls on one voxel alone.

    Parameters
    ----------
    weight : tensor [n_voxels], not negative
    share : above 0, at most 1; 1 is the mean over all
    """
    if share == 1:
        return weighted_mean(values, weight)
    worst_first, order = values.sort(dim=-1, descending=True, stable=True)
    ordered = weight[order]
    before = ordered.cumsum(-1) - ordered
    counted = torch.minimum(ordered, (share * weight.sum() - before).clamp(min=0))
    return (worst_first * counted).sum(-1) / counted.sum(-1)
