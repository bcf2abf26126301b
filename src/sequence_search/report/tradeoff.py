"""Figure of a Pareto front: loss against a cost, each kind of design in its colour, the knee marked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sequence_search.analysis.front import Front, FrontPoint
from sequence_search.report.drawing import COLOURS, begin, plain

MARKERS = "osD^vPX*"  # one more than colours, so that kinds differ by one or the other
SIZE = (6.4, 4.6)  # inches, without the legend
LINE = 0.2  # inches of a line of the legend
LEGEND_CHARACTERS = 100
# Ends of an axis that differ by more, both positive, are drawn on a logarithmic one.
LARGEST_LINEAR_RATIO = 30.0


def front_figure(front: Front, ax: Axes | None = None) -> Figure:
    """Loss over cost: filled on the front, hollow what it beats, a ring around the knee.

    The steps show what is known: between two points nothing is better than the one of less cost. It is
    drawn into `ax` if that is given.

    Raises
    ------
    ValueError
        If there is no point.
    """
    if not front.points:
        raise ValueError(f"{front!r} has no point to draw")
    by_place = sorted(front.points, key=lambda each: not each.on_front)
    kinds = list(dict.fromkeys(each.kind for each in by_place))
    columns = min(len(kinds), max(1, LEGEND_CHARACTERS // (max(map(len, kinds)) + 6)))
    height = SIZE[1] + LINE * math.ceil(len(kinds) / columns)
    figure, axes = begin((SIZE[0], height), ax)
    factor = front.cost.factor
    on_front = front.front
    costs, losses = [each.cost * factor for each in on_front], [each.loss for each in on_front]
    axes.step(costs, losses, where="post", color="0.75", linewidth=1.0, zorder=1)
    looks = zip(cycle(COLOURS), cycle(MARKERS), strict=False)
    for kind, (colour, marker) in zip(kinds, looks, strict=False):
        for is_on, face in ((True, colour), (False, "none")):
            chosen = [each for each in front.points if each.kind == kind and each.on_front is is_on]
            _draw(axes, chosen, factor, marker=marker, color=colour, markerfacecolor=face)
        axes.plot([], [], linestyle="", marker=marker, color=colour, label=plain(kind))
    if (knee := front.knee) is not None:
        at = knee.cost * factor, knee.loss
        axes.plot(*at, linestyle="", marker="o", markersize=13, color="black", markerfacecolor="none")
        axes.annotate("knee", at, (12, 10), textcoords="offset points", fontsize=9)
    _scale(axes, [each.cost for each in front.points], [each.loss for each in front.points])
    axes.set_xlabel(plain(front.cost.axis[:1].upper() + front.cost.axis[1:]))
    axes.set_ylabel(f"Loss without {plain(front.cost.label)}")
    axes.set_title(plain(front.problem.name), fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    hollow = "; hollow: beaten" if len(on_front) < len(front.points) else ""
    (figure if ax is None else ax).legend(
        loc="outside lower left" if ax is None else "best",
        ncols=columns,
        fontsize=8,
        frameon=False,
        title=f"Designs{hollow}",
        title_fontsize=8,
        alignment="left",
    )
    return figure


def _draw(axes: Axes, points: Iterable[FrontPoint], factor: float, **look: Any) -> None:
    places = [(each.cost * factor, each.loss) for each in points]
    axes.plot(
        *zip(*places, strict=True) if places else ([], []), linestyle="", markersize=6, zorder=2, **look
    )


def _scale(axes: Axes, costs: list[float], losses: list[float]) -> None:
    """Logarithmic axes where values range widely."""
    for values, set_scale in ((costs, axes.set_xscale), (losses, axes.set_yscale)):
        if min(values) > 0 and max(values) > LARGEST_LINEAR_RATIO * min(values):
            set_scale("log")
