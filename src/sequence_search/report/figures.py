"""Figure of a sequence, as the paper's Fig. 4a-f with Mz: the diagram above the magnetisation over time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # pictures are files: no window, no display needed

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from sequence_search.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.simulate import evolve

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
POINTS_PER_DELAY = 200
# Beyond this ratio of the longest to the shortest delay a linear axis hides the short ones.
LARGEST_LINEAR_RATIO = 12.0
# In a stretched axis no delay is narrower than this part of an equal share, so that its label fits.
SMALLEST_SHARE = 0.7
LEGEND_CHARACTERS = 90


def save_sequence_figure(sequence: Sequence, problem: Problem, path: Path, title: str = "") -> None:
    """Write the figure of a single sequence to a PNG or SVG file."""
    sequence_figure(sequence, problem, title).savefig(path, dpi=200)


def sequence_figure(sequence: Sequence, problem: Problem, title: str = "") -> Figure:
    """Sequence diagram above |Mxy| and Mz over time of the nominal voxel of each tissue.

    Where one delay is much longer than another, time is stretched piece by piece so that each delay can
    be seen; the axis then says so, and its ticks stay true.
    """
    single = sequence.detach().without_padding()
    edges = np.concatenate([[0.0], (single.delay * 1e3).numpy().cumsum()])
    axis = _TimeAxis(edges)
    figure = Figure(figsize=(max(6.4, 1.7 * len(single.delay)), 5.4), layout="constrained")
    diagram, transverse, longitudinal = figure.subplots(3, 1, sharex=True, height_ratios=[1.1, 1.5, 0.9])
    _draw_diagram(diagram, single, axis)
    _draw_magnetisation(transverse, longitudinal, single, problem, axis)
    figure.suptitle(title, fontsize=11)
    widest = max(len(f"{tissue.name} (0.00 at readout)") for tissue in problem.tissues)
    columns = int(np.clip(LEGEND_CHARACTERS // (widest + 6), 1, len(problem.tissues)))
    handles = transverse.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    return figure


class _TimeAxis:
    """Time in ms to position on the axis: linear, or stretched piecewise when delays differ much."""

    def __init__(self, edges: ndarray) -> None:
        delays = np.diff(edges)
        self.edges = edges
        self.stretched = bool(delays.max() > LARGEST_LINEAR_RATIO * delays.min())
        # A fourth root keeps the order of the delays and brings 6 ms and 4 s to 1:5.
        widths = delays**0.25 if self.stretched else delays
        widths = widths / widths.sum()
        if self.stretched:
            widths = np.maximum(widths, SMALLEST_SHARE / len(widths))
        self._positions = np.concatenate([[0.0], widths.cumsum()]) / widths.sum()

    def __call__(self, time_ms: float | ndarray) -> ndarray:
        return np.asarray(np.interp(time_ms, self.edges, self._positions))

    def label(self, axes: Axes) -> None:
        """Ticks at the pulses and the readout."""
        note = "; each delay to a scale of its own" if self.stretched else ""
        axes.set_xlabel(f"Time from the first pulse (ms{note})")
        labels = [f"{edge:.1f}".removesuffix(".0") for edge in self.edges]
        axes.set_xticks(self(self.edges), labels, rotation=30 if self.stretched else 0)
        axes.set_xlim(-0.05, 1.05)


def _draw_diagram(axes: Axes, sequence: Sequence, axis: _TimeAxis) -> None:
    """RF pulses as stems as high as their flip angle, delays between them, readout at the end."""
    flips = torch.rad2deg(sequence.flip_angle).numpy()
    phases = torch.rad2deg(sequence.phase).numpy()
    top, bottom = max(180.0, flips.max()), min(0.0, flips.min())
    at = axis(axis.edges)
    axes.axhline(0, color="black", linewidth=0.8)
    for position, flip, phase in zip(at, flips, phases, strict=False):
        axes.vlines(position, 0, flip, color="black", linewidth=3)
        text = f"{flip:.1f}°\n{phase + 0.0:.0f}°".replace("-", "\N{MINUS SIGN}")
        axes.annotate(
            text, (position, max(flip, 0)), (0, 3), textcoords="offset points", ha="center", fontsize=8
        )
    for (left, right), delay in zip(pairwise(at), np.diff(axis.edges), strict=True):
        text = f"{delay:.1f} ms" if delay < 1000 else f"{delay / 1e3:.3f} s"
        where = ((left + right) / 2, bottom - 0.13 * top)
        axes.annotate(text, where, ha="center", va="center", fontsize=8, color="0.35")
    axes.plot(at[-1], 0, marker="v", color="black", markersize=8)
    axes.annotate("readout", (at[-1], 0), (0, 8), textcoords="offset points", ha="center", fontsize=8)
    axes.set_ylim(bottom - 0.28 * top, 1.5 * top)
    axes.set_yticks(np.arange(90 * np.floor(bottom / 90), top + 1, 90))
    axes.set_ylabel("Flip angle (°)\nwith phase below", fontsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False)


def _draw_magnetisation(
    transverse: Axes, longitudinal: Axes, sequence: Sequence, problem: Problem, axis: _TimeAxis
) -> None:
    """|Mxy| and Mz of the nominal voxel of each tissue, with the signal at the readout."""
    times = _sample_times(axis.edges)
    voxels = problem.voxels(method="nominal")
    mxy, mz = evolve(sequence, voxels, torch.from_numpy(times / 1e3))
    magnitude, along = (voxels.m0 * mxy).abs().numpy(), (voxels.m0 * mz).numpy()
    for i, tissue in enumerate(problem.tissues):
        look: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINE_STYLES[i % len(LINE_STYLES)],
        }
        label = f"{tissue.name} ({magnitude[-1, i]:.2f} at readout)"
        transverse.plot(axis(times), magnitude[:, i], label=label, linewidth=1.6, **look)
        longitudinal.plot(axis(times), along[:, i], linewidth=1.2, **look)
    transverse.set_ylim(0, None)
    transverse.set_ylabel("|Mxy| (a.u.)")
    highest = 1.05 * float(voxels.m0.max())
    longitudinal.set_ylim(-highest, highest)
    longitudinal.set_ylabel("Mz (a.u.)")
    longitudinal.axhline(0, color="0.6", linewidth=0.8)
    for axes in (transverse, longitudinal):
        axes.axvline(float(axis(axis.edges[-1])), color="0.6", linewidth=0.8, linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
    axis.label(longitudinal)


def _sample_times(edges: ndarray) -> ndarray:
    """Times [ms] for a curve: denser just after each pulse, both sides of each pulse, and the readout."""
    part = np.linspace(0.0, 1.0, POINTS_PER_DELAY, endpoint=False)
    pieces = []
    for start, end in pairwise(edges):
        # Cubed: after a long delay the free induction decay takes a thousandth of it.
        before = end - (end - start) * 1e-9
        pieces.append(np.concatenate([start + (end - start) * part**3, [before]]))
    return np.concatenate([*pieces, edges[-1:]])
