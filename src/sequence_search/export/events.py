"""Pulses, gradients and readouts as Pulseq events, each centred in a block of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pypulseq as pp
from jaxtyping import Float

from sequence_search.pulses.kinds import Kind
from sequence_search.system import System

AXES = ("x", "y", "z")
GENTLE = 2e-3  # time that a gradient takes between pulses where there is time [s]
TOLERANCE = 1e-6  # of a raster
ROUNDING = 1 + 1e-5  # of limits that are kept but for it

# pypulseq writes pulses that differ in their use alone as one, with the use of the first. A frequency tells
# them apart, which turns nothing: 1e-8 of a turn in 10 ms [Hz].
APART = 1e-6

Area = Float[np.ndarray, "3"]  # of gradients along x, y and z [1/m]


class Use(NamedTuple):
    """What a pulse is for, in Pulseq's words, and its number among the uses of equal pulses."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """A pulse or a readout, in the middle of its block.

    Attributes
    ----------
    name : in messages
    events : of pypulseq
    before, after : time from its centre to the ends of its block, multiples of the tick [s]
    area_before, area_after : of its gradients in that time [1/m]
    """

    name: str
    events: tuple[Any, ...]
    before: float
    after: float
    area_before: Area
    area_after: Area


def up(time: float, raster: float) -> float:
    """The next multiple of a raster [s]."""
    return math.ceil(time / raster - TOLERANCE) * raster


def near(time: float, raster: float) -> float:
    """The nearest multiple of a raster [s]."""
    return round(time / raster) * raster


def opts(system: System) -> Any:
    """Limits as pypulseq knows them."""
    return pp.Opts(
        max_grad=system.max_gradient,
        max_slew=system.max_slew,
        rf_raster_time=system.rf_raster,
        grad_raster_time=system.gradient_raster_us * 1e-6,
        adc_raster_time=system.adc_raster_us * 1e-6,
        block_duration_raster=system.block_raster_us * 1e-6,
        rf_dead_time=system.rf_dead_time_us * 1e-6,
        rf_ringdown_time=system.rf_ringdown_us * 1e-6,
        adc_dead_time=system.adc_dead_time_us * 1e-6,
        adc_samples_divisor=system.adc_samples_divisor,
        adc_samples_limit=system.adc_samples_limit,
        gamma=system.gamma,
        B0=system.b0_t,
    )


def rise_time(amplitude: float, system: System) -> float:
    """Shortest ramp to an amplitude [Hz/m], a multiple of the tick [s]."""
    return max(up(abs(amplitude) / system.max_slew, system.tick), system.tick)


def pulse_station(
    name: str, kind: Kind, flip: float, phase: float, use: Use, thickness: float, system: System
) -> Station:
    """A pulse with its slice gradient.

    Parameters
    ----------
    flip, phase : rad
    use : what it is for
    thickness : of the slice [m]
    """
    tick, amplitude = system.tick, kind.slice_bandwidth / thickness
    flat = up(kind.duration / 2, tick)
    rise = rise_time(amplitude, system) if amplitude else 0.0
    before = flat + max(rise, up(system.rf_dead_time_us * 1e-6, tick))
    after = flat + max(rise, up(system.rf_ringdown_us * 1e-6, tick))
    area = np.array([0.0, 0.0, amplitude * (flat + rise / 2)])
    rf = pp.make_arbitrary_rf(
        samples(kind, flip, system),
        flip_angle=0.0,
        no_signal_scaling=True,
        dwell=system.rf_raster,
        delay=near(before - kind.duration / 2, system.rf_raster),
        phase_offset=phase % (2 * math.pi),
        center=kind.duration / 2,
        freq_offset=use.number * APART,
        use=use.name,
        system=opts(system),
    )
    events = [rf]
    if amplitude:
        delay = before - flat - rise
        events.append(_trapezoid("z", amplitude, rise, 2 * flat, delay, system))
    return Station(name, (*events, pp.make_delay(before + after)), before, after, area, area)


def samples(kind: Kind, flip: float, system: System) -> np.ndarray:
    """The waveform on the RF raster, gamma B1 / (2 pi) [Hz]: each step held, as it is simulated."""
    nominal = flip if kind.fixed_flip is None else kind.fixed_flip
    held = np.repeat(kind.waveform, max(round(kind.dwell / system.rf_raster), 1))
    return np.asarray(held * nominal / (2 * math.pi * kind.dwell))


def readout_station(
    name: str, n_samples: int, dwell: float, amplitude: float, first: float, system: System
) -> Station:
    """A readout, with a gradient along x.

    Parameters
    ----------
    dwell : s
    amplitude : of the gradient [Hz/m]
    first : start of the first sample's interval, from the centre [s]
    """
    tick, dead = system.tick, system.adc_dead_time_us * 1e-6
    last = first + n_samples * dwell
    rise = rise_time(amplitude, system) if amplitude else 0.0
    flat = up(max(-first, last), tick) if amplitude else 0.0
    before, after = (max(flat + rise, up(dead + side, tick)) for side in (max(-first, 0.0), last))
    adc = pp.make_adc(
        n_samples, dwell=dwell, delay=near(before + first, system.rf_raster), system=opts(system)
    )
    events = [adc]
    if amplitude:
        events.append(_trapezoid("x", amplitude, rise, 2 * flat, before - flat - rise, system))
    area = np.array([amplitude * (flat + rise / 2), 0.0, 0.0])
    return Station(name, (*events, pp.make_delay(before + after)), before, after, area, area)


def least_time(area: Area, system: System) -> float:
    """Shortest time in which gradients of an area can be played at once [s]."""
    times = [_shortest(abs(each), system) for each in area]
    return max(times)


def gradients(area: Area, time: float, rise: float, system: System) -> tuple[Any, ...]:
    """One gradient on each axis, of an area, over a time and with a ramp that are enough for it [s]."""
    return tuple(
        _trapezoid(axis, each / (time - rise), rise, time - 2 * rise, 0.0, system)
        for axis, each in zip(AXES, area, strict=True)
        if abs(each) > TOLERANCE
    )


def shortest_rise(area: Area, time: float, system: System) -> float:
    """The shortest ramp of gradients of an area over a time that keeps the slew rate [s]."""
    largest = float(np.abs(area).max())
    if largest <= TOLERANCE:
        return 0.0
    for count in range(1, round(time / system.tick) // 2 + 1):
        rise = count * system.tick
        if largest / (time - rise) <= system.max_slew * rise * (1 + TOLERANCE):
            return rise
    raise ValueError(f"no gradient of {largest:g} /m can be played in {time:g} s")


def _shortest(area: float, system: System) -> float:
    """Time of the shortest trapezoid of an area [s]."""
    if area <= TOLERANCE:
        return 0.0
    tick = system.tick
    rise = up(math.sqrt(area / system.max_slew), tick)
    if area / rise <= system.max_gradient:
        return 2 * rise
    rise = rise_time(system.max_gradient, system)
    return rise + up(area / system.max_gradient, tick)


def _trapezoid(axis: str, amplitude: float, rise: float, flat: float, delay: float, system: System) -> Any:
    return pp.make_trapezoid(
        axis,
        amplitude=amplitude,
        rise_time=rise,
        flat_time=max(near(flat, system.tick), 0.0),
        fall_time=rise,
        delay=delay,
        max_grad=system.max_gradient * ROUNDING,
        max_slew=system.max_slew * ROUNDING,
        system=opts(system),
    )
