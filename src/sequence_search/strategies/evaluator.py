"""What a search ended with, cleaned and evaluated over the voxels of a report and over others."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from sequence_search.engines.simulator import Simulator
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.pulses.slices import IN_REPORT, IN_SEARCH
from sequence_search.sequence import NO_PULSE, Sequence
from sequence_search.strategies.drafts import has_slice
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import DraftSimulator, of_played, played_as, simulator_of
from sequence_search.strategies.result import Design

CHECK_N_PER_TISSUE = 4096
CHECK_SEED, REPOLISH_SEED = 1, 2  # other scrambles than that of the standard ensemble
BATCH_SIGNALS = 2**20  # of the sequences that are simulated as one batch: 16 MB
ROUNDING = 1e-12  # of a loss, relative


def n_check(problem: Problem) -> int:
    """Voxels of a tissue in the other ensembles: fewer where each is at several places of a slice."""
    return CHECK_N_PER_TISSUE // (IN_SEARCH if has_slice(problem) else 1)


class Evaluated(NamedTuple):
    """A single sequence and the weighted parts of its loss over the standard ensemble."""

    sequence: Sequence
    terms: dict[str, float]

    @property
    def loss(self) -> float:
        """Sum of the parts."""
        return sum(self.terms.values())


class Evaluator:
    """Cleans and evaluates single sequences of a problem; made once for all seeds, voxels as they are needed.

    Attributes
    ----------
    limited : keeps the limits of the problem
    """

    def __init__(self, problem: Problem, engine: str) -> None:
        self._problem = problem
        self._engine = engine
        self.limited = Limited(problem, engine)

    @cached_property
    def standard(self) -> Simulator | DraftSimulator:
        """Simulator of the standard ensemble, as a search counts."""
        return simulator_of(self._problem, self._problem.voxels(), self._engine)

    @cached_property
    def of_report(self) -> Simulator | DraftSimulator:
        """That of the same voxels, by as many places across a slice as `Problem.evaluate` takes."""
        if not has_slice(self._problem):
            return self.standard
        return simulator_of(self._problem, self._problem.voxels(), self._engine, IN_REPORT)

    @cached_property
    def of_check(self) -> Simulator | DraftSimulator:
        """That of other voxels, by as many places."""
        voxels = self._problem.voxels(n_check(self._problem), seed=CHECK_SEED)
        return simulator_of(self._problem, voxels, self._engine, IN_REPORT)

    @cached_property
    def of_repolish(self) -> Simulator | DraftSimulator:
        """That of a third ensemble, to polish on what does not hold on the second."""
        voxels = self._problem.voxels(n_check(self._problem), seed=REPOLISH_SEED)
        return simulator_of(self._problem, voxels, self._engine)

    def clean(self, found: list[Sequence]) -> list[Evaluated]:
        """Drop small pulses and turn all phases to a first of 0, where the loss does not rise by it.

        What is reported is what was found. Phases are never negated, as for tables: that mirrors b0.
        """
        forms = [self._forms(one) for one in found]
        every = [form for each in forms for form in each]
        evaluated = zip(self.evaluate(every), self.limited.missed(every), strict=True)
        chosen = []
        for each in forms:
            (raw, missed), *cleaner = (next(evaluated) for _ in each)
            loss, miss = raw.loss + ROUNDING * abs(raw.loss), max(missed, ALLOWED)
            fits = (one for one, misses in reversed(cleaner) if one.loss <= loss and misses <= miss)
            chosen.append(next(fits, raw))
        return chosen

    def standing(self, found: list[Sequence]) -> list[Evaluated]:
        """As `clean`, those that may stand: what they read is excited and refocused by pulses for it."""
        return [one for one in self.clean(found) if self.limited.may_stand(one.sequence)]

    def _forms(self, sequence: Sequence) -> list[Sequence]:
        """The sequence as found; its flip angles positive and its first phase 0; without small pulses.

        A draft also with fewer gradients.
        """
        found = sequence.detach().without_padding()
        forms = [found, found.turn_first_to_zero()]
        dropped = self.limited.proposals.without_small_pulses(found).turn_first_to_zero()
        if 0 < len(dropped.flip_angle) < len(found.flip_angle):
            # The delay of a dropped pulse may have lengthened the one before it beyond its bound.
            longest = self._problem.search_space.max_delay
            forms.append(replace(dropped, delay=dropped.delay.clamp(max=longest)))
        return [*forms, *self.limited.proposals.with_fewer_gradients(forms[-1])]

    def evaluate(self, sequences: list[Sequence]) -> list[Evaluated]:
        """Parts of the loss of single sequences over the standard ensemble, as a search counts."""
        return [Evaluated(*each) for each in zip(sequences, _terms(sequences, self.standard), strict=True)]

    def reported(self, evaluated: list[Evaluated]) -> list[Evaluated]:
        """The same by as many places across a slice as `Problem.evaluate` takes; as they are without one."""
        if not has_slice(self._problem):
            return evaluated
        sequences = [each.sequence for each in evaluated]
        return [Evaluated(*each) for each in zip(sequences, _terms(sequences, self.of_report), strict=True)]

    def designs(self, evaluated: list[Evaluated]) -> list[Design]:
        """Designs as reported, with what else they achieve and their losses over the check ensemble."""
        evaluated = self.reported(evaluated)
        checks = _terms([each.sequence for each in evaluated], self.of_check)
        reported = [
            self._turned(each, sum(check.values())) for each, check in zip(evaluated, checks, strict=True)
        ]
        return [
            Design(single, self._problem.evaluation(single, terms, self._engine), check, False)
            for (single, terms), check in reported
        ]

    def _turned(self, found: Evaluated, check: float) -> tuple[Evaluated, float]:
        """A design as it is played, its first phase and that behind each spoiler 0, and its check loss.

        Phases that a spoiler makes meaningless are random in drafts, which do not know where one is played.
        Only a term of the user's own may see them: they stay where its loss would rise.
        """
        played = played_as(self.standard, found.sequence)
        turned = played if played.layout is None else played.turn_first_to_zero()
        as_turned = Evaluated(turned, found.terms)
        if turned is played or not any(term.kind.own for term in self._problem.objective.terms):
            return as_turned, check
        terms, checks = (_terms([turned], of_played(each))[0] for each in (self.of_report, self.of_check))
        as_turned = Evaluated(turned, terms)
        if as_turned.loss <= found.loss + ROUNDING * abs(found.loss):
            return as_turned, sum(checks.values())
        return Evaluated(played, found.terms), check


def has_pulses(sequence: Sequence, least: float = NO_PULSE) -> bool:
    """Whether any pulse turns by so much [rad]: small ones are dropped, but act where all are small."""
    return bool((sequence.flip_angle.abs() >= least).any())


def _terms(sequences: list[Sequence], simulator: Simulator | DraftSimulator) -> list[dict[str, float]]:
    """Weighted part of each term, simulated as one batch, or several where its signals are too many."""
    step = simulator.most_at_once(max((len(each.delay) for each in sequences), default=0), BATCH_SIGNALS)
    terms: list[dict[str, float]] = []
    for first in range(0, len(sequences), step):
        parts = simulator.parts(Sequence.stack(sequences[first : first + step]))
        rows = zip(*(part.tolist() for part in parts.values()), strict=True)
        terms += [dict(zip(parts, row, strict=True)) for row in rows]
    return terms
