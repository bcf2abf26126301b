"""Parts that figures share: sequence diagram, magnetisation over time, files of the same bytes each time."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from sequence_search.batch import refuse_layout
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
POINTS_PER_DELAY = 200
# Beyond this ratio of the longest to the shortest delay a linear axis hides the short ones.
LARGEST_LINEAR_RATIO = 12.0
# In a stretched axis no delay is narrower than this part of an equal share, so that its label fits.
SMALLEST_SHARE = 0.8
# Of DejaVu Sans: a digit, and a line with the gap to the next, as parts of the font size.
CHARACTER_WIDTH = 0.62
LINE_HEIGHT = 1.35
FONT_SIZE = 8.0
MARGIN = 0.08  # of the time axis on both sides, room for half a label
# Instead of the date and version that matplotlib writes.
METADATA: dict[str, dict[str, None]] = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class TimeAxis:
    """Time in ms to position on the axis: linear, or stretched piecewise when delays differ much."""

    def __init__(self, sequence: Sequence) -> None:
        refuse_layout(sequence, "a diagram")
        delays = (sequence.delay * 1e3).numpy()
        self.edges = np.concatenate([[0.0], delays.cumsum()])
        self.stretched = bool(delays.max() > LARGEST_LINEAR_RATIO * delays.min())
        # A fourth root keeps the order of the delays and brings 6 ms and 4 s to 1:5.
        widths = delays**0.25 if self.stretched else delays
        widths = widths / widths.sum()
        if self.stretched:
            widths = np.maximum(widths, SMALLEST_SHARE / len(widths))
        self._positions = np.concatenate([[0.0], widths.cumsum()]) / widths.sum()

    def __call__(self, time_ms: float | ndarray) -> ndarray:
        """Position of each time."""
        return np.asarray(np.interp(time_ms, self.edges, self._positions))

    def label(self, axes: Axes, separator: str = "; ") -> None:
        """Ticks at the pulses and the readout; `separator` goes before the note of a stretched axis."""
        note = f"{separator}each delay to a scale of its own" if self.stretched else ""
        axes.set_xlabel(f"Time from the first pulse (ms{note})")
        labels = [f"{edge:.1f}".removesuffix(".0") for edge in self.edges]
        slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(self(self.edges), labels, **(slant if self.stretched else {}))
        axes.set_xlim(-MARGIN, 1 + MARGIN)


def flip_span(sequences: Iterable[Sequence]) -> tuple[float, float]:
    """Least and largest flip angle [°] of single sequences and of 0 and 180: the span of a common axis."""
    flips = [float(flip) for sequence in sequences for flip in torch.rad2deg(sequence.flip_angle)]
    return min(0.0, *flips), max(180.0, *flips)


def draw_diagram(
    axes: Axes,
    sequence: Sequence,
    axis: TimeAxis,
    span: tuple[float, float],
    font_size: float = FONT_SIZE,
) -> float:
    """RF pulses as stems as high as their flip angle, delays between them, readout at the end. Fig. 4a.

    By how many points the labels of crowded pulses stand out above the axes is returned, for a title. The
    sequence is a single one without padding, the span [°] that of `flip_span`.
    """
    bottom, top = span
    axes.set_yticks(np.arange(90 * np.floor(bottom / 90), top + 1, 90))
    axes.set_ylim(bottom - 0.3 * top, 1.7 * top)
    at = axis(axis.edges)
    axes.set_xlim(-MARGIN, 1 + MARGIN)
    axes.axhline(0, color="black", linewidth=0.8)
    flips = torch.rad2deg(sequence.flip_angle).numpy()
    axes.vlines(at[:-1], 0, flips, color="black", linewidth=3)
    overhang = _label_pulses(axes, sequence, at, font_size)
    _label_delays(axes, axis, bottom, font_size)
    axes.plot(at[-1], 0, marker="v", color="black", markersize=font_size)
    _note(axes, "readout", (at[-1], 0.0), font_size, font_size)
    axes.set_ylabel("Flip angle (°)\nwith phase below", fontsize=font_size + 1)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_position(("outward", font_size))
    axes.tick_params(bottom=False)
    return overhang


def _label_pulses(axes: Axes, sequence: Sequence, at: ndarray, font_size: float) -> float:
    """Flip angle and phase above each stem, higher where the label before would be hit."""
    flips = torch.rad2deg(sequence.flip_angle).tolist()
    phases = torch.rad2deg(sequence.phase).tolist()
    across, up = _points_per_unit(axes)
    height, last = 2 * LINE_HEIGHT * font_size, (-math.inf, 0.0, 0.0)  # x, y and width in points
    overhang, top = 0.0, up * axes.get_ylim()[1]
    for position, flip, phase in zip(at, flips, phases, strict=False):
        text = f"{flip:.1f}°\n{phase + 0.0:.0f}°".replace("-", "\N{MINUS SIGN}")
        x, y, width = across * position, up * max(flip, 0.0), _width(text.split("\n")[0], font_size)
        near = x - last[0] < (width + last[2]) / 2
        raised = last[1] + height - y if near and abs(y - last[1]) < 0.8 * height else 0.0
        _note(axes, text, (position, max(flip, 0.0)), 3 + raised, font_size)
        last = (x, y + raised, width)
        overhang = max(overhang, y + raised + height - top)
    return overhang


def _label_delays(axes: Axes, axis: TimeAxis, bottom: float, font_size: float) -> None:
    """Delays below the axis, every other one a line lower where they would touch."""
    edges, delays = axis(axis.edges), np.diff(axis.edges)
    texts = [f"{delay:.1f} ms" if delay < 1000 else f"{delay / 1e3:.3f} s" for delay in delays]
    room = _points_per_unit(axes)[0] * np.diff(edges)
    crowded = any(_width(text, font_size) > width for text, width in zip(texts, room, strict=True))
    for i, (text, (left, right)) in enumerate(zip(texts, pairwise(edges), strict=True)):
        down = font_size + 4 + (LINE_HEIGHT * font_size if crowded and i % 2 else 0)
        _note(axes, text, ((left + right) / 2, bottom), -down, font_size, color="0.35")


def _note(
    axes: Axes, text: str, where: tuple[float, float], up: float, font_size: float, color: str = "black"
) -> None:
    """Text centred `up` points above a place in data coordinates."""
    look: dict[str, Any] = {"ha": "center", "fontsize": font_size, "color": color}
    axes.annotate(text, where, (0, up), textcoords="offset points", **look)


def _points_per_unit(axes: Axes) -> tuple[float, float]:
    """Length in points of a unit along x and y, before the layout moves the axes a little."""
    box = axes.get_window_extent()
    scale = 72 / axes.figure.dpi
    return scale * box.width / np.ptp(axes.get_xlim()), scale * box.height / np.ptp(axes.get_ylim())


def _width(text: str, font_size: float) -> float:
    """Of a line of text, in points, about."""
    return CHARACTER_WIDTH * font_size * len(text)


def _tissue_look(index: int) -> dict[str, Any]:
    """Colour and line style of the tissue with this index in its problem."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINE_STYLES[index % len(LINE_STYLES)]}


