"""How far a search can be trusted: whether independent islands agree, and what they may have missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sequence_search.strategies.result import Run, same_family
from sequence_search.words import counted

CLOSE = 0.005  # of the least loss: islands that end so near agree
ELUSIVE = 0.5  # how often islands may find a better design, relative to the best: half as often
SURE = 0.05  # a chance below which the search is enough


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the best design of several islands, searches that know nothing of each other, is the best.

    Attributes
    ----------
    n_islands : int
        Islands that ended by themselves.
    n_agree : int
        Of them, those whose loss is within 0.5 % of the least of all.
    n_families : int
        Distinct designs at which they ended.
    """

    n_islands: int
    n_agree: int
    n_families: int

    @property
    def chance_left(self) -> float:
        """Chance that a better design, which islands find half as often as the best, was never met.

        Of n islands of which k agree each misses it with probability 1 - k / 2n. 1 where none agrees: the
        best is of an island that a budget cut, or none has a design.
        """
        return (1 - ELUSIVE * self.n_agree / self.n_islands) ** self.n_islands if self.n_islands else 1.0

    @property
    def is_sure(self) -> bool:
        """Whether this chance is below 5 %."""
        return self.chance_left < SURE

    @property
    def word(self) -> str:
        """The verdict in two words."""
        return "best found" if self.is_sure else "more search"

    def __str__(self) -> str:
        """In a sentence."""
        agree = f"{self.n_agree} of {counted(self.n_islands, 'island')} agree on the best design"
        left = f"{100 * self.chance_left:.2g} %"
        if self.is_sure:
            return f"{agree}; that a better one was missed has a chance of about {left}"
        return f"{agree}: more search is worth it; that a better one was missed has a chance of about {left}"


def judge(runs: Iterable[Run]) -> Verdict:
    """Verdict on runs of one problem, each an island."""
    found = [run for run in runs if run.families]
    ended = [run for run in found if run.status == "done"]
    least = min((run.loss for run in found), default=0.0)
    n_agree = sum(run.loss <= least + CLOSE * abs(least) for run in ended)
    families: list[Run] = []
    for run in ended:
        if not any(same_family(run.families[0].sequence, other.families[0].sequence) for other in families):
            families.append(run)
    return Verdict(len(ended), n_agree, len(families))
