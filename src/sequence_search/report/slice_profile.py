"""Slice profile: what selective pulses do across the slice, and the signal of a design there."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sequence_search.checks import check_type
from sequence_search.engines.configurations import Configurations
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import EXTENT, places, profile
from sequence_search.report.diagram import played_flips
from sequence_search.report.drawing import COLOURS, NotebookFigure, plain, tissue_look
from sequence_search.sequence import Sequence

N_PLACES = 200
SIZE = (8.0, 3.8)  # inches
INVERTS = -0.5  # Mz amid the slice, from which on Mz is what counts


def slice_profile_figure(sequence: Sequence, problem: Problem) -> Figure:
    """What each selective pulse makes of equilibrium across the slice, and |Mxy| of the design.

    Of a pulse it is |Mxy|, or Mz if it inverts: between crushers it refocuses the share (1 - Mz) / 2. Of the
    design it is that of each tissue's nominal voxel at each place, the mean over the readouts.

    Parameters
    ----------
    sequence : Sequence, single
    problem : Problem
        With the kinds of pulse.

    Raises
    ------
    ValueError
        If no pulse selects a slice.
    """
    check_type(sequence, Sequence)
    single = sequence.detach().without_padding()
    pulses = _selective(single, problem.pulses)
    if not pulses or single.layout is None:
        raise ValueError(f"a slice profile needs a pulse that selects a slice, got {single}")
    figure = NotebookFigure(figsize=SIZE, layout="constrained")
    alone, together = figure.subplots(1, 2)
    _draw_pulses(alone, pulses, problem.pulses)
    _draw_design(together, single, single.layout, problem)
    for axes in (alone, together):
        axes.axvspan(-0.5, 0.5, color="0.93", zorder=0)
        axes.set_xlim(-EXTENT, EXTENT)
        axes.set_xlabel("Place (slice thicknesses)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    figure.suptitle(plain(problem.name), fontsize=11)
    return figure


def _selective(sequence: Sequence, kinds: Mapping[str, Kind]) -> list[tuple[str, float]]:
    """Name and flip angle [°] of each pulse that selects a slice, of like pulses once."""
    names = () if sequence.layout is None else sequence.layout.kinds
    flips = np.round(played_flips(sequence, kinds), 1).tolist()
    pulses = [
        (name, flip)
        for name, flip in zip(names, flips, strict=bool(names))
        if name in kinds and kinds[name].slice_bandwidth
    ]
    return list(dict.fromkeys(pulses))


def _draw_pulses(axes: Axes, pulses: list[tuple[str, float]], kinds: Mapping[str, Kind]) -> None:
    place, *_ = places(N_PLACES)
    lowest = 0.0
    for number, (name, flip) in enumerate(pulses):
        kind, colour = kinds[name], COLOURS[number % len(COLOURS)]
        found = profile(kind, math.radians(flip), place)
        if found.mz[N_PLACES // 2] < INVERTS:
            quantity, values, style = "Mz", found.mz, "--"
            lowest = -1.0
        else:
            quantity, values, style = "|Mxy|", np.abs(found.mxy), "-"
        label = plain(f"{quantity} after {name} {flip:.1f}°")
        axes.plot(place, values, color=colour, linestyle=style, linewidth=1.6, label=label)
    axes.set_ylim(1.05 * lowest, 1.05)
    axes.set_ylabel("|Mxy| or Mz (M0)")
    axes.set_title("each pulse, from equilibrium", fontsize=9)


def _draw_design(axes: Axes, sequence: Sequence, layout: Layout, problem: Problem) -> None:
    place, *_ = places(N_PLACES)
    voxels = problem.voxels(method="nominal")
    engine = Configurations(voxels, problem.pulses, N_PLACES)
    batch = sequence.map(lambda part: part[None])
    mxy, _ = engine.at_readouts(batch, engine.states(batch))  # [1, n_readouts, n_tissues, n_places]
    magnitude = voxels.m0[:, None] * mxy[0].abs().mean(0)
    for index, (tissue, values) in enumerate(zip(problem.tissues, magnitude.numpy(), strict=True)):
        axes.plot(place, values, linewidth=1.6, label=plain(tissue.name), **tissue_look(index))
    axes.set_ylim(0, None)
    axes.set_ylabel("|Mxy| (a.u.)")
    count = len(layout.readouts)
    axes.set_title("at the readout" if count == 1 else f"mean of {count} readouts", fontsize=9)
