"""Sequence diagram: pulses by kind, gradients, readouts, delays and TR on one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy import ndarray

from sequence_search.layout import HARD, Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.report.gradients import Row, draw_gradients, has_gradients
from sequence_search.report.time_axis import TimeAxis, points_per_unit, pulse_ends
from sequence_search.sequence import Sequence
from sequence_search.sequence_text import duration, phase_text

# Of DejaVu Sans: a digit, and a line with the gap to the next, as parts of the font size.
CHARACTER_WIDTH = 0.62
LINE_HEIGHT = 1.35
FONT_SIZE = 8.0
SHORTEST_RUN = 3  # like delays that follow each other and get one label
SHORTEST_TRAIN = 4  # the same of pulses

# Heights in parts of the largest flip angle of the axis.
ABOVE, NAMED_ABOVE = 1.7, 1.95  # top of the axes, without and with names of kinds above the pulses
GRADIENT_ROW, BELOW_GRADIENTS = 0.6, 0.3
DELAY_ROW, TR_ROW, ARROW = 0.3, 0.85, 0.65


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of a diagram stand along y, in degrees of flip angle.

    Attributes
    ----------
    bottom, top : of the pulses
    gradient : the line from which gradients rise, or None
    floor : below it stand the delays
    lowest, highest : ends of the axes
    relative_height : of the axes, relative to those of a sequence without a layout
    """

    bottom: float
    top: float
    gradient: float | None
    floor: float
    lowest: float
    highest: float
    relative_height: float


def flip_span(sequences: Iterable[Sequence]) -> tuple[float, float]:
    """Least and largest flip angle [°] of single sequences and of 0 and 180: the span of a common axis."""
    flips = [float(flip) for sequence in sequences for flip in torch.rad2deg(sequence.flip_angle)]
    return min(0.0, *flips), max(180.0, *flips)


def rows_of(sequence: Sequence, span: tuple[float, float], kinds: Mapping[str, Kind]) -> Rows:
    """Rows that the diagram of a single sequence has."""
    bottom, top = span
    layout = sequence.layout
    plain = (ABOVE + DELAY_ROW) * top - bottom
    if layout is None:
        return Rows(bottom, top, None, bottom, bottom - DELAY_ROW * top, ABOVE * top, 1.0)
    played = zip(played_flips(sequence, kinds).tolist(), layout.kinds, strict=True)
    lobes = [flip * _shape(kinds[name]) for flip, name in played if name in kinds]
    bottom = min(bottom, *(float(lobe.min()) for lobe in lobes), 0.0)
    named = any(kind != HARD for kind in layout.kinds)
    gradient = bottom - GRADIENT_ROW * top if has_gradients(layout, kinds) else None
    floor = bottom if gradient is None else gradient - BELOW_GRADIENTS * top
    lowest = floor - (TR_ROW if layout.steady else DELAY_ROW) * top
    highest = (NAMED_ABOVE if named else ABOVE) * top
    return Rows(bottom, top, gradient, floor, lowest, highest, (highest - lowest) / plain)


def draw_diagram(
    axes: Axes,
    sequence: Sequence,
    axis: TimeAxis,
    span: tuple[float, float],
    font_size: float = FONT_SIZE,
    kinds: Mapping[str, Kind] | None = None,
) -> float:
    """RF pulses as high as their flip angle, delays between them, readouts. Fig. 4a.

    An instantaneous pulse is a stem, any other has the shape of its waveform, over its true duration where
    the axis has room for it. Below stand gradients, if there are any, and the repetition time.

    Parameters
    ----------
    sequence : Sequence, single, without padding
    span : of flip angles, as that of `flip_span` [°]
    kinds : of the pulses that are not "hard"; of one that is not given the name alone is shown

    Returns
    -------
    float
        By how many points the labels of crowded pulses stand out above the axes, for a title.
    """
    kinds = {} if kinds is None else kinds
    rows, layout = rows_of(sequence, span, kinds), sequence.layout
    ticks = np.arange(90 * np.floor(span[0] / 90), rows.top + 1, 90)
    axes.set_yticks(ticks)
    axes.set_ylim(rows.lowest, rows.highest)
    axes.set_xlim(*axis.limits)
    axes.axhline(0, color="black", linewidth=0.8)
    flips = played_flips(sequence, kinds)
    _draw_pulses(axes, sequence, axis, flips, kinds)
    overhang = _label_pulses(axes, sequence, axis(axis.pulses), flips, font_size)
    _label_delays(axes, axis, rows.floor, font_size, short=layout is not None)
    _draw_readouts(axes, axis, font_size, f"{flips[-1]:.1f}°")
    axes.set_ylabel("Flip angle (°)\nwith phase below", fontsize=font_size + 1)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_position(("outward", font_size))
    axes.tick_params(bottom=False)
    if layout is not None:
        axes.spines["left"].set_bounds(ticks[0], rows.top)
        middle = (rows.bottom + rows.highest) / 2
        axes.yaxis.label.set_y((middle - rows.lowest) / (rows.highest - rows.lowest))
        if rows.gradient is not None:
            draw_gradients(Row(axes, rows.gradient, rows.top, font_size), sequence, axis, kinds)
        if layout.steady:
            _draw_repetition(axes, axis, rows, flips[0], font_size)
    return overhang


