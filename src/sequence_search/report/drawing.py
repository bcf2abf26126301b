"""Parts that figures share: magnetisation over time, legends, files of the same bytes each time."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from sequence_search.problem.problem import Problem
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
POINTS_PER_DELAY = 200
MOST_POINTS = 1600  # of a curve, unless the delays of a sequence without a layout are many
FEWEST_PER_DELAY = 16
# Instead of the date and version that matplotlib writes.
METADATA: dict[str, dict[str, None]] = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class NotebookFigure(Figure):
    """A figure that a notebook shows, also where matplotlib was not told that it is in one."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        with without_missing_glyphs():
            self.savefig(file, format="png", dpi=100)
        return file.getvalue()


def begin(size: tuple[float, float], ax: Axes | None) -> tuple[Figure, Axes]:
    """A figure of this size [inches] with one axes, or `ax` in its own figure."""
    if ax is not None:
        return ax.figure.figure, ax
    figure = NotebookFigure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def tissue_look(index: int) -> dict[str, Any]:
    """Colour and line style of the tissue with this index in its problem."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINE_STYLES[index % len(LINE_STYLES)]}


def magnetisation(problem: Problem, sequence: Sequence, axis: TimeAxis) -> tuple[ndarray, ndarray, ndarray]:
    """Times [ms], |Mxy| and Mz [a.u.] of each tissue's nominal voxel (b1 = 1, b0 = 0); [n_times, n_tissues].

    The sequence is a single one without padding.
    """
    few = max(FEWEST_PER_DELAY, min(POINTS_PER_DELAY, MOST_POINTS // (len(axis.edges) - 1)))
    times = sample_times(axis.edges, POINTS_PER_DELAY if sequence.layout is None else few)
    voxels = problem.voxels(method="nominal")
    mxy, mz = problem.simulator(voxels).evolve(sequence, torch.from_numpy(times / 1e3))
    return times, (voxels.m0 * mxy).abs().numpy(), (voxels.m0 * mz).numpy()


def draw_transverse(
    axes: Axes,
    problem: Problem,
    axis: TimeAxis,
    times: ndarray,
    magnitude: ndarray,
    signal: Iterable[float] | None = None,
) -> None:
    """|Mxy| [a.u.] of each tissue over time [ms] as `magnetisation` gives them. Fig. 4d.

    Each tissue's label has its `signal` at the readout, or the mean of several, if that is given.
    """
    where = "at readout" if len(axis.readouts) == 1 else f"mean of {len(axis.readouts)} readouts"
    notes = [""] * len(problem.tissues) if signal is None else [f" ({each:.2f} {where})" for each in signal]
    for i, (tissue, note) in enumerate(zip(problem.tissues, notes, strict=True)):
        label = plain(tissue.name + note)
        axes.plot(axis(times), magnitude[:, i], label=label, linewidth=1.6, **tissue_look(i))
    axes.set_ylim(0, None)
    axes.set_ylabel("|Mxy| (a.u.)")
    mark_readouts(axes, axis)


def draw_longitudinal(axes: Axes, axis: TimeAxis, times: ndarray, along: ndarray, highest: float) -> None:
    """Mz [a.u.] of each tissue over time [ms], up to the largest M0, `highest`."""
    for i in range(along.shape[1]):
        axes.plot(axis(times), along[:, i], linewidth=1.2, **tissue_look(i))
    axes.set_ylim(-1.05 * highest, 1.05 * highest)
    axes.set_ylabel("Mz (a.u.)")
    axes.axhline(0, color="0.6", linewidth=0.8)
    mark_readouts(axes, axis)


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
    with matplotlib.rc_context({"svg.hashsalt": "sequence-search"}), without_missing_glyphs():  # else random
        figure.savefig(path, format=suffix[1:], dpi=dpi, metadata=METADATA[suffix])


@contextmanager
def without_missing_glyphs() -> Iterator[None]:
    """A name may have characters that the font lacks; they are drawn as boxes, with no warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def mark_readouts(axes: Axes, axis: TimeAxis) -> None:
    """A dotted line at each readout."""
    for position in axis(axis.readouts):
        axes.axvline(float(position), color="0.6", linewidth=0.8, linestyle=":")
    axes.spines[["top", "right"]].set_visible(False)


def sample_times(edges: ndarray, points: int) -> ndarray:
    """Times [ms] for a curve: denser around each edge, both sides of each, and the end."""
    part = np.linspace(-1.0, 1.0, points, endpoint=False)
    # Cubed: beside a long delay the decay after a pulse and the echo before one take a thousandth of it.
    dense = np.where(part < 0, (part + 1) ** 3, 2 - (1 - part) ** 3) / 2
    pieces = []
    for start, end in pairwise(edges):
        before = end - (end - start) * 1e-9
        pieces.append(np.concatenate([start + (end - start) * dense, [before]]))
    return np.concatenate([*pieces, edges[-1:]])
