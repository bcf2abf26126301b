"""Figure of the loss against TE and refocusing phase. Sequence Search, Sec. IV.A."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from sequence_search.grid.phase_map import PhaseMap
from sequence_search.report.drawing import COLOURS

STYLES = ("o-", "^--", "s-.")
SHOWN_PHASES_DEG = (0.0, 90.0, 180.0)
# Ends of the colours, as loss above the least of a map in thousandths; below the first all is one colour.
COLOUR_ENDS = (0.05, 50.0)
CONTOURS = (0.1, 0.5, 2.0, 10.0)
HIGHEST = 10.0  # of the curves, in thousandths


def phase_map_figure(maps: list[PhaseMap]) -> Figure:
    """A column for each map: how far the loss is above its least, over TE and phase, and along three phases.

    The scales are those of all maps, so that a flat map looks flat.

    Raises
    ------
    ValueError
        If there is no map.
    """
    if not maps:
        raise ValueError("a figure needs at least one map, got none")
    figure = Figure(figsize=(1.4 + 2.4 * len(maps), 5.2), layout="constrained")
    rows = figure.subplots(2, len(maps), squeeze=False, height_ratios=[1.5, 1], sharey="row")
    norm = LogNorm(*COLOUR_ENDS)
    for above, below, each in zip(*rows, maps, strict=True):
        excess = 1e3 * (each.loss - each.loss.min())
        _draw_map(above, each, excess, norm)
        _draw_curves(below, each, excess)
    rows[0, 0].set_ylabel("TE (ms)")
    rows[1, 0].set_ylabel("Loss above least\n(10⁻³ a.u.²)")
    bar = figure.colorbar(ScalarMappable(norm, "viridis_r"), ax=rows[0, -1], extend="both", format="%g")
    bar.set_label("Loss above least\n(10⁻³ a.u.²)")
    handles = rows[1, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _draw_map(axes: Axes, each: PhaseMap, excess: np.ndarray, norm: LogNorm) -> None:
    phase, te = np.rad2deg(each.phase), 1e3 * each.te
    excess = np.maximum(excess, COLOUR_ENDS[0])
    axes.pcolormesh(phase, te, excess, norm=norm, cmap="viridis_r", shading="nearest", rasterized=True)
    lines = axes.contour(phase, te, excess, CONTOURS, colors="black", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%g")
    i, j = each.best
    # Half outside where the best lies at the edge, as 0° and 180° do.
    axes.plot(phase[j], te[i], "o", color="white", markeredgecolor="black", markersize=7, clip_on=False)
    axes.set_title(f"{each.problem.name}\nleast at {te[i]:.3g} ms, {phase[j]:.0f}°", fontsize=9)
    axes.set_xlabel("Refocusing phase (°)")
    axes.set_xticks(np.arange(np.ceil(phase[0] / 45) * 45, phase[-1] + 1, 45))


def _draw_curves(axes: Axes, each: PhaseMap, excess: np.ndarray) -> None:
    phase = np.rad2deg(each.phase)
    for wanted, colour, style in zip(SHOWN_PHASES_DEG, COLOURS, STYLES, strict=False):
        column = int(np.argmin(abs(phase - wanted)))
        look: dict[str, Any] = {"color": colour, "markevery": 0.2, "markersize": 4}
        label = f"phase {phase[column]:.0f}°"
        axes.plot(1e3 * each.te, excess[:, column], style, label=label, **look)
    axes.set_ylim(-0.03 * HIGHEST, HIGHEST)
    axes.set_xlabel("TE (ms)")
    axes.spines[["top", "right"]].set_visible(False)
