"""The two ways a tissue or imaging property varies between voxels: normal and uniform."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

# Sobol points can be exactly 0, where the normal quantile is -inf; 2^-31 is half their spacing.
SMALLEST_PROBABILITY = 2.0**-31


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution, Table I's "mean ± sd"; sd = 0 is a constant.

    Attributes
    ----------
    mean, sd : float
        In the unit of the property; ``sd >= 0``.
    """

    mean: float
    sd: float = 0.0

    @property
    def centre(self) -> float:
        """The mean, in the unit of the property."""
        return self.mean

    def quantile(self, probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Inverse of the cumulative distribution; probabilities in [0, 1], kept finite at both ends."""
        inside = probability.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        deviate: Tensor = torch.special.ndtri(inside)
        return self.mean + self.sd * deviate


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform distribution between two bounds, as Table I has for b1 and b0.

    Attributes
    ----------
    low, high : float
        In the unit of the property; ``low <= high``.
    """

    low: float
    high: float

    @property
    def centre(self) -> float:
        """The middle of the range, in the unit of the property."""
        return (self.low + self.high) / 2

    def quantile(self, probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Inverse of the cumulative distribution; probabilities in [0, 1]."""
        return self.low + (self.high - self.low) * probability


Distribution = Normal | Uniform
