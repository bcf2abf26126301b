"""Figures of a sequence, as the paper's Fig. 4a-f: the diagram above |Mxy|(t) of each tissue."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # pictures are files: no window, no display needed

import numpy as np
import torch
from jaxtyping import Float
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


def save_sequence_figure(sequence: Sequence, problem: Problem, path: Path, title: str = "") -> None:
    """Write the figure of a single sequence to a PNG or SVG file."""
    sequence_figure(sequence, problem, title).savefig(path, dpi=200)


def sequence_figure(sequence: Sequence, problem: Problem, title: str = "") -> Figure:
    """Sequence diagram above |Mxy| over time of the nominal voxel of each tissue.

    Where one delay is much longer than another, time is stretched piece by piece so that each delay can
    be seen; the axis then says so, and its ticks stay true.
    """
    single = sequence.detach().without_padding()
    delays = (single.delay * 1e3).numpy()
    edges = np.concatenate([[0.0], delays.cumsum()])
    warp = _Warp(edges)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    diagram, magnitude = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.6])
    _draw_diagram(diagram, single, edges, warp)
    _draw_magnitude(magnitude, single, problem, edges, warp)
    figure.suptitle(title, fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return figure


class _Warp:
    """Time in ms to position on the axis: linear, or stretched piecewise when delays differ much."""

    def __init__(self, edges: ndarray) -> None:
        delays = np.diff(edges)
        self.stretched = bool(delays.max() > LARGEST_LINEAR_RATIO * delays.min())
        # A fourth root keeps the order of the delays and brings 6 ms and 4 s to 1:5.
        widths = delays**0.25 if self.stretched else delays
        self._edges, self._positions = edges, np.concatenate([[0.0], widths.cumsum()]) / widths.sum()

    def __call__(self, time_ms: float | ndarray) -> ndarray:
        return np.asarray(np.interp(time_ms, self._edges, self._positions))

    @property
    def label(self) -> str:
        return (
            "Time from the first pulse (ms; each delay to a scale of its own)"
            if self.stretched
            else ("Time from the first pulse (ms)")
        )


def _draw_diagram(axes: Axes, sequence: Sequence, edges: ndarray, warp: _Warp) -> None:
    """RF pulses as stems as high as their flip angle, delays between them, readout at the end."""
    flips = torch.rad2deg(sequence.flip_angle).numpy()
    phases = torch.rad2deg(sequence.phase).numpy()
    top = max(180.0, flips.max())
    axes.axhline(0, color="black", linewidth=0.8)
    for i, (flip, phase) in enumerate(zip(flips, phases, strict=True)):
        position = float(warp(edges[i]))
        axes.vlines(position, 0, flip, color="black", linewidth=3)
        label = f"{flip:.1f}°\nphase {phase + 0.0:.0f}°"
        axes.annotate(label, (position, flip), (3, 3), textcoords="offset points", fontsize=8, va="bottom")
        middle = float(warp(edges[i : i + 2]).mean())
        text = (
            f"{edges[i + 1] - edges[i]:.1f} ms"
            if edges[i + 1] - edges[i] < 1000
            else (f"{(edges[i + 1] - edges[i]) / 1e3:.2f} s")
        )
        axes.annotate(text, (middle, -0.16 * top), ha="center", va="center", fontsize=8, color="0.35")
    axes.plot(float(warp(edges[-1])), 0, marker="v", color="black", markersize=8, clip_on=False)
    axes.annotate(
        "readout", (float(warp(edges[-1])), 0), (0, 8), textcoords="offset points", ha="center", fontsize=8
    )
    axes.set_ylim(-0.32 * top, 1.55 * top)
    axes.set_yticks([0, 90, 180])
    axes.set_ylabel("Flip angle (°)")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False)


def _draw_magnitude(axes: Axes, sequence: Sequence, problem: Problem, edges: ndarray, warp: _Warp) -> None:
    """|Mxy| of the nominal voxel of each tissue, with its value at the readout."""
    times = _sample_times(edges)
    voxels = problem.voxels(method="nominal")
    mxy, _ = evolve(sequence, voxels, torch.from_numpy(times / 1e3))
    signal = (voxels.m0 * mxy).abs().numpy()
    for i, tissue in enumerate(problem.tissues):
        colour, style = COLOURS[i % len(COLOURS)], LINE_STYLES[i % len(LINE_STYLES)]
        label = f"{tissue.name} ({signal[-1, i]:.2f} at readout)"
        axes.plot(warp(times), signal[:, i], color=colour, linestyle=style, label=label, linewidth=1.6)
    position = float(warp(edges[-1]))
    axes.axvline(position, color="0.6", linewidth=0.8, linestyle=":")
    ticks = warp(edges)
    axes.set_xticks(ticks, [f"{edge:.4g}" if edge < 1000 else f"{edge:.0f}" for edge in edges])
    axes.set_xlim(-0.04, 1.06)
    axes.set_ylim(0, None)
    axes.set_xlabel(warp.label)
    axes.set_ylabel("|Mxy| (a.u.)")
    axes.spines[["top", "right"]].set_visible(False)


def _sample_times(edges: Float[ndarray, "n_edges"]) -> Float[ndarray, "n_times"]:
    """Times [ms] for a curve: denser just after each pulse, both sides of each pulse, and the readout."""
    part = np.linspace(0.0, 1.0, POINTS_PER_DELAY, endpoint=False)
    # Cubed: after a long delay the free induction decay takes a thousandth of it.
    pieces = []
    for start, end in pairwise(edges):
        before = end - (end - start) * 1e-9
        pieces.append(np.concatenate([start + (end - start) * part**3, [before]]))
    return np.concatenate([*pieces, edges[-1:]])
