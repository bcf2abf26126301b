"""Back from a sequence to what a search proposes: the draft that is played as it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch

from sequence_search.layout import Layout
from sequence_search.limits import Range
from sequence_search.problem.problem import Problem
from sequence_search.search_space import GRADIENTS, MOMENTS
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played import DraftSimulator
from sequence_search.strategies.playing import Playing, playing_of

CODES = {MOMENTS[name]: float(code) for code, name in enumerate(GRADIENTS)}
SAME = 1e-9  # of delays, relative


def of_one_tr(problem: Problem, sequence: Sequence) -> Problem:
    """The problem, if it searches the repetition time with that of a single sequence."""
    if not isinstance(problem.acquisition.tr, Range) or not sequence.is_steady:
        return problem
    return replace(problem, acquisition=replace(problem.acquisition, tr=float(sequence.tr)))


def draft_of(problem: Problem, sequence: Sequence) -> Sequence | None:
    """What a search of the problem proposes for a single sequence: a draft, or itself without layouts.

    None if it proposes no such sequence, as one with other gradients than those between pulses, or with a
    delay below the shortest.
    """
    single, playing = sequence.detach().without_padding(), playing_of(problem)
    found = near_draft(problem, single)
    if playing is None or found is None:
        return found
    simulator = DraftSimulator(problem.simulator(problem.voxels(method="nominal")), playing)
    try:
        again = simulator.play(found)
    except ValueError:  # more than fits the repetition
        return None
    same = again.layout == single.layout and torch.allclose(again.delay, single.delay, SAME, SAME)
    return found if same and torch.equal(again.phase, single.phase) else None


def near_draft(problem: Problem, sequence: Sequence) -> Sequence | None:
    """As `draft_of`, but with delays as near as the problem's bounds allow, and whatever follows a train."""
    single, playing = sequence.detach().without_padding(), playing_of(problem)
    if playing is None:
        return single if single.layout is None else None
    return _draft(playing, single)


def _draft(playing: Playing, single: Sequence) -> Draft | None:
    """The draft of the first pulses, of a train up to the first of it, whatever follows."""
    n_rf = single.flip_angle.shape[-1]
    layout, n_tied = single.layout or Layout.plain(n_rf), max(0, playing.acquisition.n_train - 1)
    count = n_rf - playing.acquisition.echoes + 1 + playing.acquisition.free_refocusing
    own, flips = count - n_tied, single.flip_angle[count - 1 :]
    known = set(layout.kinds) <= set(playing.kinds) and set(layout.gradients[: max(0, own)]) <= set(CODES)
    if own < 1 or not known or (n_tied and not (flips == flips[0]).all()):
        return None
    delay, gradients = single.delay[:own], layout.gradients[:own]
    delay, gradients = torch.cat([delay, delay[-1:].expand(n_tied)]), (*gradients, *[0] * n_tied)
    if len(delay) < count:
        return None
    number = single.delay.new_tensor
    kind, gradient = (
        number([playing.kinds.index(each) for each in layout.kinds[:count]]),
        number([CODES[each] for each in gradients]),
    )
    none = torch.zeros_like(kind)
    numbers = single.flip_angle[:count], single.phase[:count], delay
    bounds = dict.fromkeys(("shortest", "longest", "largest"), none)
    bounds["repetition"] = none + playing.repetition_of(float(single.tr))
    return playing.bounded(Draft(*numbers, kind=kind, gradient=gradient, **cast(Any, bounds)))
