"""Which sequences can be played in a problem, and the one that pulses alone stand for in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import torch

from sequence_search.acquisition import Acquisition
from sequence_search.batch import refuse_layout
from sequence_search.checks import Fault
from sequence_search.layout import HARD, SPOILER, Gradient, Layout
from sequence_search.limits import Limits, Range
from sequence_search.objective import Objective, snr_efficiency
from sequence_search.problem.errors import nearest
from sequence_search.problem.room import READOUT, Room, room_of
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import GRADIENTS, MOMENTS, ROUNDING, SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.words import counted, enumerated


def has_layouts(space: SearchSpace, acquisition: Acquisition, limits: Limits) -> bool:
    """Whether sequences are other than instantaneous pulses, without gradients, played and read once."""
    given = (limits.head, limits.tail)
    played = any(part is not None and part.sequence.layout is not None for part in given)
    return acquisition != Acquisition() or space.has_choice or played


def check_computable(
    objective: Objective,
    limits: Limits,
    space: SearchSpace,
    pulses: Mapping[str, Kind],
    acquisition: Acquisition,
) -> None:
    """Refuse terms and limits that the sequences of a problem have no value of.

    Raises
    ------
    ValueError
        If a term or limit names a readout that there is not, or a term needs a repetition time, or the B1 of
        a pulse without a duration.
    """
    for term in objective.terms:
        last = max(term.readouts or (1,))
        if last > acquisition.echoes:
            message = "term '{0}' names readout {1}, and a sequence has {2}: {echoes} must be at least {1}"
            raise Fault(message, term.name, last, acquisition.echoes)
        unknown = 0 if term.estimate is None else len(term.estimate.unknown)
        if unknown > len(term.readouts or range(acquisition.echoes)):
            message = "term '{0}' estimates {1} parameters, of which each needs a readout: {echoes} is {2}"
            raise Fault(message, term.name, unknown, acquisition.echoes)
        if term.kind is snr_efficiency and not acquisition.is_repeated:
            raise Fault("term '{0}' needs sequences that are repeated: {tr} must be stated", term.name)
        lasting = [name for name in pulses if pulses[name].duration]
        for name in space.pulses if term.kind.takes_kinds else ():
            if name not in lasting:
                message = "term '{0}' needs pulses with a duration: {pulses} must be of [{1}], and has '{2}'"
                raise Fault(message, term.name, ", ".join(lasting), name)
    if limits.te_readout > acquisition.echoes:
        message = "{te_readout} must be at most the {0} of {echoes}, got {1}"
        raise Fault(message, acquisition.echoes, limits.te_readout)


def as_played(
    pulses: Sequence,
    acquisition: Acquisition,
    *,
    kinds: Iterable[str] = (),
    gradients: Iterable[str] = (),
    tr: float | None = None,
) -> Sequence:
    """Pulses with delays, up to the readout, as an acquisition repeats and reads them.

    Of a train of echoes the last pulse stands for all refocusing pulses but those that are free, which stand
    before it. Delays go from pulse to pulse: half the echo spacing after the excitation, all of it after each
    refocusing pulse that is free, half of it after the last, up to its readout.

    Parameters
    ----------
    pulses : Sequence without a layout, without padding
    kinds : name of each pulse's kind; "hard" if not given
    gradients : "none", "crusher" or "spoiler" after each pulse; "none" if not given
    tr : repetition time [s], where that of the acquisition is a range

    Raises
    ------
    ValueError
        If there is a layout, the counts differ, a gradient is none, the delays are not those of a train,
        there is no pulse to repeat, or no one repetition time is given or it is too short.
    """
    refuse_layout(pulses, "what is still to be played")
    if tr is not None and not acquisition.is_repeated:
        raise ValueError(f"a repetition time of {1e3 * tr:.6g} ms needs a problem with tr_ms of [sequence]")
    names, moments, n_rf = tuple(kinds), [_moment(name) for name in gradients], pulses.flip_angle.shape[-1]
    if not names and not moments and acquisition == Acquisition():
        return pulses
    for what, given in (("pulses", names), ("gradients", moments)):
        if given and len(given) != n_rf:
            raise ValueError(f"{what} need one name for each of {n_rf} pulses, got {len(given)}")
    if not n_rf and acquisition.echoes == 1:
        if acquisition.is_repeated:
            raise ValueError("a sequence that is repeated (tr_ms) needs at least one pulse, got none")
        return pulses
    names, moments = names or (HARD,) * n_rf, moments or [0] * n_rf
    delay = pulses.delay
    if acquisition.echoes > 1:
        _check_train(pulses, names, moments, acquisition)
        delay = delay[..., : n_rf + 1 - acquisition.n_train]
    layout, place = layout_of(
        names, moments, acquisition.echoes, acquisition.free_refocusing, steady=acquisition.is_repeated
    )
    if layout.steady:
        delay = torch.cat([delay, torch.zeros_like(delay[..., :1])], -1)
    played = Sequence(pulses.flip_angle[..., place], pulses.phase[..., place], delay, layout=layout)
    return _filled(played, _one_tr(acquisition, tr)) if layout.steady else played


def check_playable(
    sequence: Sequence, pulses: Mapping[str, Kind], crusher: float, acquisition: Acquisition, name: str
) -> None:
    """Refuse a single sequence that a problem of this name cannot play.

    Parameters
    ----------
    pulses : kinds of pulse by name, besides "hard"
    crusher : time of a crusher or spoiler [s]

    Raises
    ------
    ValueError
        If it has kinds of pulse that there are not, or another flip angle than theirs, is played once where
        it is to be repeated or the other way round, or a delay is shorter than what stands in it.
    """
    if sequence.layout is None and acquisition == Acquisition():
        return
    if sequence.is_steady and not acquisition.is_repeated:
        raise ValueError(
            f"problem '{name}' plays a sequence once: state tr_ms of [sequence] for one repeated"
        )
    if acquisition.is_repeated and not sequence.is_steady:
        raise ValueError(
            f"problem '{name}' repeats its sequences (tr_ms): a layout must be steady, with delays up to the"
            " end of the repetition"
        )
    if not len(sequence.flip_angle):
        return
    layout = sequence.layout or Layout.plain(len(sequence.flip_angle))
    _check_kinds(sequence, layout, pulses, name)
    for where, needed, time in _gaps(sequence, layout, room_of(pulses, crusher, acquisition)):
        least = sum(needed.values())
        if time < least * (1 - ROUNDING):
            parts = enumerated(f"{1e3 * part:.6g} of {what}" for what, part in needed.items() if part)
            raise ValueError(
                f"the time {where} must be at least {1e3 * least:.6g} ms ({parts}),"
                f" got {1e3 * time:.6g} in '{name}'"
            )


def _check_kinds(sequence: Sequence, layout: Layout, pulses: Mapping[str, Kind], name: str) -> None:
    for number, (kind, flip) in enumerate(
        zip(layout.kinds, sequence.flip_angle.tolist(), strict=True), start=1
    ):
        if kind not in pulses and kind != HARD:
            hint = nearest(kind, [HARD, *pulses])
            raise ValueError(f"pulse {number} is of a kind '{kind}' that problem '{name}' has not{hint}")
        fixed = pulses[kind].fixed_flip if kind in pulses else None
        if fixed is not None and not math.isclose(flip, fixed, rel_tol=1e-6):
            raise ValueError(
                f"pulse {number} is of kind '{kind}', whose amplitude is fixed: its flip_deg must be"
                f" {math.degrees(fixed):g}, got {math.degrees(flip):.6g} in '{name}'"
            )


def _gaps(sequence: Sequence, layout: Layout, room: Room) -> Iterator[tuple[str, dict[str, float], float]]:
    """Between neighbours of pulses and readouts: where, what has to fit in there [s], and the time [s]."""
    n_rf, whole = layout.n_rf, sequence.intervals.tolist()

    def side(pulse: int) -> tuple[str, float]:
        kind = layout.kinds[pulse]
        return f"pulse {pulse + 1} ({kind})", room.sides[kind]

    def between(moment: int) -> dict[str, float]:
        return {"gradients": room.gradients(moment)} if moment else {}

    for pulse, time in enumerate(whole):
        name, own = side(pulse)
        last, began, moment = f"pulse {pulse + 1}", 0.0, 0
        before = {name: own}
        reads = [
            (float(sequence.delay @ sequence.delay.new_tensor(one.multiples)), one.gradient, number)
            for number, one in enumerate(layout.readouts, start=1)
            if one.pulse == pulse
        ]
        for at, gradient, number in sorted(reads):
            this = "the readout" if len(layout.readouts) == 1 else f"readout {number}"
            half = {this: room.sides[READOUT]}
            yield f"from {last} to {this}", before | between(gradient - moment) | half, at - began
            last, began, moment, before = this, at, gradient, half
        rest = layout.gradients[pulse]
        after = before | between(1 if rest == SPOILER else int(rest) - moment)
        if pulse + 1 < n_rf:
            next_name, its_side = side(pulse + 1)
            after[next_name] = after.get(next_name, 0.0) + its_side
            yield f"from {last} to pulse {pulse + 2}", after, time - began
        elif layout.steady:
            first, its_side = side(0)
            after[first] = after.get(first, 0.0) + its_side
            yield f"from {last} to the next repetition", after, time - began
        elif rest == SPOILER or int(rest) > moment:
            yield f"from {last} to the end", after, time - began


def _moment(name: str) -> Gradient:
    if name not in MOMENTS:
        raise ValueError(
            f"gradients are of {', '.join(GRADIENTS)}, got '{name}'{nearest(name, [*GRADIENTS])}"
        )
    return MOMENTS[name]


def _check_train(
    pulses: Sequence, kinds: tuple[str, ...], moments: list[Gradient], acquisition: Acquisition
) -> None:
    n_rf, count = pulses.flip_angle.shape[-1], acquisition.n_train
    if n_rf < count:
        refocusing = counted(count - 1, "refocusing pulse")
        raise ValueError(
            f"a train of {acquisition.echoes} echoes needs an excitation and {refocusing},"
            f" got {counted(n_rf, 'pulse')}"
        )
    delay = pulses.delay[..., -count:]
    wanted = delay[..., :1] * delay.new_tensor(acquisition.train_delays(1.0))
    if not torch.allclose(delay, wanted, rtol=1e-6, atol=0):
        right, given = (
            ", ".join(f"{1e3 * each:.6g}" for each in part.reshape(-1, count)[0].tolist())
            for part in (wanted, delay)
        )
        raise ValueError(
            f"of a train of {acquisition.echoes} echoes the last delays must be {right} ms, half the echo"
            f" spacing on either side of each refocusing pulse, got {given} ms"
        )
    if len(set(moments[-count:])) > 1 or moments[-1] == SPOILER:
        raise ValueError(
            f"of a train of echoes the last {count} gradients, on both sides of each refocusing pulse, are"
            " all crusher or all none"
        )
    if len(set(kinds[1 - count :])) > 1:
        given = ", ".join(kinds[1 - count :])
        raise ValueError(f"the refocusing pulses of a train are of one kind, got {given}")


def layout_of(
    kinds: tuple[str, ...], moments: list[Gradient], n_echoes: int, free_refocusing: int, *, steady: bool
) -> tuple[Layout, list[int]]:
    """Layout of pulses with these kinds and gradients after them, and which of them each of its pulses is.

    Of a train the last pulse is repeated, with the gradient after the excitation on both sides of each.
    """
    place = list(range(len(kinds)))
    if n_echoes == 1:
        return Layout.plain(len(kinds), gradients=moments, kinds=kinds, steady=steady), place
    *before, crusher = moments[: len(kinds) - 1 - free_refocusing]
    place += place[-1:] * (n_echoes - 1 - free_refocusing)
    played = [kinds[each] for each in place]
    return Layout.train(n_echoes, before=before, crusher=int(crusher), kinds=played, steady=steady), place


def _one_tr(acquisition: Acquisition, tr: float | None) -> float:
    low, high = acquisition.tr_bounds
    if tr is None:
        if isinstance(acquisition.tr, Range):
            raise ValueError(
                f"tr_ms is searched from {1e3 * low:.6g} to {1e3 * high:.6g}: state one repetition time"
            )
        return low
    if not low * (1 - ROUNDING) <= tr <= high * (1 + ROUNDING):
        raise ValueError(
            f"the repetition time must be from {1e3 * low:.6g} to {1e3 * high:.6g} ms (tr_ms),"
            f" got {1e3 * tr:.6g}"
        )
    return tr


def _filled(sequence: Sequence, tr: float) -> Sequence:
    """With a last delay up to the end of the repetition."""
    rest = tr - sequence.time_to_readout
    if bool((rest < -ROUNDING * tr).any()):
        needed = 1e3 * float(sequence.time_to_readout.max())
        raise ValueError(
            f"tr_ms must be more than the {needed:.6g} ms from the first pulse to the last readout,"
            f" got {1e3 * tr:.6g}"
        )
    return replace(sequence, delay=torch.cat([sequence.delay[..., :-1], rest.clamp(min=0)[..., None]], -1))
