"""Global search: random sequences and changes of the best, refined in batches by gradient, round by round.

Each round proposes sequences, at first random ones over the whole search space, then mostly changes of the
best found: a pulse added, split, dropped or replaced, parameters shifted, beginnings and ends of two crossed.
Proposals descend together, the worse dropped on the way (successive halving). The best few of each number of
pulses go on to the next round: a longer sequence often has to grow from a shorter one that is not the best of
all. When rounds bring nothing better the best are polished to convergence, pulses that do nothing removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.drive import Strategy
from sequence_search.strategies.rounds.loop import Rounds, RoundSearch
from sequence_search.strategies.rounds.propose import changed_designs, random_designs

# Parts of the descent, and the share of proposals kept after each.
HALVINGS = ((0.15, 0.5), (0.25, 0.5), (0.6, 1.0))
# Of real sequences, of which most proposals end in valleys that are known: a third less work a round.
HALVINGS_OF_DRAFTS = ((0.1, 0.4), (0.15, 0.5), (0.25, 0.6), (0.5, 1.0))
# Random starts that end at one best, from which on a third of the patience is enough: a better valley that
# starts meet a third as often would be missed by all of them with a chance of exp(-20 / 3), 0.1 %.
AGREEING = 20


@dataclass(frozen=True, slots=True)
class Multistart(Rounds, Strategy):
    """Options of the global search: those of `Rounds`, with its elite of each number of pulses, and these.

    Attributes
    ----------
    n_starts : int
        Random sequences of the first round.
    n_children : int
        Proposals of each later round.
    fresh : float
        Share of random ones among them.
    """

    n_starts: int = 2048
    n_children: int = 256
    fresh: float = 0.1

    def __post_init__(self) -> None:
        Rounds.__post_init__(self)
        if min(self.n_starts, self.n_children) < 1 or not 0 <= self.fresh <= 1:
            raise ValueError(
                f"n_starts and n_children must be at least 1 and fresh within 0 to 1, got {self}"
            )

    def prepare(self, problem: Problem, engine: str) -> RoundSearch:
        """Rounds with successive halving."""
        halvings = HALVINGS_OF_DRAFTS if problem.has_layouts else HALVINGS
        return RoundSearch(problem, engine, self, self._propose, halvings=halvings, agreeing=AGREEING)

    def _propose(self, elite: list[Sequence], space: SearchSpace, rng: np.random.Generator) -> list[Sequence]:
        """Random sequences at first, then mostly changed ones."""
        if not elite:
            return random_designs(space, self.n_starts, rng)
        n_fresh = round(self.fresh * self.n_children)
        changed = changed_designs(elite, space, self.n_children - n_fresh, rng)
        return changed + random_designs(space, n_fresh, rng)
