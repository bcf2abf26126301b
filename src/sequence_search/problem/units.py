"""A problem file's tables in SI units and the library's types, and back."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import tomlkit

from sequence_search.distributions import Distribution, Normal, Uniform
from sequence_search.objective import TERMS, Term
from sequence_search.problem.schema import ProblemError, SearchSpaceTable, TermTable, TissueTable
from sequence_search.search_space import SearchSpace
from sequence_search.tissue import Tissue


def read_tissue(name: str, table: TissueTable) -> Tissue:
    """Tissue of a ``[tissues.NAME]`` table."""
    times = (_scaled(time, 1e-3) for time in (table.t1_ms, table.t2_ms, table.t2_prime_ms))
    return Tissue(name, table.m0, *times)


def write_tissue(tissue: Tissue) -> TissueTable:
    """The table of a tissue."""
    times = (_scaled(time, 1e3) for time in (tissue.t1, tissue.t2, tissue.t2_prime))
    return TissueTable(m0=tissue.m0, **dict(zip(("t1_ms", "t2_ms", "t2_prime_ms"), times, strict=True)))


def read_terms(tables: tuple[TermTable, ...], tissue_names: tuple[str, ...]) -> tuple[Term, ...]:
    """Terms of the ``[[objective]]`` tables; the second of a name is called ``signal-2``."""
    counts: Counter[str] = Counter()
    terms = []
    for table in tables:
        counts[table.term] += 1
        name = table.term if counts[table.term] == 1 else f"{table.term}-{counts[table.term]}"
        tissues = None if table.tissues is None else tuple(tissue_names.index(t) for t in table.tissues)
        terms.append(Term(name, TERMS[table.term], table.weight, tissues))
    return tuple(terms)


def write_term(term: Term, tissue_names: tuple[str, ...]) -> TermTable:
    """The table of a term.

    Raises
    ------
    ProblemError
        If the term is a Python function of the user's own.
    """
    if not term.kind.own:
        tissues = None if term.tissues is None else tuple(tissue_names[i] for i in term.tissues)
        return TermTable(term=term.kind.name, weight=term.weight, tissues=tissues)
    raise ProblemError(f"term '{term.name}' is a Python function, which has no form in a problem file")


def read_search_space(table: SearchSpaceTable) -> SearchSpace:
    """Search space of the ``[search_space]`` table."""
    low, high = table.flip_range_deg
    return SearchSpace(
        max_rf=table.max_rf,
        rf_candidates=table.rf_candidates,
        flip_range=(math.radians(low), math.radians(high)),
        wait_ranges=tuple((start / 1e3, end / 1e3) for start, end in table.wait_ranges_ms),
        min_rf_delay=table.min_rf_delay_ms / 1e3,
        max_delay=table.max_delay_ms / 1e3,
    )


def write_search_space(space: SearchSpace) -> SearchSpaceTable:
    """The table of a search space."""
    low, high = (_rounded(math.degrees(bound)) for bound in space.flip_range)
    return SearchSpaceTable(
        max_rf=space.max_rf,
        rf_candidates=space.rf_candidates,
        flip_range_deg=(low, high),
        wait_ranges_ms=tuple(
            (_rounded(start * 1e3), _rounded(end * 1e3)) for start, end in space.wait_ranges
        ),
        min_rf_delay_ms=_rounded(space.min_rf_delay * 1e3),
        max_delay_ms=_rounded(space.max_delay * 1e3),
    )


def toml_text(tables: dict[str, Any]) -> str:
    """TOML with each distribution and each range of the grid on one line, as in the shipped files."""
    return tomlkit.dumps(_inline_distributions(tables))


def _inline_distributions(tables: dict[str, Any]) -> dict[str, Any]:
    lines: dict[str, Any] = {}
    for key, value in tables.items():
        if key == "grid":
            lines[key] = {name: _inline_ranges(ranges) for name, ranges in value.items()}
        elif not isinstance(value, dict):
            lines[key] = value
        elif set(value) in ({"mean", "sd"}, {"low", "high"}):
            lines[key] = tomlkit.inline_table()
            lines[key].update(value)
        else:
            lines[key] = _inline_distributions(value)
    return lines


def _inline_ranges(ranges: list[Any]) -> tomlkit.items.Array:
    line = tomlkit.array()
    for each in ranges:
        entry = each
        if isinstance(each, dict):
            entry = tomlkit.inline_table()
            entry.update(each)
        line.append(entry)
    return line


def _rounded(value: float) -> float:
    """Twelve digits: they undo the rounding of a unit conversion, so that 110 ms read is 110 ms written."""
    return float(f"{value:.12g}")


def _scaled(distribution: Distribution, factor: float) -> Distribution:
    if isinstance(distribution, Normal):
        return Normal(_rounded(distribution.mean * factor), _rounded(distribution.sd * factor))
    return Uniform(_rounded(distribution.low * factor), _rounded(distribution.high * factor))
