"""Errors that a sequence is played with: of pulses that err alike, of delays, of the repetition time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.layout import Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence

Where = tuple[int | None, int | None]  # first and last pulse, counted from 1


class Error(NamedTuple):
    """An error of a parameter: by a part of its value and an amount in rad or s, to either side."""

    column: str
    text: str
    part: float = 0.0
    amount: float = 0.0

    def size(self, right: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Of a right value."""
        return self.part * right + self.amount


GAIN = Error("flip_angle", "1 %", part=0.01)
TR = Error("tr", "1 %", part=0.01)
ERRORS = (
    GAIN,
    Error("flip_angle", "1°", amount=math.radians(1)),
    Error("phase", "1°", amount=math.radians(1)),
    Error("delay", "1 %", part=0.01),
    Error("delay", "0.1 ms", amount=1e-4),
)


def errors_of(
    single: Sequence, kinds: Mapping[str, Kind]
) -> Iterator[tuple[Where, Error, Float[Tensor, " numbers"]]]:
    """Each error, the pulses that it is of, and by how many times its size each number of the column changes.

    An error of TR is one of the rest of the repetition.
    """
    layout = single.layout or Layout.plain(len(single.flip_angle))
    groups = _alike(single, layout)
    for group in groups:
        kind = kinds.get(layout.kinds[group[0]])
        change = torch.zeros_like(single.phase)
        change[list(group)] = 1.0
        for error in ERRORS:
            # Of a single pulse the phase is a common one, which changes nothing.
            is_free = len(groups) > 1 if error.column == "phase" else kind is None or kind.fixed_flip is None
            if error.column != "delay" and is_free:
                yield _where(group), error, change
        yield from _errors_of_delays(single, layout, group)
    rest = _rest(single)
    if rest is not None:
        yield (None, None), TR, torch.eye(layout.n_delay, dtype=single.delay.dtype)[rest]


def _alike(single: Sequence, layout: Layout) -> list[tuple[int, ...]]:
    """Pulses in groups that err alike: the last of a train that are alike and read, and each other alone."""
    flips, phases = single.flip_angle.tolist(), single.phase.tolist()
    every = [*dict.fromkeys(one.pulse for one in layout.readouts)]
    pulses = [*zip(layout.kinds, flips, phases, strict=True)]
    alike = takewhile(lambda i: pulses[i] == pulses[every[-1]], reversed(every))
    read = tuple(reversed([*alike]))
    return [read if i in read else (i,) for i in range(layout.n_rf) if i not in read[1:]]


def _where(pulses: Iterable[int]) -> Where:
    first, *others = pulses
    return first + 1, others[-1] + 1 if others else None


def _errors_of_delays(
    single: Sequence, layout: Layout, pulses: tuple[int, ...]
) -> Iterator[tuple[Where, Error, Float[Tensor, " n_delay"]]]:
    """Of the delays that stand first in the interval after one of these pulses, but for the rest of a TR."""
    for delay, taken in enumerate(zip(*layout.multiples, strict=True)):
        intervals = [pulse for pulse, times in enumerate(taken) if times]
        if intervals[0] in pulses and delay != _rest(single):
            for error in ERRORS:
                if error.column == "delay":
                    yield _where(intervals), error, torch.eye(layout.n_delay, dtype=single.delay.dtype)[delay]


def _rest(single: Sequence) -> int | None:
    """The last delay, if it is what is left of a repetition after the last readout."""
    is_rest = single.is_steady and not single.counts_to_readout[-1]
    return len(single.delay) - 1 if is_rest else None


def with_error(single: Sequence, error: Error, change: Float[Tensor, " numbers"], side: int) -> Sequence:
    """With the error, and the TR as it was, if it is not of that."""
    if error.column not in ("delay", "tr"):
        right = getattr(single, error.column)
        return single.with_columns({error.column: right + side * change * error.size(right)})
    right, rest = single.delay, _rest(single)
    whole = right if error.column == "delay" else single.tr
    wrong = right + side * change * error.size(whole)
    if error.column == "delay" and rest is not None and single.layout is not None:
        each = right.new_tensor(single.layout.multiples).sum(0)
        wrong[rest] -= (each * (wrong - right)).sum() / each[rest]
    return single.with_columns({"delay": wrong.clamp(min=0)})
