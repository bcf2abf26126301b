"""The row of gradients of a sequence diagram: crushers, spoilers, slice gradients with their balance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from sequence_search.layout import SPOILER, Gradient, Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import selects_slice
from sequence_search.report.time_axis import TimeAxis, points_per_unit, pulse_ends
from sequence_search.sequence import Sequence
from sequence_search.sequence_text import pieces, time_of

# Heights in units of the row, widths in points.
CRUSHER, SPOILED, SLICE = 0.26, 0.36, 0.13
UNIT_WIDTH, SPOILER_WIDTH, BALANCE_WIDTH = 7.0, 14.0, 5.0
MOST_UNITS = 6  # of a crusher that are drawn one by one


@dataclass(frozen=True, slots=True)
class Row:
    """Where gradients are drawn.

    Attributes
    ----------
    axes : Axes
    line : from which they rise along y
    unit : of their heights along y
    font_size : points
    """

    axes: Axes
    line: float
    unit: float
    font_size: float

    @property
    def points(self) -> float:
        """Length of the axis of time in points."""
        return points_per_unit(self.axes)[0]

    def shape(self, x: list[float], heights: list[float], **look: Any) -> None:
        """A polygon of points along x and heights above the line."""
        y = [self.line + self.unit * height for height in heights]
        self.axes.add_patch(Polygon(np.column_stack([x, y]), linewidth=0.6, **look))

    def lobe(self, left: float, width: float, height: float, colour: str) -> None:
        """A trapezoid."""
        x = [left + width * part for part in (0.0, 0.22, 0.78, 1.0)]
        self.shape(x, [0.0, height, height, 0.0], facecolor=colour, edgecolor="black", zorder=3)

    def note(self, text: str, x: float, height: float, **look: Any) -> None:
        """Small text at a place."""
        where = x, self.line + self.unit * height
        size = self.font_size - 1
        self.axes.annotate(text, where, (0, 1), textcoords="offset points", fontsize=size, **look)


def has_gradients(layout: Layout, kinds: Mapping[str, Kind]) -> bool:
    """Whether there is anything in the row."""
    moments = (*layout.gradients, *(each.gradient for each in layout.readouts))
    return any(moments) or selects_slice(layout.kinds, kinds)


def draw_gradients(row: Row, sequence: Sequence, axis: TimeAxis, kinds: Mapping[str, Kind]) -> None:
    """Crushers as one lobe for each unit of moment, spoilers as a dark one, slice gradients pale.

    A slice gradient is balanced on both sides of its pulse. Crushers stand amid their interval, a spoiler at
    its end, just before the next pulse. The sequence is a single one with a layout.
    """
    layout = sequence.layout or Layout.plain(len(axis.pulses))
    row.axes.plot([0, 1], [row.line, row.line], color="black", linewidth=0.8)
    row.axes.annotate(
        "Gradients",
        (0, row.line),
        (-row.font_size, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=row.font_size + 1,
    )
    for pulse, name in enumerate(layout.kinds):
        if selects_slice((name,), kinds):
            _draw_slice(row, axis, pulse, kinds[name])
    for pulse, start, end, moment in _moments(layout, axis, sequence):
        left, right = (float(axis(time)) for time in (start, end))
        if moment == SPOILER:
            following = layout.kinds[pulse + 1] if pulse + 1 < layout.n_rf else ""
            if selects_slice((following,), kinds):
                right, *_ = _slice_ends(axis, pulse + 1, kinds[following], row.points)
            width = SPOILER_WIDTH / row.points
            row.lobe(right - 1.3 * width, width, SPOILED, "0.25")
            row.note("spoiler", right - 0.3 * width, -0.04, ha="right", va="top", color="0.25")
        elif moment:
            _draw_crusher(row, left, right, int(moment))


def _moments(
    layout: Layout, axis: TimeAxis, sequence: Sequence
) -> Iterator[tuple[int, float, float, Gradient]]:
    """Pulse, start and end [ms] of the pieces between pulses and readouts, and the moment of each."""
    delay_ms = (1e3 * sequence.delay).tolist()
    for pulse, time in enumerate(axis.pulses.tolist()):
        start = time
        for multiples, moment in pieces(layout, pulse, delay_ms):
            end = start + time_of(multiples, delay_ms)
            yield pulse, start, end, moment
            start = end


def _draw_crusher(row: Row, left: float, right: float, moment: int) -> None:
    """A lobe for each unit, side by side; of many one, with their number."""
    count = moment if moment <= MOST_UNITS else 1
    width = min(UNIT_WIDTH / row.points, 0.9 * (right - left) / count)
    middle = (left + right) / 2
    for unit in range(count):
        row.lobe(middle + (unit - count / 2) * width, width, CRUSHER, "0.6")
    if count < moment:
        row.note(f"×{moment}", middle, CRUSHER, ha="center")


def _draw_slice(row: Row, axis: TimeAxis, pulse: int, kind: Kind) -> None:
    """Slice gradient during a pulse, and half its moment taken back before and after."""
    first, left, right, last = _slice_ends(axis, pulse, kind, row.points)
    depth = -SLICE * (right - left) / 2 / (left - first)  # equal areas
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.3", "zorder": 2}
    for start, end, height in ((first, left, depth), (left, right, SLICE), (right, last, depth)):
        row.shape([start, start, end, end], [0.0, height, height, 0.0], **look)


def _slice_ends(axis: TimeAxis, pulse: int, kind: Kind, points: float) -> tuple[float, float, float, float]:
    """Where the balance before a pulse, its slice gradient, the balance after it begin, and the end."""
    left, right = pulse_ends(axis, pulse, kind.duration, points)
    balance = max(BALANCE_WIDTH / points, (right - left) * (kind.side / kind.duration - 0.5))
    return left - balance, left, right, right + balance
