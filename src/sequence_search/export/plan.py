"""One repetition of a design on a scanner: its pulses and readouts, and what is played between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sequence_search.export.checks import check_pulses, refuse
from sequence_search.export.epi import epi_station
from sequence_search.export.events import Station, Use, pulse_station, readout_station
from sequence_search.export.gaps import Gap, Mark, largest_encoding, make_gap, spoilers
from sequence_search.export.lines import bandwidth_notes, line_faults, line_of
from sequence_search.export.protocol import Protocol
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.structure import uses
from sequence_search.system import System
from sequence_search.timing import (
    Area,
    crushers_in_turn,
    end_in_turn,
    hard_kind,
    near,
)

T1_TO_EQUILIBRIUM = 5
ALIKE = (
    "the gradients of all repetitions are alike, so that what a crusher has stored of one may be an echo in"
    " the next; to let them vary"
)
WRITTEN_ALIKE = 1e-4  # amplitudes of pulses in a file, which has six digits


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One repetition.

    Attributes
    ----------
    stations : pulses and readouts in their order
    gaps : after each; the last leads to the next repetition, or is missing of what is played once
    is_readout : of each station, its number of the readouts, or None
    tr : s; inf if played once
    crushers : area of a unit, from repetition to repetition in turn [1/m]
    notes : what is played otherwise than it should be, a sentence each
    """

    stations: tuple[Station, ...]
    gaps: tuple[Gap, ...]
    is_readout: tuple[int | None, ...]
    tr: float
    crushers: tuple[Area, ...]
    notes: tuple[str, ...] = ()


def plan_repetition(sequence: Sequence, problem: Problem, protocol: Protocol, system: System) -> Plan:
    """Lay out a single sequence.

    Raises
    ------
    ValueError
        If the scanner cannot play it, with all that stands in the way.
    """
    layout = sequence.layout or Layout.plain(sequence.flip_angle.shape[-1])
    flips, phases = sequence.flip_angle.tolist(), sequence.phase.tolist()
    largest = max((abs(f) for f, kind in zip(flips, layout.kinds, strict=True) if kind == HARD), default=0.0)
    kinds = {HARD: hard_kind(largest, system, protocol.hard_duration), **problem.pulses}
    refuse(
        [
            *check_pulses(layout.kinds, flips, kinds, protocol.thickness, system),
            *line_faults(protocol, system),
        ],
        system.name,
    )
    thickness, used = protocol.thickness, _told_apart(uses(sequence), layout.kinds, flips)
    pulses = [
        pulse_station(f"pulse {i + 1} ({name})", kinds[name], flips[i], phases[i], used[i], thickness, system)
        for i, name in enumerate(layout.kinds)
    ]
    names = [f"readout {number + 1}" for number in range(len(layout.readouts))]
    readouts = [_readout(name if names[1:] else "the readout", protocol, system) for name in names]
    delay = rounded_delays(sequence, layout, system.tick)
    tr = _repetition_time(layout, delay, problem, protocol, system)
    marks = _marks(layout, delay, pulses, readouts)
    crushers, notes = crushers_in_turn(protocol.voxel), bandwidth_notes(protocol, system)
    if not (layout.steady and problem.acquisition.spoiling == "ideal"):
        crushers = crushers[:1]
    gaps, faults = _gaps(layout, marks, tr, crushers, protocol, system)
    if faults and len(crushers) > 1:  # those that vary may take too long
        crushers, notes = crushers[:1], [*notes, f"{ALIKE}: {'; '.join(faults)}"]
        gaps, faults = _gaps(layout, marks, tr, crushers, protocol, system)
    refuse(faults, system.name)
    stations, numbers = tuple(mark.station for mark in marks), tuple(mark.readout for mark in marks)
    return Plan(stations, tuple(gaps), numbers, tr, crushers, tuple(notes))


def _told_apart(used: tuple[str, ...], kinds: tuple[str, ...], flips: list[float]) -> list[Use]:
    """Uses, numbered among those of pulses that a file writes alike."""
    found = []
    for use, kind, flip in zip(used, kinds, flips, strict=True):
        alike = [
            other
            for other, its_kind, its_flip in zip(used, kinds, flips, strict=True)
            if its_kind == kind and math.isclose(abs(its_flip), abs(flip), rel_tol=WRITTEN_ALIKE)
        ]
        found.append(Use(use, list(dict.fromkeys(alike)).index(use)))
    return found


