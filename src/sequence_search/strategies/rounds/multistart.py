"""Global search: random sequences and changes of the best, refined in batches by gradient, round by round.

Each round proposes sequences, at first random ones over the whole search space, then mostly changes of the
best found: a pulse added, split, dropped or replaced, parameters shifted, beginnings and ends of two crossed.
Proposals descend together, the worse dropped on the way (successive halving). The best few of each number of
pulses go on to the next round: a longer sequence often has to grow from a shorter one that is not the best of
all. When rounds bring nothing better the best are polished to convergence, pulses that do nothing removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Settings
from sequence_search.strategies.result import Run
from sequence_search.strategies.rounds.loop import Rounds, run_rounds
from sequence_search.strategies.rounds.propose import changed_designs, random_designs

# Share of proposals kept after each part of the descent, and those parts of all steps.
HALVINGS = ((0.15, 0.5), (0.25, 0.5), (0.6, 1.0))


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
        Best sequences that are polished; the best of each number of pulses is in any case.
    learning_rate : float
        Of Adam, on radians and log delays.
    n_per_tissue : int
        Sobol voxels of the descent; the polish takes four times as many.
    """

    n_starts: int = 256
    n_children: int = 128
    fresh: float = 0.15
    steps: int = 100
    max_rounds: int = 200
    patience: int = 30
    n_elite: int = 4
    n_polished: int = 10
    learning_rate: float = 0.08
    n_per_tissue: int = 32

    def __post_init__(self) -> None:
        if min(self.n_starts, self.n_children) < 1 or not 0 <= self.fresh <= 1:
            raise ValueError(
                f"n_starts and n_children must be at least 1 and fresh within 0 to 1, got {self}"
            )
        self._rounds()

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """One search for each seed; the proposals of a round are one batch."""
        return run_rounds(problem, seeds, settings, self._rounds(), self._propose)

    def _rounds(self) -> Rounds:
        return Rounds(
            max_rounds=self.max_rounds,
            patience=self.patience,
            steps=self.steps,
            halvings=HALVINGS,
            n_elite=self.n_elite,
            n_polished=self.n_polished,
            learning_rate=self.learning_rate,
            n_per_tissue=self.n_per_tissue,
        )

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        """Random sequences at first, then mostly changed ones."""
        if not elite:
            return random_designs(space, self.n_starts, rng)
        n_fresh = round(self.fresh * self.n_children)
        changed = changed_designs(elite, space, self.n_children - n_fresh, rng)
        return changed + random_designs(space, n_fresh, rng)
