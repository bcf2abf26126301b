"""Extended phase graph of a design: its states over time, and what each of them brings of the signal."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from sequence_search.checks import check_type
from sequence_search.coherence import NEGLIGIBLE
from sequence_search.engines.configurations import Configurations
from sequence_search.layout import SPOILER, Layout
from sequence_search.problem.problem import Problem
from sequence_search.report.diagram import draw_diagram, flip_span, rows_of
from sequence_search.report.drawing import COLOURS, NotebookFigure, mark_readouts, plain, sample_times
from sequence_search.report.figures import TITLE_CHARACTERS, figure_width
from sequence_search.report.robustness import tissue_of
from sequence_search.report.time_axis import ROUNDING, TimeAxis
from sequence_search.sequence import Sequence

SHOWN = 0.01  # of the signal, below which a state is pale
LEAST = 0.005  # of M0, below which it is left out
WIDEST, NARROWEST = 6.0, 0.8  # points
WIDE = 9.0  # inches, beyond which the legend is one line
POINTS = 40  # of a line in each delay
TRANSVERSE, LONGITUDINAL, PALE, SPOILED = COLOURS[0], COLOURS[1], "0.8", "0.5"
DASHES = (0, (1.5, 0.8))
DIGITS = 9  # of a time dephased [s]: those of one time differ by rounding


@dataclass(frozen=True, slots=True)
class State:
    """States of equal dephasing from a pulse to the next.

    Attributes
    ----------
    pulse : that they follow, counted from 0
    is_transverse : bool
    moment : of the crushers just after the pulse, in their unit
    clock : time dephased just after the pulse [s]; of those of one moment that of the largest
    amplitude : magnitude just after the pulse in units of M0, where it is largest in a slice
    part : of |Mxy| that they bring to the next pulse or the readout, recovery until then included, in units
        of M0
    """

    pulse: int
    is_transverse: bool
    moment: int
    clock: float
    amplitude: float
    part: float


def phase_graph(
    sequence: Sequence, problem: Problem, tissue: str | None = None, readout: int | None = None
) -> list[State]:
    """States of the nominal voxel of a tissue after each pulse, in the steady state if there is one.

    |Mxy| is a sum over the states that a pulse finds and of what recovers after it. The part of a state F is
    its amplitude times the derivative, Re(conj(d|Mxy|/dF) F).

    Parameters
    ----------
    sequence : Sequence, single
    problem : Problem
    tissue : by name; the first of the problem if not given
    readout : to which, counted from 1; to the mean over all if not given

    Raises
    ------
    ValueError
        If there is no such tissue or readout, or there are too many states.
    """
    _, index = tissue_of(problem, tissue)
    if readout is not None and not 1 <= readout <= sequence.n_readouts:
        raise ValueError(f"readout must be 1 to {sequence.n_readouts}, got {readout}")
    single = sequence.detach().without_padding().map(lambda part: part[None].clone())
    single.flip_angle.requires_grad_()  # else autograd keeps no graph
    voxel = problem.voxels(method="nominal").of_tissues((index,))
    engine = Configurations(voxel, problem.pulses)
    layout = single.layout or Layout.plain(single.flip_angle.shape[-1])
    with torch.enable_grad():
        after = engine.states(single)
        mxy, _ = engine.across_slice(layout, *engine.at_readouts(single, after))
        signal = mxy.abs().mean() if readout is None else mxy[0, readout - 1, 0].abs()
    delay = single.delay[0].tolist()
    named = [
        (pulse, is_transverse, name, part)
        for pulse, state in enumerate(after)
        for is_transverse, parts in ((True, state.transverse), (False, state.longitudinal))
        for name, part in parts.items()
    ]
    slopes = torch.autograd.grad(signal, [part for *_, part in named], allow_unused=True)
    recovery = torch.expm1(single.intervals[0] / voxel.t1)  # until the next pulse, as it counts at the start
    recovery[-1] = 0.0
    merged: dict[tuple[int, bool, int, float], list[State]] = {}
    for (pulse, is_transverse, name, amplitude), slope in zip(named, slopes, strict=True):
        clock = round(float(np.dot(name[1:], delay)), DIGITS)
        part = 0.0
        if slope is not None and slope.any():
            grows = not is_transverse and not any(name)
            part = float((slope.conj() * (amplitude.detach() + recovery[pulse] * grows)).real.sum())
        state = State(pulse, is_transverse, name[0], clock, float(amplitude.detach().abs().max()), part)
        key = pulse, is_transverse, name[0], 0.0 if is_crushed(layout) else clock
        merged.setdefault(key, []).append(state)
    return [
        replace(max(like, key=lambda state: state.amplitude), part=sum(state.part for state in like))
        for like in merged.values()
    ]


def is_crushed(layout: Layout) -> bool:
    """Whether its states differ by crusher moment; else by the time dephased."""
    moments = (*layout.gradients, *(each.gradient for each in layout.readouts))
    return any(moment not in (0, SPOILER) for moment in moments)


def phase_graph_figure(
    sequence: Sequence, problem: Problem, tissue: str | None = None, readout: int | None = None
) -> Figure:
    """Extended phase graph below the diagram: what carries the signal of a tissue's nominal voxel, and when.

    A line is a state between two pulses, transverse or longitudinal, at its crusher moment, or without
    crushers at the time for which it has dephased; it is as broad as what it brings of |Mxy| at the readout.
    A pulse takes a state to its negative, where it rephases, and in and out of the transverse plane.

    Arguments and errors are those of `phase_graph`.
    """
    check_type(sequence, Sequence)
    name, _ = tissue_of(problem, tissue)
    states = phase_graph(sequence, problem, name, readout)
    single = sequence.detach().without_padding()
    axis, span = TimeAxis(single, problem.pulses), flip_span([single])
    share = rows_of(single, span, problem.pulses).relative_height
    size = figure_width(single, axis), 1.6 * share + 3.6
    figure = NotebookFigure(figsize=size, layout="constrained")
    diagram, graph = figure.subplots(2, 1, sharex=True, height_ratios=[1.6 * share, 3.2])
    draw_diagram(diagram, single, axis, span, kinds=problem.pulses)
    _draw_states(graph, states, single, axis)
    axis.label(graph)
    of = f" at readout {readout}" if readout else ", mean of the readouts" if len(axis.readouts) > 1 else ""
    title = f"{problem.name}, {name}: what each state brings of |Mxy|{of}"
    figure.suptitle(plain(textwrap.fill(title, TITLE_CHARACTERS)), fontsize=11)
    lines = _legend(states)
    columns = len(lines) if size[0] > WIDE else 3
    figure.legend(handles=lines, loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    return figure


def _draw_states(axes: Axes, states: list[State], sequence: Sequence, axis: TimeAxis) -> None:
    layout = sequence.layout or Layout.plain(len(axis.pulses))
    largest = _largest(states)
    drawn = []
    for state in sorted(states, key=lambda state: abs(state.part)):
        if abs(state.part) < SHOWN * largest and state.amplitude < LEAST:
            continue
        times, height = _course(state, layout, sequence.delay.tolist(), axis)
        drawn.append((state, height))
        if abs(state.part) < SHOWN * largest:
            axes.plot(axis(times), height, color=PALE, linewidth=NARROWEST, zorder=1)
        else:
            width = NARROWEST + (WIDEST - NARROWEST) * abs(state.part) / largest
            axes.plot(axis(times), height, linewidth=width, zorder=2, **_look(state))
        if state.is_transverse and layout.gradients[state.pulse] == SPOILER:
            axes.plot(axis(times[-1]), height[-1], marker="x", color=SPOILED, markersize=6, zorder=3)
    axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    for position in axis(axis.pulses):
        axes.axvline(float(position), color="black", linewidth=0.8, linestyle="--", zorder=0)
    mark_readouts(axes, axis)
    axes.plot(axis(axis.readouts), 0 * axis.readouts, linestyle="", marker="v", color="black", zorder=4)
    axes.set_ylim(*_limits(drawn, SHOWN * largest))
    if is_crushed(layout):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("Crusher moment")
    else:
        axes.set_ylabel("Time dephased (ms)")


def _limits(drawn: list[tuple[State, ndarray]], least: float) -> tuple[float, float]:
    """Range of what brings signal and as much again, without what lies beyond."""
    every = np.concatenate([height for _, height in drawn])
    shown = [height for state, height in drawn if abs(state.part) >= least]
    some = np.concatenate(shown or [every])
    room = 0.5 * np.ptp(some)
    low, high = max(every.min(), some.min() - room), min(every.max(), some.max() + room)
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _course(state: State, layout: Layout, delay: list[float], axis: TimeAxis) -> tuple[ndarray, ndarray]:
    """Times [ms] until the next pulse, if transverse at most until the last readout, and heights."""
    start = axis.pulses[state.pulse]
    is_last = state.pulse == len(axis.pulses) - 1
    end = axis.pulses[state.pulse + 1] if not is_last else axis.edges[-1]
    if is_last and state.is_transverse:
        end = axis.readouts[-1]
    edges = axis.edges[(axis.edges >= start) & (axis.edges <= end + ROUNDING)]
    times = sample_times(edges, POINTS)
    since = (times - start) * state.is_transverse
    if is_crushed(layout):
        gained = [layout.moment_at(state.pulse, delay, time / 1e3) for time in since]
        return times, state.moment + np.array(gained)
    return times, 1e3 * state.clock + since


def _largest(states: list[State]) -> float:
    """Largest part; inf of a design without signal, beside which all is pale."""
    largest = max(abs(state.part) for state in states)
    return largest if largest > NEGLIGIBLE else math.inf


def _look(state: State) -> dict[str, Any]:
    style = {"linestyle": "-"} if state.part > 0 else {"linestyle": DASHES}
    return {"color": TRANSVERSE if state.is_transverse else LONGITUDINAL, "solid_capstyle": "butt", **style}


def _legend(states: list[State]) -> list[Line2D]:
    """What colours, widths and dashes mean, of those that there are."""
    largest = _largest(states)
    lines = [
        Line2D([], [], color=TRANSVERSE, linewidth=3, label="transverse"),
        Line2D([], [], color=LONGITUDINAL, linewidth=3, label="longitudinal"),
        Line2D([], [], color=PALE, linewidth=NARROWEST, label="brings less than 1 %"),
    ]
    if largest < math.inf:
        lines.insert(2, Line2D([], [], color="black", linewidth=WIDEST, label=f"brings {largest:.2f} M0"))
    if any(state.part < -SHOWN * largest for state in states):
        look: dict[str, Any] = {"color": "black", "linestyle": DASHES, "linewidth": 3}
        lines.append(Line2D([], [], label="takes from it", **look))
    return lines
