"""Times of pulses, readouts and gradients on a scanner, which an export plays and a search counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sequence_search.pulses.kinds import FINEST_RASTER, GAMMA_BAR, Hard, Kind, is_multiple
from sequence_search.pulses.shapes import Slr
from sequence_search.system import System

TOLERANCE = 1e-6  # of a raster
KEPT = 1 + 1e-6  # a limit is, but for rounding
CYCLES = 4.0  # of dephasing over a slice thickness, from which a crusher counts as ideal
# Cycles over a voxel by which crushers differ along x and y from repetition to repetition, so that what one
# has stored the next does not refocus. Along z, where a slice has its edges, it would take four.
APART = 3.0
THICKNESS = 5e-3  # of a slice, if none is stated [m]
LEAST_HARD = 0.5e-3  # of a pulse that is instantaneous in the design [s]
FEW, SHORT_DWELL = 4, 1e-5  # samples of a readout without a gradient, at least, and time of each [s]

Area = Float[np.ndarray, "3"]  # of gradients along x, y and z [1/m]


def up(time: float, raster: float) -> float:
    """The next multiple of a raster [s]."""
    return math.ceil(time / raster - TOLERANCE) * raster


def near(time: float, raster: float) -> float:
    """The nearest multiple of a raster [s]."""
    return round(time / raster) * raster


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """What a pulse or a readout takes about its centre.

    Attributes
    ----------
    before, after : time from its centre to the ends of its block, multiples of the tick [s]
    area_before, area_after : of its gradient in that time [1/m]
    flat, rise : of its gradient, from the centre on either side, and its ramp [s]
    """

    before: float
    after: float
    area_before: Area
    area_after: Area
    flat: float
    rise: float


class Line(NamedTuple):
    """Samples of a readout.

    Attributes
    ----------
    n_samples : int
    dwell : of a sample [s]
    first : start of the first sample's interval, from the centre [s]
    amplitude : of the gradient along x [Hz/m]
    """

    n_samples: int
    dwell: float
    first: float
    amplitude: float = 0.0


def rise_time(amplitude: float, system: System) -> float:
    """Shortest ramp to an amplitude [Hz/m], a multiple of the tick [s]."""
    return max(up(abs(amplitude) / system.max_slew, system.tick), system.tick)


def pulse_span(kind: Kind, thickness: float, system: System) -> Span:
    """Of a pulse with its gradient, of a slice of a thickness [m]."""
    tick, amplitude = system.tick, kind.slice_bandwidth / thickness
    flat = up(kind.duration / 2, tick)
    rise = rise_time(amplitude, system) if amplitude else 0.0
    before = flat + max(rise, up(system.rf_dead_time_us * 1e-6, tick))
    after = flat + max(rise, up(system.rf_ringdown_us * 1e-6, tick))
    area = np.array([0.0, 0.0, amplitude * (flat + rise / 2)])
    return Span(before, after, area, area, flat, rise)


def readout_span(line: Line, system: System) -> Span:
    """Of a readout with its gradient."""
    tick, dead, amplitude = system.tick, system.adc_dead_time_us * 1e-6, line.amplitude
    last = line.first + line.n_samples * line.dwell
    rise = rise_time(amplitude, system) if amplitude else 0.0
    flat = up(max(-line.first, last), tick) if amplitude else 0.0
    before, after = (max(flat + rise, up(dead + side, tick)) for side in (max(-line.first, 0.0), last))
    area = np.array([amplitude * (flat + rise / 2), 0.0, 0.0])
    return Span(before, after, area, area, flat, rise)


def few_samples(system: System, duration: float = 0.0) -> Line:
    """A few samples about the moment at which a design is read, or so many that they last so long [s]."""
    n, dwell = math.lcm(FEW, system.adc_samples_divisor), up(SHORT_DWELL, dwell_raster(system))
    n *= max(1, math.ceil(duration / (n * dwell) - TOLERANCE))
    return Line(n, dwell, -n // 2 * dwell)


def dwell_raster(system: System) -> float:
    """Of which a dwell time is a multiple, so that half of it is one of the RF raster [s]."""
    return math.lcm(round(2e3 * system.rf_raster_us), round(1e3 * system.adc_raster_us)) / 1e9


def hard_kind(largest: float, system: System, duration: float | None = None) -> Hard:
    """What is played for instantaneous pulses, the largest of this flip angle [rad].

    Of a duration [s], or if none is given of 0.5 ms, or longer where the peak B1 asks for it.
    """
    needed = largest / (2 * math.pi * system.gamma_mhz_t * system.peak_b1_ut)
    return Hard(duration=up(max(LEAST_HARD, needed) if duration is None else duration, 2 * system.tick))


def spoiler_area(number: int, voxel: tuple[float, float, float]) -> Area:
    """Of a spoiler by its number, from 0, over a voxel [m].

    Along x and y in turn, each twice as large as the one before on its axis, so that no sum or difference of
    them is 0; crushers are along z.
    """
    area, axis = np.zeros(3), number % 2
    area[axis] = 2 ** (number // 2) * CYCLES / voxel[axis]
    return area


def crushers_in_turn(voxel: tuple[float, float, float]) -> tuple[Area, ...]:
    """Of a unit of the crusher in four repetitions, the first along z alone, over a voxel [m]."""
    return tuple(np.array([i, j, CYCLES]) / voxel for j in (0.0, APART) for i in (0.0, APART))


def end_in_turn(voxel: tuple[float, float, float]) -> Area:
    """What every second repetition leaves out of the spoiler at its end, over a voxel [m].

    What is transverse for two repetitions is refocused in the second: one spoiler for all would take back
    what it has dephased.
    """
    return np.array([0.0, APART / voxel[1], 0.0])


def least_between(start: Span, end: Span, area: Area, system: System) -> float:
    """Least time from centre to centre, with gradients of an area between their blocks [s]."""
    return start.after + least_time(area, system) + end.before


def least_time(area: Area, system: System) -> float:
    """Shortest time in which gradients of an area can be played at once [s]."""
    return max(_shortest(abs(each), system) for each in area)


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


def kind_faults(name: str, kind: Kind, thickness: float, system: System) -> list[str]:
    """What of a kind of pulse a scanner cannot play, whatever its flip angle: steps and slice gradient."""
    faults = []
    if not is_multiple(kind.dwell, system.rf_raster):
        faults.append(
            f"pulses of kind '{name}' have steps of {1e6 * kind.dwell:g} us, which must be multiples of"
            f" {system.rf_raster_us:g} us (raster_ms)"
        )
    gradient = kind.slice_bandwidth / thickness
    if gradient > system.max_gradient * KEPT:
        least = 1e3 * kind.slice_bandwidth / system.max_gradient
        faults.append(
            f"the slice gradient of '{name}' is {1e3 * gradient / system.gamma:.4g} mT/m of"
            f" {system.max_gradient_mt_m:g}: the slice must be at least {least:.4g} mm (slice_mm)"
        )
    return faults


def peak_b1_ut(kind: Kind, flip: float, system: System) -> float:
    """Largest B1 of a kind at a flip angle [rad], of the nucleus of the scanner [uT].

    A kind counts B1 of the proton; a smaller gyromagnetic ratio takes more for the same turn.
    """
    return kind.peak_b1_ut(flip) * GAMMA_BAR / system.gamma_mhz_t


def peak_fault(name: str, kind: Kind, flip: float, system: System) -> str | None:
    """What of a pulse with too large a B1 at a flip angle [rad] would fit."""
    peak = peak_b1_ut(kind, flip, system)
    if peak <= system.peak_b1_ut * KEPT:
        return None
    needs = f"{name} needs {peak:.4g} uT of {system.peak_b1_ut:g}: "
    if kind.fixed_flip is not None:
        most = system.peak_b1_ut * system.gamma_mhz_t
        return f"{needs}its amplitude is fixed, and peak_b1_hz must be at most {most:.4g}"
    longer, steps = peak / system.peak_b1_ut, ""
    least = up(kind.duration * longer, 2 * system.tick)
    if isinstance(kind, Slr):
        # An equiripple filter ends in spikes of one step, which a longer pulse of equal steps keeps.
        step = up(kind.dwell * longer, max(FINEST_RASTER, system.rf_raster))
        least = round(kind.duration / kind.dwell) * step
        steps = f" and raster_ms {1e3 * step:.6g}, got {1e3 * kind.dwell:.6g}"
    return f"{needs}its duration must be at least {1e3 * least:.6g} ms, got {1e3 * kind.duration:.6g}{steps}"
