"""Where a search by rounds stands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Point
from sequence_search.strategies.rounds.elite import Candidate


@dataclass(frozen=True, slots=True)
class SearchState:
    """Where the search of a seed stands after a round, or after a polish.

    Attributes
    ----------
    seed : int
    generator : dict
        State of the seed's generator of random numbers.
    n_rounds, n_proposed : int
        Rounds taken, and the proposals of all.
    elite : tuple of Candidate
        Best first.
    history : tuple of Point
    least, without_gain : float, int
        Loss of the last round that gained, and the rounds since.
    agreed : bool
        Whether the starts of the first round agree, and no later one gained.
    converged : bool
        Whether there is no further round.
    polished : tuple of Sequence
        Of the elite, in its order, as far as it is polished.
    """

    seed: int
    generator: dict[str, Any]
    n_rounds: int = 0
    n_proposed: int = 0
    elite: tuple[Candidate, ...] = ()
    history: tuple[Point, ...] = ()
    least: float = math.inf
    without_gain: int = 0
    agreed: bool = False
    converged: bool = False
    polished: tuple[Sequence, ...] = ()

    @property
    def step(self) -> int:
        """Rounds taken and sequences polished."""
        return self.n_rounds + len(self.polished)
