"""From the sequences that a search ends with to its result: cleaned, evaluated, checked on other voxels."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from sequence_search.engines.simulator import Simulator
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED, unmet_text
from sequence_search.pulses.slices import IN_REPORT, IN_SEARCH
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafts import has_slice
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import (
    DraftSimulator,
    as_short_as_played,
    of_played,
    played_as,
    simulator_of,
)
from sequence_search.strategies.result import Design, Point, Run, failed, same_family

CHECK_N_PER_TISSUE = 4096
CHECK_SEED, REPOLISH_SEED = 1, 2  # other scrambles than that of the standard ensemble
# A design whose loss differs by more between the two ensembles is polished again on a third, as large.
LARGEST_MOVE = 0.01
BATCH_SIGNALS = 2**20  # of the sequences that are simulated as one batch: 16 MB
# Designs whose loss is above the least by less than this part of it are polished over all voxels of a report.
NEAR = 0.01
# Of a search that ended before its polish, the designs that are brought within the limits, in how many steps.
N_BROUGHT_WITHIN, BRIEF = 3, 50
ROUNDING = 1e-12  # of a loss, relative
NOT_STANDING = "what is read is excited by a pulse that is not for excitation, of all designs found"
NOTHING = Sequence.from_degrees_ms([], [], [])


class Evaluated(NamedTuple):
    """A single sequence and the weighted parts of its loss over the standard ensemble."""

    sequence: Sequence
    terms: dict[str, float]

    @property
    def loss(self) -> float:
        """Sum of the parts."""
        return sum(self.terms.values())


class Finisher:
    """Turns found sequences into runs; made once for all seeds, its voxels once they are needed."""

    def __init__(self, problem: Problem, engine: str) -> None:
        self._problem = problem
        self._engine = engine
        self.limited = Limited(problem, engine)
        self.nothing = NOTHING if self.limited.playing is None else self.limited.idle

    @cached_property
    def _standard(self) -> Simulator | DraftSimulator:
        return simulator_of(self._problem, self._problem.voxels(), self._engine)

    @cached_property
    def _reported(self) -> Simulator | DraftSimulator:
        if not has_slice(self._problem):
            return self._standard
        return simulator_of(self._problem, self._problem.voxels(), self._engine, IN_REPORT)

    @cached_property
    def _check(self) -> Simulator | DraftSimulator:
        voxels = self._problem.voxels(self._n_check, seed=CHECK_SEED)
        return simulator_of(self._problem, voxels, self._engine, IN_REPORT)

    @property
    def _n_check(self) -> int:
        """Voxels of a tissue: fewer where a search simulates each at several places of a slice."""
        return CHECK_N_PER_TISSUE // (IN_SEARCH if has_slice(self._problem) else 1)

    def finish(
        self,
        seed: int,
        found: list[Sequence],
        meter: Meter,
        *,
        history: tuple[Point, ...],
        n_seeds: int = 1,
        settle: bool = False,
    ) -> Run:
        """Run of the distinct designs among the sequences found, best first.

        Parameters
        ----------
        n_seeds : int
            Seeds that ran as one batch and share the meter's time.
        settle : bool
            Whether those near the best are polished over the voxels of their report.
        """
        found = [as_short_as_played(self._standard, self.limited.frame.hold(one)) for one in found]
        pulsed = [one for one in found if _has_pulses(one)]
        idle = [one for one in found if not _has_pulses(one)][:1]
        clean = [one for one in self.clean([*pulsed, *idle]) if math.isfinite(one.loss)]
        standing = [one for one in clean if self.limited.may_stand(one.sequence)]
        distinct = _distinct(self._within(standing or clean, meter))
        if settle:
            distinct = _distinct(self._settled(distinct, meter))
        pairs = zip(distinct, self.designs(distinct), strict=True)
        designs = [self._repolished(each.sequence, design, meter) for each, design in pairs]
        designs.sort(key=lambda design: design.loss)
        seconds = meter.seconds / n_seeds
        if not designs:
            reason = "the loss is not finite on the standard ensemble"
            return failed(seed, reason, seconds, meter.evaluations, history)
        best = designs[0].evaluation
        reasons = [
            meter.reason,
            None if best.meets_limits else unmet_text(best.wishes),
            None if _has_pulses(designs[0].sequence) else self._why_nothing(clean, distinct),
            None if standing else NOT_STANDING,
        ]
        why = "; ".join(filter(None, reasons)) or None
        return Run(seed, meter.status, tuple(designs), seconds, meter.evaluations, history, why)

    def _why_nothing(self, clean: list[Evaluated], distinct: list[Evaluated]) -> str:
        """Why the best design that does something is worse than none, or why none of those found may."""
        text = "nothing beats doing nothing"
        (nothing,) = self.evaluate([self.nothing])
        doing = min(filter(_does_something, distinct), key=lambda one: one.loss, default=None)
        if doing is None:
            rejected = [one.sequence for one in clean if _does_something(one)]
            if not rejected:
                return (
                    f"{text}: every sequence ended without a pulse above 3°; check the units and the weights"
                )
            if any(map(self.limited.may_stand, rejected)):
                return f"{text}: no other design found is within the limits"
            return f"{text}: {NOT_STANDING} but that one"
        change = {name: part - nothing.terms[name] for name, part in doing.terms.items()}
        worst = max(change, key=lambda name: change[name])
        gain = -sum(part for part in change.values() if part < 0)
        return (
            f"{text}: the objective rewards no signal more than any that was found; the best of them"
            f" would cost {change[worst]:.3g} by '{worst}', and gain {gain:.3g} in all"
        )

    def _within(self, evaluated: list[Evaluated], meter: Meter) -> list[Evaluated]:
        """Those that meet all limits; if there are none the nearest.

        Where the search ended before its polish, the nearest are brought within, of those of a lower loss.
        """
        missed = self.limited.missed([each.sequence for each in evaluated])
        by_missed = sorted(zip(missed, evaluated, strict=True), key=lambda pair: pair[0])
        good = [each for miss, each in by_missed if miss <= ALLOWED]
        bad = [each for miss, each in by_missed if miss > ALLOWED]
        if meter.status != "done":
            least = min((each.loss for each in good), default=math.inf)
            near = [each.sequence for each in bad if each.loss < least][:N_BROUGHT_WITHIN]
            loss = self._standard.loss_and_gradient
            brought = [self.limited.polish(loss, one, Meter(Settings()), BRIEF) for one in near]
            good += self.clean([within for value, within in brought if math.isfinite(value)])
        return good or bad[:1]

    def _settled(self, distinct: list[Evaluated], meter: Meter) -> list[Evaluated]:
        """These designs, best first, those near the best polished over the voxels of their report.

        What a polish brings within the limits takes the place of what misses them, whatever its loss.
        The fewer voxels of a search have another optimum: of 128 with a wide range of T1 by 1 % of a delay.
        One of which a pulse falls below 3° is left as it was: some tenths of a degree gain 1e-5 of the loss.
        """
        least = distinct[0].loss if distinct else 0.0
        settled = []
        for each in distinct:
            is_near = each.loss <= least + NEAR * abs(least) and _has_pulses(each.sequence)
            again = self._polished(each.sequence, meter) if is_near and not meter.must_end() else []
            both = [each, *filter(self._keeps_its_pulses, again)]
            if len(both) == 1:
                settled.append(each)
                continue
            missed = self.limited.missed([one.sequence for one in both])
            rank = [(miss > ALLOWED, one.loss) for miss, one in zip(missed, self.reported(both), strict=True)]
            settled.append(both[rank.index(min(rank))])
        return settled

    def _keeps_its_pulses(self, found: Evaluated) -> bool:
        """Whether it has no pulse so small that it would be dropped."""
        dropped = self.limited.without_small_pulses(found.sequence)
        return len(dropped.flip_angle) == len(found.sequence.flip_angle)

    def _polished(self, sequence: Sequence, meter: Meter) -> list[Evaluated]:
        """A design polished over the voxels of its report; none if that misses limits or may not stand.

        It begins with the better of the design and its mirror: voxels that are drawn are not symmetric about
        a b0 of 0.
        """
        mirror = replace(sequence, phase=-sequence.phase)
        is_kept = all(self.limited.frame.keeps(mirror, end) for end in ("head", "tail"))
        start = min(self.evaluate([sequence, *[mirror] * is_kept]), key=lambda one: one.loss)
        loss, polished = self.limited.polish(self._reported.loss_and_gradient, start.sequence, meter)
        found = self.clean([polished]) if math.isfinite(loss) else []
        return [one for one in found if self.limited.may_stand(one.sequence)]

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

    def _forms(self, sequence: Sequence) -> list[Sequence]:
        """The sequence as found; its flip angles positive and its first phase 0; without small pulses.

        A draft also with fewer gradients.
        """
        found = sequence.detach().without_padding()
        forms = [found, found.turn_first_to_zero()]
        dropped = self.limited.without_small_pulses(found).turn_first_to_zero()
        if 0 < len(dropped.flip_angle) < len(found.flip_angle):
            # The delay of a dropped pulse may have lengthened the one before it beyond its bound.
            longest = self._problem.search_space.max_delay
            forms.append(replace(dropped, delay=dropped.delay.clamp(max=longest)))
        return [*forms, *self.limited.with_fewer_gradients(forms[-1])]

    def evaluate(self, sequences: list[Sequence]) -> list[Evaluated]:
        """Parts of the loss of single sequences over the standard ensemble, as a search counts."""
        return [Evaluated(*each) for each in zip(sequences, _terms(sequences, self._standard), strict=True)]

    def reported(self, evaluated: list[Evaluated]) -> list[Evaluated]:
        """The same by as many places across a slice as `Problem.evaluate` takes; as they are without one."""
        if not has_slice(self._problem):
            return evaluated
        sequences = [each.sequence for each in evaluated]
        return [Evaluated(*each) for each in zip(sequences, _terms(sequences, self._reported), strict=True)]

    def designs(self, evaluated: list[Evaluated]) -> list[Design]:
        """Designs as reported, with what else they achieve and their losses over the check ensemble."""
        evaluated = self.reported(evaluated)
        checks = _terms([each.sequence for each in evaluated], self._check)
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
        played = played_as(self._standard, found.sequence)
        turned = played if played.layout is None else played.turn_first_to_zero()
        as_turned = Evaluated(turned, found.terms)
        if turned is played or not any(term.kind.own for term in self._problem.objective.terms):
            return as_turned, check
        terms, checks = (_terms([turned], of_played(each))[0] for each in (self._reported, self._check))
        as_turned = Evaluated(turned, terms)
        if as_turned.loss <= found.loss + ROUNDING * abs(found.loss):
            return as_turned, sum(checks.values())
        return Evaluated(played, found.terms), check

    def _repolished(self, found: Sequence, design: Design, meter: Meter) -> Design:
        """The design of what was found, or a better one where its loss does not hold on other voxels."""
        if abs(design.check_loss - design.loss) <= LARGEST_MOVE * abs(design.loss) or meter.must_end():
            return design
        voxels = self._problem.voxels(self._n_check, seed=REPOLISH_SEED)
        loss_and_gradient = simulator_of(self._problem, voxels, self._engine).loss_and_gradient
        loss, polished = self.limited.polish(loss_and_gradient, found, meter)
        if math.isinf(loss) or not _has_pulses(polished):
            return design
        (again,) = self.designs(self.clean([polished]))
        return replace(again, repolished=True) if again.check_loss < design.check_loss else design


def _distinct(evaluated: list[Evaluated]) -> list[Evaluated]:
    """The best of each family, best first."""
    distinct: list[Evaluated] = []
    for each in sorted(evaluated, key=lambda one: one.loss):
        if not any(same_family(each.sequence, other.sequence) for other in distinct):
            distinct.append(each)
    return distinct


def _has_pulses(sequence: Sequence) -> bool:
    return bool((sequence.flip_angle.abs() >= SMALL_PULSE).any())


def _does_something(found: Evaluated) -> bool:
    return _has_pulses(found.sequence)


def _terms(sequences: list[Sequence], simulator: Simulator | DraftSimulator) -> list[dict[str, float]]:
    """Weighted part of each term, simulated as one batch, or several where its signals are too many."""
    step = simulator.most_at_once(max((len(each.delay) for each in sequences), default=0), BATCH_SIGNALS)
    terms: list[dict[str, float]] = []
    for first in range(0, len(sequences), step):
        parts = simulator.parts(Sequence.stack(sequences[first : first + step]))
        rows = zip(*(part.tolist() for part in parts.values()), strict=True)
        terms += [dict(zip(parts, row, strict=True)) for row in rows]
    return terms
