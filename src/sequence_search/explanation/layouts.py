"""What each pulse and each gradient of a sequence with a layout buys: the loss with it left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from sequence_search.checks import check_type
from sequence_search.columns import without_pulses
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout
from sequence_search.layout_merge import without_pulse
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.structure import describe
from sequence_search.words import enumerated


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The loss without a pulse, a spoiler or crushers, nothing polished.

    Attributes
    ----------
    what : "pulse", "spoiler" or "crushers"
    pulses : the pulse itself, or those after which the gradients stand, counted from 0
    loss : over the standard ensemble
    rise : of the loss, compared with all of the sequence
    """

    what: str
    pulses: tuple[int, ...]
    loss: float
    rise: float

    def __str__(self) -> str:
        """As "the spoiler after pulse 1"."""
        numbers = enumerated(str(pulse + 1) for pulse in self.pulses)
        if self.what == "pulse":
            return f"pulse {numbers}"
        return f"the {self.what} after pulse{'s' if len(self.pulses) > 1 else ''} {numbers}"

    @property
    def effect(self) -> str:
        """As "the spoiler after pulse 1 changes the loss by +0.01"."""
        return f"{self} {'change' if self.what == 'crushers' else 'changes'} the loss by {self.rise:+.4g}"


@dataclass(frozen=True, slots=True)
class LayoutExplanation:
    """What the parts of a sequence with a layout buy, before anything else is polished again.

    Attributes
    ----------
    problem : its name
    sequence : as it was given
    loss : over the standard ensemble
    structure : what is played, in words
    pulses, gradients : each of them left out; crushers of neighbouring intervals, which balance each other,
        as one
    """

    problem: str
    sequence: Sequence
    loss: float
    structure: str
    pulses: tuple[LeftOut, ...]
    gradients: tuple[LeftOut, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """A sentence on the gradients, if there are any, and one on the pulses."""
        parts = (part for part in (self.gradients, self.pulses) if part)
        return tuple(f"Left out, {enumerated(each.effect for each in part)}." for part in parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = {name: getattr(self, name) for name in ("problem", "loss", "structure")}
        lists = {
            name: [
                {key: getattr(each, key) for key in ("what", "pulses", "loss", "rise")}
                for each in getattr(self, name)
            ]
            for name in ("pulses", "gradients")
        }
        return plain | {"sequence": self.sequence.to_dict(), "sentences": self.sentences} | lists


def explain_layout(problem: Problem, sequence: Sequence, *, engine: str = "auto") -> LayoutExplanation:
    """Measure what each pulse and each gradient of a single sequence with a layout buys in a problem.

    Raises
    ------
    ValueError
        If it has no layout, see `explain`, or cannot be played in the problem.
    """
    check_type(problem, Problem)
    check_type(sequence, Sequence)
    problem.check_sequence(sequence)
    if sequence.layout is None:
        raise ValueError("explain_layout is of a sequence with a layout, got one without: see explain")
    single = sequence.detach()
    simulator = problem.simulator(problem.voxels(), engine)
    loss = float(simulator.loss(single))
    return LayoutExplanation(
        problem=problem.name,
        sequence=single,
        loss=loss,
        structure=describe(single),
        pulses=tuple(_left_out(simulator, loss, _without_each_pulse(problem, single, sequence.layout))),
        gradients=tuple(_left_out(simulator, loss, _without_gradients(single, sequence.layout))),
    )


def _left_out(
    simulator: Simulator, loss: float, variants: Iterator[tuple[str, tuple[int, ...], Sequence]]
) -> Iterator[LeftOut]:
    for what, pulses, rest in variants:
        without = float(simulator.loss(rest))
        yield LeftOut(what, pulses, without, without - loss)


def _without_each_pulse(
    problem: Problem, sequence: Sequence, layout: Layout
) -> Iterator[tuple[str, tuple[int, ...], Sequence]]:
    """Without each pulse, the intervals beside it joined; one that a readout needs turns by 0°."""
    places = torch.arange(layout.n_rf)
    for pulse in range(layout.n_rf):
        if without_pulse(layout, pulse) is not None:
            parts, rest = without_pulses(Sequence.COLUMNS, sequence.columns(), layout, places != pulse)
            yield "pulse", (pulse,), replace(sequence, layout=rest, **parts)
        elif layout.kinds[pulse] not in problem.pulses or (
            problem.pulses[layout.kinds[pulse]].fixed_flip is None
        ):
            flip = torch.where(places == pulse, 0.0, sequence.flip_angle)
            yield "pulse", (pulse,), replace(sequence, flip_angle=flip)


def _without_gradients(sequence: Sequence, layout: Layout) -> Iterator[tuple[str, tuple[int, ...], Sequence]]:
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
