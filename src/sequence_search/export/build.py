"""A design as a `pypulseq.Sequence`."""

from __future__ import annotations

import math
import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pypulseq as pp

from sequence_search.export.checks import refuse_unused
from sequence_search.export.definitions import definitions
from sequence_search.export.events import gradients, opts
from sequence_search.export.gaps import Gap
from sequence_search.export.plan import T1_TO_EQUILIBRIUM, Plan, longest_t1, plan_repetition
from sequence_search.export.protocol import Protocol, protocol_for, system_for
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design
from sequence_search.system import System
from sequence_search.timing import Area

RF_SPOILING = math.radians(117)  # Zur et al. 1991, doi:10.1002/mrm.1910210210
OF_READOUTS = ("adc", "labelset")  # types of events that a dummy is played without
DUMMY, READ = 1, 2  # numbers of the two kinds of repetition, which GE's interpreter wants told apart


def pulseq(
    design: Design | Sequence,
    problem: Problem,
    *,
    system: System | str | None = None,
    protocol: Protocol | None = None,
) -> Any:
    """A design as a `pypulseq.Sequence`, within the limits of a scanner.

    Parameters
    ----------
    design : of a search, or a single sequence
    system : limits of a scanner, or the name of one; that of the problem, else "siemens-prisma", if not given
    protocol : how it is read and encoded; a few samples about each readout if not given

    Raises
    ------
    ValueError
        If the scanner cannot play it, with all that stands in the way.

    Warns
    -----
    UserWarning
        Each note of `exported`: what is played otherwise than it should be.
    """
    found = exported(design, problem, system=system, protocol=protocol)
    for note in found.notes:
        warnings.warn(note, stacklevel=2)
    return found.sequence


class Exported(NamedTuple):
    """A `pypulseq.Sequence`, and what it plays otherwise than it should, a sentence each."""

    sequence: Any
    notes: tuple[str, ...]


def exported(
    design: Design | Sequence,
    problem: Problem,
    *,
    system: System | str | None = None,
    protocol: Protocol | None = None,
) -> Exported:
    """As `pulseq`, with notes in place of warnings."""
    single = (design.sequence if isinstance(design, Design) else design).detach().without_padding()
    limits = system_for(problem, system)
    how = protocol or protocol_for(problem)
    problem.check_sequence(single)
    refuse_unused(single, how)
    plan = plan_repetition(single, problem, how, limits)
    return Exported(_played(single, problem, how, limits, plan), plan.notes)


def _played(sequence: Sequence, problem: Problem, protocol: Protocol, system: System, plan: Plan) -> Any:
    found = pp.Sequence(opts(system))
    n_readouts = sequence.n_readouts
    shots = _shots(protocol, n_readouts)
    dummies = _dummies(protocol, problem, plan) if sequence.is_steady else 0
    is_spoiled = sequence.is_steady and problem.acquisition.spoiling == "ideal"
    for number in range(-dummies, len(shots)):
        count = number + dummies
        phase = RF_SPOILING * count * (count + 1) / 2 if is_spoiled else 0.0
        crusher = plan.crushers[count % len(plan.crushers)]
        turn = Turn(None if number < 0 else shots[number], phase, crusher, bool(count % 2))
        _play(found, plan, protocol, system, turn, shots[0])
    for name, value in definitions(sequence, problem, protocol, system, plan).items():
        found.set_definition(name, value)
    return found


Shot = list[tuple[int, int]]  # line and partition of each readout


def _shots(protocol: Protocol, n_readouts: int) -> list[Shot]:
    """Lines and partitions that each repetition reads."""
    n_y, n_z = protocol.lines
    every = [(line, partition) for partition in range(n_z) for line in range(n_y)]
    if not protocol.turbo:
        return [[each] * n_readouts for each in every]
    if n_y % n_readouts:
        raise ValueError(
            f"a train of {n_readouts} readouts needs a multiple of as many lines, got {n_y} (--matrix)"
        )
    n_shots = n_y // n_readouts
    return [
        [(echo * n_shots + shot, partition) for echo in range(n_readouts)]
        for partition in range(n_z)
        for shot in range(n_shots)
    ]


def _dummies(protocol: Protocol, problem: Problem, plan: Plan) -> int:
    if protocol.dummies is not None:
        return protocol.dummies
    return max(math.ceil(T1_TO_EQUILIBRIUM * longest_t1(problem) / plan.tr), 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """A repetition.

    Attributes
    ----------
    shot : what it reads; None of a dummy
    phase : of its pulses [rad]
    crusher : area of a unit [1/m]
    is_second : whether it leaves out what every second one does
    """

    shot: Shot | None
    phase: float
    crusher: Area
    is_second: bool


def _play(found: Any, plan: Plan, protocol: Protocol, system: System, turn: Turn, first: Shot) -> None:
    """One repetition; a dummy is encoded as the first shot."""
    shot = turn.shot
    encoding = [_encoding(protocol, *each) for each in shot or first]
    label = pp.make_label("TRID", "SET", DUMMY if shot is None else READ)
    for place, station in enumerate(plan.stations):
        number = plan.is_readout[place]
        labels = [label] if place == 0 else []
        if number is not None and shot is not None:
            labels += _labels(protocol, shot[number], number, len(shot))
        for block in station.blocks:
            read = [event for event in block if shot is not None or event.type not in OF_READOUTS]
            found.add_block(*(_turned(event, turn.phase) for event in read), *labels)
            labels = []
        if place < len(plan.gaps):
            _play_gap(found, plan.gaps[place], encoding, turn, system)


def _play_gap(found: Any, gap: Gap, encoding: list[Area], turn: Turn, system: System) -> None:
    after, before = (
        base + count * turn.crusher for base, count in zip((gap.after, gap.before), gap.crushers, strict=True)
    )
    after = after - turn.is_second * gap.in_turn
    if gap.decoded is not None:
        after = after - encoding[gap.decoded]
    if gap.encoded is not None:
        before = before + encoding[gap.encoded]
    parts = [
        (after + before if gap.is_merged else after, gap.time_after, gap.rise_after),
        (np.zeros(3), gap.wait, 0.0),
        (before, gap.time_before, gap.rise_before),
    ]
    for area, time, rise in parts:
        if time > system.tick / 2:
            found.add_block(*gradients(area, time, rise, system), pp.make_delay(time))


def _turned(event: Any, phase: float) -> Any:
    """An RF event or a readout with its phase turned; others as they are."""
    if event.type not in ("rf", "adc") or not phase:
        return event
    turned = copy(event)
    turned.phase_offset = (event.phase_offset + phase) % (2 * math.pi)
    return turned


def _encoding(protocol: Protocol, line: int, partition: int) -> Area:
    """Area that encodes a line and a partition [1/m]."""
    if not protocol.is_image:
        return np.zeros(3)
    n_y, n_z = protocol.lines
    in_z = (partition - n_z // 2) / protocol.fov[2] if n_z > 1 else 0.0
    return np.array([0.0, (line - n_y // 2) / protocol.fov[1], in_z])


def _labels(protocol: Protocol, encoded: tuple[int, int], number: int, n_readouts: int) -> list[Any]:
    # The lines of an echo-planar readout have their own.
    values = {"LIN": encoded[0], "PAR": encoded[1]} if protocol.readout == "cartesian" else {}
    if len(protocol.matrix) == 2:
        values.pop("PAR", None)
    if n_readouts > 1:
        values["SEG" if protocol.turbo else "ECO"] = number
    return [pp.make_label(name, "SET", value) for name, value in values.items()]
