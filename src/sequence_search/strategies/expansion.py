"""The sequence that a draft stands for: its layout, and which of its numbers each of the draft's is."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sequence_search.acquisition import LEAST_REST
from sequence_search.layout import Layout
from sequence_search.problem.playable import layout_of
from sequence_search.search_space import GRADIENTS, MOMENTS
from sequence_search.strategies.playing import Playing

MOST_STRUCTURES = 4096  # that are remembered


class Expansion(NamedTuple):
    """How the numbers of a draft [n_rf] become those of its sequence.

    Attributes
    ----------
    layout : Layout
    pulse : which pulse of the draft each of the sequence is [layout.n_rf]
    delay : which delay of the draft each of the sequence is, but for the rest of a repetition
    total : how often each delay of the draft counts up to the last readout [n_rf]
    flip : flip angle of each pulse of the sequence whose amplitude is fixed, else nan [layout.n_rf], rad
    rest : least time from the last readout to the end of a repetition [s]
    """

    layout: Layout
    pulse: np.ndarray
    delay: np.ndarray
    total: np.ndarray
    flip: np.ndarray
    rest: float


@lru_cache(maxsize=MOST_STRUCTURES)
def expansion_of(playing: Playing, kind: tuple[int, ...], gradient: tuple[int, ...]) -> Expansion:
    """Of a draft with these kinds and gradients."""
    kinds = tuple(playing.kinds[place] for place in kind)
    moments = [MOMENTS[GRADIENTS[code]] for code in gradient]
    acquisition = playing.acquisition
    layout, pulse = layout_of(
        kinds, moments, acquisition.echoes, acquisition.free_refocusing, steady=acquisition.is_repeated
    )
    delay, total = np.arange(len(kind)), np.ones(len(kind))
    if acquisition.echoes > 1:
        excitation = len(kind) - acquisition.n_train
        delay, total[excitation:] = delay[: excitation + 1], 0.0
        total[excitation] = 2.0 * acquisition.echoes
    flip = np.array([playing.fixed[place] for place in kind], float)[pulse]
    # The first pulse of the next repetition has to fit in, too.
    rest = max(LEAST_REST, acquisition.readout / 2 + (playing.sides[kind[0]] or 0.0))
    if playing.on_scanner:
        rounding = playing.raster / 2 * (total.sum() + 1)
        rest = max(rest, playing.on_scanner[-1][kind[0]][-1] + rounding)
    return Expansion(layout, np.array(pulse), delay, total, flip, rest)
