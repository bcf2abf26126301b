"""The loop that the global strategies share: propose, refine as one batch, keep the best, polish them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch

from sequence_search.loss import LossFunction
from sequence_search.problem import Problem
from sequence_search.search.base import (
    Meter,
    Point,
    Progress,
    Run,
    Settings,
    State,
    failed,
    points,
    same_family,
)
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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A refined sequence and its loss on the voxels of the descent."""

    loss: float
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the search of a seed stands after a round, or after a polish.

    Attributes
    ----------
    generator : dict
        State of the seed's generator of random numbers.
    evaluations : int
        Spent by then.
    number : int
        Rounds taken.
    elite : tuple of Candidate
        Best first.
    history : tuple of Point
    least, without_gain : float, int
        Loss of the last round that gained, and the rounds since.
    over : bool
        Whether there is no further round.
    polished : tuple of Sequence
        Of the elite, in its order, as far as it is polished.
    """

    generator: dict[str, Any]
    evaluations: int = 0
    number: int = 0
    elite: tuple[Candidate, ...] = ()
    history: tuple[Point, ...] = ()
    least: float = math.inf
    without_gain: int = 0
    over: bool = False
    polished: tuple[Sequence, ...] = ()


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
        standing = _begin(seed, settings, meter)
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
            _save(standing, settings, meter)
    return runs


def _begin(seed: int, settings: Settings, meter: Meter) -> Standing:
    """The start, or where the checkpoint stands."""
    state = settings.checkpoint.load()
    if state is None:
        return Standing(dict(np.random.default_rng(seed).bit_generator.state))
    meter.resume(state["evaluations"], state["seconds"])
    return _standing(state)


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
            best, note = reached.elite[0], f"{len(reached.elite)} families alive"
            settings.monitor.on_progress(
                Progress(seed, reached.number, rounds.max_rounds, best.loss, best.sequence, note)
            )
        over = reached.over or meter.must_end()
        if meter.interrupted:
            return reached, standing
        standing = replace(reached, over=over)
        if settings.checkpoint.due():
            _save(standing, settings, meter)
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
                _save(standing, settings, meter)
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


def _save(standing: Standing, settings: Settings, meter: Meter) -> None:
    """Keep where the search stands, and the time spent until now."""
    settings.checkpoint.save(_state(standing) | {"seconds": meter.seconds})


def _state(standing: Standing) -> State:
    """Plain data of a standing; sequences and history as arrays, losses bit by bit."""
    state: State = {field.name: getattr(standing, field.name) for field in fields(Standing)}
    elite = state.pop("elite")
    return state | {
        "least": np.array(standing.least),
        "history": np.array(standing.history, np.float64).reshape(-1, len(Point._fields)),
        "elite_loss": np.array([one.loss for one in elite], np.float64),
        **_pulses("elite", [one.sequence for one in elite]),
        **_pulses("polished", list(state.pop("polished"))),
    }


def _standing(state: State) -> Standing:
    """Inverse of `_state`."""
    sequences = _sequences("elite", state)
    return Standing(
        generator=state["generator"],
        evaluations=state["evaluations"],
        number=state["number"],
        elite=tuple(Candidate(*pair) for pair in zip(state["elite_loss"].tolist(), sequences, strict=True)),
        history=points(state["history"]),
        least=float(state["least"]),
        without_gain=state["without_gain"],
        over=state["over"],
        polished=tuple(_sequences("polished", state)),
    )


def _pulses(name: str, sequences: list[Sequence]) -> State:
    """Single sequences as one array [3, pulses] of flip angle, phase and delay, and their pulse numbers."""
    parts = [torch.stack([one.flip_angle, one.phase, one.delay]).numpy() for one in sequences]
    return {
        f"{name}_n_rf": np.array([part.shape[1] for part in parts], np.int64),
        f"{name}_pulses": np.concatenate([np.zeros((3, 0)), *parts], 1),
    }


def _sequences(name: str, state: State) -> list[Sequence]:
    """Inverse of `_pulses`."""
    ends = state[f"{name}_n_rf"].cumsum()[:-1]
    parts = np.split(state[f"{name}_pulses"], ends, 1) if len(state[f"{name}_n_rf"]) else []
    return [Sequence(*torch.from_numpy(part.copy()).unbind(0)) for part in parts]


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
