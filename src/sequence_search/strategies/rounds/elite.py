"""The elite of a search by rounds: the best few of all that it found, no two of them alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sequence_search.sequence import Sequence
from sequence_search.strategies.result import family_place

# A loss that is higher by less than this part of it is as good.
LEAST_GAIN = 1e-3
# How far apart the elite of real sequences is, in units of a family: on slopes that are nearly flat families
# are many, and took all its places.
NICHE = 3.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A refined sequence and its loss on the voxels of the selection."""

    loss: float
    sequence: Sequence


def select(
    candidates: list[Candidate],
    n_elite: int,
    *,
    by_number: bool,
    form: Callable[[Sequence], Sequence] = lambda sequence: sequence,
    niche: float = 1.0,
) -> list[Candidate]:
    """The best few distinct sequences, best first.

    Two are alike if their flip angles and delays are in one niche, and their kinds and gradients are equal,
    or do nothing: the losses are equal.

    Parameters
    ----------
    n_elite : int
        Of each number of pulses, or of all.
    by_number : bool
        Whether of each number.
    form : callable
        What of a sequence counts. With a pulse of 0° anywhere in a wait, of any kind, and any gradient after
        it, a design has so many forms that there would be no room for others.
    niche : float
        In units of a family.
    """
    chosen: list[Candidate] = []
    better: dict[int, tuple[list[float], list[np.ndarray]]] = {}
    for candidate in sorted(candidates, key=lambda one: one.loss):
        shown = form(candidate.sequence)
        n_rf, place = len(shown.flip_angle), family_place(shown)
        losses, places = better.setdefault(n_rf, ([], []))
        is_full = len(places if by_number else chosen) >= n_elite
        if is_full or (places and _is_among(candidate.loss, place, losses, places, n_rf, niche)):
            continue
        chosen.append(candidate)
        losses.append(candidate.loss)
        places.append(place)
    return chosen


def at_best(candidates: list[Candidate]) -> tuple[float, int]:
    """The least loss, and how many have it but for less than a gain; infinite of none."""
    best = min((one.loss for one in candidates), default=math.inf)
    return best, sum(one.loss <= best + LEAST_GAIN * abs(best) for one in candidates)


def _is_among(
    loss: float, place: np.ndarray, losses: list[float], places: list[np.ndarray], n_rf: int, niche: float
) -> bool:
    apart = abs(np.stack(places) - place)
    is_near = (apart[:, : 2 * n_rf] < niche).all(-1)
    least = np.array(losses)
    is_alike = (apart[:, 2 * n_rf :] < 1).all(-1) | (loss - least <= LEAST_GAIN * abs(least))
    return bool((is_near & is_alike).any())