def played_flips(sequence: Sequence, kinds: Mapping[str, Kind]) -> ndarray:
    """Nominal flip angles [°], of a kind of fixed amplitude its own."""
    flips = torch.rad2deg(sequence.flip_angle).numpy().copy()
    for pulse, name in enumerate(_names(sequence)):
        if name in kinds and (fixed := kinds[name].fixed_flip) is not None:
            flips[pulse] = math.degrees(fixed)
    return flips


def _names(sequence: Sequence) -> tuple[str, ...]:
    return Layout.plain(len(sequence.flip_angle)).kinds if sequence.layout is None else sequence.layout.kinds


def _draw_pulses(
    axes: Axes, sequence: Sequence, axis: TimeAxis, flips: ndarray, kinds: Mapping[str, Kind]
) -> None:
    """Stems of what takes no time, waveforms of the rest."""
    shaped = [name in kinds and kinds[name].duration > 0 for name in _names(sequence)]
    hard = ~np.array(shaped, bool)
    axes.vlines(axis(axis.pulses[hard]), 0, flips[hard], color="black", linewidth=3)
    for pulse in np.flatnonzero(shaped).tolist():
        kind = kinds[_names(sequence)[pulse]]
        left, right = pulse_ends(axis, pulse, kind.duration, points_per_unit(axes)[0])
        shape = _shape(kind)
        edges = np.linspace(left, right, len(shape) + 1)
        look: dict[str, Any] = {"facecolor": "0.75", "edgecolor": "black", "linewidth": 1.0}
        axes.stairs(flips[pulse] * shape, edges, fill=True, zorder=2, **look)


def _shape(kind: Kind) -> ndarray:
    """Waveform relative to its peak: with its sign if it is real, else its magnitude."""
    peak = np.abs(kind.waveform).max()
    is_real = np.abs(kind.waveform.imag).max() < 1e-6 * peak
    return np.asarray((kind.waveform.real if is_real else np.abs(kind.waveform)) / peak)


def _label_pulses(axes: Axes, sequence: Sequence, at: ndarray, flips: ndarray, font_size: float) -> float:
    """Kind, flip angle and phase above each pulse, higher where the label before would be hit.

    Like pulses of a layout that follow each other have one label, in their middle.
    """
    phases = torch.rad2deg(sequence.phase).tolist()
    texts = [
        ("" if name == HARD else f"{name}\n")
        + f"{flip:.1f}°\n{phase_text(phase)}°".replace("-", "\N{MINUS SIGN}")
        for name, flip, phase in zip(_names(sequence), flips, phases, strict=True)
    ]
    shortest = len(texts) + 1 if sequence.layout is None else SHORTEST_TRAIN
    across, up = points_per_unit(axes)
    last = (-math.inf, 0.0, 0.0, 0.0)  # x, y, width and height in points
    overhang, top = 0.0, up * axes.get_ylim()[1]
    for text, first, count in _runs(texts, shortest):
        position = (at[first] + at[first + count - 1]) / 2
        flip, shown = max(flips[first], 0.0), text if count == 1 else f"{count} × {text}"
        lines = shown.split("\n")
        height, width = LINE_HEIGHT * font_size * len(lines), max(_width(line, font_size) for line in lines)
        x, y = across * position, up * flip
        near = x - last[0] < (width + last[2]) / 2
        raised = last[1] + last[3] - y if near and abs(y - last[1]) < 0.8 * max(height, last[3]) else 0.0
        note(axes, shown, (position, flip), 3 + raised, font_size)
        last = (x, y + raised, width, height)
        overhang = max(overhang, y + raised + height - top)
    return overhang


