"""The axis of time that a diagram and the curves below it share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence

# Beyond this ratio of the longest to the shortest delay a linear axis hides the short ones.
LARGEST_LINEAR_RATIO = 12.0
# In a stretched axis no delay is narrower than this part of an equal share, so that its label fits.
SMALLEST_SHARE = 0.8
MARGIN = 0.08  # of the time axis on both sides, room for half a label
ROUNDING = 1e-6  # ms, within which a readout is at a pulse or at the end
NARROWEST = 7.0  # points that half a waveform takes at least
ROOM = 0.02  # of the time axis before a pulse that begins it
TICK_ROOM = 17.0  # points that a slanted label of an axis takes


class TimeAxis:
    """Time in ms to position on the axis: linear, or stretched piecewise when delays differ much.

    On a linear axis there is room for what the kinds of pulse play before the first centre.

    Attributes
    ----------
    pulses, readouts : array, ms
    edges : array, ms
        Of pulses, readouts and the end.
    stretched : bool
    limits : ends of the axis
    """

    def __init__(self, sequence: Sequence, kinds: Mapping[str, Kind] | None = None) -> None:
        ends = (sequence.intervals * 1e3).numpy().cumsum()
        edges = np.concatenate([[0.0], ends])
        self.pulses = edges[:-1]
        self.readouts = ends[-1:]
        if sequence.layout is not None:
            self.readouts = np.sort((sequence.readout_times * 1e3).numpy())
            new = [time for time in self.readouts if abs(edges - time).min() > ROUNDING]
            edges = np.sort(np.concatenate([edges, new]))
        self.edges = edges
        pieces = np.diff(edges)
        self.stretched = bool(pieces.max() > LARGEST_LINEAR_RATIO * pieces.min())
        # A fourth root keeps the order of the delays and brings 6 ms and 4 s to 1:5.
        widths = pieces**0.25 if self.stretched else pieces
        widths = widths / widths.sum()
        if self.stretched:
            widths = np.maximum(widths, SMALLEST_SHARE / len(widths))
        first = 0.0
        if sequence.layout is not None and not self.stretched:
            kind = (kinds or {}).get(sequence.layout.kinds[0])
            first = 0.0 if kind is None else 1e3 * kind.side / ends[-1]
        self.limits = -max(MARGIN, first + ROOM), 1 + MARGIN
        self._thinned = sequence.layout is not None
        self._positions = np.concatenate([[0.0], widths.cumsum()]) / widths.sum()

    def __call__(self, time_ms: float | ndarray) -> ndarray:
        """Position of each time."""
        return np.asarray(np.interp(time_ms, self.edges, self._positions))

    def label(self, axes: Axes, separator: str = "; ") -> None:
        """Ticks at pulses and readouts with room; `separator` goes before the note of a stretched axis."""
        note = f"{separator}each delay to a scale of its own" if self.stretched else ""
        axes.set_xlabel(f"Time from the first pulse (ms{note})")
        axes.set_xlim(*self.limits)
        at = self._with_room(points_per_unit(axes)[0]) if self._thinned else self.edges
        labels = [f"{edge:.1f}".removesuffix(".0") for edge in at]
        slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(self(at), labels, **(slant if self.stretched or self._thinned else {}))

    def _with_room(self, points: float) -> ndarray:
        """Edges whose labels do not touch, on an axis of so many points."""
        kept = [self.edges[-1]]
        for edge in self.edges[-2::-1]:
            if points * (self(kept[-1]) - self(edge)) >= TICK_ROOM:
                kept.append(edge)
        return np.array(kept[::-1])


def points_per_unit(axes: Axes) -> tuple[float, float]:
    """Length in points of a unit along x and y, before the layout moves the axes a little."""
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    return scale * box.width / np.ptp(axes.get_xlim()), scale * box.height / np.ptp(axes.get_ylim())


def pulse_ends(axis: TimeAxis, pulse: int, duration: float, points: float) -> tuple[float, float]:
    """Where a pulse of a duration [s] begins and ends, on an axis of so many points in all.

    Over its true time where the axis is linear and has room for it, else as narrow as can be read.
    """
    half = duration * 500 / axis.edges[-1]
    if axis.stretched or points * half < NARROWEST:
        half = NARROWEST / points
    at = float(axis(axis.pulses[pulse]))
    return at - half, at + half
