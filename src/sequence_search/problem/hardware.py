"""What the scanner of a problem asks of its sequences: room between pulses, and B1 within its peak."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault
from sequence_search.layout import HARD, SPOILER, Layout, Multiples
from sequence_search.limits import Limits, Range
from sequence_search.problem.room import AT_END, READOUT
from sequence_search.problem.wishes import Measure
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.system import System
from sequence_search.timing import (
    THICKNESS,
    Span,
    crushers_in_turn,
    end_in_turn,
    few_samples,
    hard_kind,
    kind_faults,
    least_between,
    peak_b1_ut,
    peak_fault,
    pulse_span,
    readout_span,
    spoiler_area,
)

WHOLE_TURN = 2 * math.pi


@dataclass(frozen=True, slots=True, eq=False)
class Hardware:
    """A scanner and the pulses of a problem, as `export` plays them, with a short readout or that stated.

    Attributes
    ----------
    system : its limits
    thickness : of the slice [m]
    kinds : of pulse by name; "hard" lasts as long as the largest flip angle of the problem needs
    largest_flip : of any pulse [rad]
    readout : duration of each readout [s], at least that of a few samples
    is_varied : whether crushers vary from repetition to repetition, as the mean Mz of ideal spoiling asks
    """

    system: System
    thickness: float
    kinds: Mapping[str, Kind]
    largest_flip: float
    readout: float = 0.0
    is_varied: bool = False
    _spans: dict[str, Span] = field(default_factory=dict, init=False, repr=False)

    def least(self, first: str, second: str, moment: int = 0, spoiler: int | None = None) -> float:
        """Least time from the centre of a pulse or readout to that of the next [s], see `room.Least`."""
        start, end = self._span(first), self._span(second)
        voxel = (self.thickness,) * 3
        crushers = np.stack(crushers_in_turn(voxel)[: None if self.is_varied else 1])
        area = -start.area_after - end.area_before
        if spoiler is not None:
            area = area + spoiler_area(spoiler, voxel)
        if spoiler == AT_END and self.is_varied:
            area = area + end_in_turn(voxel)
        return least_between(start, end, abs(area + moment * crushers).max(0), self.system)

    def most(self, name: str) -> float:
        """Largest flip angle of a kind within the peak B1 [rad]; inf of one of fixed amplitude."""
        kind = self.kinds[name]
        if kind.fixed_flip is not None:
            return math.inf
        return min(self.largest_flip, self.system.peak_b1_ut / peak_b1_ut(kind, 1.0, self.system))

    def check(self, name: str, flip: float | None = None) -> None:
        """Refuse a kind that the scanner cannot play at a flip angle, or, without one, at any [rad]."""
        kind = self.kinds[name]
        faults = kind_faults(name, kind, self.thickness, self.system)
        flip = kind.fixed_flip if flip is None else flip
        peak = None if flip is None else peak_fault(f"pulse '{name}'", kind, flip, self.system)
        if faults := faults + ([peak] if peak else []):
            raise Fault("{system} '{0}': {1}", self.system.name, "; ".join(faults))

    def narrowed(self, space: SearchSpace) -> SearchSpace:
        """Search space of instantaneous pulses without gradients, as they are played."""
        least = max(self.least(HARD, HARD), self.least(HARD, READOUT))
        shortest, largest = max(space.min_rf_delay, least), min(space.max_flip, self.largest_flip)
        low, high = space.flip_range
        return replace(
            space, min_rf_delay=shortest, max_flip=largest, flip_range=(min(low, largest), min(high, largest))
        )

    def _span(self, name: str) -> Span:
        if name not in self._spans:
            self._spans[name] = (
                readout_span(few_samples(self.system, self.readout), self.system)
                if name == READOUT
                else pulse_span(self.kinds[name], self.thickness, self.system)
            )
        return self._spans[name]


def hardware_of(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> Hardware | None:
    """Of a problem, or None if it states no system."""
    if limits.system is None:
        return None
    largest = min(space.max_flip, limits.max_flip, WHOLE_TURN)
    kinds = {HARD: hard_kind(largest, limits.system), **pulses}
    thickness = limits.slice_thickness or THICKNESS
    is_varied = acquisition.is_repeated and acquisition.spoiling == "ideal"
    return Hardware(limits.system, thickness, kinds, largest, acquisition.readout, is_varied)


def check_hardware(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> None:
    """Refuse kinds of pulse that the scanner of a problem cannot play.

    Raises
    ------
    ValueError
        If steps are no multiples of its raster, or a slice gradient or a B1 that is fixed is too large.
    """
    hardware = hardware_of(space, limits, pulses, acquisition)
    if hardware is None:
        return
    for name in space.pulses:
        hardware.check(name)


def hardware_measures(hardware: Hardware | None) -> list[Measure]:
    """Peak B1 of a sequence, and the least of its times relative to what they must be."""
    if hardware is None:
        return []
    peak = Range(high=hardware.system.peak_b1_ut)
    return [
        Measure("system.peak_b1_ut", peak, partial(_peak_b1, hardware), is_smooth=False, is_bound=True),
        Measure("system.delays", Range(low=1.0), partial(_delays, hardware), is_smooth=False, is_bound=True),
    ]


def _peak_b1(hardware: Hardware, sequence: Sequence) -> tuple[Tensor, Sequence]:
    flip = sequence.flip_angle.abs()
    names = (HARD,) * flip.shape[-1] if sequence.layout is None else sequence.layout.kinds
    peaks = [peak_b1_ut(hardware.kinds[name], 1.0, hardware.system) for name in names]
    fixed = [hardware.kinds[name].fixed_flip for name in names]
    is_free = flip.new_tensor([each is None for each in fixed]).bool()
    of_each = torch.where(is_free, flip, 1.0) * flip.new_tensor(peaks)
    return pad(of_each, (0, 1)).amax(-1), _no_slope(sequence)  # 0 of no pulse


def _delays(hardware: Hardware, sequence: Sequence) -> tuple[Tensor, Sequence]:
    """Least ratio of a time between neighbours to what it must be."""
    delay, layout = sequence.delay, sequence.layout
    if layout is None:
        n_rf, place = sequence.n_rf[..., None], torch.arange(delay.shape[-1])
        apart, last = hardware.least(HARD, HARD), hardware.least(HARD, READOUT)
        ratio = delay / torch.where(place == n_rf - 1, last, apart)
        ratio = torch.where(place < n_rf, ratio, math.inf)
        return pad(ratio, (0, 1), value=math.inf).amin(-1), _no_slope(sequence)
    first = delay.reshape(-1, delay.shape[-1])[0].tolist()
    multiples, least = zip(*_neighbours(hardware, layout, first), strict=True)
    times = delay @ delay.new_tensor(multiples).T
    return (times / delay.new_tensor(least)).amin(-1), _no_slope(sequence)


def _neighbours(hardware: Hardware, layout: Layout, delay: list[float]) -> Iterator[tuple[Multiples, float]]:
    """How often the time between neighbours contains each delay, and its least [s]."""
    n_spoilers = 0
    for pulse, whole in enumerate(layout.multiples):
        reads = [read for read in layout.readouts if read.pulse == pulse]
        name, begun, moment = layout.kinds[pulse], np.zeros(len(whole), int), 0
        for read in sorted(reads, key=lambda read: float(np.dot(read.multiples, delay))):
            time = np.array(read.multiples) - begun
            yield tuple(time.tolist()), hardware.least(name, READOUT, read.gradient - moment)
            name, begun, moment = READOUT, np.array(read.multiples), read.gradient
        is_last, gradient = pulse + 1 == layout.n_rf, layout.gradients[pulse]
        n_spoilers += gradient == SPOILER
        time, step = np.array(whole) - begun, 0 if gradient == SPOILER else int(gradient) - moment
        if not is_last:
            spoiler = n_spoilers if gradient == SPOILER else None
            yield tuple(time.tolist()), hardware.least(name, layout.kinds[pulse + 1], step, spoiler)
        elif layout.steady:
            yield tuple(time.tolist()), hardware.least(name, layout.kinds[0], step, AT_END)


def _no_slope(sequence: Sequence) -> Sequence:
    return sequence.with_columns({name: torch.zeros_like(part) for name, part in sequence.columns().items()})
