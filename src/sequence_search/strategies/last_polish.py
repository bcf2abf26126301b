"""The last polish: over the voxels of a report, and over others where a loss does not hold on them."""

from __future__ import annotations

import math
from dataclasses import replace

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.wishes import ALLOWED
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.evaluator import Evaluated, Evaluator, has_pulses
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.result import Design

# Designs whose loss is above the least by less than this part of it are polished over all voxels of a report.
NEAR = 0.01
# A design whose loss differs by more between the two ensembles is polished again on a third, as large.
LARGEST_MOVE = 0.01


def converged(
    evaluator: Evaluator,
    loss_and_gradient: LossFunction,
    sequence: Sequence,
    meter: Meter,
    max_iterations: int = 200,
) -> list[Evaluated]:
    """A single sequence polished and cleaned; none if that misses a limit or may not stand."""
    loss, polished = evaluator.limited.polish(loss_and_gradient, sequence, meter, max_iterations)
    return evaluator.standing([polished]) if math.isfinite(loss) else []


def settled(evaluator: Evaluator, distinct: list[Evaluated], meter: Meter) -> list[Evaluated]:
    """These designs, best first, those near the best polished over the voxels of their report.

    What a polish brings within the limits takes the place of what misses them, whatever its loss.
    The fewer voxels of a search have another optimum: of 128 with a wide range of T1 by 1 % of a delay.
    One of which a pulse falls below 3° is left as it was: some tenths of a degree gain 1e-5 of the loss.
    """
    least = distinct[0].loss if distinct else 0.0
    found = []
    for each in distinct:
        is_near = each.loss <= least + NEAR * abs(least) and has_pulses(each.sequence)
        again = _from_the_better(evaluator, each.sequence, meter) if is_near and not meter.must_end() else []
        kept = [one for one in again if _keeps_its_pulses(evaluator.limited, one.sequence)]
        found.append(_better(evaluator, [each, *kept]) if kept else each)
    return found


def _better(evaluator: Evaluator, found: list[Evaluated]) -> Evaluated:
    """The first of least loss as reported of those that meet all limits, or of all if none does."""
    missed = evaluator.limited.missed([one.sequence for one in found])
    losses = [one.loss for one in evaluator.reported(found)]
    rank = [(miss > ALLOWED, loss) for miss, loss in zip(missed, losses, strict=True)]
    return found[rank.index(min(rank))]


def _from_the_better(evaluator: Evaluator, sequence: Sequence, meter: Meter) -> list[Evaluated]:
    """A design polished over the voxels of its report, from the better of it and its mirror, as `converged`.

    Voxels that are drawn are not symmetric about a b0 of 0.
    """
    mirror = replace(sequence, phase=-sequence.phase)
    is_kept = all(evaluator.limited.frame.keeps(mirror, end) for end in ("head", "tail"))
    start = min(evaluator.evaluate([sequence, *[mirror] * is_kept]), key=lambda one: one.loss)
    return converged(evaluator, evaluator.of_report.loss_and_gradient, start.sequence, meter)


def _keeps_its_pulses(limited: Limited, sequence: Sequence) -> bool:
    """Whether it has no pulse so small that it would be dropped, or no other."""
    return len(limited.proposals.without_small_pulses(sequence).delay) in {0, len(sequence.delay)}


def repolished(evaluator: Evaluator, found: Sequence, design: Design, meter: Meter) -> Design:
    """The design of what was found, or a better one where its loss does not hold on other voxels."""
    if abs(design.check_loss - design.loss) <= LARGEST_MOVE * abs(design.loss) or meter.must_end():
        return design
    again = converged(evaluator, evaluator.of_repolish.loss_and_gradient, found, meter)
    designs = evaluator.designs([one for one in again if has_pulses(one.sequence)])
    better = (one for one in designs if one.check_loss < design.check_loss)
    return next((replace(one, repolished=True) for one in better), design)
