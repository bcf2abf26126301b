"""An objective as numbers: what each voxel's signal adds, contrasts of group means, and penalties."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sequence_search.engines.kernel.blocks import Blocks, arrange
from sequence_search.engines.kernel.compilation import inner


class Encoding(NamedTuple):
    """An objective of standard terms over given voxels; [contrasts] and [n_voxels] may be 0.

    A contrast adds -weight d² where d is the difference of the means of |S| over its two groups, a signed one
    -weight d |d|, so that the first group is to be the brighter, a complex one -weight |d|² with means of S.
    """

    linear: np.ndarray  # [n_voxels], factor of |S|
    square: np.ndarray  # [n_voxels], factor of |S|²
    mean: np.ndarray  # [n_voxels], weight in the mean of the voxel's group
    group: np.ndarray  # int [n_voxels]
    constant: float
    pairs: np.ndarray  # int [contrasts, 2], groups
    contrast_weight: np.ndarray  # [contrasts]
    signed: np.ndarray  # bool [contrasts]
    complex: np.ndarray  # bool [contrasts]
    penalties: np.ndarray  # weights of RF energy [1/rad²], RF number and time to readout [1/s]


class Arranged(NamedTuple):
    """An encoding with its voxels in blocks; made by `arrange_objective`."""

    factors: np.ndarray  # rows of each block: linear, square, mean
    phased: np.ndarray  # bool, segments over which the mean of S is needed; empty if none
    encoding: Encoding


def arrange_objective(blocks: Blocks, encoding: Encoding) -> Arranged:
    """Arrange an objective as the voxels of `blocks`, which are of the same groups."""
    factors = arrange((encoding.linear, encoding.square, encoding.mean), blocks.place)
    phased = np.isin(blocks.group, encoding.pairs[encoding.complex])
    return Arranged(factors, phased if phased.any() else _NO_FLAG, encoding)


_NO, _NO_GROUP, _NO_FLAG = np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.bool_)
_NO_PAIR = _NO_GROUP.reshape(0, 2)
NOTHING = Arranged(
    _NO, _NO_FLAG, Encoding(_NO, _NO, _NO, _NO_GROUP, 0.0, _NO_PAIR, _NO, _NO_FLAG, _NO_FLAG, np.zeros(3))
)


@inner
def contrast(encoding, c, difference):
    """Give what contrast c adds for a difference of its groups' means, and the slope by that difference.

    The real and the imaginary part of a complex one are two differences.
    """
    steep = encoding.contrast_weight[c] * (abs(difference) if encoding.signed[c] else difference)
    return -steep * difference, -2.0 * steep
