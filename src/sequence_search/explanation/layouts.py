"""What each pulse and each gradient of a sequence with a layout buys: the loss without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from sequence_search.columns import without_pulses
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout
from sequence_search.layout_merge import without_pulse
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.words import enumerated

MOST_TOLD = 4  # pulses in a row whose numbers are told one by one
LEAST_TOLD = 1e-4  # change of a loss
# What is left out, the pulse itself or those after which the gradients stand, and the sequence without.
Variant = tuple[str, tuple[int, ...], Sequence]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The loss without a pulse, a spoiler or crushers.

    Attributes
    ----------
    what : "pulse", "spoiler" or "crushers"
    pulses : the pulse itself, or those after which the gradients stand, counted from 0
    loss : over the standard ensemble, nothing polished
    rise : of the loss, compared with all of the sequence
    polished : with the rest polished again; None if that was not done, or left nothing
    buys : by how much that is above the loss of the whole sequence, polished as well
    rest : as it was polished
    unpolished : why there is none, or empty
    """

    what: str
    pulses: tuple[int, ...]
    loss: float
    rise: float
    polished: float | None = None
    buys: float | None = None
    rest: Sequence | None = None
    unpolished: str = ""

    def __str__(self) -> str:
        """As "the spoiler after pulse 1"."""
        first, last = self.pulses[0] + 1, self.pulses[-1] + 1
        numbers = enumerated(str(pulse + 1) for pulse in self.pulses)
        if len(self.pulses) > MOST_TOLD:
            numbers = f"{first} to {last}"
        if self.what == "pulse":
            return f"pulse {numbers}"
        return f"the {self.what} after pulse{'s' if len(self.pulses) > 1 else ''} {numbers}"

    @property
    def effect(self) -> str:
        """As "the spoiler after pulse 1 changes the loss by +0.01"."""
        rise = f"{self.rise:+.4f}".replace("-", "\N{MINUS SIGN}")
        by = "by less than 0.0001" if abs(self.rise) < LEAST_TOLD else f"by {rise}"
        return f"{self} {'change' if self.what == 'crushers' else 'changes'} the loss {by}"


def layout_of(problem: Problem, sequence: Sequence) -> Layout | None:
    """The layout whose parts are told: also of a plain sequence, where a search has kinds or gradients."""
    if sequence.layout is None and problem.has_layouts:
        return Layout.plain(len(sequence.flip_angle))
    return sequence.layout


def parts_left_out(problem: Problem, sequence: Sequence, simulator: Simulator) -> tuple[LeftOut, ...]:
    """Each pulse and each gradient of a single sequence left out, nothing polished; none without a layout.

    Crushers of neighbouring intervals, which balance each other, are one, and pulses of a train stay.
    """
    layout = layout_of(problem, sequence)
    if layout is None:
        return ()
    loss = float(simulator.loss(sequence))
    variants = [*_without_each_pulse(problem, sequence, layout), *_without_gradients(sequence, layout)]
    losses = [float(simulator.loss(rest)) for *_, rest in variants]
    return tuple(
        LeftOut(what, pulses, without, without - loss)
        for (what, pulses, _), without in zip(variants, losses, strict=True)
    )


def _without_each_pulse(problem: Problem, sequence: Sequence, layout: Layout) -> Iterator[Variant]:
    """Without each pulse, the intervals beside it joined; one that a readout needs turns by 0°."""
    places = torch.arange(layout.n_rf)
    for pulse in range(layout.n_rf if len(layout.readouts) == 1 else layout.readouts[0].pulse):
        kind = problem.pulses.get(layout.kinds[pulse])
        if without_pulse(layout, pulse) is not None:
            parts, rest = without_pulses(Sequence.COLUMNS, sequence.columns(), layout, places != pulse)
            yield "pulse", (pulse,), replace(sequence, layout=rest, **parts)
        elif kind is None or kind.fixed_flip is None:
            flip = torch.where(places == pulse, 0.0, sequence.flip_angle)
            yield "pulse", (pulse,), replace(sequence, flip_angle=flip)


def _without_gradients(sequence: Sequence, layout: Layout) -> Iterator[Variant]:
    """Without each spoiler, and without each row of neighbouring crushers."""
    rows: list[list[int]] = []
    for pulse, gradient in enumerate(layout.gradients):
        before = layout.gradients[pulse - 1] if pulse else 0
        if gradient == SPOILER or (gradient and before in {0, SPOILER}):
            rows.append([pulse])
        elif gradient:
            rows[-1].append(pulse)
    for row in rows:
        spoiled = layout.gradients[row[0]] == SPOILER
        gradients = tuple(0 if at in row else each for at, each in enumerate(layout.gradients))
        readouts = tuple(replace(one, gradient=0) if one.pulse in row else one for one in layout.readouts)
        rest = replace(layout, gradients=gradients, readouts=readouts)
        yield "spoiler" if spoiled else "crushers", tuple(row), replace(sequence, layout=rest)
