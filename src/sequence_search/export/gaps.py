"""What is played between pulses and readouts: rephasers, crushers, spoilers, phase encoding, waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sequence_search.export.events import GENTLE, Station, shortest_rise
from sequence_search.export.protocol import Protocol
from sequence_search.layout import SPOILER, Layout
from sequence_search.system import System
from sequence_search.timing import Area, least_between, least_time, near, spoiler_area, up


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """What is played from one block to the next: gradients at its start, a wait, gradients at its end.

    Attributes
    ----------
    after, before : areas at its start and at its end, without crushers [1/m]
    crushers : units of the crusher, there
    decoded, encoded : number of the readout whose phase encoding is taken back at its start, and of that
        which is encoded at its end
    time_after, wait, time_before : s; where all is played at once, it takes `time_after`
    rise_after, rise_before : ramps, the same whatever is encoded [s]
    is_merged : whether it is
    in_turn : what of `after` every second repetition leaves out [1/m]
    """

    after: Area
    before: Area
    crushers: tuple[int, int]
    decoded: int | None
    encoded: int | None
    time_after: float
    wait: float
    time_before: float
    rise_after: float
    rise_before: float
    is_merged: bool
    in_turn: Area = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A pulse or readout in time, and the gradient from it to the next.

    Attributes
    ----------
    time : of its centre, from that of the first pulse [s]
    pulse : number of it, or of the pulse before it
    readout : number of it, or None
    crusher : units of the crusher up to the next
    is_spoiled : whether a spoiler stands there
    """

    station: Station
    time: float
    pulse: int
    readout: int | None
    crusher: int
    is_spoiled: bool


def spoilers(layout: Layout, protocol: Protocol) -> dict[int, Area]:
    """Area of the spoiler after each pulse, and at -1 of that which ends the repetition."""
    places = [-1, *(pulse for pulse, gradient in enumerate(layout.gradients) if gradient == SPOILER)]
    return {place: spoiler_area(number, protocol.voxel) for number, place in enumerate(places)}


def make_gap(
    mark: Mark,
    following: Mark,
    area: tuple[Area, Area],
    units: tuple[int, int],
    crushers: Sequence[Area],
    time: float,
    encoding: Area,
    system: System,
) -> tuple[Gap | None, str]:
    """What is played between two whose centres are so far apart; or None, and what stands in the way.

    Parameters
    ----------
    area : after the first and before the second, without phase encoding and crushers [1/m]
    units : of the crusher, there
    crushers : area of a unit in each repetition [1/m]
    time : s
    encoding : largest area of phase encoding [1/m]
    """
    start, end = mark.station, following.station
    after, before = area
    is_decoded, is_encoded = mark.readout is not None, following.readout is not None

    def most_of(base: Area, count: int, encoded: int) -> Area:
        return np.asarray(abs(base + count * np.stack(crushers)).max(0) + encoding * encoded)

    most_after = most_of(after, units[0], is_decoded)
    most_before = most_of(before, units[1], is_encoded)
    most = most_of(after + before, sum(units), is_decoded + is_encoded)
    first, second, both = (least_time(each, system) for each in (most_after, most_before, most))
    rest = near(time - start.span.after - end.span.before, system.tick)
    if rest < both - system.tick / 2:
        least = 1e3 * least_between(start.span, end.span, most, system)
        name = end.name if following.time > mark.time else "the next repetition"
        fault = f"the time from {start.name} to {name} must be at least {least:.6g} ms, got {1e3 * time:.6g}"
        return None, fault
    is_merged = first + second > rest + system.tick / 2
    if is_merged:
        first, second = min(rest, max(both, up(GENTLE, system.tick) if both else 0.0)), 0.0
    else:
        share = math.floor((rest - first - second) / 2 / system.tick + 1e-6) * system.tick
        first, second = (_gentle(each, share, system.tick) for each in (first, second))
    wait = near(rest - first - second, system.tick)
    rises = shortest_rise(most if is_merged else most_after, first, system), 0.0
    if not is_merged:
        rises = rises[0], shortest_rise(most_before, second, system)
    encoded = mark.readout, following.readout
    return Gap(after, before, units, *encoded, first, wait, second, *rises, is_merged), ""


def _gentle(least: float, spare: float, tick: float) -> float:
    """Time of a gradient that may take so much longer, and no longer than is gentle [s]."""
    return least if not least else max(least, min(up(GENTLE, tick), least + spare))


def largest_encoding(protocol: Protocol) -> Area:
    """Largest area of phase encoding along each axis [1/m]."""
    lines_y, lines_z = protocol.lines
    if not protocol.is_image:
        return np.zeros(3)
    in_z = lines_z / 2 / protocol.fov[2] if lines_z > 1 else 0.0
    return np.array([0.0, lines_y // 2 / protocol.fov[1], in_z])
