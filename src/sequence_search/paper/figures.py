"""Figures as the paper's Figs. 4, 5 and 6: diagram, transverse magnetisation and robustness of designs."""

from __future__ import annotations

import math
import string
import textwrap
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage

from sequence_search.problem.problem import Problem
from sequence_search.report.drawing import (
    TimeAxis,
    draw_diagram,
    draw_transverse,
    flip_span,
    legend_columns,
    magnetisation,
)
from sequence_search.report.robustness import RobustnessMap, robustness_map
from sequence_search.sequence import Sequence

MM = 1 / 25.4  # inches
WIDTH = 60 * MM  # of a design: three are 180 mm, a page of two text columns
HEIGHT = 165 * MM
MAP_SIZE = (88 * MM, 70 * MM)  # a text column
FONT_SIZE = 7.0
# In a line of the width of a design, at that size.
CHARACTERS = 32
LABEL_CHARACTERS = 40  # of a colour bar, which may be wider than the panels
CONTOURS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.2, 1.5, 2.0)
# Signals up to this much above on-resonance keep 1 as the top of the colour scale.
TOLERATED_EXCESS = 0.01


def paper_figure(
    problem: Problem, designs: Iterable[Sequence], titles: Iterable[str], tissue: str | None = None
) -> Figure:
    """Figure as Fig. 4, a column for each design, three in the paper.

    (a-c) sequence diagrams; (d-f) |Mxy| over time of each tissue's nominal voxel (b1 = 1, b0 = 0);
    (g-i) signal of one tissue over b0 and b1, relative to on-resonance, with its `RobustnessMap.error`.

    Parameters
    ----------
    designs : Sequences, each a single one
    titles : str, one for each design
    tissue : str, optional
        Of the maps; the first of the problem if not given, which is GM in the paper's.

    Raises
    ------
    ValueError
        If there is no design, or not one title for each, or no such tissue.
    """
    singles = [design.detach().without_padding() for design in designs]
    names = list(titles)
    if not singles or len(names) != len(singles):
        raise ValueError(f"a figure needs one title for each design, got {len(names)} for {len(singles)}")
    figure = Figure(figsize=(WIDTH * len(singles), HEIGHT), layout="constrained")
    grid = figure.add_gridspec(4, len(singles), height_ratios=[1.15, 1, 0.1, 1.3])
    diagrams, courses, maps = (_row(figure, grid, line, len(singles)) for line in (0, 1, 3))
    span = flip_span(singles)
    highest = [
        _draw_time(diagram, course, problem, single, span)
        for diagram, course, single in zip(diagrams, courses, singles, strict=True)
    ]
    courses[0].set_ylim(0, 1.05 * max(highest))
    for diagram, name in zip(diagrams, names, strict=True):
        diagram.set_title(name, fontsize=FONT_SIZE + 1)
    _draw_maps(figure, maps, [robustness_map(problem, single, tissue) for single in singles])
    for number, axes in enumerate([*diagrams, *courses, *maps]):
        _finish(axes, f"({string.ascii_lowercase[number]})")
        if number % len(singles):
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
    _add_legend(figure.add_subplot(grid[2, :]), courses[0], len(singles))
    return figure


def robustness_figure(problem: Problem, sequence: Sequence, tissue: str | None = None) -> Figure:
    """Map of one design alone, as Fig. 4g, at the width of a text column; arguments as `paper_figure`."""
    figure = Figure(figsize=MAP_SIZE, layout="constrained")
    axes = figure.subplots()
    _draw_maps(figure, [axes], [robustness_map(problem, sequence, tissue)])
    _finish(axes)
    return figure


