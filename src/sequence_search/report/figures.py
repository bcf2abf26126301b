"""Figures of sequences: one, as the paper's Fig. 4a-f with Mz, the diagrams of several, a robustness map."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from sequence_search.checks import check_type
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.report.diagram import draw_diagram, flip_span, rows_of
from sequence_search.report.drawing import (
    NotebookFigure,
    add_legend,
    begin,
    draw_longitudinal,
    draw_transverse,
    magnetisation,
    plain,
    write_figure,
)
from sequence_search.report.robustness import RobustnessMap, robustness_map
from sequence_search.report.time_axis import TimeAxis
from sequence_search.sequence import Sequence

LEGEND_CHARACTERS = 90
TITLE_CHARACTERS = 80
WIDTH_PER_EVENT, WIDEST = 0.75, 12.0  # inches, of figures of sequences with a layout
MM = 1 / 25.4  # inches
MAP_SIZE = (88 * MM, 70 * MM)  # a text column
FONT_SIZE = 7.0  # of small figures
LABEL_CHARACTERS = 40  # of a colour bar, which may be wider than the panels
CONTOURS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.2, 1.5, 2.0)
# Signals up to this much above on-resonance keep 1 as the top of the colour scale.
TOLERATED_EXCESS = 0.01


def save_sequence_figure(sequence: Sequence, problem: Problem, path: Path, title: str | None = None) -> None:
    """Write the figure of a single sequence to a PNG, SVG or PDF file."""
    write_figure(sequence_figure(sequence, problem, title), path, dpi=200)


def sequence_figure(sequence: Sequence, problem: Problem, title: str | None = None) -> Figure:
    """Sequence diagram above |Mxy| and Mz over time of the nominal voxel of each tissue.

    Of a sequence with a layout the diagram shows its kinds of pulse, gradients, readouts and the TR, and the
    curves are means over the voxel with its crushers, in the steady state of one that is repeated.

    Where one delay is much longer than another, time is stretched piece by piece so that each delay can
    be seen; the axis then says so, and its ticks stay true.

    Parameters
    ----------
    sequence : Sequence, single
    problem : Problem
    title : str, optional
        If not given, as "max-signal: GM 0.68, WM 0.58, CSF 0.98", with |Mxy| at the readout [a.u.].
    """
    check_type(sequence, Sequence)
    single = sequence.detach().without_padding()
    if single.layout is None:
        single = problem.played(single)
    axis, span = TimeAxis(single, problem.pulses), flip_span([single])
    share = 1.1 * rows_of(single, span, problem.pulses).relative_height
    size = figure_width(single, axis), 5.4 + 1.7 * (share - 1.1)
    figure = NotebookFigure(figsize=size, layout="constrained")
    diagram, transverse, longitudinal = figure.subplots(3, 1, sharex=True, height_ratios=[share, 1.5, 0.9])
    draw_diagram(diagram, single, axis, span, kinds=problem.pulses)
    times, magnitude, along = magnetisation(problem, single, axis)
    signal = nominal_signals(problem, single)
    draw_transverse(transverse, problem, axis, times, magnitude, signal.values())
    draw_longitudinal(longitudinal, axis, times, along, max(t.m0.centre for t in problem.tissues))
    axis.label(longitudinal)
    room = LEGEND_CHARACTERS if single.layout is None else round(LEGEND_CHARACTERS * size[0] / 6.4)
    if title is None:
        title = f"{problem.name}: {_signals(signal)}"
    figure.suptitle(plain(textwrap.fill(title, TITLE_CHARACTERS)), fontsize=11)
    add_legend(figure, transverse, room, FONT_SIZE + 1, loc="outside lower center")
    return figure


def figure_width(sequence: Sequence, axis: TimeAxis) -> float:
    """Width [inches] in which the labels of a single sequence's delays and pulses fit."""
    if sequence.layout is None:
        return max(6.4, 1.7 * len(sequence.delay))
    return min(max(6.4, WIDTH_PER_EVENT * len(axis.edges)), WIDEST)


def nominal_signals(problem: Problem, sequence: Sequence) -> dict[str, float]:
    """|Mxy| [a.u.] of each tissue's nominal voxel at the readout, or the mean of several readouts."""
    signal = problem.simulator(problem.voxels(method="nominal")).signal(sequence).abs()
    mean = signal if sequence.n_readouts == 1 else signal.mean(0)
    return dict(zip((tissue.name for tissue in problem.tissues), mean.tolist(), strict=True))