def magnetisation(problem: Problem, sequence: Sequence, axis: TimeAxis) -> tuple[ndarray, ndarray, ndarray]:
    """Times [ms], |Mxy| and Mz [a.u.] of each tissue's nominal voxel (b1 = 1, b0 = 0); [n_times, n_tissues].

    The sequence is a single one without padding.
    """
    times = _sample_times(axis.edges)
    voxels = problem.voxels(method="nominal")
    mxy, mz = problem.simulator(voxels).evolve(sequence, torch.from_numpy(times / 1e3))
    return times, (voxels.m0 * mxy).abs().numpy(), (voxels.m0 * mz).numpy()


def draw_transverse(
    axes: Axes, problem: Problem, axis: TimeAxis, times: ndarray, magnitude: ndarray, with_signal: bool = True
) -> None:
    """|Mxy| [a.u.] of each tissue over time [ms] as `magnetisation` gives them. Fig. 4d.

    `with_signal` adds the value at the readout to each tissue's label.
    """
    for i, tissue in enumerate(problem.tissues):
        note = f" ({magnitude[-1, i]:.2f} at readout)" if with_signal else ""
        label = plain(tissue.name + note)
        axes.plot(axis(times), magnitude[:, i], label=label, linewidth=1.6, **_tissue_look(i))
    axes.set_ylim(0, None)
    axes.set_ylabel("|Mxy| (a.u.)")
    _mark_readout(axes, axis)