def rounded_delays(sequence: Sequence, layout: Layout, tick: float) -> list[float]:
    """Each delay to its nearest multiple of a raster, so that equal ones stay equal; of a last one the TR."""
    delay = [near(each, tick) for each in sequence.delay.tolist()]
    *others, last = layout.multiples
    is_rest = layout.steady and last[-1] == 1 and not any(row[-1] for row in others)
    if is_rest and not any(readout.multiples[-1] for readout in layout.readouts):
        counts = np.sum(layout.multiples, axis=0)
        delay[-1] = near(float(sequence.tr), tick) - float(counts[:-1] @ np.array(delay[:-1]))
    return delay


def _readout(name: str, protocol: Protocol, system: System) -> Station:
    line = line_of(protocol, system)
    if protocol.readout == "epi":
        return epi_station(name, line, protocol.matrix[1], 1 / protocol.fov[1], system)
    return readout_station(name, line, system)


def _repetition_time(
    layout: Layout, delay: list[float], problem: Problem, protocol: Protocol, system: System
) -> float:
    if layout.steady:
        return float(np.sum(layout.multiples, axis=0) @ np.array(delay))
    if protocol.readout != "cartesian":
        return math.inf
    return near(protocol.tr or T1_TO_EQUILIBRIUM * longest_t1(problem), system.tick)


def longest_t1(problem: Problem) -> float:
    """Of all tissues that have one [s]."""
    found = [tissue.t1.centre for tissue in problem.tissues if math.isfinite(tissue.t1.centre)]
    return max(found, default=0.0)


def _gaps(
    layout: Layout,
    marks: list[Mark],
    tr: float,
    crushers: tuple[Area, ...],
    protocol: Protocol,
    system: System,
) -> tuple[list[Gap], list[str]]:
    """What is played after each pulse and readout, and where the time is too short for it."""
    areas, gaps, faults = spoilers(layout, protocol), [], []
    for place, mark in enumerate(marks):
        is_last = place + 1 == len(marks)
        if is_last and not math.isfinite(tr):
            break
        following = marks[0] if is_last else marks[place + 1]
        time = following.time + (tr if is_last else 0.0) - mark.time
        after, before = -mark.station.span.area_after, -following.station.span.area_before
        if mark.is_spoiled or is_last:
            after = after + areas[-1 if is_last else mark.pulse]
        # Next to the pulse that refocuses what it dephases.
        is_before = following.readout is None and not is_last
        units = (0, mark.crusher) if is_before else (mark.crusher, 0)
        encoding = largest_encoding(protocol)
        in_turn = end_in_turn(protocol.voxel) * (is_last and len(crushers) > 1)
        gap, fault = make_gap(
            mark, following, (after + in_turn, before), units, crushers, time, encoding, system
        )
        gaps += [replace(gap, in_turn=in_turn)] if gap else []
        faults += [fault] if fault else []
    return gaps, faults


def _marks(layout: Layout, delay: list[float], pulses: list[Station], readouts: list[Station]) -> list[Mark]:
    marks, start, counts = [], 0.0, np.array(delay)
    for pulse, row in enumerate(layout.multiples):
        own = sorted(
            (float(counts @ np.array(each.multiples)), number, each.gradient)
            for number, each in enumerate(layout.readouts)
            if each.pulse == pulse
        )
        gradient = layout.gradients[pulse]
        moments = [0, *(moment for _, _, moment in own)]
        end = moments[-1] if gradient == SPOILER else int(gradient)
        steps = np.diff([*moments, end]).tolist()
        is_spoiled = gradient == SPOILER
        marks.append(Mark(pulses[pulse], start, pulse, None, steps[0], is_spoiled and not own))
        for place, (time, number, _) in enumerate(own, start=1):
            is_end = place == len(own)
            marks.append(
                Mark(readouts[number], start + time, pulse, number, steps[place], is_spoiled and is_end)
            )
        start += float(counts @ np.array(row))
    return marks
