"""Kinds of objective terms: what each computes, the tissues it takes, its form in the compiled kernel.

A new term is a function here with `@term(...)` above it: files know it by its name, and with a `kernel` it
runs in one pass of the compiled kernel. A user's own is any differentiable function of
(|signal|, sequence, voxels), see `TermFunction`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.estimation import Estimate, relative_bound
from sequence_search.means import mean_of_worst, weighted_mean
from sequence_search.own_value import Loss, Magnitude, TermFunction
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

Signal = Complex[Tensor, "*batch n_voxels"]


@dataclass(frozen=True, slots=True)
class KernelForm:
    """A term as the compiled kernel sums it, before its weight; what is not given adds nothing.

    Attributes
    ----------
    constant, linear, square : factors of 1, |S| and |S|² in the mean over the term's voxels
    contrast : tissues a and b of -d², with d = mean |S| of a - mean |S| of b
    contrast_kind : with "signed" -d |d| instead, so that a is to be the brighter; with "complex" -|d|²
        instead, with d = mean S of a - mean S of b
    penalties : factors of the RF energy [1/rad²], the RF number and the time to readout [1/s]
    """

    constant: float | Tensor = 0.0
    linear: float | Tensor = 0.0
    square: float | Tensor = 0.0
    contrast: tuple[int, int] | None = None
    contrast_kind: Literal["plain", "signed", "complex"] = "plain"
    penalties: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, repr=False)
class TermKind:
    """What a term computes; called as its function.

    Attributes
    ----------
    name : in problem files
    function : TermFunction
        With `of = "signal"` it gets the complex signal in place of its magnitude, with "slopes" the
        magnitude's derivatives by what is estimated. Of several readouts it gets [n_readouts, *batch,
        n_voxels], so that its value is of each of them.
    n_tissues : (int, int or None)
        The least and the most tissues it names, None for any; (0, 0) if it concerns the sequence alone.
    kernel : callable (brighter of the term, its voxels) -> KernelForm, or None
        None: the term goes through autograd.
    own : bool
        The user's own: it is given sequences of one pulse number at a time, unpadded, and of several readouts
        [*batch, n_readouts, n_voxels].
    takes_worst : bool
        Whether it may be of the worst share of its voxels.
    takes_kinds : bool
        Whether it needs the kinds of pulse, by name.
    """

    name: str
    function: Callable[..., Tensor]
    n_tissues: tuple[int, int | None] = (0, None)
    of: Literal["magnitude", "signal", "sequence", "slopes"] = "magnitude"
    kernel: Callable[[int | None, Voxels], KernelForm] | None = None
    own: bool = False
    takes_worst: bool = False
    takes_kinds: bool = False

    def __reduce__(self) -> str | tuple[Any, ...]:
        """One of `TERMS` by its name in this module, where it has taken that of its function."""
        if TERMS.get(self.name) is self:
            return self.function.__name__
        return TermKind, tuple(getattr(self, each.name) for each in fields(self))

    def __repr__(self) -> str:
        return f"<TermKind {self.name}>"

    def __call__(self, *args: Any, **options: Any) -> Tensor:
        """The function itself."""
        return self.function(*args, **options)


def term(name: str, **how: Any) -> Callable[[Callable[..., Tensor]], TermKind]:
    """Make the function below a `TermKind`; arguments are its fields."""
    return lambda function: TermKind(name, function, **how)


def own_term(function: TermFunction) -> TermKind:
    """Kind of a user's own term, any differentiable function of (|signal|, sequence, voxels)."""
    return TermKind(getattr(function, "__qualname__", type(function).__name__), function, own=True)


@term(
    "signal",
    n_tissues=(1, None),
    # (M0 - |S|)² = M0² - 2 M0 |S| + |S|²
    kernel=lambda _, voxels: KernelForm(constant=voxels.m0.square(), linear=-2 * voxels.m0, square=1.0),
    takes_worst=True,
)
def signal_loss(magnitude: Magnitude, sequence: Sequence, voxels: Voxels, worst_share: float = 1.0) -> Loss:
    """Mean over voxels, or the worst of them, of (M0 - |Mxy|)² [a.u.²]. Sequence Search, Eq. (1)."""
    return mean_of_worst((voxels.m0 - magnitude).square(), voxels.weight, worst_share)


