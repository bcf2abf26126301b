"""Whether the parts of a problem fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault
from sequence_search.classify import CategoryRule
from sequence_search.limits import Limits
from sequence_search.objective import Objective, Term
from sequence_search.problem.given_pulses import check_given
from sequence_search.problem.hardware import check_hardware
from sequence_search.problem.least_times import check_times
from sequence_search.problem.playable import check_computable
from sequence_search.problem.pulses_table import check_pulses, check_uses
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import SearchSpace
from sequence_search.tissue import Tissue


def check_names(tissues: Iterable[Tissue], categories: Iterable[CategoryRule]) -> None:
    """Refuse names that two have.

    Raises
    ------
    ValueError
    """
    for what, parts in (("tissues", tissues), ("categories", categories)):
        names = [part.name for part in parts]
        if len(set(names)) < len(names):
            raise Fault("the names of {0} must differ, got {1}", what, names)


def check_term(term: Term, n_tissues: int) -> None:
    """Refuse a term whose tissues are not there.

    Raises
    ------
    ValueError
    """
    if not all(0 <= index < n_tissues for index in term.tissues or ()):
        message = "term '{0}' names the tissues {1}, counted from 0, of {2}"
        raise Fault(message, term.name, term.tissues, n_tissues)
    if term.tissues is None and term.kind.n_tissues == (2, 2) and n_tissues != 2:
        raise Fault("term '{0}' needs exactly two tissues, got all {1}", term.name, n_tissues)


def check_played(
    objective: Objective,
    space: SearchSpace,
    limits: Limits,
    pulses: Mapping[str, Kind],
    acquisition: Acquisition,
) -> None:
    """Refuse what no sequence can be, or has no value of.

    Raises
    ------
    ValueError
        If a pulse of the search space is not there or cannot be played on the scanner, none may excite,
        pulses that are given cannot be played, times are below the least that any sequence takes, or
        sequences have no value of a term or limit.
    """
    check_pulses(pulses, space.pulses)
    check_uses(space, limits, pulses, acquisition)
    check_hardware(space, limits, pulses, acquisition)
    check_given(space, limits, pulses, acquisition)
    check_times(space, limits, pulses, acquisition)
    check_computable(objective, limits, space, pulses, acquisition)
