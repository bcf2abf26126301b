"""Objective terms, each one object: its value, the tissues it takes, its form in the compiled kernel.

A new term is a function here with `@term(...)` above it: files know it by its name, and with a `kernel` it
runs in one pass of the compiled kernel. A user's own is any differentiable function of
(|signal|, sequence, voxels), see `TermFunction`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from sequence_search.checks import number, tuple_of
from sequence_search.means import mean_of_worst, weighted_mean
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

Signal = Complex[Tensor, "*batch n_voxels"]
Magnitude = Float[Tensor, "*batch n_voxels"]  # of the signal, in the unit of m0
Loss = Float[Tensor, "*batch"]
TermFunction = Callable[[Magnitude, Sequence, Voxels], Loss]


class TermError(ValueError):
    """A term of the user's own that raised, or returned what is no loss; the message names the term."""


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
        With `of = "signal"` it gets the complex signal in place of its magnitude.
    n_tissues : (int, int or None)
        The least and the most tissues it names, None for any; (0, 0) if it concerns the sequence alone.
    kernel : callable (term, voxels of the term) -> KernelForm, or None
        None: the term goes through autograd.
    own : bool
        The user's own: it is given sequences of one pulse number at a time, unpadded.
    takes_worst : bool
        Whether it may be of the worst share of its voxels.
    """

    name: str
    function: Callable[..., Tensor]
    n_tissues: tuple[int, int | None] = (0, None)
    of: Literal["magnitude", "signal", "sequence"] = "magnitude"
    kernel: Callable[[Term, Voxels], KernelForm] | None = None
    own: bool = False
    takes_worst: bool = False

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


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted term of an objective.

    Attributes
    ----------
    name : under which its part of the loss is reported
    kind : one of `TERMS`, or the user's own, from `own_term`
    weight : in units of the loss over the term's own; not negative for the kinds of `TERMS`
    tissues : indices of the tissues whose voxels the term gets; all if not given
    brighter : of a contrast, the index of the tissue that is to be the brighter; either if not given
    worst_share : above 0, at most 1
        The means are over this share of the voxels, the worst; 1: over all. Of the kinds that `takes_worst`
        marks, a contrast with `brighter` only.

    Raises
    ------
    TypeError
        If the kind is a bare function, or is of what is no function.
    ValueError
        If the weight is not finite or is negative, or the tissues or the worst share do not fit the kind.
    """

    name: str
    kind: TermKind
    weight: float
    tissues: tuple[int, ...] | None = None
    brighter: int | None = None
    worst_share: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.kind, TermKind):
            raise TypeError(f"kind of term '{self.name}' must be one of TERMS or own_term(function)")
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"the name of a term must be a text that is not empty, got {self.name!r}")
        if not callable(self.kind.function):
            raise TypeError(f"term '{self.name}' must be a function, got {self.kind.function!r}")
        object.__setattr__(self, "weight", number("weight", self.weight))
        if not math.isfinite(self.weight) or (self.weight < 0 and not self.kind.own):
            raise ValueError(f"weight of term '{self.name}' must be at least 0, got {self.weight:g}")
        candidates = self.tissues if self.kind is contrast_loss else None
        if self.brighter is not None and self.brighter not in (candidates or ()):
            raise ValueError(f"brighter of term '{self.name}' must be one of the two tissues of a contrast")
        if self.tissues is not None:
            self._check_tissues(self.tissues)
        self._check_worst_share()

    @property
    def has_kernel_form(self) -> bool:
        """Whether the compiled kernel can sum it: which voxels are the worst it does not know in one pass."""
        return self.kind.kernel is not None and self.worst_share == 1

    def _check_worst_share(self) -> None:
        share = number("worst_share", self.worst_share)
        object.__setattr__(self, "worst_share", share)
        if not 0 < share <= 1:
            raise ValueError(
                f"worst_share of term '{self.name}' must be above 0 and at most 1, as 0.05, got {share:g}"
            )
        if share < 1 and not self.kind.takes_worst:
            known = ", ".join(name for name, kind in TERMS.items() if kind.takes_worst)
            raise ValueError(f"term '{self.name}' has no worst_share: terms that have one are {known}")
        if share < 1 and self.kind is contrast_loss and self.brighter is None:
            raise ValueError(
                f"worst_share of term '{self.name}' needs brighter: of that tissue the darkest voxels count,"
                " of the other the brightest"
            )

    def _check_tissues(self, tissues: tuple[int, ...]) -> None:
        if not isinstance(tissues, list | tuple) or not all(type(index) is int for index in tissues):
            raise ValueError(f"tissues of term '{self.name}' must be indices of tissues, got {tissues!r}")
        object.__setattr__(self, "tissues", tuple(tissues))
        count, (least, most) = len(set(tissues)), self.kind.n_tissues
        if most == 0:
            raise ValueError(f"term '{self.name}' concerns the sequence, so it takes no tissues")
        if count < len(tissues):
            raise ValueError(f"tissues of term '{self.name}' must differ, got {list(tissues)}")
        if count < least or (most is not None and count > most):
            wanted = f"exactly {least}" if least == most else f"at least {least}"
            raise ValueError(f"term '{self.name}' needs {wanted} tissues, got {count}")

    def value(self, given: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
        """Weighted value [*batch] from the signal or magnitude, as the kind takes, of the term's voxels."""
        if self.kind.own:
            return self.weight * _own_value(self, given, sequence, voxels)
        options: dict[str, float] = {} if self.brighter is None else {"brighter": self.brighter}
        if self.worst_share < 1:
            options["worst_share"] = self.worst_share
        return self.weight * self.kind(given, sequence, voxels, **options)


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


def _kernel_contrast(term: Term, voxels: Voxels) -> KernelForm:
    first, second = voxels.tissue.unique().tolist()
    if term.brighter == second:
        first, second = second, first
    return KernelForm(contrast=(first, second), contrast_kind="plain" if term.brighter is None else "signed")


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
    kernel=lambda term, voxels: replace(_kernel_contrast(term, voxels), contrast_kind="complex"),
)
def signed_contrast_loss(signal: Signal, sequence: Sequence, voxels: Voxels) -> Loss:
    """Squared magnitude of the difference of two tissues' mean complex signal, negated [a.u.²].

    Phase-sensitive: signals of opposite sign, as of a tissue that is still inverted and one that has
    recovered, differ by the sum of their magnitudes. What dephases between voxels is lost.
    """
    first = voxels.tissue == voxels.tissue.min()
    difference = weighted_mean(signal, voxels.weight * first) - weighted_mean(signal, voxels.weight * ~first)
    return -(difference.real.square() + difference.imag.square())


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
    """Time from the first pulse to the readout [s]; the penalty that Sequence Search, Sec. IV.D, misses."""
    return sequence.time_to_readout


