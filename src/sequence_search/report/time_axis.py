"""The axis of time that a diagram and the curves below it share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
REST = 0.3  # of the time up to the last readout, which the rest of a repetition takes on an axis of several
ROUNDING = 1e-6  # ms, within which a readout is at a pulse or at the end
NARROWEST = 7.0  # points that half a waveform takes at least
ROOM = 0.02  # of the time axis before a pulse that begins it
TICK_ROOM = 17.0  # points that a slanted label of an axis takes


class TimeAxis:
    """Time in ms to position on the axis: linear, or stretched piecewise when delays differ much.

    On a linear axis there is room for what the kinds of pulse play before the first centre.

    Parameters
    ----------
    sequence : Sequence, single
    kinds : of its pulses that are not "hard"
    beside : single sequences for which the axis has the same scale, as that of each has beside the others;
        none if it had to be stretched, since the same delays would have many widths

    Attributes
    ----------
    pulses, readouts : array, ms
    edges : array, ms
        Of pulses, readouts and the end.
    stretched : bool
    rest_from : ms, or None
        From when on the rest of a repetition has a scale of its own, on a linear axis of several sequences.
    limits : ends of the axis
    """

    def __init__(
        self,
        sequence: Sequence,
        kinds: Mapping[str, Kind] | None = None,
        beside: Iterable[Sequence] = (),
    ) -> None:
        beside = list(beside)
        every = [_events(each) for each in (sequence, *beside)]
        self.pulses, self.readouts, self.edges = every[0]
        kept = [np.diff(edges[edges <= readouts[-1]]) for _, readouts, edges in every]
        self.rest_from: float | None = None
        if len(every) > 1 and _is_even(np.concatenate(kept)):
            self._scale, widths = _broken(every)
            self.rest_from = self._scale[1] if len(widths) > 1 else None
            self.stretched = False
        else:
            self._scale = self.edges
            widths = np.diff(self._scale)
            self.stretched = not _is_even(widths)
        # A fourth root keeps the order of the delays and brings 6 ms and 4 s to 1:5.
        widths = widths**0.25 if self.stretched else widths
        widths = widths / widths.sum()
        if self.stretched:
            widths = np.maximum(widths, SMALLEST_SHARE / len(widths))
        self._positions = np.concatenate([[0.0], widths.cumsum()]) / widths.sum()
        first = 0.0
        if not self.stretched:
            names = [each.layout.kinds[0] for each in (sequence, *beside) if each.layout is not None]
            sides = [kinds[name].side for name in names if kinds and name in kinds]
            first = float(self(1e3 * max(sides, default=0.0)))
        self.limits = -max(MARGIN, first + ROOM), 1 + MARGIN
        self._thinned = sequence.layout is not None

    def __call__(self, time_ms: float | ndarray) -> ndarray:
        """Position of each time."""
        return np.asarray(np.interp(time_ms, self._scale, self._positions))

    @property
    def note(self) -> str:
        """What is not to one scale."""
        if self.rest_from is not None:
            return "after the last readout to another scale"
        return "each delay to a scale of its own" if self.stretched else ""

    def label(self, axes: Axes, separator: str = "; ") -> None:
        """Ticks at pulses and readouts with room; `separator` goes before the note of a stretched axis."""
        note = f"{separator}{self.note}" if self.note else ""
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


def _events(sequence: Sequence) -> tuple[ndarray, ndarray, ndarray]:
    """Times of the pulses, of the readouts, and of all of them with the end [ms]."""
    ends = (sequence.intervals * 1e3).numpy().cumsum()
    edges, readouts = np.concatenate([[0.0], ends]), ends[-1:]
    pulses = edges[:-1]
    if sequence.layout is not None:
        readouts = np.sort((sequence.readout_times * 1e3).numpy())
        edges = _joined(np.concatenate([edges, readouts]))
    return pulses, readouts, edges


def _is_even(pieces: ndarray) -> bool:
    """Whether pieces [ms] can be seen to one scale."""
    return bool(pieces.max() <= LARGEST_LINEAR_RATIO * pieces.min())


def _broken(every: list[tuple[ndarray, ndarray, ndarray]]) -> tuple[ndarray, ndarray]:
    """Times between which an axis is linear [ms], up to the last readout of all and on, and their widths."""
    reach, end = (max(each[which][-1] for each in every) for which in (1, 2))
    if end - reach <= REST * reach:
        return np.array([0.0, end]), np.ones(1)
    return np.array([0.0, reach, end]), np.array([1.0, REST])


def _joined(times: ndarray) -> ndarray:
    """Times in their order [ms], without those that are another up to rounding; the last stays."""
    times, kept = np.sort(times), [0.0]
    for time in times[times < times[-1] - ROUNDING]:
        if time - kept[-1] > ROUNDING:
            kept.append(time)
    return np.array([*kept, times[-1]])


def points_per_unit(axes: Axes) -> tuple[float, float]:
    """Length in points of a unit along x and y, before the layout moves the axes a little."""
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    return scale * box.width / np.ptp(axes.get_xlim()), scale * box.height / np.ptp(axes.get_ylim())


def pulse_ends(axis: TimeAxis, pulse: int, duration: float, points: float) -> tuple[float, float]:
    """Where a pulse of a duration [s] begins and ends, on an axis of so many points in all.

    Over its true time where the axis is linear and has room for it, else as narrow as can be read.
    """
    half = float(axis(1e3 * duration / 2))
    if axis.stretched or points * half < NARROWEST:
        half = NARROWEST / points
    at = float(axis(axis.pulses[pulse]))
    return at - half, at + half
