"""From the sequences that a search ends with to its result: cleaned, evaluated, checked on other voxels."""

from __future__ import annotations

import math
from functools import cached_property

from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED, unmet_text
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.evaluator import Evaluated, Evaluator, has_pulses
from sequence_search.strategies.last_polish import converged, repolished, settled
from sequence_search.strategies.played import as_short_as_played
from sequence_search.strategies.result import Design, Point, Run, failed, same_family

# Of a search that ended before its polish, the designs that are brought within the limits, in how many steps.
N_BROUGHT_WITHIN, BRIEF = 3, 50
NOT_STANDING = "what is read is excited or refocused by a pulse that is not for it"
NONE_STANDS = f"{NOT_STANDING}, of all designs found"
NOTHING = Sequence.from_degrees_ms([], [], [])


class Finisher:
    """Turns found sequences into runs; made once for all seeds, its voxels once they are needed."""

    def __init__(self, problem: Problem, engine: str) -> None:
        self._evaluator = Evaluator(problem, engine)
        self.limited = self._evaluator.limited
        self.nothing = NOTHING if self.limited.playing is None else self.limited.proposals.idle

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
        found = [as_short_as_played(self._evaluator.standard, self.limited.frame.hold(one)) for one in found]
        clean = self._doing([one for one in self._evaluator.clean(found) if math.isfinite(one.loss)])
        standing = [one for one in clean if self.limited.may_stand(one.sequence)]
        distinct = _distinct(self._within(standing or clean, meter))
        if settle:
            distinct = _distinct(settled(self._evaluator, distinct, meter))
        pairs = zip(distinct, self._evaluator.designs(distinct), strict=True)
        designs = [repolished(self._evaluator, each.sequence, design, meter) for each, design in pairs]
        designs.sort(key=lambda design: design.loss)
        seconds = meter.seconds / n_seeds
        if not designs:
            reason = "the loss is not finite on the standard ensemble"
            return failed(seed, reason, seconds, meter.evaluations, history)
        best = designs[0].evaluation
        reasons = [
            meter.reason,
            None if best.meets_limits else unmet_text(best.wishes),
            None if self._does(designs[0]) else self._why_nothing(clean, distinct),
            None if standing else NONE_STANDS,
        ]
        why = "; ".join(filter(None, reasons)) or None
        return Run(seed, meter.status, tuple(designs), seconds, meter.evaluations, history, why)

    @cached_property
    def _of_nothing(self) -> Evaluated:
        (nothing,) = self._evaluator.evaluate([self.nothing])
        return nothing

    def _does(self, one: Evaluated | Design) -> bool:
        """Whether a design has a pulse of 3° or more, or smaller ones alone that are better than none."""
        if has_pulses(one.sequence, SMALL_PULSE):
            return True
        return has_pulses(one.sequence) and one.loss < self._of_nothing.loss

    def _doing(self, clean: list[Evaluated]) -> list[Evaluated]:
        """Those that do something, and the best of the others."""
        does = [self._does(one) for one in clean]
        idle = [one for one, doing in zip(clean, does, strict=True) if not doing]
        best = sorted(idle, key=lambda one: one.loss)[:1]
        return [one for one, doing in zip(clean, does, strict=True) if doing] + best

    def _why_nothing(self, clean: list[Evaluated], distinct: list[Evaluated]) -> str:
        """Why the best design that does something is worse than none, or why none of those found may."""
        text = "nothing beats doing nothing"
        nothing = self._of_nothing
        doing = next(filter(self._does, distinct), None)  # they are sorted
        if doing is None:
            rejected = [one.sequence for one in clean if self._does(one)]
            if not rejected:
                return (
                    f"{text}: every sequence ended without a pulse above 3°; check the units and the weights"
                )
            if any(map(self.limited.may_stand, rejected)):
                return f"{text}: no other design found is within the limits"
            return f"{text}: {NONE_STANDS} but that one"
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
            loss = self._evaluator.standard.loss_and_gradient
            for one in near:
                good += converged(self._evaluator, loss, one, Meter(Settings()), BRIEF)
        return good or bad[:1]


def _distinct(evaluated: list[Evaluated]) -> list[Evaluated]:
    """The best of each family, best first."""
    distinct: list[Evaluated] = []
    for each in sorted(evaluated, key=lambda one: one.loss):
        if not any(same_family(each.sequence, other.sequence) for other in distinct):
            distinct.append(each)
    return distinct
