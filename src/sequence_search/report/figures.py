"""Figure of a sequence, as the paper's Fig. 4a-f with Mz: the diagram above the magnetisation over time."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from sequence_search.problem.problem import Problem
from sequence_search.report.drawing import (
    TimeAxis,
    draw_diagram,
    draw_longitudinal,
    draw_transverse,
    flip_span,
    legend_columns,
    magnetisation,
    write_figure,
)
from sequence_search.sequence import Sequence

LEGEND_CHARACTERS = 90


def save_sequence_figure(sequence: Sequence, problem: Problem, path: Path, title: str = "") -> None:
    """Write the figure of a single sequence to a PNG or SVG file."""
    write_figure(sequence_figure(sequence, problem, title), path, dpi=200)


def sequence_figure(sequence: Sequence, problem: Problem, title: str = "") -> Figure:
    """Sequence diagram above |Mxy| and Mz over time of the nominal voxel of each tissue.

    Where one delay is much longer than another, time is stretched piece by piece so that each delay can
    be seen; the axis then says so, and its ticks stay true.
    """
    single = sequence.detach().without_padding()
    axis = TimeAxis(single)
    figure = Figure(figsize=(max(6.4, 1.7 * len(single.delay)), 5.4), layout="constrained")
    diagram, transverse, longitudinal = figure.subplots(3, 1, sharex=True, height_ratios=[1.1, 1.5, 0.9])
    draw_diagram(diagram, single, axis, flip_span([single]))
    times, magnitude, along = magnetisation(problem, single, axis)
    draw_transverse(transverse, problem, axis, times, magnitude)
    draw_longitudinal(longitudinal, axis, times, along, max(t.m0.centre for t in problem.tissues))
    axis.label(longitudinal)
    figure.suptitle(title, fontsize=11)
    handles, labels = transverse.get_legend_handles_labels()
    columns = legend_columns(labels, LEGEND_CHARACTERS)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return figure
