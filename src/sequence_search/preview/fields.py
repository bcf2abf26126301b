"""Smooth fields over a head, whose values are as often there as a distribution says."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import map_coordinates

from sequence_search.tissue import Distribution

NODE_MM = 80.0  # between the random values of which a field is a smooth course
MOST_RANKED = 20_000  # points over which the values are counted


def drawn_field(
    distribution: Distribution,
    inside: Bool[np.ndarray, "x y z"],
    voxel_mm: Float[np.ndarray, "3"],
    points: Int[np.ndarray, "n_points 3"],
    seed: tuple[int, ...],
    *,
    central: float = 0.0,
) -> Float[np.ndarray, " n_points"]:
    """A random field at some points, the same whichever of them are asked for.

    A cubic course between random values 80 mm apart, changed monotonically so that over the inside its values
    are distributed as the problem says.

    Parameters
    ----------
    central : float
        By how much, in standard deviations of the random values, it falls from the middle to the edge before
        that, as a transmit field does at 3 T.
    """
    within = np.argwhere(inside)
    low, high = within.min(0), within.max(0)
    nodes = np.maximum(np.rint((high - low) * voxel_mm / NODE_MM), 1).astype(int) + 1
    nodes[high == low] = 1
    values = np.random.default_rng(seed).standard_normal(nodes)
    axes = np.meshgrid(
        *(np.linspace(-1, 1, count) if count > 1 else np.zeros(1) for count in nodes), indexing="ij"
    )
    values -= central * sum(axis**2 for axis in axes)

    def course(at: Int[np.ndarray, "n_points 3"]) -> Float[np.ndarray, " n_points"]:
        place = (at - low) / np.maximum(high - low, 1) * (nodes - 1)
        return np.asarray(map_coordinates(values, place.T, order=3, mode="mirror"))

    counted = np.sort(course(within[:: max(1, len(within) // MOST_RANKED)]))
    rank = np.interp(course(points), counted, (np.arange(len(counted)) + 0.5) / len(counted))
    return distribution.quantile(torch.from_numpy(rank)).numpy()
