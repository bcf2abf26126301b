"""Terms with their weight, tissues and readouts, and their weighted sum over one set of voxels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Complex, Int
from torch import Tensor

from sequence_search.checks import number, tuple_of
from sequence_search.estimation import Estimate
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.terms import (
    TERMS,
    KernelForm,
    Loss,
    TermError,
    TermFunction,
    TermKind,
    contrast_loss,
    crlb,
    duration,
    null_loss,
    own_term,
    own_value,
    rf_energy,
    rf_number,
    signal_loss,
    signed_contrast_loss,
    snr_efficiency,
    term,
    time_to_readout,
)
from sequence_search.voxels import Voxels

Slopes = Mapping[str, Tensor]  # derivatives of |signal| by the logarithm of what names them

__all__ = [
    "TERMS",
    "KernelForm",
    "Objective",
    "Prepared",
    "Slopes",
    "Term",
    "TermError",
    "TermFunction",
    "TermKind",
    "contrast_loss",
    "crlb",
    "duration",
    "null_loss",
    "own_term",
    "rf_energy",
    "rf_number",
    "signal_loss",
    "signed_contrast_loss",
    "snr_efficiency",
    "term",
    "time_to_readout",
]


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
    readouts : tuple of int, counted from 1
        The value is the mean of those at these readouts, or of these together; all if not given.
    estimate : Estimate or None
        Of a crlb, what is estimated.

    Raises
    ------
    TypeError
        If the kind is a bare function, or is of what is no function.
    ValueError
        If the weight is not finite or is negative, or the tissues, the worst share, the readouts or the
        estimate do not fit the kind.
    """

    name: str
    kind: TermKind
    weight: float
    tissues: tuple[int, ...] | None = None
    brighter: int | None = None
    worst_share: float = 1.0
    readouts: tuple[int, ...] | None = None
    estimate: Estimate | None = None

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
        if (self.estimate is None) == (self.kind.of == "slopes"):
            needs = "needs" if self.estimate is None else "has no"
            raise ValueError(f"term '{self.name}' {needs} parameter, that is to be estimated")
        if self.readouts is not None:
            self._check_readouts(self.readouts)

    @property
    def has_kernel_form(self) -> bool:
        """Whether the compiled kernel can sum it: neither of the worst nor of some readouts in one pass."""
        return self.kind.kernel is not None and self.worst_share == 1 and self.readouts is None

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

    def _check_readouts(self, readouts: tuple[int, ...]) -> None:
        name = self.name
        if not isinstance(readouts, list | tuple) or not all(type(each) is int for each in readouts):
            raise ValueError(f"readouts of term '{name}' must be whole numbers, as (1, 2), got {readouts!r}")
        object.__setattr__(self, "readouts", tuple(readouts))
        if self.kind.n_tissues[1] == 0:
            raise ValueError(f"term '{name}' concerns the sequence, so it takes no readouts")
        if not readouts or min(readouts) < 1 or len(set(readouts)) < len(readouts):
            raise ValueError(
                f"readouts of term '{name}' must be different numbers from 1 on, got {list(readouts)}"
            )

    def value(
        self, given: Tensor, sequence: Sequence, voxels: Voxels, kinds: Mapping[str, Kind] | None = None
    ) -> Tensor:
        """Weighted value [*batch] from the signal or magnitude, as the kind takes, of the term's voxels.

        Parameters
        ----------
        given : tensor [*batch, n_voxels], for a sequence of several readouts [*batch, n_readouts, n_voxels]
            Of a crlb with a dimension before, for each of what is estimated.
        kinds : of pulse, by name, for those that `takes_kinds` marks

        Raises
        ------
        ValueError
            If the term names a readout that the sequence does not have.
        """
        several = sequence.n_readouts > 1
        chosen = self._chosen(sequence.n_readouts)
        mine = given[..., chosen, :] if several else given
        if self.kind.own:
            return self.weight * own_value(self.name, self.kind.function, mine, sequence, voxels)
        # Readouts go first, so that what a sequence has one of, as its TR, is for each of them.
        mine = mine.movedim(-2, 0) if several else mine
        if self.kind.of == "sequence":
            of_kinds = {"kinds": kinds or {}} if self.kind.takes_kinds else {}
            return self.weight * self.kind(mine[0] if several else mine, sequence, voxels, **of_kinds)
        options: dict[str, Any] = {} if self.brighter is None else {"brighter": self.brighter}
        if self.worst_share < 1:
            options["worst_share"] = self.worst_share
        if self.estimate is not None:
            mine = mine if several else mine[None]
            return self.weight * self.kind(mine, sequence, voxels, estimate=self.estimate, **options)
        value = self.kind(mine, sequence, voxels, **options)
        return self.weight * (value.mean(0) if several else value)

    def _chosen(self, n_readouts: int) -> list[int]:
        """Places of the term's readouts, of so many."""
        numbers = self.readouts or range(1, n_readouts + 1)
        if max(numbers) > n_readouts:
            has = "1 readout" if n_readouts == 1 else f"{n_readouts} readouts"
            raise ValueError(f"term '{self.name}' names readout {max(numbers)}, and the sequence has {has}")
        return [number - 1 for number in numbers]


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

    @property
    def estimated(self) -> tuple[str, ...]:
        """Relaxation times by which terms need derivatives of the signal."""
        unknown = [name for term in self.terms if term.estimate for name in term.estimate.unknown]
        return tuple(sorted(set(unknown) - {"m0"}))

    def __call__(self, signal: Complex[Tensor, "..."], sequence: Sequence, voxels: Voxels) -> Loss:
        """The loss, [*batch]. For many calls see `Prepared`."""
        return Prepared(self, voxels).loss(signal, sequence)


