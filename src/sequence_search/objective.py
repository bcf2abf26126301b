"""The weighted sum of terms over one set of voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Complex, Int
from torch import Tensor

from sequence_search.checks import tuple_of
from sequence_search.own_value import Loss, TermError, TermFunction
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.terms import (
    TERMS,
    KernelForm,
    TermKind,
    contrast_loss,
    crlb,
    duration,
    null_loss,
    own_term,
    rf_energy,
    rf_number,
    signal_loss,
    signed_contrast_loss,
    snr_efficiency,
    term,
    time_to_readout,
)
from sequence_search.voxels import Voxels
from sequence_search.weighted_term import Term

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
            every = each.tissues is None or present.issubset(each.tissues)
            found.append((each, *self._select(None if every else each.tissues)))
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
