"""A layout less a pulse that does nothing: the intervals before and after it become one."""

from __future__ import annotations

from sequence_search.layout import SPOILER, Gradient, Layout, Multiples, Readout

Groups = tuple[tuple[int, ...], ...]  # delays of before whose sum is each delay of after


def without_pulse(layout: Layout, pulse: int) -> tuple[Layout, Groups] | None:
    """Layout that plays the same but for a pulse that does not turn, counted from 0.

    What was before the first pulse is dropped, or, if steady, goes to the end of the repetition. Delays that
    are then played together only are one.

    Returns
    -------
    layout, groups : tuple or None
        Each delay of the new layout is the sum of a group of the old. None where the pulse must stay: one
        that alone stands before a readout, and one between a spoiler and a readout.
    """
    before = pulse - 1
    read_after = any(one.pulse == pulse for one in layout.readouts)
    if read_after and (before < 0 or layout.gradients[before] == SPOILER):
        return None
    rows, gradients, kinds = list(layout.multiples), list(layout.gradients), list(layout.kinds)
    if before >= 0:
        rows[before] = _sum(rows[before], rows[pulse])
        gradients[before] = _joined(gradients[before], gradients[pulse])
    elif layout.steady:
        # Nothing transverse is left at the start, so that the gradient there acts on nothing.
        rows[-1] = _sum(rows[-1], rows[0])
    for each in (rows, gradients, kinds):
        del each[pulse]
    readouts = [_moved(one, pulse, layout) for one in layout.readouts]
    groups = _played_together([*rows, *(one.multiples for one in readouts)])
    first = [group[0] for group in groups]
    return Layout(
        tuple(_at(row, first) for row in rows),
        tuple(gradients),
        tuple(kinds),
        tuple(Readout(one.pulse, _at(one.multiples, first), one.gradient) for one in readouts),
        layout.steady,
    ), groups


def _moved(readout: Readout, pulse: int, layout: Layout) -> Readout:
    if readout.pulse != pulse:
        return Readout(readout.pulse - (readout.pulse > pulse), readout.multiples, readout.gradient)
    moment = int(layout.gradients[pulse - 1]) + readout.gradient
    return Readout(pulse - 1, _sum(layout.multiples[pulse - 1], readout.multiples), moment)


def _played_together(rows: list[Multiples]) -> Groups:
    """Delays grouped by what intervals and readouts take of them, without those that none takes."""
    groups: dict[Multiples, list[int]] = {}
    for delay, taken in enumerate(zip(*rows, strict=True)):
        if any(taken):
            groups.setdefault(taken, []).append(delay)
    return tuple(sorted(map(tuple, groups.values()), key=max))


def _at(row: Multiples, places: list[int]) -> Multiples:
    return tuple(row[place] for place in places)


def _joined(first: Gradient, second: Gradient) -> Gradient:
    # What a spoiler dephases nothing refocuses, so that a crusher beside it changes nothing.
    return SPOILER if SPOILER in (first, second) else int(first) + int(second)


def _sum(first: Multiples, second: Multiples) -> Multiples:
    return tuple(one + other for one, other in zip(first, second, strict=True))
