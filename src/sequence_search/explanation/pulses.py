"""What each pulse buys: the loss without it, the rest polished again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.refine import descend, polish

N_STARTS = 96  # variants of what is left
DESCENT = ((60, 0.25), (60, 0.17))  # steps and the share kept, thus 4 that are polished
LEARNING_RATE = 0.05
N_PER_TISSUE = 64  # voxels of the descent
SEED = 0


@dataclass(frozen=True, slots=True)
class PulseWorth:
    """A pulse, and the best that was found without it.

    Attributes
    ----------
    pulse : counted from 0
    flip_angle : of the pulse [rad]
    loss_left_out : over the standard ensemble with the delays joined, nothing polished
    loss_without : with the rest polished
    buys : by how much the loss rises without it, the rest polished
    sequence_without : that rest
    """

    pulse: int
    flip_angle: float = field(metadata={"unit": "rad"})
    loss_left_out: float
    loss_without: float
    buys: float
    sequence_without: Sequence


def pulse_worths(problem: Problem, sequence: Sequence, engine: str = "auto") -> tuple[PulseWorth, ...]:
    """Each pulse of a single sequence with what it buys; none of one pulse, without which nothing is left.

    The loss counts what the pulse costs, so that the loss falls without one that is not worth it.
    """
    n_rf = len(sequence.delay)
    if n_rf < 2:
        return ()
    finisher, few = Finisher(problem, engine), problem.loss_and_gradient(problem.voxels(N_PER_TISSUE), engine)
    standard = problem.loss_and_gradient(problem.voxels(), engine)
    (whole,) = finisher.evaluate([sequence])
    found = []
    for pulse in range(n_rf):
        starts = starts_without(sequence, pulse)
        (left_out,) = finisher.evaluate([starts[0]])
        ends = polished_ends(starts, few, standard, problem.search_space)
        best = min(finisher.clean(ends), key=lambda each: each.loss)
        flip, buys = float(sequence.flip_angle[pulse]), best.loss - whole.loss
        found.append(PulseWorth(pulse, flip, left_out.loss, best.loss, buys, best.sequence))
    return tuple(found)


def starts_without(sequence: Sequence, pulse: int) -> Sequence:
    """Variants [N_STARTS, n_rf - 1] of a single sequence without a pulse; the first only joins its delays.

    The delays at the gap are joined, or one of them is left out. Phases are changed, and in every second one
    flip angle.
    """
    kept = torch.arange(len(sequence.delay)) != pulse
    rest = sequence.map(lambda column: column[kept])
    starts, row = rest.map(lambda column: column.repeat(N_STARTS, 1)), torch.arange(N_STARTS)
    delay, flip_angle = starts.delay.clone(), starts.flip_angle.clone()
    if pulse:
        before, own = sequence.delay[pulse - 1], sequence.delay[pulse]
        delay[:, pulse - 1] = torch.stack([before + own, before, own])[row % 3]
    generator = torch.Generator().manual_seed(SEED)
    turns = math.pi * torch.randn(delay.shape, generator=generator, dtype=delay.dtype)
    turns[:3] = 0.0
    other = math.pi * torch.rand(N_STARTS, generator=generator, dtype=delay.dtype)
    changed = row[5::2]
    flip_angle[changed, changed // 2 % delay.shape[-1]] = other[changed]
    return replace(starts, delay=delay, flip_angle=flip_angle, phase=starts.phase + turns)


def polished_ends(
    starts: Sequence, few: LossFunction, standard: LossFunction, space: SearchSpace
) -> list[Sequence]:
    """The first and the best starts after a descent on few voxels, polished on the standard ensemble."""
    meter = Meter(Settings())
    _, refined = descend(few, space, starts, learning_rate=LEARNING_RATE, parts=DESCENT, meter=meter)
    ends = [starts[0], *(refined[i] for i in range(len(refined.delay)))]
    return [polish(standard, space, each)[1] for each in ends]
