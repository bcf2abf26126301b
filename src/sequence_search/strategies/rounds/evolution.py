"""Baseline: evolution of structures by mutation and crossover, each child refined by a few gradient steps."""

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


@dataclass(frozen=True, slots=True)
class Evolution:
    """Options of the evolutionary search, (mu + lambda) with truncation.

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

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """One evolution for each seed; a generation is one batch."""
        rounds = Rounds(
            max_rounds=self.n_generations,
            patience=self.n_generations,
            steps=self.steps,
            halvings=((1.0, 1.0),),
            n_elite=self.population,
            by_number=False,
        )
        return run_rounds(problem, seeds, settings, rounds, self._propose)

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        if not elite:
            return random_designs(space, self.population, rng)
        return changed_designs(elite, space, self.population, rng)
