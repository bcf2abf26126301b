"""Whether pulses do what their kinds are for."""

from __future__ import annotations

from sequence_search.outside import is_dephased
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure


def is_excited_as_meant(played: Sequence, not_exciting: frozenset[str], is_given: list[bool]) -> bool:
    """Whether the pulse that excites what is read at the earliest readout is of a kind that may.

    Parameters
    ----------
    not_exciting : kinds that are not for excitation
    is_given : for each pulse, of a train but the repeated ones; what is given may do anything
    """
    layout = played.layout
    if layout is None or is_dephased(layout, not_exciting, frozenset(layout.kinds)):
        return True
    excitation = find_structure(played, readout=int(played.readout_times.argmin())).excitation
    return excitation is None or layout.kinds[excitation] not in not_exciting or is_given[excitation]
