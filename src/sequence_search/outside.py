"""Whether gradients dephase what some pulses excite: outside the slice, and those that are not to excite."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import selects_slice

MOST_LAYOUTS = 2**16  # whose answer is kept


def unselective(names: tuple[str, ...], kinds: Mapping[str, Kind]) -> frozenset[str]:
    """Kinds of these names that turn what lies outside the slice too; none where no kind selects one.

    Adiabatic inversions are not counted: they leave hardly anything transverse.
    """
    if not selects_slice(names, kinds):
        return frozenset()
    return frozenset(
        name
        for name in names
        if name not in kinds or (kinds[name].fixed_flip is None and not kinds[name].slice_bandwidth)
    )


def is_silent_outside(layout: Layout, unselective: frozenset[str]) -> bool:
    """Whether gradients dephase, at each readout, all that unselective pulses excite outside the slice.

    There selective pulses do nothing. It is told from the kinds and the gradients alone, for any flip angles:
    an unselective excitation is silent if a selective pulse refocuses it between crushers, an unselective
    preparation or refocusing pulse if it is spoiled or stands between crushers.
    """
    return not unselective or is_dephased(layout, unselective, unselective)


@lru_cache(MOST_LAYOUTS)
def is_dephased(layout: Layout, exciting: frozenset[str], acting: frozenset[str]) -> bool:
    """Whether gradients dephase, at each readout, all that pulses of some kinds excite.

    Parameters
    ----------
    exciting : kinds whose excitation is followed
    acting : kinds that turn what these have excited; all others do nothing
    """
    return all(0 not in _transverse(layout, readout, exciting, acting) for readout in layout.readouts)


def _transverse(
    layout: Layout, readout: Readout, exciting: frozenset[str], acting: frozenset[str]
) -> set[int]:
    """Crusher moments of what such pulses have excited and is transverse at a readout.

    A pulse leaves a moment m as m, turns it into -m, or stores it along z for a later pulse.
    """
    transverse, stored = set[int](), set[int]()
    for pulse in range(readout.pulse + 1):
        if layout.kinds[pulse] in acting:
            stored = {sign * moment for moment in stored | transverse for sign in (1, -1)}
            transverse = set(stored)
        if layout.kinds[pulse] in exciting:
            transverse.add(0)
        gradient = readout.gradient if pulse == readout.pulse else layout.gradients[pulse]
        transverse = set() if gradient == SPOILER else {moment + gradient for moment in transverse}
    return transverse
