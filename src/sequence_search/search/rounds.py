"""The loop that the global strategies share: propose, refine as one batch, keep the best, polish them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from sequence_search.loss import LossFunction
from sequence_search.problem import Problem
from sequence_search.search.base import Meter, Point, Progress, Run, Settings, failed, same_family
from sequence_search.search.finish import Finisher
from sequence_search.search.refine import descend, polish
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

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
        Best sequences that are polished.
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A refined sequence and its loss on the voxels of the descent."""

    loss: float
    sequence: Sequence


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
        elite, history = _search(problem.search_space, seed, settings, rounds, propose, coarse, meter)
        if not elite:
            reason = "no proposal of the first round has a finite loss"
            runs.append(failed(seed, reason, meter.seconds, meter.evaluations, tuple(history)))
            continue
        found = [
            _polished(one.sequence, problem.search_space, fine, meter) for one in elite[: rounds.n_polished]
        ]
        runs.append(finisher.finish(seed, found, meter, history=tuple(history)))
    return runs


def _search(
    space: SearchSpace,
    seed: int,
    settings: Settings,
    rounds: Rounds,
    propose: Propose,
    loss_and_gradient: LossFunction,
    meter: Meter,
) -> tuple[list[Candidate], list[Point]]:
    """The elite after the last round, best first, and the least loss after each; empty if none is finite."""
    rng = np.random.default_rng(seed)
    elite: list[Candidate] = []
    history: list[Point] = []
    least, without_gain = math.inf, 0
    for number in range(1, rounds.max_rounds + 1):
        proposals = Sequence.stack(propose([one.sequence for one in elite], space, rng))
        elite = _select(elite + _refined(proposals, space, rounds, loss_and_gradient, meter), rounds)
        if not elite:
            break
        best = elite[0]
        history.append(Point(number, best.loss, meter.evaluations, meter.seconds))
        note = f"{len(elite)} families alive"
        settings.monitor.on_progress(
            Progress(seed, number, rounds.max_rounds, best.loss, best.sequence, note)
        )
        gained = not math.isfinite(least) or best.loss < least - LEAST_GAIN * abs(least)
        least, without_gain = (best.loss, 0) if gained else (least, without_gain + 1)
        if without_gain >= rounds.patience or meter.must_end():
            break
    return elite, history


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
