"""Whether pulses do what their kinds are for."""

from __future__ import annotations

from sequence_search.outside import is_dephased
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure


def stand_as_meant(
    played: Sequence, not_exciting: frozenset[str], only_before: frozenset[str], is_given: list[bool]
) -> bool:
    """Whether what is read at the earliest readout is excited and refocused by pulses of kinds that may.

    Parameters
    ----------
    not_exciting : kinds that are not for excitation
    only_before : those of them that are not for refocusing either, as inversions
    is_given : for each pulse, of a train but the repeated ones; what is given may do anything
    """
    layout = played.layout
    if layout is None:
        return True
    may_refocus = only_before.isdisjoint(layout.kinds[1:])
    if may_refocus and is_dephased(layout, not_exciting, frozenset(layout.kinds)):
        return True
    found = find_structure(played, readout=int(played.readout_times.argmin()))
    wrong = [pulse for pulse in found.refocusing if layout.kinds[pulse] in only_before]
    if found.excitation is not None and layout.kinds[found.excitation] in not_exciting:
        wrong.append(found.excitation)
    return all(is_given[pulse] for pulse in wrong)
