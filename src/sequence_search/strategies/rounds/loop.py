"""The loop that the global strategies share: propose, refine as one batch, keep the best, polish them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Progress, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.refine import descend, polish
from sequence_search.strategies.result import Point, Run, failed, same_family
from sequence_search.strategies.rounds.state import Candidate, Standing, load_standing, save_standing

# A round that lowers the least loss by less than this part of it brought nothing.
LEAST_GAIN = 1e-3
POLISH_FACTOR = 4  # times the voxels of the descent

Propose = Callable[[list[Sequence], SearchSpace, np.random.Generator], list[Sequence]]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How proposals are refined and selected.

    Attributes
    ----------
    max_rounds, patience : int
        Rounds at most, and rounds without gain after which the search has converged.
    steps : int
        Gradient steps of a proposal that is kept to the end.
    halvings : tuple of (float, float)
        Parts of the descent, and the share of proposals kept after each.
    n_elite : int
        Sequences that are kept, of each number of pulses if `by_number`, else of all.
    by_number : bool
    n_polished : int
        Best sequences that are polished; the best of each number of pulses is in any case.
    learning_rate : float
        Of Adam, on radians and log delays.
    n_per_tissue : int
        Sobol voxels of the descent; the polish takes four times as many.

    Raises
    ------
    ValueError
        If a count is below 1 or the learning rate is not above 0.
    """

    max_rounds: int
    patience: int
    steps: int
    halvings: tuple[tuple[float, float], ...]
    n_elite: int = 4
    by_number: bool = True
    n_polished: int = 10
    learning_rate: float = 0.08
    n_per_tissue: int = 32

    def __post_init__(self) -> None:
        counts = (
            self.max_rounds,
            self.patience,
            self.steps,
            self.n_elite,
            self.n_polished,
            self.n_per_tissue,
        )
        if min(counts) < 1 or not 0 < self.learning_rate < math.inf:
            raise ValueError(f"counts must be at least 1 and learning_rate above 0, got {self}")


def run_rounds(
    problem: Problem, seeds: Iterable[int], settings: Settings, rounds: Rounds, propose: Propose
) -> list[Run]:
    """One search for each seed. The proposals of a round are one batch; seeds follow each other.

    Parameters
    ----------
    propose : callable (elite, search space, generator) -> list of single sequences
        Proposals of a round; the elite is best first, and empty in the first round.
    """
    finisher = Finisher(problem, settings.engine)
    coarse, fine = (
        problem.loss_and_gradient(problem.voxels(n_per_tissue), settings.engine)
        for n_per_tissue in (rounds.n_per_tissue, POLISH_FACTOR * rounds.n_per_tissue)
    )
    runs: list[Run] = []
    for seed in seeds:
        if runs and settings.monitor.stop():
            break
        meter = Meter(settings)
        standing = load_standing(seed, settings, meter)
        reached, standing = _search(
            problem.search_space, seed, standing, settings, rounds, propose, coarse, meter
        )
        if not reached.elite:
            reason = "no proposal of the first round has a finite loss"
            runs.append(failed(seed, reason, meter.seconds, meter.evaluations, reached.history))
            continue
        found, standing = _polish_all(reached, standing, problem.search_space, settings, rounds, fine, meter)
        runs.append(finisher.finish(seed, found, meter, history=reached.history))
        if meter.interrupted:
            save_standing(standing, settings, meter)
    return runs


def _search(
    space: SearchSpace,
    seed: int,
    standing: Standing,
    settings: Settings,
    rounds: Rounds,
    propose: Propose,
    loss_and_gradient: LossFunction,
    meter: Meter,
) -> tuple[Standing, Standing]:
    """What the last round reached, and where to go on: before that round, if it was interrupted."""
    while not standing.over:
        reached = _round(space, standing, rounds, propose, loss_and_gradient, meter)
        if reached.elite:
            best, most = reached.elite[0], rounds.max_rounds
            settings.monitor.on_progress(
                Progress(seed, reached.number, most, best.loss, best.sequence, unit="round")
            )
        over = reached.over or meter.must_end()
        if meter.interrupted:
            return reached, standing
        standing = replace(reached, over=over)
        if settings.checkpoint.due():
            save_standing(standing, settings, meter)
    return standing, standing


