"""A term with its weight, the tissues and readouts that it is of, and what is estimated by it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sequence_search.checks import number
from sequence_search.estimation import Estimate
from sequence_search.own_value import own_value
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.terms import TERMS, TermKind, contrast_loss
from sequence_search.voxels import Voxels


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
