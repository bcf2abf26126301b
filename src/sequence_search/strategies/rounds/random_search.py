"""Baseline: random structures refined by gradient, the best polished; nothing is learnt on the way."""

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
from sequence_search.strategies.rounds.propose import random_designs


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """Options of the random search.

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

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """One search for each seed; the sequences of a round are one batch."""
        return run_rounds(problem, seeds, settings, self._rounds(), self._propose)

    def _rounds(self) -> Rounds:
        return Rounds(
            max_rounds=self.n_rounds, patience=self.n_rounds, steps=self.steps, halvings=((1.0, 1.0),)
        )

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        return random_designs(space, self.n_proposals, rng)
