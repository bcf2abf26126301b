"""The least times that any sequence of a problem takes, and times stated below them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

from sequence_search.acquisition import LEAST_REST, Acquisition
from sequence_search.checks import Fault
from sequence_search.limits import Limits
from sequence_search.problem.hardware import hardware_of
from sequence_search.problem.pulses_table import uses_of
from sequence_search.problem.room import AT_END, READOUT, Least, least_half, room_of
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.uses import ANY, EXCITES, REFOCUSES, Uses
from sequence_search.search_space import NO_GRADIENT, ROUNDING, SearchSpace


@dataclass(frozen=True, slots=True)
class LeastTimes:
    """Least times between pulses that are free [s], of the shortest kinds and the gradients that must be.

    Attributes
    ----------
    between : from centre to centre
    before_readout : from the excitation to the readout
    half_spacing : half the echo spacing of a train
    rest : from the last readout to the next repetition
    """

    between: float
    before_readout: float
    half_spacing: float
    rest: float


def least_times(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> LeastTimes:
    """Of a search space with its kinds of pulse; an instantaneous one takes half the shortest delay."""
    shortest = space.min_rf_delay
    searched, played = (
        room_of(pulses, space.crusher, acquisition, hard=hard).least for hard in (shortest / 2, 0.0)
    )
    uses = dict(zip(space.pulses, uses_of(pulses, space.pulses), strict=True))
    # Kinds that are given as well may be for anything, and ask for no crusher.
    parts = filter(None, (limits.head, limits.tail))
    uses |= {name: ANY for part in parts for name in part.pulses if name in uses}
    half = max(shortest, acquisition.echo_spacing_bounds[0] / 2)
    bounds = LeastTimes(between=shortest, before_readout=shortest, half_spacing=half, rest=LEAST_REST)
    # From one repetition to the next it takes no more than as it is played.
    found = [bounds, replace(_by(searched, space, uses), rest=_rest(played, space))]
    hardware = hardware_of(space, limits, pulses, acquisition)
    if hardware is not None:
        found.append(_by(hardware.least, space, uses))
    return LeastTimes(*map(max, zip(*map(astuple, found), strict=True)))


def _by(least: Least, space: SearchSpace, uses: Mapping[str, Uses]) -> LeastTimes:
    """With the gradients that must be between; right before a readout a spoiler is none."""
    names, must = space.pulses, NO_GRADIENT not in space.gradients
    exciting = [name for name in names if uses[name] & EXCITES] or names
    crushed, spoils = int(must and "crusher" in space.gradients), "spoiler" in space.gradients
    spoiled = 1 if must and not crushed else None
    before_readout = 0 if spoils else crushed
    # Between crushers alone what a pulse for nothing but refocusing excites is not read.
    crushed_trains = {name for name in names if "crusher" in space.gradients and uses[name] == REFOCUSES}
    return LeastTimes(
        between=min(least(one, other, crushed, spoiled) for one in names for other in names),
        before_readout=min(least(name, READOUT, before_readout, None) for name in exciting),
        half_spacing=min(
            least_half(least, one, other, max(before_readout, int(other in crushed_trains)))
            for one in exciting
            for other in names
        ),
        rest=_rest(least, space),
    )


def _rest(least: Least, space: SearchSpace) -> float:
    return min(least(READOUT, name, 0, AT_END) for name in space.pulses)


def check_times(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> None:
    """Refuse times that no sequence of a problem can keep.

    Raises
    ------
    ValueError
    """
    least, is_train = least_times(space, limits, pulses, acquisition), acquisition.echoes > 1
    most = limits.narrowed(space).max_rf
    if most < acquisition.n_train:
        message = "{echoes} of 2 or more needs {max_rf} of at least {0}, which {n_rf} may lower, got {1}"
        if acquisition.free_refocusing:
            message = message.replace("or more", "or more with {free_refocusing} of {2}")
        raise Fault(message, acquisition.n_train, most, acquisition.free_refocusing)
    half = limits.tail.delay[-1] if is_train and limits.tail is not None else least.half_spacing
    longest = "{max_delay} must be at least {0:s}, what the shortest pulses and their gradients take, got"
    _refuse_below(longest, half if is_train else least.before_readout, space.max_delay)
    spacing = "{echo_spacing} must be at least {0:s}, twice the shortest delay, got"
    _refuse_below(spacing, 2 * half, acquisition.echo_spacing_bounds[1])
    to_readout = _to_readout(least, half, limits, acquisition)
    tr = "{tr} must be at least {0:s}, the time of the shortest sequence, got"
    _refuse_below(tr, to_readout + least.rest, acquisition.tr_bounds[1])
    whole = "{time_to_readout} must be at least {0:s}, the time of the given pulses and the shortest delay"
    if limits.time_to_readout is not None:
        _refuse_below(whole + " of the others, got", to_readout, limits.time_to_readout.high)
    te = "{te} must be at least {0:s}, that of the shortest pulses, got"
    if limits.te is not None:
        shortest = least.before_readout if limits.tail is None else 0.0
        shortest = 2 * half * limits.te_readout if is_train else shortest
        _refuse_below(te, shortest, limits.te.high)
    for name in ("time_to_readout", "te", "ti"):
        stated = getattr(limits, name)
        if stated is not None and stated.low > acquisition.tr_bounds[1]:
            message = f"{{{name}}}: low must be within the repetition time, {{0:s}}, got {{1:s}}"
            raise Fault(message, acquisition.tr_bounds[1], stated.low)


def _to_readout(least: LeastTimes, half: float, limits: Limits, acquisition: Acquisition) -> float:
    """Least time from the first pulse to the last readout [s]."""
    asked = 1.0 if limits.n_rf is None else limits.n_rf.low
    n_free = max(1, round(asked) - limits.n_fixed)
    given = float(limits.frame.alone.time_to_readout)
    if limits.tail is not None:
        n_read = max(1, acquisition.n_train - 1)  # echoes of the tail, the last of them read at its end
        return given + n_free * least.between + 2 * (acquisition.echoes - n_read) * half
    if acquisition.echoes > 1:
        return given + max(0, n_free - acquisition.n_train) * least.between + 2 * acquisition.echoes * half
    return given + (n_free - 1) * least.between + least.before_readout


def _refuse_below(message: str, least: float, stated: float) -> None:
    if stated < least * (1 - ROUNDING):
        raise Fault(message + " {1:s}", least, stated)