@term("null", n_tissues=(1, None), kernel=lambda _, voxels: KernelForm(square=1.0), takes_worst=True)
def null_loss(magnitude: Magnitude, sequence: Sequence, voxels: Voxels, worst_share: float = 1.0) -> Loss:
    """Mean over voxels, or the worst of them, of |Mxy|² [a.u.²]. Sequence Search, Eq. (2)."""
    return mean_of_worst(magnitude.square(), voxels.weight, worst_share)


def _kernel_contrast(brighter: int | None, voxels: Voxels) -> KernelForm:
    first, second = voxels.tissue.unique().tolist()
    if brighter == second:
        first, second = second, first
    return KernelForm(contrast=(first, second), contrast_kind="plain" if brighter is None else "signed")


@term("contrast", n_tissues=(2, 2), kernel=_kernel_contrast, takes_worst=True)
def contrast_loss(
    magnitude: Magnitude,
    sequence: Sequence,
    voxels: Voxels,
    brighter: int | None = None,
    worst_share: float = 1.0,
) -> Loss:
    """Squared difference d² of two tissues' mean |Mxy|, negated [a.u.²]. Sequence Search, Eq. (3).

    Read as a difference of tissue means, not a mean over pairs of voxels: only so do the published
    optima follow. With the index of the tissue that is to be the brighter it is -d |d|, with d positive
    where it is. The voxels must be of exactly two tissues. With a worst share d is between the mean over
    the darkest share of the brighter tissue's voxels and that over the brightest share of the other's.
    """
    first = voxels.tissue == (voxels.tissue.min() if brighter is None else brighter)
    dark, bright = voxels.weight * first, voxels.weight * ~first
    difference = -mean_of_worst(-magnitude, dark, worst_share) - mean_of_worst(magnitude, bright, worst_share)
    return -difference * (difference if brighter is None else difference.abs())


@term(
    "signed_contrast",
    n_tissues=(2, 2),
    of="signal",
    kernel=lambda _, voxels: replace(_kernel_contrast(None, voxels), contrast_kind="complex"),
)
def signed_contrast_loss(signal: Signal, sequence: Sequence, voxels: Voxels) -> Loss:
    """Squared magnitude of the difference of two tissues' mean complex signal, negated [a.u.²].

    Phase-sensitive: signals of opposite sign, as of a tissue that is still inverted and one that has
    recovered, differ by the sum of their magnitudes. What dephases between voxels is lost.
    """
    first = voxels.tissue == voxels.tissue.min()
    difference = weighted_mean(signal, voxels.weight * first) - weighted_mean(signal, voxels.weight * ~first)
    return -(difference.real.square() + difference.imag.square())


@term("snr_efficiency", n_tissues=(1, None))
def snr_efficiency(magnitude: Magnitude, sequence: Sequence, voxels: Voxels) -> Loss:
    """Mean of |Mxy| over voxels per root of the TR, negated [a.u./s^½].

    Noise falls with the root of the number of repetitions, of which a scan of given time has 1/TR: Ernst &
    Anderson, Rev Sci Instrum 37:93 (1966). ValueError if the sequences are played once.
    """
    if not sequence.is_steady:
        raise ValueError(f"snr_efficiency needs sequences that are repeated, with a TR, got {sequence!r}")
    return -weighted_mean(magnitude, voxels.weight) / sequence.tr.sqrt()


@term("crlb", n_tissues=(1, None), of="slopes", takes_worst=True)
def crlb(
    slopes: Float[Tensor, "n_readouts n_unknown *batch n_voxels"],
    sequence: Sequence,
    voxels: Voxels,
    estimate: Estimate,
    worst_share: float = 1.0,
) -> Loss:
    """Mean over voxels, or the worst of them, of the relative Cramér-Rao bound of a parameter [1].

    Of all readouts together, see `estimation.relative_bound`.
    """
    return mean_of_worst(relative_bound(slopes, estimate), voxels.weight, worst_share)