def draw_longitudinal(axes: Axes, axis: TimeAxis, times: ndarray, along: ndarray, highest: float) -> None:
    """Mz [a.u.] of each tissue over time [ms], up to the largest M0, `highest`."""
    for i in range(along.shape[1]):
        axes.plot(axis(times), along[:, i], linewidth=1.2, **_tissue_look(i))
    axes.set_ylim(-1.05 * highest, 1.05 * highest)
    axes.set_ylabel("Mz (a.u.)")
    axes.axhline(0, color="0.6", linewidth=0.8)
    _mark_readout(axes, axis)


def add_legend(where: Figure | Axes, drawn: Axes, room: int, font_size: float, loc: Any) -> None:
    """Legend of the curves drawn by `draw_transverse`, in as many columns as fit into `room` characters."""
    handles, labels = drawn.get_legend_handles_labels()
    widest = max(len(label) for label in labels) + 6  # with a line sample
    columns = int(np.clip(room // widest, 1, len(labels)))
    where.legend(handles, labels, loc=loc, ncols=columns, fontsize=font_size, frameon=False)


def plain(text: str) -> str:
    """Text of the user's as matplotlib draws it as it stands: no formula, and no label that is left out."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def save_figure(figure: Figure, path_without_suffix: Path) -> list[Path]:
    """Write the figure as SVG and as PNG of 300 dpi, and return both paths."""
    # Not with_suffix, which would take the ".25" of "csf-null-w0.25" for one.
    paths = [path_without_suffix.with_name(path_without_suffix.name + suffix) for suffix in (".svg", ".png")]
    for path in paths:
        write_figure(figure, path, dpi=300)
    return paths


def write_figure(figure: Figure, path: Path, dpi: int) -> None:
    """Write one file, PNG, SVG or PDF by its suffix; the same figure gives the same bytes.

    Raises
    ------
    ValueError
        If the suffix is none of these, in capitals or not.
    """
    suffix = path.suffix.lower()
    if suffix not in METADATA:
        raise ValueError(f"a figure's file must end in .svg, .png or .pdf, got '{path}'")
    with matplotlib.rc_context({"svg.hashsalt": "sequence-search"}), warnings.catch_warnings():  # else random
        # A name may have characters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path, format=suffix[1:], dpi=dpi, metadata=METADATA[suffix])


def _mark_readout(axes: Axes, axis: TimeAxis) -> None:
    axes.axvline(float(axis(axis.edges[-1])), color="0.6", linewidth=0.8, linestyle=":")
    axes.spines[["top", "right"]].set_visible(False)


def _sample_times(edges: ndarray) -> ndarray:
    """Times [ms] for a curve: denser around each pulse, both sides of each pulse, and the readout."""
    part = np.linspace(-1.0, 1.0, POINTS_PER_DELAY, endpoint=False)
    # Cubed: beside a long delay the decay after a pulse and the echo before one take a thousandth of it.
    dense = np.where(part < 0, (part + 1) ** 3, 2 - (1 - part) ** 3) / 2
    pieces = []
    for start, end in pairwise(edges):
        before = end - (end - start) * 1e-9
        pieces.append(np.concatenate([start + (end - start) * dense, [before]]))
    return np.concatenate([*pieces, edges[-1:]])
