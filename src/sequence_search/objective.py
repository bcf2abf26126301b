"""Objective terms as plain functions of (|signal|, sequence, voxels), and their weighted sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

TermFunction = Callable[[Tensor, Sequence, Voxels], Tensor]


def signal_loss(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Mean over voxels of (M0 - |Mxy|)² [a.u.²]. Sequence Search, Eq. (1)."""
    return _mean((voxels.m0 - magnitude).square(), voxels)


def null_loss(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Mean over voxels of |Mxy|² [a.u.²]. Sequence Search, Eq. (2)."""
    return _mean(magnitude.square(), voxels)


def contrast_loss(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Squared difference of two tissues' mean |Mxy|, negated [a.u.²]. Sequence Search, Eq. (3).

    Read as a difference of tissue means, not a mean over pairs of voxels: only so do the published
    optima follow. The voxels must be of exactly two tissues.
    """
    first = voxels.tissue == voxels.tissue.min()
    difference = _mean(magnitude[..., first], voxels[first]) - _mean(magnitude[..., ~first], voxels[~first])
    return -difference.square()


def rf_energy(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Sum of squared flip angles [rad²]. Sequence Search, Sec. II.D."""
    return sequence.rf_energy


def rf_number(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Number of RF pulses [1]. Sequence Search, Sec. II.D."""
    return sequence.n_rf.to(magnitude.dtype)


def time_to_readout(
    magnitude: Float[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Time from the first pulse to the readout [s]; the penalty that Sequence Search, Sec. IV.D, misses."""
    return sequence.time_to_readout


SIGNAL_TERMS: dict[str, TermFunction] = {"signal": signal_loss, "null": null_loss, "contrast": contrast_loss}
SEQUENCE_TERMS: dict[str, TermFunction] = {
    "rf_energy": rf_energy,
    "rf_number": rf_number,
    "time_to_readout": time_to_readout,
}
TERMS = SIGNAL_TERMS | SEQUENCE_TERMS


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted term of an objective.

    Attributes
    ----------
    name : str
        Under which its part of the loss is reported.
    function : callable (magnitude [*batch, n_voxels], sequence, voxels) -> [*batch]
        Differentiable; built in, see `TERMS`, or the user's own. It is called with the voxels of
        `tissues` only.
    weight : float
        In units of the loss over the term's own.
    tissues : tuple of int, optional
        Indices of the tissues concerned; all if not given.
    """

    name: str
    function: TermFunction
    weight: float
    tissues: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """Weighted sum of terms. Sequence Search, Eqs. (4) to (6).

    Raises
    ------
    ValueError
        If two terms have one name.
    """

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError(f"the terms of an objective need different names, got {names}")

    def parts(
        self, signal: Complex[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
    ) -> dict[str, Float[Tensor, "*batch"]]:
        """Weighted part of each term by name; they add up to the loss.

        The derivative of |signal| where the signal is zero is taken as zero.
        """
        magnitude = signal.abs()
        parts = {}
        for term in self.terms:
            if term.tissues is None:
                value = term.function(magnitude, sequence, voxels)
            else:
                wanted = voxels.is_of(term.tissues)
                value = term.function(magnitude[..., wanted], sequence, voxels[wanted])
            parts[term.name] = term.weight * value
        return parts

    def __call__(
        self, signal: Complex[Tensor, "*batch n_voxels"], sequence: Sequence, voxels: Voxels
    ) -> Float[Tensor, "*batch"]:
        """The loss, [*batch]."""
        return torch.stack(list(self.parts(signal, sequence, voxels).values())).sum(0)


def _mean(values: Float[Tensor, "*batch n_voxels"], voxels: Voxels) -> Float[Tensor, "*batch"]:
    """Weighted mean over voxels."""
    return (values * voxels.weight).sum(-1) / voxels.weight.sum()
