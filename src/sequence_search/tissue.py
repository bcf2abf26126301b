"""What is imaged and under which conditions, Table I: tissues, imaging properties, how they vary by voxel."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.checks import Fault, number

# Sobol points can be exactly 0, where the normal quantile is -inf; 2^-31 is half their spacing.
SMALLEST_PROBABILITY = 2.0**-31


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution, Table I's "mean ± sd" in the unit of the property.

    sd is at least 0, which makes it a constant; a constant may be infinite.
    """

    mean: float
    sd: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mean", "sd"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not 0 <= self.sd < math.inf:
            raise Fault("sd must be at least 0, got {0:}", self.sd)
        if math.isinf(self.mean) and self.sd:
            raise Fault("sd must be 0 where the mean is infinite, got {0:}", self.sd)

    @property
    def centre(self) -> float:
        """The mean."""
        return self.mean

    def quantile(self, probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Inverse of the cumulative distribution; probabilities in [0, 1], kept finite at both ends."""
        inside = probability.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        deviate: Tensor = torch.special.ndtri(inside)
        return self.mean + self.sd * deviate


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform distribution between two bounds in the unit of the property, as Table I has for b1 and b0."""

    low: float
    high: float

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        if not -math.inf < self.low <= self.high < math.inf:
            raise Fault("low must not exceed high, both finite, got {0:} and {1:}", self.low, self.high)

    @property
    def centre(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    def quantile(self, probability: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Inverse of the cumulative distribution; probabilities in [0, 1]."""
        return self.low + (self.high - self.low) * probability


Distribution = Normal | Uniform


class Limits(NamedTuple):
    """Bounds that no real tissue or scanner leaves, in the SI unit: they catch the wrong one."""

    low: float
    high: float
    unit: str = ""
    remark: str = ""
    endless: bool = False


LIMITS = {
    "m0": Limits(0.0, 1e3, remark=" (arbitrary units)"),
    "t1": Limits(1e-3, 100.0, "s", " or be inf", endless=True),
    "t2": Limits(1e-5, 100.0, "s", " or be inf", endless=True),
    "t2_prime": Limits(1e-5, math.inf, "s"),
    "b1": Limits(0.0, 5.0, remark=" (relative to nominal, which is 1)"),
    "b0": Limits(-1e5, 1e5, "Hz"),
    "spread": Limits(0.0, 1e5, "Hz", " (half of the full width)"),
}


@dataclass(frozen=True, slots=True)
class Tissue:
    """Properties of one tissue, each a distribution over voxels or a plain number. Sequence Search, Table I.

    Attributes
    ----------
    m0 : equilibrium magnetisation [a.u.]
    t1, t2, t2_prime : relaxation times [s]; inf means none, for `t2_prime` no reversible dephasing
    b0 : frequency of the tissue's own, as of fat, added to the voxel's off-resonance [Hz]

    Raises
    ------
    ValueError
        If a property is beyond its `LIMITS`, or T2 is above 2 T1.
    """

    name: str
    m0: Distribution
    t1: Distribution
    t2: Distribution
    t2_prime: Distribution
    b0: Distribution = Normal(0.0)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise Fault("the name of a tissue must be a text that is not empty, got {0}", repr(self.name))
        _check_properties(self)
        t1, t2 = _highest(self.t1), _highest(self.t2)
        if t2 > 2 * t1:
            raise Fault("{t2} must not exceed twice {t1}, got {0:s} and {1:s}", t2, t1)


@dataclass(frozen=True, slots=True)
class Imaging:
    """Imaging properties, shared by all tissues, as those of a tissue. Sequence Search, Table I.

    Attributes
    ----------
    b1 : transmit field relative to nominal [1]
    b0 : off-resonance of the voxel [Hz]
    spread : half width of the uniform frequency spread within a voxel [Hz]

    Raises
    ------
    ValueError
        If a property is beyond its `LIMITS`.
    """

    b1: Distribution
    b0: Distribution
    spread: Distribution

    def __post_init__(self) -> None:
        _check_properties(self)


def _check_properties(owner: Tissue | Imaging) -> None:
    """Plain numbers become constants; what is beyond its limits is refused."""
    for name in (field.name for field in fields(owner) if field.name in LIMITS):
        value = getattr(owner, name)
        if not isinstance(value, Normal | Uniform):
            value = Normal(number(name, value))
            object.__setattr__(owner, name, value)
        _check_limits(name, value)


def _check_limits(name: str, value: Distribution) -> None:
    low, high, unit, remark, endless = LIMITS[name]
    signed = low < 0
    if isinstance(value, Uniform):
        ends = (value.low, value.high)
    else:
        ends = (value.mean - signed * value.sd, value.mean + signed * value.sd)
    for end in ends:
        if not low <= end <= high and not (endless and end == math.inf):
            message = f"{{{name}}} must lie between {{0:{unit}}} and {{1:{unit}}}{remark}, got {{2:{unit}}}"
            raise Fault(message, low, high, end)
    # A distribution that reaches far below zero has no meaning but for a frequency.
    if not signed and isinstance(value, Normal) and value.sd > value.mean / 2:
        message = f"{{{name}}}: sd must be at most half of the mean ({{0:{unit}}}), got {{1:{unit}}}"
        raise Fault(message, value.mean, value.sd)


def _highest(value: Distribution) -> float:
    return value.mean if isinstance(value, Normal) else value.high