@term("rf_energy", n_tissues=(0, 0), of="sequence", kernel=lambda *_: KernelForm(penalties=(1.0, 0.0, 0.0)))
def rf_energy(magnitude: Magnitude, sequence: Sequence, voxels: Voxels) -> Loss:
    """Sum of squared flip angles [rad²]. Sequence Search, Sec. II.D."""
    return sequence.rf_energy


@term("rf_number", n_tissues=(0, 0), of="sequence", kernel=lambda *_: KernelForm(penalties=(0.0, 1.0, 0.0)))
def rf_number(magnitude: Magnitude, sequence: Sequence, voxels: Voxels) -> Loss:
    """Number of RF pulses [1]. Sequence Search, Sec. II.D."""
    return sequence.n_rf.to(magnitude.dtype)


@term(
    "time_to_readout",
    n_tissues=(0, 0),
    of="sequence",
    kernel=lambda *_: KernelForm(penalties=(0.0, 0.0, 1.0)),
)
def time_to_readout(magnitude: Magnitude, sequence: Sequence, voxels: Voxels) -> Loss:
    """Time from the first pulse to the last readout [s]; the penalty that Sequence Search, IV.D, misses."""
    return sequence.time_to_readout


@term("duration", n_tissues=(0, 0), of="sequence")
def duration(magnitude: Magnitude, sequence: Sequence, voxels: Voxels) -> Loss:
    """Time that a sequence takes [s]: its TR, or played once the time from the first pulse to the readout."""
    return sequence.duration


@term("peak_b1", n_tissues=(0, 0), of="sequence", takes_kinds=True)
def peak_b1(magnitude: Magnitude, sequence: Sequence, voxels: Voxels, kinds: Mapping[str, Kind]) -> Loss:
    """Largest nominal B1 of any pulse [uT]. ValueError if one has no duration, so that there is none."""
    return torch.stack([_scaled(*each, Kind.peak_b1_ut) for each in _played(sequence, kinds)]).amax(0)


@term("b1_rms", n_tissues=(0, 0), of="sequence", takes_kinds=True)
def b1_rms(magnitude: Magnitude, sequence: Sequence, voxels: Voxels, kinds: Mapping[str, Kind]) -> Loss:
    """Root mean square of the nominal B1 over the `duration` [uT]; SAR goes by its square.

    ValueError if a pulse has no duration, as its B1 has then no bound.
    """
    squares = [
        kind.duration * _scaled(kind, flip, Kind.rms_b1_ut).square()
        for kind, flip in _played(sequence, kinds)
    ]
    mean = torch.stack(squares).sum(0) / sequence.duration
    # Of no B1 at all the derivative is 0, not that of a root at 0.
    return torch.where(mean > 0, mean, 1.0).sqrt() * (mean > 0)


def _played(sequence: Sequence, kinds: Mapping[str, Kind]) -> list[tuple[Kind, Float[Tensor, "*batch"]]]:
    """Kind and flip angle of each pulse, none of which is instantaneous."""
    names = ("hard",) if sequence.layout is None else sequence.layout.kinds
    for number, name in enumerate(names, start=1):
        if sequence.layout is None or name not in kinds or not kinds[name].duration:
            raise ValueError(
                f"B1 needs pulses with a duration, got pulse {number} of kind '{name}' without one"
            )
    return list(zip((kinds[name] for name in names), sequence.flip_angle.unbind(-1), strict=True))


def _scaled(
    kind: Kind, flip: Float[Tensor, "*batch"], b1: Callable[[Kind, float], float]
) -> Float[Tensor, "*batch"]:
    """A B1 [uT] that rises with the size of the flip angle, but of a kind of fixed amplitude."""
    return flip.abs() * b1(kind, 1.0) if kind.fixed_flip is None else torch.full_like(flip, b1(kind, math.pi))


TERMS: dict[str, TermKind] = {kind.name: kind for kind in list(globals().values()) if type(kind) is TermKind}