TERMS: dict[str, TermKind] = {kind.name: kind for kind in list(globals().values()) if type(kind) is TermKind}


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
        object.__setattr__(self, "terms", tuple_of(Term, self.terms))
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError(f"the terms of an objective need different names, got {names}")

    def __call__(self, signal: Signal, sequence: Sequence, voxels: Voxels) -> Loss:
        """The loss, [*batch]. For many calls see `Prepared`."""
        return Prepared(self, voxels).loss(signal, sequence)


@dataclass(frozen=True)
class Prepared:
    """An objective over one set of voxels: whose voxels each term gets is found once, for many calls.

    Raises
    ------
    ValueError
        At the first call, if a tissue that a term names has no voxel, or a contrast is not between two.
    """

    objective: Objective
    voxels: Voxels
    _of_tissues: dict[tuple[int, ...], tuple[Int[Tensor, " chosen"], Voxels]] = field(default_factory=dict)

    @cached_property
    def selections(self) -> list[tuple[Term, Int[Tensor, " chosen"] | None, Voxels]]:
        """Each term with the places of its voxels (None for all) and these, shared by equal tissues."""
        present = set(self.voxels.tissue.unique().tolist())
        found = []
        for each in self.objective.terms:
            missing = [tissue for tissue in each.tissues or () if tissue not in present]
            if missing:
                raise ValueError(
                    f"term '{each.name}' needs voxels of tissue {missing[0]}, and there are none"
                )
            count = len(present if each.tissues is None else each.tissues)
            if each.kind.n_tissues == (2, 2) and count != 2:
                raise ValueError(f"term '{each.name}' needs voxels of exactly two tissues, got {count}")
            found.append((each, *self._select(each.tissues)))
        return found

    def _select(self, tissues: tuple[int, ...] | None) -> tuple[Int[Tensor, " chosen"] | None, Voxels]:
        if tissues is None:
            return None, self.voxels
        key = tuple(sorted(tissues))
        if key not in self._of_tissues:
            places = self.voxels.is_of(key).nonzero()[:, 0]
            self._of_tissues[key] = places, self.voxels[places]
        return self._of_tissues[key]

    def parts(self, signal: Signal, sequence: Sequence) -> dict[str, Loss]:
        """Weighted part of each term by name; they add up to the loss.

        The derivative of |signal| where the signal is zero is taken as zero.
        """
        magnitude, parts = signal.abs(), {}
        for each, places, voxels in self.selections:
            given = signal if each.kind.of == "signal" else magnitude
            mine = given if places is None else given[..., places]
            parts[each.name] = each.value(mine, sequence, voxels)
        return parts

    def loss(self, signal: Signal, sequence: Sequence) -> Loss:
        """Sum of the parts, [*batch]."""
        return torch.stack(list(self.parts(signal, sequence).values())).sum(0)


def _own_value(term: Term, given: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
    """Value of a user's function, from sequences of one pulse number at a time, so that none sees padding."""
    if sequence.present is None or not sequence.present.numel():
        return _call_own(term, given, sequence, voxels)
    rows = given.reshape(-1, given.shape[-1])
    groups = list(sequence.flat().by_pulse_number())
    values = torch.cat([_call_own(term, rows[places], unpadded, voxels) for places, unpadded in groups])
    return values[torch.cat([places for places, _ in groups]).argsort()].reshape(sequence.batch_shape)


def _call_own(term: Term, given: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
    shape = tuple(sequence.batch_shape)
    try:
        value = term.kind.function(given, sequence, voxels)
    except Exception as error:
        what, n_rf = f"{type(error).__name__}: {error}", sequence.delay.shape[-1]
        raise TermError(
            f"term '{term.name}' raised {what} (for a batch {shape} of sequences of {n_rf} pulses)"
        ) from error
    if not isinstance(value, Tensor) or value.shape != sequence.batch_shape or value.is_complex():
        got = f"a {type(value).__name__}"
        if isinstance(value, Tensor):
            got = f"a {'complex ' * value.is_complex()}tensor {tuple(value.shape)}"
        raise TermError(
            f"term '{term.name}' must return a torch tensor {shape}, a loss for each sequence, got {got}"
        )
    return value
