"""What the parts of a sequence with a layout buy, once the rest is polished again without them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.explanation.layouts import LeftOut
from sequence_search.explanation.pulses import N_PER_TISSUE, polished_ends, starts_without, varied
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafts import NONE, SPOILED, Draft
from sequence_search.strategies.evaluator import Evaluated, Evaluator
from sequence_search.strategies.finish import NOT_STANDING
from sequence_search.strategies.held import delays_held
from sequence_search.strategies.played import played_as, simulator_of
from sequence_search.strategies.playing import Playing

N_STARTS = 48  # variants of what is left, of which the descent leaves one to polish beside the first
N_POLISHED = 256  # voxels of a tissue, of the polish
NO_EXCITATION = "no pulse that is left is for excitation, with those behind it for refocusing"
BEYOND_LIMITS = "none that was found is within the limits"
CRUSHED = 1.0


def repolished(
    problem: Problem, draft: Draft, parts: tuple[LeftOut, ...], engine: str = "auto"
) -> tuple[LeftOut, ...]:
    """The parts with what is left without each polished, by the draft that the sequence is played from.

    Pulses that the problem gives stay as they are, and without them or their gradients nothing is polished.
    What is left is what a search would keep: within the limits, read by pulses that are for it.
    """
    evaluator = Evaluator(problem, engine)
    simulator = simulator_of(problem, problem.voxels(N_POLISHED), engine)
    limited, standard = evaluator.limited, simulator.loss_and_gradient
    few = limited.descent_loss(problem.voxels(N_PER_TISSUE))
    least, whole = limited.polish(standard, delays_held(draft, limited.frame), Meter(Settings()))
    is_kept = math.isfinite(least) and limited.may_stand(whole)
    loss = min(each.loss for each in evaluator.reported(evaluator.evaluate([draft, *[whole] * is_kept])))
    found = []
    for part in parts:
        left, why = _left(draft, part, evaluator, few, standard)
        best = min(evaluator.reported(left), key=lambda each: each.loss, default=None)
        if best is None:
            found.append(replace(part, unpolished=why))
        else:
            rest = played_as(simulator, best.sequence)
            found.append(replace(part, polished=best.loss, buys=best.loss - loss, rest=rest))
    return tuple(found)


def _left(
    draft: Draft,
    part: LeftOut,
    evaluator: Evaluator,
    few: Callable[[], LossFunction],
    standard: LossFunction,
) -> tuple[list[Evaluated], str]:
    """What is left of a draft without a part, polished, and why if that is nothing."""
    limited = evaluator.limited
    given, playing = limited.frame.is_fixed(draft), cast(Playing, limited.playing)
    # Of a train the last pulse of a draft stands for all that follow.
    if any(given[min(pulse, len(given) - 1)] for pulse in part.pulses):
        return [], "the problem gives what is left out"
    if part.what == "pulse" and len(given) < 2:
        return [], "no pulse is left"
    starts = delays_held(playing.bounded(_starts(draft, part, given)), limited.frame)
    if not limited.proposals.is_in_order(starts[0]):
        return [], NO_EXCITATION
    ends = polished_ends(starts, few(), standard, limited)
    return evaluator.standing(ends), NOT_STANDING if ends else BEYOND_LIMITS


def _starts(draft: Draft, part: LeftOut, given: Bool[Tensor, " n_rf"]) -> Sequence:
    """Drafts [N_STARTS, n_rf] without a part."""
    n_rf = len(draft.flip_angle)
    if part.what != "pulse":
        gradient = draft.gradient.clone()
        gradient[[at for at in part.pulses if at < n_rf]] = NONE
        without = replace(draft, gradient=gradient).map(lambda column: column.repeat(N_STARTS, 1))
        return varied(without, given)
    (pulse,) = part.pulses
    starts = starts_without(draft, pulse, given)[:N_STARTS]
    if not isinstance(starts, Draft):
        return starts
    gradient, row = starts.gradient.clone(), torch.arange(N_STARTS)
    if pulse and not given[pulse - 1]:
        before, own = draft.gradient[pulse - 1 : pulse + 1].tolist()
        joined = (
            NONE if before == own == CRUSHED else SPOILED if SPOILED in (before, own) else max(before, own)
        )
        gradient[:, pulse - 1] = draft.gradient.new_tensor([joined, NONE, before, own])[row % 4]
    fixed = given[torch.arange(len(given)) != pulse]
    return replace(starts, gradient=_without_partners(gradient, pulse, ~fixed))


def _without_partners(
    gradient: Float[Tensor, "batch n_rf"], pulse: int, free: Bool[Tensor, " n_rf"]
) -> Float[Tensor, "batch n_rf"]:
    """Gradients of starts without a pulse: of a third no crushers behind it, of a third none at all.

    A crusher whose partner went with the pulse would kill every signal, which says nothing of the pulse.
    """
    variant = (torch.arange(len(gradient)) // 4 % 3)[:, None]
    behind = torch.arange(gradient.shape[-1]) >= pulse
    is_left_out = free & (gradient == CRUSHED) & ((variant == 2) | ((variant == 1) & behind))
    return torch.where(is_left_out, NONE, gradient)
