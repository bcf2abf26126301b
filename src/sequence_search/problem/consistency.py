"""Whether the parts of a problem fit each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault
from sequence_search.classify import CategoryRule
from sequence_search.limits import CONVENTIONAL_RF_ENERGY, Limits
from sequence_search.objective import Objective, Term
from sequence_search.problem.given_pulses import check_given
from sequence_search.problem.hardware import check_hardware
from sequence_search.problem.least_times import check_times
from sequence_search.problem.playable import check_computable
from sequence_search.problem.pulses_table import check_pulses, check_uses
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import ROUNDING, SearchSpace
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
        If a pulse of the search space is not there or cannot be played on the scanner, none may excite, one
        of fixed amplitude turns by more than the largest flip angle, limits are out of reach, pulses that are
        given cannot be played, times are below the least that any sequence takes, or sequences have no value
        of a term or limit.
    """
    check_pulses(pulses, space.pulses)
    check_uses(space, limits, pulses, acquisition)
    _check_fixed_flips(space, limits, pulses)
    _check_reachable(space, limits, acquisition)
    check_hardware(space, limits, pulses, acquisition)
    check_given(space, limits, pulses, acquisition)
    check_times(space, limits, pulses, acquisition)
    check_computable(objective, limits, space, pulses, acquisition)


def _check_fixed_flips(space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind]) -> None:
    """Refuse a kind of fixed amplitude, searched or given, that turns by more than the largest flip angle."""
    largest = limits.narrowed(space).max_flip
    for name in limits.admitted(space).pulses:
        flip = pulses[name].fixed_flip if name in pulses else None
        if flip is not None and flip > largest * (1 + ROUNDING):
            message = (
                "{pulses}: '{0}' has a fixed amplitude and turns by {1:rad}, above the largest flip angle"
            )
            raise Fault(message + ", {2:rad}", name, flip, largest)


def _check_reachable(space: SearchSpace, limits: Limits, acquisition: Acquisition) -> None:
    """Refuse energies and times that as many pulses of the largest flip angle and delay do not reach."""
    narrow = limits.narrowed(space)
    n_rf = narrow.max_rf + (acquisition.echoes if acquisition.echoes > 1 else 0)
    energy = n_rf * narrow.max_flip**2 / CONVENTIONAL_RF_ENERGY
    if limits.relative_rf_energy is not None and limits.relative_rf_energy.low > energy * (1 + ROUNDING):
        message = "{relative_rf_energy}: low must be at most {0}, that of {1} pulses of {2:rad}, got {3}"
        low = f"{limits.relative_rf_energy.low:g}"
        raise Fault(message, f"{energy:.4g}", n_rf, narrow.max_flip, low)
    n_delays = narrow.max_rf + (2 * acquisition.echoes if acquisition.echoes > 1 else 0)
    longest = n_delays * space.max_delay
    for name in ("time_to_readout", "te", "ti"):
        stated = getattr(limits, name)
        if stated is not None and stated.low > longest * (1 + ROUNDING):
            message = f"{{{name}}}: low must be at most {{0:s}}, {{1}} delays of {{max_delay}}, got {{2:s}}"
            raise Fault(message, longest, n_delays, stated.low)
