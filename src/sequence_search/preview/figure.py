"""Figure of images: the same slices of each in one window, with the numbers of their tissues."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from sequence_search.preview.anatomy import Anatomy
from sequence_search.preview.image import Image, rician
from sequence_search.preview.measures import contrasts, tissue_signals
from sequence_search.preview.slices import PLANES, Slice
from sequence_search.report.drawing import plain

BLACK, WHITE, GREY = "#000000", "#ffffff", "#a0a0a0"
WHITEST, HEADROOM = 99.5, 1.1  # white is this much above that percentile of the magnitudes
MOST_COLUMNS = 8
INCHES, TEXT_INCHES = 2.2, 2.1  # width of a panel, and of the numbers beside a row
MARGIN = 3  # voxels around the head
# Left, right, above, below: a place, and what of the mark stands there.
SIDES = (
    (0.02, 0.5, "left", "center"),
    (0.98, 0.5, "right", "center"),
    (0.5, 0.99, "center", "top"),
    (0.5, 0.01, "center", "bottom"),
)
FIELDS = {"b0": ("RdBu_r", "b0 (Hz)"), "b1": ("viridis", "b1 (relative)")}

Panel = tuple[Slice, int]  # and readout
Windows = dict[str, tuple[slice, slice]]  # of each plane the rows and columns that are shown


def preview_figure(
    images: Mapping[str, Image],
    slices: list[Slice],
    *,
    sigma: float = 0.0,
    seed: int = 0,
    fields: bool = False,
    title: str = "",
) -> Figure:
    """Images by name, each a row of slices, or, if it has several readouts, a row of these for each slice.

    All are in one window, from 0, with the same noise. Beside each row are the mean |signal| of each tissue
    over the slices and the contrasts, at the first readout and without noise. Radiological orientation.

    Parameters
    ----------
    images : mapping of name to Image, of one anatomy
    slices : 1 to 8 of those that were simulated
    sigma : of the noise in real and imaginary part, in the unit of M0
    seed : of the noise
    fields : whether to show b0 and b1 too
    title : str

    Raises
    ------
    ValueError
        If there are too many slices.
    """
    if not 0 < len(slices) <= MOST_COLUMNS:
        raise ValueError(f"a figure shows 1 to {MOST_COLUMNS} slices, got {len(slices)}")
    first = next(iter(images.values()))
    windows = _windows(first.anatomy, slices)
    rows = [(name, row) for name, one in images.items() for row in _panels(one, slices)]
    n_columns, n_rows = max(len(row) for _, row in rows), len(rows) + len(FIELDS) * fields
    figure, grid = _empty(
        n_rows, n_columns, max(_height(first.anatomy, each, windows) for each in slices), title
    )
    generator, white, seen = np.random.default_rng(seed), _white(images), ""
    for (name, row), line in zip(rows, grid, strict=False):
        one = images[name]
        for axes, (each, readout) in zip(line, row, strict=False):
            noisy = rician(each.shown(one.filled(one.values[readout])), sigma, generator)
            _draw(axes, noisy, one.anatomy, each, windows, cmap="gray", vmin=0, vmax=white)
            if one.n_readouts > 1 or not seen:
                axes.set_title(_label(one, each, readout), color=GREY, fontsize=7, pad=2)
        if name != seen:
            _write(line[-1], name, one, sigma)
        seen = name
    if fields:
        for name, line in zip(FIELDS, grid[len(rows) :], strict=True):
            _draw_field(figure, line, first, slices, windows, name)
    return figure


def _panels(image: Image, slices: list[Slice]) -> list[list[Panel]]:
    """Rows of panels: of many readouts some, evenly, with the first and the last."""
    if image.n_readouts == 1:
        return [[(each, 0) for each in slices]]
    shown = np.unique(np.linspace(0, image.n_readouts - 1, min(MOST_COLUMNS, image.n_readouts)).astype(int))
    return [[(each, int(readout)) for readout in shown] for each in slices]


def _windows(anatomy: Anatomy, slices: list[Slice]) -> Windows:
    """Without the empty space around the head, the same for all slices of a plane."""
    inside, found = anatomy.inside, {}
    for each in slices:
        there = np.argwhere(each.all_shown(inside))
        low, high = np.maximum(there.min(0) - MARGIN, 0), there.max(0) + 1 + MARGIN
        found[each.plane] = slice(low[0], high[0]), slice(low[1], high[1])
    return found


def _height(anatomy: Anatomy, each: Slice, windows: Windows) -> float:
    """Of a panel, in its width."""
    rows, columns = (int(part.stop - part.start) for part in windows[each.plane])
    high, wide = each.voxel_mm(anatomy)
    return rows * high / (columns * wide)


def _empty(n_rows: int, n_columns: int, tall: float, title: str) -> tuple[Figure, np.ndarray]:
    """Black, with room for the numbers at the right."""
    size = n_columns * INCHES + TEXT_INCHES, n_rows * (INCHES * tall + 0.1) + 0.2 + 0.3 * bool(title)
    figure = Figure(figsize=size, layout="constrained", facecolor=BLACK)
    widths = [*[INCHES] * n_columns, TEXT_INCHES]
    grid = figure.subplots(n_rows, n_columns + 1, squeeze=False, width_ratios=widths)
    for axes in grid.flat:
        axes.axis("off")
    if title:
        figure.suptitle(plain(title), color=WHITE, fontsize=10)
    return figure, grid


def _draw(
    axes: Axes, shown: np.ndarray, anatomy: Anatomy, each: Slice, windows: Windows, **look: Any
) -> AxesImage:
    """A slice, and which side is which."""
    high, wide = each.voxel_mm(anatomy)
    drawn = axes.imshow(shown[windows[each.plane]], aspect=high / wide, interpolation="nearest", **look)
    for mark, (x, y, across, along) in zip(PLANES[each.plane].marks, SIDES, strict=True):
        axes.text(x, y, mark, transform=axes.transAxes, ha=across, va=along, color=GREY, fontsize=6)
    return drawn


def _draw_field(
    figure: Figure, line: np.ndarray, image: Image, slices: list[Slice], windows: Windows, name: str
) -> None:
    """b0 or b1 where there is something, with its colours beside it."""
    colours, label = FIELDS[name]
    values = getattr(image, name)
    inside, field = image.filled(np.ones(len(values), bool)), image.filled(values)
    limits = np.abs(values).max() * np.array([-1, 1]) if name == "b0" else (values.min(), values.max())
    for axes, each in zip(line, slices, strict=False):
        shown = np.ma.masked_where(~each.shown(inside), each.shown(field))
        drawn = _draw(axes, shown, image.anatomy, each, windows, cmap=colours, vmin=limits[0], vmax=limits[1])
    bar = figure.colorbar(drawn, ax=line[-1], location="left", fraction=0.1, aspect=15)
    bar.set_label(label, color=WHITE, fontsize=7)
    bar.ax.tick_params(colors=GREY, labelsize=7)


def _white(images: Mapping[str, Image]) -> float:
    """The magnitude that is white in all of them."""
    largest = max(float(np.percentile(np.abs(one.values), WHITEST)) for one in images.values())
    return HEADROOM * largest or 1.0


def _label(image: Image, each: Slice, readout: int) -> str:
    time = f", {1e3 * image.times[readout]:.5g} ms" if image.n_readouts > 1 else ""
    return each.name(image.anatomy) + time


def _write(axes: Axes, name: str, image: Image, sigma: float) -> None:
    """Name of an image and the numbers of its tissues."""
    signals = tissue_signals(image)
    lines = ["at the first readout:"] if image.n_readouts > 1 else []
    lines += [f"{plain(each.tissue)}  {each.mean:.3f} ± {each.sd:.3f}" for each in signals]
    for pair, difference in contrasts(signals).items():
        cnr = f"  CNR {abs(difference) / sigma:.1f}" if sigma else ""
        lines.append(f"{plain(pair)}  {difference:+.3f}{cnr}")
    words = "\n".join(textwrap.wrap(name, 30))
    axes.text(
        0, 0.97, plain(words), transform=axes.transAxes, va="top", color=WHITE, fontsize=9, weight="bold"
    )
    below = 0.97 - 0.09 * (1 + words.count("\n"))
    axes.text(
        0,
        below,
        "\n".join(lines),
        transform=axes.transAxes,
        va="top",
        color=WHITE,
        fontsize=8,
        linespacing=1.5,
    )