def _round(
    space: SearchSpace,
    standing: Standing,
    rounds: Rounds,
    propose: Propose,
    loss_and_gradient: LossFunction,
    meter: Meter,
) -> Standing:
    """Propose, refine, select; it is the last where no loss is finite or rounds bring nothing."""
    rng = np.random.default_rng(0)
    rng.bit_generator.state = standing.generator
    proposals = Sequence.stack(propose([one.sequence for one in standing.elite], space, rng))
    refined = _refined(proposals, space, rounds, loss_and_gradient, meter)
    elite = _select([*standing.elite, *refined], rounds)
    number = standing.number + 1
    reached = replace(
        standing, generator=dict(rng.bit_generator.state), evaluations=meter.evaluations, number=number
    )
    if not elite:
        return replace(reached, over=True)
    loss, least = elite[0].loss, standing.least
    gained = not math.isfinite(least) or loss < least - LEAST_GAIN * abs(least)
    least, without_gain = (loss, 0) if gained else (least, standing.without_gain + 1)
    return replace(
        reached,
        elite=tuple(elite),
        history=(*standing.history, Point(number, loss, meter.evaluations, meter.seconds)),
        least=least,
        without_gain=without_gain,
        over=without_gain >= rounds.patience or number == rounds.max_rounds,
    )


def _polish_all(
    reached: Standing,
    standing: Standing,
    space: SearchSpace,
    settings: Settings,
    rounds: Rounds,
    loss_and_gradient: LossFunction,
    meter: Meter,
) -> tuple[list[Sequence], Standing]:
    """The best of the elite polished, and where to go on; what is left at the end is as it is."""
    found = list(standing.polished)
    for one in _worth_polishing(reached.elite, rounds)[len(found) :]:
        found.append(_polished(one.sequence, space, loss_and_gradient, meter))
        meter.must_end()
        if not meter.interrupted:
            standing = replace(standing, polished=tuple(found), evaluations=meter.evaluations)
            if settings.checkpoint.due():
                save_standing(standing, settings, meter)
    return found, standing


def _worth_polishing(elite: tuple[Candidate, ...], rounds: Rounds) -> list[Candidate]:
    """The best few, and the best of each number of pulses, so that the cost of fewer pulses is known."""
    leaders: dict[int, Candidate] = {}
    for candidate in elite:
        leaders.setdefault(len(candidate.sequence.flip_angle), candidate)
    return [
        candidate
        for rank, candidate in enumerate(elite)
        if rank < rounds.n_polished or candidate in leaders.values()
    ]


def _refined(
    proposals: Sequence, space: SearchSpace, rounds: Rounds, loss_and_gradient: LossFunction, meter: Meter
) -> list[Candidate]:
    """Descend and drop the worse on the way; what has no finite loss is left out."""
    alive, loss = proposals, torch.zeros(len(proposals.flip_angle))
    for part, kept in rounds.halvings:
        descent = descend(loss_and_gradient, space, alive, learning_rate=rounds.learning_rate)
        for _ in range(max(1, round(part * rounds.steps)) + 1):
            loss, alive = next(descent)
            meter.spend(len(loss))
            if meter.must_end():
                break
        order = loss.nan_to_num(nan=math.inf).argsort()[: max(1, round(kept * len(loss)))]
        alive, loss = alive[order], loss[order]
        if meter.must_end():
            break
    return [
        Candidate(value, alive[i].without_padding())
        for i, value in enumerate(loss.tolist())
        if math.isfinite(value)
    ]


def _select(candidates: list[Candidate], rounds: Rounds) -> list[Candidate]:
    """The best few distinct sequences, of each number of pulses if so wished, best first."""
    chosen: list[Candidate] = []
    numbers: Counter[int] = Counter()
    for candidate in sorted(candidates, key=lambda one: one.loss):
        group = len(candidate.sequence.flip_angle) if rounds.by_number else 0
        if numbers[group] < rounds.n_elite and not any(
            same_family(candidate.sequence, other.sequence) for other in chosen
        ):
            chosen.append(candidate)
            numbers[group] += 1
    return chosen


def _polished(
    sequence: Sequence, space: SearchSpace, loss_and_gradient: LossFunction, meter: Meter
) -> Sequence:
    """Converged, without pulses that do nothing; as it is once the search must end."""
    if not meter.must_end():
        _, sequence = polish(loss_and_gradient, space, sequence, meter=meter)
    needed = sequence.drop_small_pulses()
    if 0 < len(needed.flip_angle) < len(sequence.flip_angle) and not meter.must_end():
        _, sequence = polish(loss_and_gradient, space, needed, meter=meter)
    return sequence
