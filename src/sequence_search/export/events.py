"""Pulses, gradients and readouts as Pulseq events, each centred in a block of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pypulseq as pp

from sequence_search.pulses.kinds import Kind
from sequence_search.system import System
from sequence_search.timing import TOLERANCE, Area, Line, Span, near, pulse_span, readout_span

AXES = ("x", "y", "z")
GENTLE = 2e-3  # time that a gradient takes between pulses where there is time [s]
ROUNDING = 1 + 1e-5  # of limits that are kept but for it

# pypulseq writes pulses that differ in their use alone as one, with the use of the first. A frequency tells
# them apart, which turns nothing: 1e-8 of a turn in 10 ms [Hz]. A file has six digits of it.
APART, DIGITS = 1e-6, 6


class Use(NamedTuple):
    """What a pulse is for, in Pulseq's words, and its number among the uses of equal pulses."""

    name: str
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """A pulse or a readout.

    Attributes
    ----------
    name : in messages
    blocks : of events of pypulseq
    span : what it takes
    """

    name: str
    blocks: tuple[tuple[Any, ...], ...]
    span: Span


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


def pulse_station(
    name: str, kind: Kind, flip: float, phase: float, use: Use, thickness: float, system: System
) -> Station:
    """A pulse with its slice gradient; of 0° the gradient alone, in the same time.

    A file has no RF event that is 0 throughout.

    Parameters
    ----------
    flip, phase : rad
    use : what it is for
    thickness : of the slice [m]
    """
    span = pulse_span(kind, thickness, system)
    amplitude = kind.slice_bandwidth / thickness
    waveform = samples(kind, flip, system)
    if not waveform.any():
        return _station(name, None, span, "z", amplitude, system)
    rf = pp.make_arbitrary_rf(
        waveform,
        flip_angle=0.0,
        no_signal_scaling=True,
        dwell=system.rf_raster,
        delay=near(span.before - kind.duration / 2, system.rf_raster),
        # A file has the phase at the start.
        phase_offset=(phase - math.pi * kind.offset * kind.duration) % (2 * math.pi),
        center=kind.duration / 2,
        freq_offset=_frequency(kind.offset, use),
        use=use.name,
        system=opts(system),
    )
    return _station(name, rf, span, "z", amplitude, system)


def _frequency(offset: float, use: Use) -> float:
    """Frequency of a pulse in a file, a little apart by its use [Hz]."""
    last = 10.0 ** (math.floor(math.log10(abs(offset))) + 1 - DIGITS) if offset else 0.0
    return offset + use.number * max(APART, last)


def samples(kind: Kind, flip: float, system: System) -> np.ndarray:
    """The waveform on the RF raster, gamma B1 / (2 pi) [Hz]: each step held, as it is simulated."""
    nominal = flip if kind.fixed_flip is None else kind.fixed_flip
    held = np.repeat(kind.waveform, max(round(kind.dwell / system.rf_raster), 1))
    return np.asarray(held * nominal / (2 * math.pi * kind.dwell))


def readout_station(name: str, line: Line, system: System) -> Station:
    """A readout, with a gradient along x."""
    span = readout_span(line, system)
    delay = near(span.before + line.first, system.rf_raster)
    adc = pp.make_adc(line.n_samples, dwell=line.dwell, delay=delay, system=opts(system))
    return _station(name, adc, span, "x", line.amplitude, system)


def _station(
    name: str, event: Any | None, span: Span, axis: str, amplitude: float, system: System
) -> Station:
    """An event, or none, with a gradient about its centre."""
    events = [] if event is None else [event]
    if amplitude:
        delay = span.before - span.flat - span.rise
        events.append(trapezoid(axis, amplitude, span.rise, 2 * span.flat, delay, system))
    return Station(name, ((*events, pp.make_delay(span.before + span.after)),), span)


def gradients(area: Area, time: float, rise: float, system: System) -> tuple[Any, ...]:
    """One gradient on each axis, of an area, over a time and with a ramp that are enough for it [s]."""
    return tuple(
        trapezoid(axis, each / (time - rise), rise, time - 2 * rise, 0.0, system)
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


def trapezoid(axis: str, amplitude: float, rise: float, flat: float, delay: float, system: System) -> Any:
    """A gradient along an axis, of an amplitude [Hz/m] and times [s], within the limits but for rounding."""
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
