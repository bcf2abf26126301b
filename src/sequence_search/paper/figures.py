"""Figures as the paper's Figs. 4, 5 and 6: diagram, transverse magnetisation and robustness of designs."""

from __future__ import annotations

import string
import textwrap
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from sequence_search.problem.problem import Problem
from sequence_search.report.diagram import draw_diagram, flip_span
from sequence_search.report.drawing import add_legend, draw_transverse, magnetisation, plain
from sequence_search.report.figures import FONT_SIZE, MM, draw_maps, shrink_labels
from sequence_search.report.robustness import robustness_map
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

WIDTH = 60 * MM  # of a design: three are 180 mm, a page of two text columns
HEIGHT = 165 * MM
CHARACTERS = 32  # in a line of the width of a design


def paper_figure(
    problem: Problem, designs: Iterable[Sequence], titles: Iterable[str], tissue: str | None = None
) -> Figure:
    """Figure as Fig. 4, a column for each design, three in the paper.

    (a-c) sequence diagrams; (d-f) |Mxy| over time of each tissue's nominal voxel (b1 = 1, b0 = 0);
    (g-i) signal of one tissue over b0 and b1, relative to on-resonance, with its `RobustnessMap.error`.

    The tissue of the maps is the first of the problem if not given, which is GM in the paper's.

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
    drawn = [
        _draw_time(diagram, course, problem, single, span)
        for diagram, course, single in zip(diagrams, courses, singles, strict=True)
    ]
    highest, overhang = (max(numbers) for numbers in zip(*drawn, strict=True))
    courses[0].set_ylim(0, 1.05 * highest)
    for diagram, name in zip(diagrams, names, strict=True):
        diagram.set_title(plain(name), fontsize=FONT_SIZE + 1, pad=FONT_SIZE + overhang)
    draw_maps(figure, maps, [robustness_map(problem, single, tissue) for single in singles])
    for number, axes in enumerate([*diagrams, *courses, *maps]):
        shrink_labels(axes)
        letter = f"({string.ascii_lowercase[number]})"
        axes.annotate(letter, (0, 1), (-20, 4), "axes fraction", "offset points", weight="bold", fontsize=9)
        if number % len(singles):
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
    between = figure.add_subplot(grid[2, :])
    between.set_axis_off()
    add_legend(between, courses[0], CHARACTERS * len(singles), FONT_SIZE, loc="center")
    return figure


def _row(figure: Figure, grid: GridSpec, line: int, count: int) -> list[Axes]:
    """One line of the grid, with one scale of y."""
    row = [figure.add_subplot(grid[line, 0])]
    return row + [figure.add_subplot(grid[line, column], sharey=row[0]) for column in range(1, count)]


def _draw_time(
    diagram: Axes, course: Axes, problem: Problem, sequence: Sequence, span: tuple[float, float]
) -> tuple[float, float]:
    """Diagram above |Mxy|: its maximum over time and tissues [a.u.], and what `draw_diagram` returns."""
    axis = TimeAxis(sequence)
    overhang = draw_diagram(diagram, sequence, axis, span, FONT_SIZE)
    diagram.set_xticks([])
    times, magnitude, _ = magnetisation(problem, sequence, axis)
    draw_transverse(course, problem, axis, times, magnitude)
    axis.label(course, separator=")\n(")
    signals = zip(problem.tissues, magnitude[-1], strict=True)
    text = ", ".join(f"{tissue.name} {value:.2f}" for tissue, value in signals)
    signals_text = textwrap.fill(text, CHARACTERS, break_on_hyphens=False)
    course.set_title(plain(f"at the readout (a.u.):\n{signals_text}"), fontsize=FONT_SIZE)
    return float(magnitude.max()), overhang
