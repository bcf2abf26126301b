"""The textbook's sequence as a problem with layouts plays it: kinds, crushers, a spoiler, a train."""

from __future__ import annotations

import math

import torch

from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.search_space import GRADIENTS
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft, Playing, playing_of
from sequence_search.strategies.played import DraftSimulator
from sequence_search.structure import uses

CRUSHER, SPOILER = (float(GRADIENTS.index(name)) for name in ("crusher", "spoiler"))


def conventional_draft(problem: Problem, design: Sequence, conventional: Sequence) -> Sequence | None:
    """A plain conventional sequence as a search of the problem proposes it; itself without layouts.

    Its pulses are of the kinds that the design has for the same purpose, else of one that fits: of a fixed
    amplitude to invert, of another for the rest. Delays are shortened to fit the repetition; None where even
    the shortest do not fit.
    """
    playing = playing_of(problem)
    if playing is None:
        return conventional
    flips, phases, delay = (part.tolist() for part in conventional.columns().values())
    purposes = _purposes(flips)
    if playing.n_echoes > 1:
        half = float(design.readout_times.diff()[0]) / 2
        if purposes[-1] != "refocusing":
            flips, phases, purposes = [*flips, math.pi], [*phases, 0.0], [*purposes, "refocusing"]
            delay = [*delay, half]
        phases[-1], delay[-2:] = phases[-2] + math.pi / 2, [half, half]
    names = _kinds(problem, playing, design, purposes)
    codes = [
        _gradient(problem, after, purposes[at + 1] if at + 1 < len(purposes) else "readout")
        for at, after in enumerate(purposes)
    ]
    number = conventional.delay.new_tensor
    none = torch.zeros(len(flips), dtype=conventional.delay.dtype)
    draft = playing.bounded(
        Draft(
            number(flips),
            number(phases),
            number(delay),
            kind=number([float(playing.kinds.index(name)) for name in names]),
            gradient=number(codes),
            shortest=none,
            longest=none,
            repetition=none - 1,
        )
    )
    simulator = DraftSimulator(problem.simulator(problem.voxels(method="nominal")), playing)
    try:
        simulator.play(draft)
    except ValueError:  # more than fits the repetition
        return None
    return draft


def _purposes(flips: list[float]) -> list[str]:
    """Of 90°, 90°-180° and 180°-90°."""
    first = "inversion" if flips[0] > 2 else "excitation"
    after = "excitation" if first == "inversion" else "refocusing"
    return [first, *[after] * (len(flips) - 1)]


def _kinds(problem: Problem, playing: Playing, design: Sequence, purposes: list[str]) -> list[str]:
    layout = design.layout or Layout.plain(len(design.flip_angle))
    own = {
        use: name
        for use, name in reversed(list(zip(uses(design), layout.kinds, strict=True)))
        if name in playing.kinds
    }
    fixed = [name for name, flip in zip(playing.kinds, playing.fixed, strict=True) if flip is not None]
    free = [name for name in playing.kinds if name not in fixed] or fixed
    refocusing = [name for name in free if getattr(problem.pulses.get(name), "purpose", "") == "refocusing"]
    first = {"inversion": fixed or free, "refocusing": refocusing or free, "excitation": free}
    return [own.get(purpose, first[purpose][0]) for purpose in purposes]


def _gradient(problem: Problem, before: str, after: str) -> float:
    """Between pulses of these purposes, if the problem has it: a spoiler, or a crusher about a refocusing."""
    known = problem.search_space.gradients
    if before == "inversion" and "spoiler" in known:
        return SPOILER
    return CRUSHER if "refocusing" in (before, after) and "crusher" in known else 0.0
