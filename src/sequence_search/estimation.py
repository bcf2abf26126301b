"""How well tissue parameters can be estimated from magnitudes: the Cramér-Rao lower bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.checks import Fault, number, tuple_of

PARAMETERS = ("m0", "t1", "t2")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is estimated from |Mxy| at the readouts.

    Attributes
    ----------
    parameter : "m0", "t1" or "t2", whose error counts
    unknown : tuple of these
        All that is estimated together; M0 and the parameter if not given.
    noise : standard deviation of |Mxy| [a.u.]

    Raises
    ------
    ValueError
        If there is no such parameter, it is not among the unknown, or the noise is not above 0.
    """

    parameter: str
    unknown: tuple[str, ...] = ()
    noise: float = 0.01

    def __post_init__(self) -> None:
        unknown = tuple_of(str, self.unknown) or tuple(dict.fromkeys(("m0", self.parameter)))
        object.__setattr__(self, "unknown", unknown)
        object.__setattr__(self, "noise", number("noise", self.noise))
        known = ", ".join(PARAMETERS)
        for name in (self.parameter, *unknown):
            if name not in PARAMETERS:
                raise Fault("{parameter} and {unknown} must be of " + known + ", got '{0}'", name)
        if len(set(unknown)) < len(unknown) or self.parameter not in unknown:
            raise Fault("{unknown} must be different, {parameter} among them, got {0}", list(unknown))
        if not 0 < self.noise < math.inf:
            raise Fault("{noise} must be above 0 and finite, got {0}", self.noise)


def relative_bound(
    slopes: Float[Tensor, "n_readouts n_unknown *batch n_voxels"], estimate: Estimate
) -> Float[Tensor, "*batch n_voxels"]:
    """Least standard deviation that an unbiased estimate of the parameter has, relative to the parameter [1].

    The root of its place on the diagonal of the inverse of the Fisher matrix, for normal noise of each
    magnitude alike, F = JᵀJ / noise²; Rice's distribution is normal from an SNR of about 3 on. Added to F is
    what is known without measuring: of each parameter, that it is right within a factor of about e. So the
    bound is at most 1, that of a sequence that tells nothing, and for one of 2 % lower by 2e-4 of itself.

    Parameters
    ----------
    slopes : derivative of |Mxy| by the logarithm of each unknown [a.u.], in the order of `estimate.unknown`
    """
    last = estimate.unknown.index(estimate.parameter)
    order = [at for at in range(len(estimate.unknown)) if at != last] + [last]
    scaled = slopes[:, order] / estimate.noise
    fisher = (scaled[:, :, None] * scaled[:, None]).sum(0)
    fisher = fisher + torch.eye(len(order), dtype=fisher.dtype).reshape(
        len(order), len(order), *[1] * (fisher.ndim - 2)
    )
    while len(fisher) > 1:  # the other unknowns are eliminated one by one
        fisher = fisher[1:, 1:] - fisher[1:, :1] * fisher[:1, 1:] / fisher[0, 0]
    return fisher[0, 0].rsqrt()
