"""Search strategies behind one function, `search`."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, SupportsIndex

from sequence_search.problem import Problem
from sequence_search.search.base import Monitor, SearchResult
from sequence_search.search.multistart import Multistart
from sequence_search.search.proxyless import Proxyless

STRATEGIES: dict[str, type[Multistart] | type[Proxyless]] = {"multistart": Multistart, "proxyless": Proxyless}


def search(
    problem: Problem,
    strategy: str = "multistart",
    seeds: Iterable[SupportsIndex] = (0,),
    *,
    engine: str = "auto",
    monitor: Monitor | None = None,
    **options: Any,
) -> SearchResult:
    """Design sequences for a problem, once for each seed.

    Parameters
    ----------
    problem : Problem
    strategy : str
        "multistart", or "proxyless" for the paper's algorithm.
    seeds : iterable of int
        A seed's result does not depend on the others.
    engine : str
        As for `simulate`.
    monitor : Monitor, optional
        To watch and to stop the search.
    **options
        Fields of the strategy's class.

    Raises
    ------
    ValueError
        If there is no such strategy or option, or no seed.
    """
    if isinstance(seeds, int):
        raise ValueError(
            f"seeds must be the seeds themselves, such as range({seeds}) or ({seeds},), got {seeds}"
        )
    numbers = tuple(operator.index(seed) for seed in seeds)
    if not numbers:
        raise ValueError("at least one seed is needed")
    runner = make_strategy(strategy, options)
    runs = runner.run(problem, numbers, engine, monitor or Monitor())
    return SearchResult(problem, strategy, tuple(runs), asdict(runner), engine)


def make_strategy(name: str, options: dict[str, Any]) -> Multistart | Proxyless:
    """Strategy by name with options set.

    Raises
    ------
    ValueError
        If there is no such strategy or option.
    """
    if name not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
    known = [field.name for field in fields(STRATEGIES[name])]
    for option in options:
        if option not in known:
            raise ValueError(f"strategy '{name}' has no option '{option}'; known are {', '.join(known)}")
    return STRATEGIES[name](**options)