def _label_delays(axes: Axes, axis: TimeAxis, bottom: float, font_size: float, short: bool) -> None:
    """Delays below the axis, every other one a line lower where they would touch; runs of like ones once."""
    edges, delays = axis(axis.edges), np.diff(axis.edges)
    texts = [duration(delay) for delay in delays]
    runs = _runs(texts, SHORTEST_RUN if short else len(texts) + 1)
    labels = [
        (text if count == 1 else f"{count} × {text}", first, first + count) for text, first, count in runs
    ]
    room = [points_per_unit(axes)[0] * (edges[last] - edges[first]) for _, first, last in labels]
    crowded = any(_width(text, font_size) > width for (text, *_), width in zip(labels, room, strict=True))
    for i, (text, first, last) in enumerate(labels):
        down = font_size + 4 + (LINE_HEIGHT * font_size if crowded and i % 2 else 0)
        note(axes, text, ((edges[first] + edges[last]) / 2, bottom), -down, font_size, color="0.35")


def _runs(texts: list[str], shortest: int) -> list[tuple[str, int, int]]:
    """Text, first place and number of like texts that follow each other; of short runs each by itself."""
    runs, first = [], 0
    for text, group in groupby(texts):
        count = len(list(group))
        if count >= shortest:
            runs.append((text, first, count))
        else:
            runs += [(text, first + i, 1) for i in range(count)]
        first += count
    return runs


def _draw_readouts(axes: Axes, axis: TimeAxis, font_size: float, before: str) -> None:
    """A triangle at each readout, with its number if there are several; beside the label `before`."""
    at, points = axis(axis.readouts), points_per_unit(axes)[0]
    axes.plot(at, np.zeros(len(at)), linestyle="", marker="v", color="black", markersize=font_size)
    if len(at) == 1:
        room = points * float(at[0] - axis(axis.pulses[-1]))
        aside = max(0.0, (_width("readout", font_size) + _width(before, font_size)) / 2 - room)
        return note(axes, "readout", (at[0], 0.0), font_size, font_size, aside=aside)
    gaps = points * np.diff(at)
    for number, position in enumerate(at, start=1):
        wide = number == 1 and gaps[0] > 1.5 * _width("readout 1", font_size)
        note(axes, f"readout {number}" if wide else str(number), (position, 0.0), font_size, font_size)


def _draw_repetition(axes: Axes, axis: TimeAxis, rows: Rows, first_flip: float, font_size: float) -> None:
    """The TR as an arrow along the bottom, and a pale first pulse of the next."""
    at, end = rows.floor - ARROW * rows.top, float(axis(axis.edges[-1]))
    arrow: dict[str, Any] = {"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "color": "0.35"}
    axes.annotate("", (end, at), (0.0, at), arrowprops=arrow)
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": font_size, "color": "0.35"}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(end / 2, at, f"TR {duration(axis.edges[-1])}", bbox=box, **look)
    axes.vlines(end, 0, first_flip, color="0.75", linewidth=3, zorder=1)
    axes.vlines(end, rows.lowest, 0, color="0.75", linewidth=0.8, linestyle="--", zorder=1)
    note(axes, "next\nTR", (end, max(first_flip, 0.0)), 3.0, font_size, color="0.35")


def note(
    axes: Axes,
    text: str,
    where: tuple[float, float],
    up: float,
    font_size: float,
    color: str = "black",
    aside: float = 0.0,
) -> None:
    """Text centred `up` points above a place in data coordinates, and `aside` to the right of it."""
    look: dict[str, Any] = {"ha": "center", "fontsize": font_size, "color": color}
    axes.annotate(text, where, (aside, up), textcoords="offset points", **look)


def _width(text: str, font_size: float) -> float:
    """Of a line of text, in points, about."""
    return CHARACTER_WIDTH * font_size * len(text)
