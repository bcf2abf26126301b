"""Figures that values give of themselves."""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from sequence_search.problem.problem import Problem
from sequence_search.report.drawing import COLOURS, NotebookFigure, plain
from sequence_search.report.figures import diagram_figure, sequence_figure
from sequence_search.sequence import Sequence

SIZE = (6.4, 4.4)  # inches


def plot_design(sequence: Sequence, problem: Problem | None, ax: Axes | None) -> Figure:
    """Diagram with |Mxy| and Mz below it; the diagram alone into `ax` or where there is no problem."""
    if problem is None:
        return diagram_figure(sequence, ax=ax)
    if ax is None:
        return sequence_figure(sequence, problem)
    return diagram_figure(problem.playable(sequence), problem.pulses, ax)


def plot_magnetisation(
    mxy: Complex[Tensor, "n_times n_voxels"],
    mz: Float[Tensor, "n_times n_voxels"],
    times: Float[Tensor, " n_times"],
    names: Iterable[str],
    ax: Axes | None,
) -> Figure:
    """|Mxy| above Mz over time [s]; both into `ax` if that is given, Mz dashed."""
    figure: Figure
    if ax is None:
        figure = NotebookFigure(figsize=SIZE, layout="constrained")
        across, along = figure.subplots(2, 1, sharex=True)
        across.set_ylabel("|Mxy| (M0)")
        along.set_ylabel("Mz (M0)")
    else:
        figure, across, along = ax.figure.figure, ax, ax
        ax.set_ylabel("|Mxy|, dashed Mz (M0)")
    style = "-" if ax is None else "--"
    moments = 1e3 * times.detach().cpu().numpy()
    labels = [plain(name) for name in names]
    for voxel, values in enumerate(mxy.detach().abs().cpu().numpy().T):
        colour, label = COLOURS[voxel % len(COLOURS)], labels[voxel] if voxel < len(labels) else ""
        across.plot(moments, values, color=colour, label=label)
    for voxel, values in enumerate(mz.detach().cpu().numpy().T):
        along.plot(moments, values, color=COLOURS[voxel % len(COLOURS)], linestyle=style)
    along.set_xlabel("Time from the first pulse (ms)")
    if labels:
        across.legend(frameon=False)
    for axes in {across, along}:
        axes.spines[["top", "right"]].set_visible(False)
    return figure
