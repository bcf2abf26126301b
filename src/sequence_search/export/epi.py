"""Echo-planar imaging in a single shot: all lines of k-space one after the other, to and fro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pypulseq as pp

from sequence_search.export.events import Station, gradients, opts, shortest_rise, trapezoid
from sequence_search.system import System
from sequence_search.timing import Line, Span, least_time, near, rise_time, up


def epi_station(name: str, line: Line, n_lines: int, step: float, system: System) -> Station:
    """Lines with a blip before each but the first; the middle of line n/2 is the centre of k-space.

    Every second line runs back, and its samples are to be reversed: labels LIN, REV and SEG, as 1 on those.

    Parameters
    ----------
    line : of the first line, whose sample n/2 is in its middle
    n_lines : even
    step : of k-space from line to line [1/m]
    """
    tick, middle = system.tick, n_lines // 2
    flat = up(-line.first, tick)
    rise = max(rise_time(line.amplitude, system), up(system.adc_dead_time_us * 1e-6, tick))
    blip, half = _blip(step, system), flat + rise
    pause = sum(event.rise_time + event.flat_time + event.fall_time for event in blip)
    blocks: list[tuple[Any, ...]] = []
    for number in range(n_lines):
        blocks += [(*blip, pp.make_delay(pause))] if number else []
        blocks.append(_line(line, number, flat, rise, system))
    spacing = 2 * half + pause
    # Lines to and fro leave half of one on either side of the middle of any.
    x = line.amplitude * (flat + rise / 2)
    before, after = np.array([x, middle * step, 0.0]), np.array([-x, (n_lines - 1 - middle) * step, 0.0])
    span = Span(middle * spacing + half, (n_lines - 1 - middle) * spacing + half, before, after, flat, rise)
    return Station(name, tuple(blocks), span)


def _blip(step: float, system: System) -> tuple[Any, ...]:
    area = np.array([0.0, step, 0.0])
    time = least_time(area, system)
    return gradients(area, time, shortest_rise(area, time, system), system)


def _line(line: Line, number: int, flat: float, rise: float, system: System) -> tuple[Any, ...]:
    """Block of one line; run back, its samples are at the same places in reverse."""
    is_back = number % 2
    # So sample n/2 - 1 is in the middle of a line that runs back.
    first = line.first + is_back * line.dwell
    adc = pp.make_adc(
        line.n_samples,
        dwell=line.dwell,
        delay=near(rise + flat + first, system.rf_raster),
        system=opts(system),
    )
    gradient = trapezoid("x", (-1) ** number * line.amplitude, rise, 2 * flat, 0.0, system)
    values = {"LIN": number, "REV": is_back, "SEG": is_back}
    labels = (pp.make_label(label, "SET", value) for label, value in values.items())
    return gradient, adc, *labels, pp.make_delay(2 * (flat + rise))
