"""What the parts of a sequence with a layout buy, once the rest is polished again without them."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from sequence_search.explanation.layouts import LeftOut
from sequence_search.explanation.pulses import N_PER_TISSUE, polished_ends, starts_without, varied
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafts import NONE, SPOILED, Draft
from sequence_search.strategies.evaluator import Evaluated, Evaluator
from sequence_search.strategies.held import delays_held
from sequence_search.strategies.played import played_as, simulator_of

N_STARTS = 48  # variants of what is left, of which the descent leaves one to polish beside the first
N_POLISHED = 256  # voxels of a tissue, of the polish
CRUSHED = 1.0


def repolished(
    problem: Problem, draft: Draft, parts: tuple[LeftOut, ...], engine: str = "auto"
) -> tuple[LeftOut, ...]:
    """The parts with what is left without each polished, by the draft that the sequence is played from.

    Pulses that the problem gives stay as they are, and without them or their gradients nothing is polished.
    """
    evaluator = Evaluator(problem, engine)
    simulator = simulator_of(problem, problem.voxels(N_POLISHED), engine)
    limited, standard = evaluator.limited, simulator.loss_and_gradient
    few = limited.descent_loss(problem.voxels(N_PER_TISSUE))
    _, whole = limited.polish(standard, delays_held(draft, limited.frame), Meter(Settings()))
    loss = min(each.loss for each in evaluator.reported(evaluator.evaluate([draft, whole])))
    given = limited.frame.is_fixed(draft)
    found = []
    for part in parts:
        starts = _starts(draft, part, given)
        best: Evaluated | None = None
        if starts is not None and limited.playing is not None:
            starts = delays_held(limited.playing.bounded(starts), limited.frame)
            ends = polished_ends(starts, few(), standard, limited)
            best = min(evaluator.reported(evaluator.clean(ends)), key=lambda each: each.loss, default=None)
        if best is not None:
            rest = played_as(simulator, best.sequence)
            found.append(replace(part, polished=best.loss, buys=best.loss - loss, rest=rest))
        else:
            found.append(part)
    return tuple(found)


def _starts(draft: Draft, part: LeftOut, given: Bool[Tensor, " n_rf"]) -> Sequence | None:
    """Drafts [N_STARTS, n_rf] without a part; None if nothing is left, or the part is given."""
    n_rf = len(draft.flip_angle)
    # Of a train the last pulse of a draft stands for all that follow.
    if any(given[min(pulse, n_rf - 1)] for pulse in part.pulses):
        return None
    if part.what != "pulse":
        gradient = draft.gradient.clone()
        gradient[[at for at in part.pulses if at < n_rf]] = NONE
        without = replace(draft, gradient=gradient).map(lambda column: column.repeat(N_STARTS, 1))
        return varied(without, given)
    (pulse,) = part.pulses
    if n_rf < 2:
        return None
    starts = starts_without(draft, pulse, given)[:N_STARTS]
    if pulse == 0 or given[pulse - 1] or not isinstance(starts, Draft):
        return starts
    before, own = draft.gradient[pulse - 1 : pulse + 1].tolist()
    joined = NONE if before == own == CRUSHED else SPOILED if SPOILED in (before, own) else max(before, own)
    gradient = starts.gradient.clone()
    gradient[:, pulse - 1] = draft.gradient.new_tensor([joined, NONE, before, own])[
        torch.arange(N_STARTS) % 4
    ]
    return replace(starts, gradient=gradient)
