"""Figure of how `proxyless` chose: the probability of each operation of each layer over its steps."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from sequence_search.report.drawing import COLOURS, NotebookFigure, plain
from sequence_search.strategies.operations import Choice
from sequence_search.strategies.result import Run

WIDTH, HEIGHT, LABELS = 88 / 25.4, 17 / 25.4, 12 / 25.4  # inches: of a text column, a choice, title and axis
FONT_SIZE = 7.0
NAMED, ENDED = 0.25, 0.1  # probabilities, at some step or the last, from which an operation has a name
APART = 0.17  # of names on the axis, so that they do not touch
GREY = "#BBBBBB"


def operations_figure(run: Run, title: str = "") -> NotebookFigure:
    """Probability of each operation over the steps of a run, a row for each layer, gradients beside it.

    Operations that once had 25 %, or ended with 10 %, have a colour, and their names stand at the end of
    their lines, with the flip angle or wait that they ended with; of many the likeliest, as many as fit.

    Raises
    ------
    ValueError
        If the run has none: it is of another strategy, or of an older version.
    """
    operations = run.operations
    if operations is None:
        raise ValueError(
            f"the run of seed {run.seed} has no operations: proxyless keeps them, other strategies have none"
        )
    choices = operations.choices
    n_layers = sum(choice.name.startswith("layer") for choice in choices)
    columns = len(choices) // n_layers
    figure = NotebookFigure(figsize=(columns * WIDTH, n_layers * HEIGHT + LABELS), layout="constrained")
    grid = figure.subplots(n_layers, columns, sharex=True, sharey=True, squeeze=False)
    steps = np.array(operations.steps) / 1000
    for axes, choice in zip(grid.T.flat, choices, strict=True):
        _draw(axes, steps, choice)
    for axes in grid[-1]:
        axes.set_xlabel("Steps (thousands)", fontsize=FONT_SIZE)
    if title:
        figure.suptitle(plain(title), fontsize=FONT_SIZE + 1)
    return figure


def _draw(axes: Axes, steps: np.ndarray, choice: Choice) -> None:
    probability = np.array(choice.probability)
    order = np.argsort(-probability[-1], kind="stable")
    named = [at for at in order if probability[:, at].max() >= NAMED or probability[-1, at] >= ENDED]
    for place in order[::-1]:
        if place not in named and probability[:, place].any():
            axes.plot(steps, probability[:, place], color=GREY, linewidth=0.5)
    at = 1.0 + APART
    for number, place in enumerate(named):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(steps, probability[:, place], color=colour, linewidth=1.2, zorder=3)
        at = min(at - APART, probability[-1, place])
        if at >= -APART:
            axes.annotate(
                plain(choice.candidates[place]),
                (1, at),
                (3, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                color=colour,
                fontsize=FONT_SIZE - 1,
                verticalalignment="center",
                annotation_clip=False,
            )
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(0, steps[-1])
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel(choice.name, fontsize=FONT_SIZE)
    axes.tick_params(labelsize=FONT_SIZE - 1)
    axes.spines[["top", "right"]].set_visible(False)
