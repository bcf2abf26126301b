"""What each pulse buys: the loss without it, the rest polished again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import islice

import torch
from jaxtyping import Bool
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.descent import descend
from sequence_search.strategies.evaluator import Evaluator
from sequence_search.strategies.limited import Limited

N_STARTS = 192  # variants of what is left
DESCENT = ((60, 0.25), (60, 0.085))  # steps and the share kept, thus 4 that are polished
LEARNING_RATE = 0.05
N_PER_TISSUE = 64  # voxels of the descent
SEED = 0


@dataclass(frozen=True, slots=True)
class PulseWorth:
    """A pulse, and the best that was found without it, within the limits of the problem.

    Attributes
    ----------
    pulse : counted from 0
    flip_angle : of the pulse [rad]
    loss_left_out : over the standard ensemble with the delays joined, nothing polished
    loss_without : with the rest polished; None if that does not get within the limits
    loss_with : of the whole sequence, polished as well
    buys : by how much the loss rises without it, both polished; at most, as a better rest
        may exist
    sequence_without : that rest
    """

    pulse: int
    flip_angle: float = field(metadata={"unit": "rad"})
    loss_left_out: float
    loss_without: float | None
    loss_with: float
    buys: float | None
    sequence_without: Sequence | None


def pulse_worths(problem: Problem, sequence: Sequence, engine: str = "auto") -> tuple[PulseWorth, ...]:
    """Each pulse of a single sequence with what it buys, but for pulses that the problem gives.

    None of one pulse, without which nothing is left. The loss counts what a pulse costs, so that it falls
    without one that is not worth it.
    """
    n_rf = len(sequence.delay)
    if n_rf < 2:
        return ()
    evaluator = Evaluator(problem, engine)
    few = evaluator.limited.descent_loss(problem.voxels(N_PER_TISSUE))
    standard = problem.loss_and_gradient(problem.voxels(), engine)
    given = evaluator.limited.frame.is_fixed(sequence)
    (whole,) = evaluator.evaluate([sequence])
    # Infinite beyond the limits.
    polished, _ = evaluator.limited.polish(standard, sequence, Meter(Settings()))
    loss_with = min(whole.loss, polished)
    found = []
    for pulse in (i for i in range(n_rf) if not given[i]):
        starts = starts_without(sequence, pulse, given)
        (left_out,) = evaluator.evaluate([starts[0]])
        ends = evaluator.standing(polished_ends(starts, few(), standard, evaluator.limited))
        best = min(ends, key=lambda each: each.loss, default=None)
        found.append(
            PulseWorth(
                pulse=pulse,
                flip_angle=float(sequence.flip_angle[pulse]),
                loss_left_out=left_out.loss,
                loss_without=best and best.loss,
                loss_with=loss_with,
                buys=best and best.loss - loss_with,
                sequence_without=best and best.sequence,
            )
        )
    return tuple(found)


def starts_without(sequence: Sequence, pulse: int, given: Bool[Tensor, " n_rf"]) -> Sequence:
    """Variants [N_STARTS, n_rf - 1] of a single sequence without a pulse; the first only joins its delays.

    The delays at the gap are joined, or one of them is left out, and the numbers `varied`.
    """
    kept = torch.arange(len(sequence.delay)) != pulse
    starts = sequence.map(lambda column: column[kept].repeat(N_STARTS, 1))
    row, delay = torch.arange(N_STARTS), starts.delay.clone()
    if pulse and not given[pulse - 1]:
        before, own = sequence.delay[pulse - 1], sequence.delay[pulse]
        delay[:, pulse - 1] = torch.stack([before + own, before, own])[row % 3]
    return varied(replace(starts, delay=delay), given[kept])


def varied(starts: Sequence, fixed: Bool[Tensor, " n_rf"]) -> Sequence:
    """Sequences [n_starts, n_rf] with other phases from the fourth on, and in every second one flip angle.

    Pulses that are fixed stay as they are.
    """
    row, delay = torch.arange(len(starts.delay)), starts.delay
    generator = torch.Generator().manual_seed(SEED)
    turns = math.pi * torch.randn(delay.shape, generator=generator, dtype=delay.dtype)
    other = math.pi * torch.rand(delay.shape, generator=generator, dtype=delay.dtype)
    is_other = ((row >= 5) & (row % 2 == 1))[:, None] & (
        row[:, None] // 2 % len(fixed) == torch.arange(len(fixed))
    )
    return replace(
        starts,
        flip_angle=torch.where(is_other & ~fixed, other, starts.flip_angle),
        phase=torch.where((row >= 3)[:, None] & ~fixed, starts.phase + turns, starts.phase),
    )


def polished_ends(
    starts: Sequence, few: LossFunction, standard: LossFunction, limited: Limited
) -> list[Sequence]:
    """The first and the best starts after a descent on few voxels, polished; those within the limits.

    The best are of those that may stand, see `Limited.may_stand`: none is dropped on the way where others may
    be in front of them, and they count as they are where what a polish makes of all may not.
    """
    meter, shares = Meter(Settings()), math.prod(share for _, share in DESCENT)
    parts = DESCENT if limited.may_all_stand else [(steps, 1.0) for steps, _ in DESCENT]
    loss, refined = descend(few, limited.space, starts, learning_rate=LEARNING_RATE, parts=parts, meter=meter)
    finite = (refined[i] for i in loss.isfinite().nonzero()[:, 0].tolist())
    best = list(islice(filter(limited.may_stand, finite), max(1, round(shares * len(starts.delay)))))
    polished = [limited.polish(standard, each, meter) for each in [starts[0], *best]]
    ends = [each for loss, each in polished if math.isfinite(loss)]
    if any(map(limited.may_stand, ends)):
        return ends
    return ends + [each for each in best if limited.missed([each])[0] <= ALLOWED]