def draw_robustness(axes: Axes, robustness: RobustnessMap, scale: tuple[float, float]) -> AxesImage:
    """Map in colour with contour lines, a cross at on-resonance and the error above.

    `scale` are the relative signals at the ends of the colours, as of `colour_scale`.
    """
    b0, b1 = robustness.b0.numpy(), robustness.b1.numpy()
    relative = robustness.relative.numpy().T
    half_b0, half_b1 = (b0[1] - b0[0]) / 2, (b1[1] - b1[0]) / 2
    image = axes.imshow(
        relative,
        extent=(b0[0] - half_b0, b0[-1] + half_b0, b1[0] - half_b1, b1[-1] + half_b1),
        origin="lower",
        aspect="auto",
        cmap="viridis",
        vmin=scale[0],
        vmax=scale[1],
        interpolation="nearest",
    )
    levels = [level for level in CONTOURS if relative.min() < level < relative.max()]
    if levels:
        # Black where the colours are light.
        middle = sum(scale) / 2
        colours = ["black" if level > middle else "white" for level in levels]
        lines = axes.contour(b0, b1, relative, levels, colors=colours, linewidths=0.8)
        axes.clabel(lines, fontsize=FONT_SIZE, fmt="%.3g")
    axes.plot(0, 1, marker="+", color="black", markersize=6)
    axes.set_title(f"mean error {100 * robustness.error:.1f} %", fontsize=FONT_SIZE)
    axes.set_xticks(np.linspace(b0[0], b0[-1], 5))
    axes.set_xlabel("$\\Delta B_0$ (Hz)")
    axes.set_ylabel("$B_1^+$ (relative to nominal)")
    return image


def colour_scale(maps: Iterable[RobustnessMap]) -> tuple[float, float]:
    """Relative signals at the ends of the colours, common to several maps: multiples of 0.05 around all."""
    values = np.concatenate([each.relative.numpy().ravel() for each in maps])
    highest = 1.0 if values.max() < 1 + TOLERATED_EXCESS else math.ceil(20 * values.max()) / 20
    return min(math.floor(20 * values.min()) / 20, 0.95), highest


def _row(figure: Figure, grid: GridSpec, line: int, count: int) -> list[Axes]:
    """One line of the grid, with one scale of y."""
    row = [figure.add_subplot(grid[line, 0])]
    return row + [figure.add_subplot(grid[line, column], sharey=row[0]) for column in range(1, count)]


def _draw_time(
    diagram: Axes, course: Axes, problem: Problem, sequence: Sequence, span: tuple[float, float]
) -> float:
    """Diagram above |Mxy|, whose maximum over time and tissues [a.u.] it returns."""
    axis = TimeAxis(sequence)
    draw_diagram(diagram, sequence, axis, span, FONT_SIZE)
    diagram.set_xticks([])
    times, magnitude, _ = magnetisation(problem, sequence, axis)
    draw_transverse(course, problem, axis, times, magnitude, with_signal=False)
    axis.label(course, separator=")\n(")
    signals = zip(problem.tissues, magnitude[-1], strict=True)
    text = ", ".join(f"{tissue.name} {value:.2f}" for tissue, value in signals)
    course.set_title(
        f"at the readout (a.u.):\n{textwrap.fill(text, CHARACTERS, break_on_hyphens=False)}",
        fontsize=FONT_SIZE,
    )
    return float(magnitude.max())


def _add_legend(empty: Axes, course: Axes, n_designs: int) -> None:
    """Tissues of all the magnetisation curves, in a row of its own."""
    empty.set_axis_off()
    handles, labels = course.get_legend_handles_labels()
    columns = legend_columns(labels, n_designs * CHARACTERS)
    empty.legend(handles, labels, loc="center", ncols=columns, fontsize=FONT_SIZE, frameon=False)


def _draw_maps(figure: Figure, row: list[Axes], maps: list[RobustnessMap]) -> None:
    scale = colour_scale(maps)
    images = [draw_robustness(axes, each, scale) for axes, each in zip(row, maps, strict=True)]
    bar = figure.colorbar(images[0], ax=row, location="bottom", pad=0.02, shrink=0.6, aspect=40)
    label = f"{maps[0].tissue} signal relative to on-resonance"
    bar.set_label(
        textwrap.fill(label, LABEL_CHARACTERS * len(row), break_on_hyphens=False), fontsize=FONT_SIZE
    )
    bar.ax.tick_params(labelsize=FONT_SIZE)


def _finish(axes: Axes, letter: str = "") -> None:
    axes.tick_params(labelsize=FONT_SIZE)
    axes.xaxis.label.set_fontsize(FONT_SIZE)
    axes.yaxis.label.set_fontsize(FONT_SIZE)
    axes.annotate(letter, (0, 1), (-20, 4), "axes fraction", "offset points", weight="bold", fontsize=9)
