"""Figure of how a search went: the loss of every seed over the evaluations that it spent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from sequence_search.report.drawing import COLOURS, begin, plain
from sequence_search.strategies.result import Run
from sequence_search.words import counted

SIZE = (88 / 25.4, 68 / 25.4)  # inches: a text column
FONT_SIZE = 7.0
# The axis ends this part of the losses reached above the worst of them; descents begin there.
HEADROOM = 0.6
# Of the least loss: a range no narrower than this, so that noise does not look like differences.
SMALLEST_RANGE = 0.02


def convergence_figure(runs: Iterable[Run], title: str = "", ax: Axes | None = None) -> Figure:
    """Least loss so far over evaluations, a line for each seed and a dot at the design that it ended with.

    The lines are over the training voxels, the dots over the standard ensemble, after the polish. The best
    seed is drawn in another colour. What lies far above the losses reached is cut off.

    Runs without a design are counted in the legend only. It is drawn into `ax` if that is given.

    Raises
    ------
    ValueError
        If no run ended with a design.
    """
    every = list(runs)
    ended = sorted((run for run in every if run.families), key=lambda run: run.loss)
    if not ended:
        raise ValueError(f"none of {len(every)} runs ended with a design, so that there is nothing to draw")
    figure, axes = begin(SIZE, ax)
    for run in reversed(ended):
        _draw_run(axes, run, ended[0])
    _set_range(axes, ended)
    axes.set_xlim(0, None)
    axes.set_xlabel("Evaluations (thousands)", fontsize=FONT_SIZE)
    axes.set_ylabel("Least loss so far", fontsize=FONT_SIZE)
    axes.set_title(plain(title), fontsize=FONT_SIZE + 1)
    axes.tick_params(labelsize=FONT_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    lost = len(every) - len(ended)
    heading = counted(len(every), "seed") + (f", {lost} of them without a design" if lost else "")
    (figure if ax is None else ax).legend(
        title=f"{heading}; lines: training voxels, dots: standard ensemble",
        loc="outside lower center" if ax is None else "best",
        ncols=2,
        fontsize=FONT_SIZE,
        title_fontsize=FONT_SIZE,
        frameon=False,
    )
    return figure


def _draw_run(axes: Axes, run: Run, best: Run) -> None:
    evaluations, losses = course(run)
    label, width = "", 0.7
    look: dict[str, Any] = {"color": COLOURS[0], "zorder": 2, "alpha": 0.5}
    if run is best:
        label, width = f"best: seed {run.seed}, loss {run.loss:.5g}", 1.6
        look = {"color": COLOURS[1], "zorder": 3}
    axes.step(evaluations / 1000, losses, where="post", linewidth=width, label=label, **look)
    axes.plot(run.n_evaluations / 1000, run.loss, marker=".", markersize=5 * width, linestyle="", **look)


def course(run: Run) -> tuple[ndarray, ndarray]:
    """Evaluations and the least loss on the training voxels by then, up to the end of the run; [n_points]."""
    points = [point for point in run.history if math.isfinite(point.loss)]
    losses = np.minimum.accumulate([point.loss for point in points])
    evaluations = np.array([point.evaluations for point in points])
    if not points or run.n_evaluations <= evaluations[-1]:
        return evaluations, losses
    return np.append(evaluations, run.n_evaluations), np.append(losses, losses[-1])


def _set_range(axes: Axes, ended: list[Run]) -> None:
    """From the least loss to somewhat above the worst that a seed ended with."""
    courses = (course(run)[1] for run in ended)
    reached = [*(float(losses[-1]) for losses in courses if len(losses)), *(run.loss for run in ended)]
    least, worst = min(reached), max(reached)
    room = max(worst - least, SMALLEST_RANGE * abs(least))
    axes.set_ylim(least - 0.1 * room, worst + HEADROOM * room)
