"""Which phases of a sequence matter: mirrors, turns that change nothing, and the simplest equal phases."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from sequence_search.engines.simulator import LossFunction, Simulator
from sequence_search.phases import wrap
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import DraftSimulator, played_as, simulator_of

NOTICED = 1e-4  # rise of the loss by a simpler form, relative
FREE = 1e-3  # change of the loss over a full turn that is free, relative
CURVED = 1e-2  # second derivative of the loss along a turn that can be free, relative to the loss [1/rad²]
MOST_TURN = 2  # times by which a pulse turns along with others
N_ANGLES = 12  # of a full turn
STEPS_DEG = (90, 45)
SLOPE_STEP = 1e-3  # rad


@dataclass(frozen=True, slots=True)
class FreeTurn:
    """A turn of phases that hardly changes the loss.

    Attributes
    ----------
    turns : for each pulse, by how many times an angle it turns
    change : largest change of the loss over a full turn, relative
    """

    turns: tuple[int, ...]
    change: float


@dataclass(frozen=True, slots=True)
class Phases:
    """What the phases of a sequence are worth.

    Attributes
    ----------
    common : largest change of the loss if all phases turn alike, relative; rounding
    mirrored : change of the loss if all phases are negated, relative: that mirrors the response in b0
    free : independent turns that hardly change the loss, beside the common one
    simplest : the sequence with the phases rounded as `rounded_to` says, the others polished where need be
    simplest_loss : over the standard ensemble
    rounded_to : 90 or 45 for a phase of `simplest` that is a multiple of so many degrees, 0 for another
    """

    common: float
    mirrored: float
    free: tuple[FreeTurn, ...]
    simplest: Sequence
    simplest_loss: float
    rounded_to: tuple[int, ...]


def examine_phases(problem: Problem, sequence: Sequence, engine: str = "auto") -> Phases:
    """Phases of a single sequence, or of the draft that it is played from, over the standard ensemble."""
    simulator = simulator_of(problem, problem.voxels(), engine, IN_REPORT)
    single = sequence.turn_first_to_zero()
    loss, n_rf = float(simulator.loss(single)), len(single.phase)
    negated = float(simulator.loss(replace(single, phase=-single.phase)))
    free = free_turns(simulator, single)
    limited = Limited(problem, engine)
    simplest, rounded_to = simplest_form(simulator, limited, single, free)
    return Phases(
        common=turn_change(simulator, single, (1,) * n_rf),
        mirrored=abs(negated - loss) / (abs(loss) or 1.0),
        free=free,
        simplest=played_as(simulator, simplest),
        simplest_loss=float(simulator.loss(simplest)),
        rounded_to=rounded_to,
    )


def turn_change(simulator: Simulator | DraftSimulator, sequence: Sequence, turns: tuple[int, ...]) -> float:
    """Largest change of the loss, relative if it is not 0, as the phases go through a full turn [1]."""
    angles = torch.arange(N_ANGLES, dtype=torch.float64) * (2 * math.pi / N_ANGLES)
    batch = sequence.map(lambda column: column.expand(N_ANGLES, -1))
    by = angles[:, None] * torch.tensor(turns, dtype=torch.float64)
    losses = simulator.loss(replace(batch, phase=batch.phase + by))
    return float((losses - losses[0]).abs().max()) / (abs(float(losses[0])) or 1.0)


def free_turns(simulator: Simulator | DraftSimulator, sequence: Sequence) -> tuple[FreeTurn, ...]:
    """Independent turns that hardly change the loss, without the first pulse; those of few pulses first.

    Whole multiples of an angle are tried where the second derivative of the loss allows, then gone through.
    """
    n_rf = len(sequence.phase)
    curvature, loss = phase_curvature(simulator.loss_and_gradient, sequence), float(simulator.loss(sequence))
    multiples = itertools.product(range(-MOST_TURN, MOST_TURN + 1), repeat=n_rf - 1)
    tried = np.array([(0, *each) for each in multiples if next((m for m in each if m), 0) > 0]).reshape(
        -1, n_rf
    )
    bends = np.einsum("ti,ij,tj->t", tried, curvature, tried)
    flat = tried[abs(bends) <= CURVED * abs(loss)]
    flat = flat[np.lexsort((abs(flat).sum(1), (flat != 0).sum(1)))]
    found: list[FreeTurn] = []
    for turns in flat:
        rows = np.array([*(each.turns for each in found), turns])
        if np.linalg.matrix_rank(rows) > len(found):
            change = turn_change(simulator, sequence, tuple(turns.tolist()))
            if change <= FREE:
                found.append(FreeTurn(tuple(turns.tolist()), change))
    return tuple(found)


def phase_curvature(loss_and_gradient: LossFunction, sequence: Sequence) -> Float[np.ndarray, "n_rf n_rf"]:
    """Second derivatives of the loss by the phases [1/rad²], by differences of its gradient."""
    n_rf = len(sequence.phase)
    steps = SLOPE_STEP * torch.eye(n_rf, dtype=torch.float64)
    batch = sequence.map(lambda column: column.expand(2 * n_rf, -1))
    _, gradient = loss_and_gradient(replace(batch, phase=sequence.phase + torch.cat([steps, -steps])))
    up, down = gradient.phase.chunk(2)
    curvature = ((up - down) / (2 * SLOPE_STEP)).numpy()
    return np.asarray((curvature + curvature.T) / 2)


def simplest_form(
    simulator: Simulator | DraftSimulator, limited: Limited, sequence: Sequence, free: tuple[FreeTurn, ...]
) -> tuple[Sequence, tuple[int, ...]]:
    """Phases turned to 0 along free turns, then rounded to 90° or 45° one by one, unnoticed by the loss.

    Where a rounded phase is noticed the rest is polished with it before it is given up. Phases of pulses that
    the problem gives stay, and so do all others then. Limits that are met stay so, and what may stand does.
    """
    loss, rounded_to = float(simulator.loss(sequence)), [90] + [0] * (len(sequence.phase) - 1)
    most, missed = loss + NOTICED * abs(loss), max(limited.missed([sequence])[0], ALLOWED)
    stands = limited.may_stand(sequence)

    def fits(candidate: Sequence) -> bool:
        is_within = float(simulator.loss(candidate)) <= most and limited.missed([candidate])[0] <= missed
        return is_within and (not stands or limited.may_stand(candidate))

    current = sequence
    if limited.frame:
        return current, tuple(rounded_to)
    for each in free:
        turns = torch.tensor(each.turns, dtype=torch.float64)
        pulse = min((i for i, turn in enumerate(each.turns) if turn), key=lambda i: abs(each.turns[i]))
        turned = wrap(current.phase - current.phase[pulse] / turns[pulse] * turns)
        candidate = replace(current, phase=turned)
        current = candidate if fits(candidate) else current
    for step in STEPS_DEG:
        for pulse in sorted(range(1, len(rounded_to)), key=lambda i: distance(current, i, step)):
            if rounded_to[pulse] == 0:
                candidate, held = rounded(current, pulse, step), [*map(bool, rounded_to)]
                held[pulse] = True
                if not fits(candidate):
                    candidate = polish_with(simulator, limited, candidate, held)
                if fits(candidate):
                    current, rounded_to[pulse] = candidate, step
    return current, tuple(rounded_to)


def distance(sequence: Sequence, pulse: int, step_deg: int) -> float:
    """Of a phase to the next multiple of a step [rad]."""
    step = math.radians(step_deg)
    return abs(float(sequence.phase[pulse]) - step * round(float(sequence.phase[pulse]) / step))


def rounded(sequence: Sequence, pulse: int, step_deg: int) -> Sequence:
    """The sequence with one phase at the next multiple of a step."""
    step = math.radians(step_deg)
    phase = sequence.phase.clone()
    phase[pulse] = wrap(step * round(float(phase[pulse]) / step))
    return replace(sequence, phase=phase)


def polish_with(
    simulator: Simulator | DraftSimulator, limited: Limited, sequence: Sequence, held: list[bool]
) -> Sequence:
    """Polish of all but the phases that are held."""
    stays = torch.tensor(held)

    def loss_and_gradient(given: Sequence) -> tuple[torch.Tensor, Sequence]:
        phase = torch.where(stays, sequence.phase, given.phase)
        loss, gradient = simulator.loss_and_gradient(replace(given, phase=phase))
        return loss, replace(gradient, phase=torch.where(stays, 0.0, gradient.phase))

    _, polished = limited.polish(loss_and_gradient, sequence, Meter(Settings()))
    return replace(polished, phase=torch.where(stays, sequence.phase, wrap(polished.phase)))
