"""Global search: random sequences and changes of the best, refined in batches by gradient, round by round.

Each round proposes sequences, at first random ones over the whole search space, then mostly changes of the
best found: a pulse added, split, dropped or replaced, parameters shifted, beginnings and ends of two crossed.
Proposals descend together, the worse dropped on the way (successive halving). The best few of each number of
pulses go on to the next round: a longer sequence often has to grow from a shorter one that is not the best of
all. When rounds bring nothing better the best are polished to convergence, pulses that do nothing removed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from sequence_search.loss import LossFunction
from sequence_search.problem import Problem
from sequence_search.search.base import Meter, Progress, Run, Terms, same_family
from sequence_search.search.finish import Finisher
from sequence_search.search.propose import changed_designs, random_designs
from sequence_search.search.refine import descend, polish
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

# Share of proposals kept after each part of the descent, and those parts of all steps.
HALVINGS = ((0.15, 0.5), (0.25, 0.5), (0.6, 1.0))
# A round that lowers the least loss by less than this part of it brought nothing.
LEAST_GAIN = 1e-3
POLISH_FACTOR = 4  # times the voxels of the descent


@dataclass(frozen=True, slots=True)
class Candidate:
    """A refined sequence and its loss on the voxels of the descent."""

    loss: float
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class Multistart:
    """Options of the global search.

    Attributes
    ----------
    n_starts : int
        Random sequences of the first round.
    n_children : int
        Proposals of each later round.
    fresh : float
        Share of random ones among them.
    steps : int
        Gradient steps of a proposal that is kept to the end.
    max_rounds, patience : int
        Rounds at most, and rounds without gain after which the search has converged.
    n_elite : int
        Sequences of each number of pulses that go on.
    n_polished : int
        Best sequences that are polished.
    learning_rate : float
        Of Adam, on radians and log delays.
    n_per_tissue : int
        Sobol voxels of the descent; the polish takes four times as many.
    """

    n_starts: int = 256
    n_children: int = 128
    fresh: float = 0.15
    steps: int = 100
    max_rounds: int = 60
    patience: int = 12
    n_elite: int = 4
    n_polished: int = 10
    learning_rate: float = 0.08
    n_per_tissue: int = 32

    def __post_init__(self) -> None:
        counts = (self.n_starts, self.n_children, self.steps, self.max_rounds, self.patience, self.n_elite)
        if min(*counts, self.n_polished, self.n_per_tissue) < 1:
            raise ValueError(f"all counts of multistart must be at least 1, got {self}")
        if not 0 <= self.fresh <= 1 or not 0 < self.learning_rate < math.inf:
            raise ValueError(f"fresh must lie within 0 to 1 and learning_rate above 0, got {self}")

    def run(self, problem: Problem, seeds: Iterable[int], terms: Terms) -> list[Run]:
        """One search for each seed. The proposals of a seed are one batch; seeds follow each other."""
        finisher = Finisher(problem, terms.engine)
        coarse, fine = (
            problem.loss_and_gradient(problem.voxels(n_per_tissue), terms.engine)
            for n_per_tissue in (self.n_per_tissue, POLISH_FACTOR * self.n_per_tissue)
        )
        runs: list[Run] = []
        for seed in seeds:
            if runs and terms.monitor.stop():
                break
            runs.append(self._run_seed(problem.search_space, seed, terms, coarse, fine, finisher))
        return runs

    def _run_seed(
        self,
        space: SearchSpace,
        seed: int,
        terms: Terms,
        coarse: LossFunction,
        fine: LossFunction,
        finisher: Finisher,
    ) -> Run:
        meter, rng = Meter(terms), np.random.default_rng(seed)
        elite: list[Candidate] = []
        history: list[tuple[int, float]] = []
        least, without_gain = math.inf, 0
        for round_number in range(self.max_rounds):
            proposals = self._propose(elite, space, rng)
            elite = self._select(elite + self._refine(proposals, space, coarse, meter))
            if not elite:
                # Nothing to change has a finite loss; a second round of random starts would not either.
                reason = f"no start of {self.n_starts} has a finite loss; the first: {proposals[0]}"
                return Run(seed, "failed", (), meter.seconds, meter.evaluations, tuple(history), reason)
            best = elite[0]
            history.append((round_number + 1, best.loss))
            note = f"{len(elite)} families alive"
            terms.monitor.on_progress(
                Progress(seed, round_number + 1, self.max_rounds, best.loss, best.sequence, note)
            )
            gained = best.loss < least - LEAST_GAIN * abs(least) if math.isfinite(least) else True
            least, without_gain = (best.loss, 0) if gained else (least, without_gain + 1)
            if without_gain >= self.patience or meter.must_end():
                break
        found = self._polish(elite[: self.n_polished], space, fine, meter)
        return finisher.finish(seed, found, meter, seconds=meter.seconds, history=tuple(history))

    def _propose(self, elite: list[Candidate], space: SearchSpace, rng: np.random.Generator) -> Sequence:
        """Random sequences at first, then mostly changed ones."""
        if not elite:
            return Sequence.stack(random_designs(space, self.n_starts, rng))
        n_fresh = round(self.fresh * self.n_children)
        parents = [candidate.sequence for candidate in elite]
        changed = changed_designs(parents, space, self.n_children - n_fresh, rng)
        return Sequence.stack(changed + random_designs(space, n_fresh, rng))

    def _refine(
        self, proposals: Sequence, space: SearchSpace, loss_and_gradient: LossFunction, meter: Meter
    ) -> list[Candidate]:
        """Descend and drop the worse on the way; what has no finite loss is left out."""
        alive, loss = proposals, torch.zeros(len(proposals.flip_angle))
        for part, kept in HALVINGS:
            descent = descend(loss_and_gradient, space, alive, learning_rate=self.learning_rate)
            for _ in range(max(1, round(part * self.steps)) + 1):
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

    def _select(self, candidates: list[Candidate]) -> list[Candidate]:
        """The best few distinct sequences of each number of pulses, best first."""
        chosen: list[Candidate] = []
        numbers: Counter[int] = Counter()
        for candidate in sorted(candidates, key=lambda one: one.loss):
            n_rf = len(candidate.sequence.flip_angle)
            if numbers[n_rf] < self.n_elite and not any(
                same_family(candidate.sequence, other.sequence) for other in chosen
            ):
                chosen.append(candidate)
                numbers[n_rf] += 1
        return chosen

    def _polish(
        self, elite: list[Candidate], space: SearchSpace, loss_and_gradient: LossFunction, meter: Meter
    ) -> list[Sequence]:
        """Converged sequences without pulses that do nothing; as they are once the search must end."""
        found = []
        for candidate in elite:
            final = candidate.sequence
            if not meter.must_end():
                _, final, spent = polish(loss_and_gradient, space, final, stop=meter.must_end)
                meter.spend(spent)
            needed = final.drop_small_pulses()
            if 0 < len(needed.flip_angle) < len(final.flip_angle) and not meter.must_end():
                _, final, spent = polish(loss_and_gradient, space, needed, stop=meter.must_end)
                meter.spend(spent)
            found.append(final)
        return found