def designs_figure(
    designs: Iterable[Sequence],
    titles: Iterable[str],
    kinds: Mapping[str, Kind] | None = None,
    *,
    one_axis: bool = False,
) -> Figure:
    """Sequence diagrams of single sequences, one below the other, each with its title.

    `kinds` are those of the pulses that are not "hard", by name. Each has its own time, or all
    have one with `one_axis`, if that shows the delays of all.
    """
    singles = [design.detach().without_padding() for design in designs]
    span = flip_span(singles)
    heights = [rows_of(single, span, kinds or {}).relative_height for single in singles]
    figure = NotebookFigure(figsize=(7.5, 1.9 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(singles), 1, squeeze=False, height_ratios=heights)[:, 0]
    of_time = [TimeAxis(single, kinds, singles if one_axis else ()) for single in singles]
    for axes, single, title, axis in zip(rows, singles, titles, of_time, strict=True):
        _draw_design(axes, single, title, span, kinds, axis)
        if one_axis and axis.note and (axis.stretched or axes is rows[-1]):
            note = axis.note if axis.stretched else f"one axis of time for all, {axis.note}"
            axes.set_xlabel(note, fontsize=8, color="0.35", labelpad=20)
    return figure


def diagram_figure(
    sequence: Sequence, kinds: Mapping[str, Kind] | None = None, ax: Axes | None = None
) -> Figure:
    """Sequence diagram of a single sequence; drawn into `ax` if that is given.

    `kinds` are those of the pulses that are not "hard", by name; of one that is not given the name is shown.
    """
    check_type(sequence, Sequence)
    single = sequence.detach().without_padding()
    span = flip_span([single])
    figure, axes = begin((7.5, 1.9 * rows_of(single, span, kinds or {}).relative_height), ax)
    _draw_design(axes, single, "", span, kinds, TimeAxis(single, kinds))
    return figure


def _draw_design(
    axes: Axes,
    single: Sequence,
    title: str,
    span: tuple[float, float],
    kinds: Mapping[str, Kind] | None,
    axis: TimeAxis,
) -> None:
    overhang = draw_diagram(axes, single, axis, span, kinds=kinds)
    axes.set_xticks([])
    axes.set_title(plain(textwrap.fill(title, TITLE_CHARACTERS)), fontsize=9, pad=9 + overhang)


def design_title(name: str, evaluation: Evaluation) -> str:
    """As "max-signal: GM 0.68, WM 0.58, CSF 0.98; loss 0.0115"."""
    return f"{name}: {_signals(evaluation.signal)}; loss {evaluation.loss:.3g}"


def _signals(signals: dict[str, float]) -> str:
    return ", ".join(f"{tissue} {value:.2f}" for tissue, value in signals.items())


def robustness_figure(
    sequence: Sequence, problem: Problem, tissue: str | None = None, ax: Axes | None = None
) -> Figure:
    """Signal of a tissue over b0 and b1 relative to on-resonance, as Fig. 4g, at the width of a text column.

    Arguments and errors are those of `robustness_map`; it is drawn into `ax` if that is given.
    """
    check_type(sequence, Sequence)
    figure, axes = begin(MAP_SIZE, ax)
    draw_maps(figure, [axes], [robustness_map(problem, sequence, tissue)])
    shrink_labels(axes)
    return figure


def _draw_robustness(axes: Axes, robustness: RobustnessMap, scale: tuple[float, float]) -> AxesImage:
    """Map in colours of that scale with contour lines, a cross at on-resonance and the error above."""
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
        colours = ["black" if level > sum(scale) / 2 else "white" for level in levels]
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


def draw_maps(figure: Figure, row: list[Axes], maps: list[RobustnessMap]) -> None:
    """Maps of one tissue in axes each, with one colour scale and its bar below."""
    scale = colour_scale(maps)
    images = [_draw_robustness(axes, each, scale) for axes, each in zip(row, maps, strict=True)]
    bar = figure.colorbar(images[0], ax=row, location="bottom", pad=0.02, shrink=0.6, aspect=40)
    label = f"{maps[0].tissue} signal relative to on-resonance"
    text = textwrap.fill(label, LABEL_CHARACTERS * len(row), break_on_hyphens=False)
    bar.set_label(plain(text), fontsize=FONT_SIZE)
    bar.ax.tick_params(labelsize=FONT_SIZE)


def shrink_labels(axes: Axes) -> None:
    """Labels of the axes in the size of small figures."""
    axes.tick_params(labelsize=FONT_SIZE)
    axes.xaxis.label.set_fontsize(FONT_SIZE)
    axes.yaxis.label.set_fontsize(FONT_SIZE)
