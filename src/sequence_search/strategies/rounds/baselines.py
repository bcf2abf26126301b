"""Baselines on the same rounds, to show what each ingredient buys: random structures, and evolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.drive import Strategy
from sequence_search.strategies.rounds.loop import Rounds, RoundSearch
from sequence_search.strategies.rounds.propose import changed_designs, random_designs


@dataclass(frozen=True, slots=True)
class RandomSearch(Strategy):
    """Random structures refined by gradient, the best polished; nothing is learnt on the way.

    Attributes
    ----------
    n_proposals : int
        Random sequences of a round.
    n_rounds : int
    steps : int
        Gradient steps of each sequence.
    """

    n_proposals: int = 128
    n_rounds: int = 60
    steps: int = 100

    def __post_init__(self) -> None:
        if self.n_proposals < 1:
            raise ValueError(f"n_proposals must be at least 1, got {self.n_proposals}")
        self._rounds()

    def prepare(self, problem: Problem, engine: str) -> RoundSearch:
        """Rounds in which all sequences are refined to the end."""
        return RoundSearch(problem, engine, self._rounds(), self._propose)

    def _rounds(self) -> Rounds:
        return Rounds(max_rounds=self.n_rounds, patience=self.n_rounds, steps=self.steps)

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        return random_designs(space, self.n_proposals, rng)


@dataclass(frozen=True, slots=True)
class Evolution(Strategy):
    """Evolution of structures by mutation and crossover, (mu + lambda) with truncation.

    Attributes
    ----------
    population : int
        Parents, and children of a generation.
    n_generations : int
    steps : int
        Gradient steps of each child; what it learns is inherited.
    """

    population: int = 64
    n_generations: int = 300
    steps: int = 10

    def __post_init__(self) -> None:
        self._rounds()

    def prepare(self, problem: Problem, engine: str) -> RoundSearch:
        """Rounds of generations; the best of all go on, whatever their number of pulses."""
        return RoundSearch(problem, engine, self._rounds(), self._propose, by_number=False)

    def _rounds(self) -> Rounds:
        n_rounds = self.n_generations
        return Rounds(max_rounds=n_rounds, patience=n_rounds, steps=self.steps, n_elite=self.population)

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        if not elite:
            return random_designs(space, self.population, rng)
        return changed_designs(elite, space, self.population, rng)