@dataclass(frozen=True)
class Prepared:
    """An objective over one set of voxels: whose voxels each term gets is found once, for many calls.

    Attributes
    ----------
    kinds : mapping of name to Kind
        Of pulse, for terms of B1.

    Raises
    ------
    ValueError
        At the first call, if a tissue that a term names has no voxel, or a contrast is not between two.
    """

    objective: Objective
    voxels: Voxels
    kinds: Mapping[str, Kind] = field(default_factory=dict)
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

    def parts(
        self, signal: Complex[Tensor, "..."], sequence: Sequence, slopes: Slopes | None = None
    ) -> dict[str, Loss]:
        """Weighted part of each term by name; they add up to the loss.

        The signal is [*batch, n_voxels], of several readouts [*batch, n_readouts, n_voxels]. The derivative
        of |signal| where the signal is zero is taken as zero.

        Parameters
        ----------
        slopes : mapping of "t1" and "t2" to real tensors, shaped as the signal
            Derivatives of |signal| by their logarithms, of those that are estimated; see `Simulator.slopes`.

        Raises
        ------
        ValueError
            If a term needs slopes that are not given.
        """
        magnitude, parts = signal.abs(), {}
        for each, places, voxels in self.selections:
            given = signal if each.kind.of == "signal" else magnitude
            if each.estimate is not None:
                # |signal| is proportional to M0.
                known = {"m0": magnitude, **(slopes or {})}
                if missing := set(each.estimate.unknown) - known.keys():
                    raise ValueError(
                        f"term '{each.name}' needs derivatives of signals by {', '.join(sorted(missing))},"
                        " which a simulation of the problem's voxels has, and these signals have not"
                    )
                given = torch.stack([known[name] for name in each.estimate.unknown])
            mine = given if places is None else given[..., places]
            parts[each.name] = each.value(mine, sequence, voxels, self.kinds)
        return parts

    def loss(self, signal: Complex[Tensor, "..."], sequence: Sequence, slopes: Slopes | None = None) -> Loss:
        """Sum of the parts, [*batch]."""
        return torch.stack(list(self.parts(signal, sequence, slopes).values())).sum(0)
