"""What a loss is traded against: RF energy, time, number of pulses, or a term of the objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.errors import nearest
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.played import simulator_of
from sequence_search.words import enumerated

# Costs of the sequence alone: in words, the unit of tables, and the factor to it.
COSTS = {
    "rf_energy": ("RF energy", "rad²", 1.0),
    "time_to_readout": ("time to readout", "ms", 1e3),
    "duration": ("duration", "ms", 1e3),
    "rf_number": ("number of pulses", "", 1.0),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost, and the problem without it, whose loss is traded against it.

    Attributes
    ----------
    term : that computes the cost, of weight 1
    rest : problem without the terms of that cost
    label, unit, factor : in words, the unit of tables, and the factor to it
    """

    term: Term
    rest: Problem
    label: str
    unit: str = ""
    factor: float = 1.0

    @property
    def axis(self) -> str:
        """As "RF energy (rad²)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def is_discrete(self) -> bool:
        """Whether it takes whole numbers only."""
        return self.term.kind is TERMS["rf_number"]

    def weighed(self, weight: float) -> Problem:
        """The problem in which the cost has that weight."""
        terms = (*self.rest.objective.terms, replace(self.term, weight=weight))
        return replace(self.rest, objective=Objective(terms))

    def value_and_gradient(self, n_per_tissue: int, engine: str) -> LossFunction:
        """The cost and its derivatives over Sobol voxels; one of a single sequence alone needs none."""
        if _is_of_sequence(self.term):
            return CLOSED_FORMS[self.term.kind.name]
        problem = self._alone
        return problem.loss_and_gradient(problem.voxels(n_per_tissue), engine)

    def of_proposals(self, n_per_tissue: int, engine: str) -> LossFunction:
        """The same of what a search of the problem proposes, drafts if its sequences have layouts."""
        if not self.rest.has_layouts:
            return self.value_and_gradient(n_per_tissue, engine)
        problem = self._alone
        few = problem.voxels(method="nominal")  # on which a cost of the sequence alone does not depend
        voxels = few if _is_of_sequence(self.term) else problem.voxels(n_per_tissue)
        return simulator_of(problem, voxels, engine).loss_and_gradient

    @property
    def _alone(self) -> Problem:
        """The problem of the cost alone."""
        return replace(self.rest, objective=Objective((self.term,)))


def _rf_energy(sequence: Sequence) -> tuple[Tensor, Sequence]:
    return sequence.rf_energy, replace(_zeros(sequence), flip_angle=2 * sequence.flip_angle)


def _time_to_readout(sequence: Sequence) -> tuple[Tensor, Sequence]:
    return sequence.time_to_readout, replace(_zeros(sequence), delay=sequence.counts_to_readout)


def _duration(sequence: Sequence) -> tuple[Tensor, Sequence]:
    counts = sequence.counts_to_readout
    if sequence.layout is not None and sequence.is_steady:
        counts = counts.new_tensor(sequence.layout.multiples).sum(0).expand(counts.shape)
    return sequence.duration, replace(_zeros(sequence), delay=counts)


def _rf_number(sequence: Sequence) -> tuple[Tensor, Sequence]:
    return sequence.n_rf.to(sequence.delay.dtype), _zeros(sequence)


def _zeros(sequence: Sequence) -> Sequence:
    return sequence.with_columns({name: torch.zeros_like(part) for name, part in sequence.columns().items()})


# Of a single sequence, with derivatives, in closed form: a polish asks for a cost as often as for a loss.
CLOSED_FORMS: dict[str, LossFunction] = {
    "rf_energy": _rf_energy,
    "time_to_readout": _time_to_readout,
    "duration": _duration,
    "rf_number": _rf_number,
}


def cost_of(problem: Problem, against: str) -> Cost:
    """Cost by name: one of `COSTS`, or a term of the objective, counted without its weight.

    What is traded against it is the rest of the objective, so that a weight on the cost does not count twice.

    Raises
    ------
    ValueError
        If there is no such cost, it is the same for all sequences, or nothing else is in the objective.
    """
    if against == "duration" and problem.acquisition.is_repeated:
        low, high = problem.acquisition.tr_bounds
        if low == high:
            raise ValueError(
                f"every sequence of '{problem.name}' takes its repetition time, {1e3 * low:.6g} ms, so that"
                " nothing is traded against duration: take time_to_readout"
            )
    named = {term.name: term for term in problem.objective.terms}
    if against in named and not _is_of_sequence(named[against]):
        term = replace(named[against], weight=1.0)
        names = [problem.tissues[index].name for index in term.tissues or ()]
        label = f"term {against}" + (f" of {enumerated(names)}" if names else "")
        return Cost(term, _without(problem, lambda other: other.name == against), label)
    if against in COSTS:
        kind = TERMS[against]
        rest = _without(problem, lambda other: other.kind is kind)
        return Cost(Term(against, kind, 1.0), rest, *COSTS[against])
    known = [*COSTS, *(name for name in named if name not in COSTS)]
    hint = nearest(against, known)
    raise ValueError(f"against must be a cost or a term of '{problem.name}', got '{against}'{hint}")


def _is_of_sequence(term: Term) -> bool:
    """Whether it is one of `COSTS`, and no function of the user's own by such a name."""
    return term.kind.name in COSTS and not term.kind.own


def _without(problem: Problem, is_cost: Callable[[Term], bool]) -> Problem:
    """The problem without the terms of the cost; a ValueError if nothing is left."""
    rest = tuple(term for term in problem.objective.terms if not is_cost(term))
    if not rest:
        raise ValueError(f"the objective of '{problem.name}' has nothing else to trade against the cost")
    return replace(problem, objective=Objective(rest))
