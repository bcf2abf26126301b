"""Whether the first and last pulses that a problem gives can be played in it."""

from __future__ import annotations

from collections.abc import Mapping

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault
from sequence_search.layout import HARD, SPOILER
from sequence_search.limits import FixedPulses, Limits
from sequence_search.problem.errors import nearest
from sequence_search.problem.hardware import hardware_of
from sequence_search.problem.room import READOUT, Least, room_of
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import NO_GRADIENT, ROUNDING, SearchSpace
from sequence_search.words import counted

SAME_FLIP = 1e-6  # relative


def check_given(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> None:
    """Refuse given pulses of a kind that there is not, or whose delays have no room for what stands in them.

    Raises
    ------
    ValueError
    """
    hardware = hardware_of(space, limits, pulses, acquisition)
    room = room_of(pulses, space.crusher, acquisition)
    for name, part, following in (("head", limits.head, space.pulses), ("tail", limits.tail, (READOUT,))):
        if part is not None:
            _check_kinds(name, part, pulses)
            _check_delays(name, part, room.least, following)
            if hardware is not None:
                for kind, flip in zip(_kinds(part), part.flip_angle, strict=True):
                    hardware.check(kind, flip)
                _check_delays(name, part, hardware.least, following)
    if limits.tail is not None and limits.tail.gradients and limits.tail.gradients[-1] == SPOILER:
        raise Fault("{tail}: a spoiler right before the readout leaves nothing to read")
    if limits.tail is not None and acquisition.echoes > 1:
        _check_train(limits.tail, acquisition)
    if limits.tail is None and limits.head is not None and acquisition.echoes > 1:
        free, refocusing = limits.free(space).max_rf, acquisition.n_train - 1
        if free < refocusing:
            message = "{head} leaves {0} of {max_rf} to find, and the refocusing pulses of a train are {1}"
            raise Fault(message, free, refocusing)


def _check_kinds(name: str, part: FixedPulses, pulses: Mapping[str, Kind]) -> None:
    for number, (kind, flip) in enumerate(zip(part.pulses, part.flip_angle, strict=False), start=1):
        if kind not in pulses and kind != HARD:
            message = f"{{{name}}}: pulse {{0}} is of a kind '{{1}}' that there is not{{2}}"
            raise Fault(message, number, kind, nearest(kind, [HARD, *pulses]))
        fixed = pulses[kind].fixed_flip if kind in pulses else None
        if fixed is not None and abs(flip - fixed) > SAME_FLIP * fixed:
            message = f"{{{name}}}: pulse {{0}} is of kind '{{1}}', whose amplitude is fixed: its flip angle"
            raise Fault(message + " must be {2:rad}, got {3:rad}", number, kind, fixed, flip)


def _kinds(part: FixedPulses) -> tuple[str, ...]:
    return part.pulses or (HARD,) * len(part)


def _check_delays(name: str, part: FixedPulses, least_of: Least, following: tuple[str, ...]) -> None:
    """Refuse a delay shorter than what stands in it; one of those `following` comes after the last."""
    kinds, gradients = _kinds(part), part.gradients or (NO_GRADIENT,) * len(part)
    for at, (delay, gradient) in enumerate(zip(part.delay, gradients, strict=True)):
        spoiler = gradients[: at + 1].count(SPOILER) if gradient == SPOILER else None
        ends = kinds[at + 1 : at + 2] or following
        least = min(least_of(kinds[at], end, int(gradient == "crusher"), spoiler) for end in ends)
        if delay < least * (1 - ROUNDING):
            message = f"{{{name}}}: the delay after pulse {{0}} must be at least {{1:s}}, what stands in it,"
            raise Fault(message + " got {2:s}", at + 1, least, delay)


def _check_train(tail: FixedPulses, acquisition: Acquisition) -> None:
    count = acquisition.n_train
    if len(tail) < count:
        refocusing = counted(count - 1, "refocusing pulse")
        message = "{tail} of a train must have its excitation and {0}, got {1}"
        raise Fault(message, refocusing, counted(len(tail), "pulse"))
    half, delays = tail.delay[-1], tail.delay[-count:]
    for delay, right in zip(delays, acquisition.train_delays(half), strict=True):
        if abs(delay - right) > ROUNDING * right:
            message = "{tail}: the last {0} delays of a train are half its echo spacing on both sides of each"
            raise Fault(message + " refocusing pulse, {1:s} in place of {2:s}", count, right, delay)
    for what, names in (("gradients", tail.gradients[-count:]), ("kinds", tail.pulses[1 - count :])):
        if len(set(names)) > 1:
            message = "{tail}: the last {0} {1} of a train are alike, got {2}"
            raise Fault(message, len(names), what, ", ".join(names))
    low, high = acquisition.echo_spacing_bounds
    if not low * (1 - ROUNDING) <= 2 * half <= high * (1 + ROUNDING):
        message = "{tail} has an echo spacing of {0:s}, and {echo_spacing} is from {1:s} to {2:s}"
        raise Fault(message, 2 * half, low, high)
