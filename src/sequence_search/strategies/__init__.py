"""Search strategies behind one function, `search`."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any, SupportsIndex

from sequence_search.checks import check_type
from sequence_search.problem.problem import Problem
from sequence_search.strategies.base import Monitor, Settings, check_budget
from sequence_search.strategies.drive import Strategy
from sequence_search.strategies.islands import search_islands
from sequence_search.strategies.live import live_progress
from sequence_search.strategies.proxyless.strategy import Proxyless
from sequence_search.strategies.result import SearchResult
from sequence_search.strategies.rounds.baselines import Evolution, RandomSearch
from sequence_search.strategies.rounds.multistart import Multistart

# A new strategy is a class of its own and a row here.
STRATEGIES: dict[str, type[Strategy]] = {
    "multistart": Multistart,
    "proxyless": Proxyless,
    "evolution": Evolution,
    "random": RandomSearch,
}


def search(  # noqa: PLR0913 - as many as it has options
    problem: Problem,
    strategy: str = "multistart",
    seeds: Iterable[SupportsIndex] | None = (0,),
    *,
    first_seed: int = 0,
    workers: int | None = None,
    engine: str = "auto",
    monitor: Monitor | None = None,
    progress: bool = True,
    max_seconds: float = math.inf,
    max_evaluations: float = math.inf,
    **options: Any,
) -> SearchResult:
    """Design sequences for a problem, once for each seed, or until the seeds agree.

    Parameters
    ----------
    problem : Problem
    strategy : str
        "multistart"; "proxyless", the paper's algorithm; "evolution" and "random", baselines.
    seeds : iterable of int, or None
        A seed's result does not depend on the others. None: from the first on as many as it takes until
        enough of them agree on the best design, at most 32; see `SearchResult.verdict`.
    first_seed, workers : int
        Without seeds: the first, and processes that search at a time, this one among them; one for each core,
        at most 8, if not given. The result does not depend on `workers`, unless time ends the search.
    engine : str
        As for `simulate`.
    monitor : Monitor, optional
        To watch and to stop the search.
    progress : bool
        Whether to show progress on stderr where that is a terminal, or in a notebook; never with a monitor.
    max_seconds, max_evaluations : float
        Budget of a seed, or of a batch of seeds that run together; without seeds, the time is of all of them.
        At its end the search returns the best so far, with the status "cut".
    **options
        Fields of the strategy's class.

    Raises
    ------
    ValueError
        If there is no such strategy or option, no seed, or no budget.
    """
    check_type(problem, Problem)
    if isinstance(seeds, int):
        raise ValueError(
            f"seeds must be the seeds themselves, such as range({seeds}) or ({seeds},), got {seeds}"
        )
    numbers = None if seeds is None else tuple(operator.index(seed) for seed in seeds)
    if numbers is not None and not numbers:
        raise ValueError("at least one seed is needed")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    runner = make_strategy(strategy, options, problem)
    check_budget(max_seconds, max_evaluations)
    with live_progress(progress and monitor is None) as live:
        settings = Settings(engine, monitor or live, max_seconds, max_evaluations)
        if numbers is None:
            runs = search_islands(runner, problem, settings, operator.index(first_seed), workers)
        else:
            runs = runner.run(problem, numbers, settings)
    return SearchResult(problem, strategy, tuple(runs), asdict(runner), engine)


def make_strategy(name: str, options: dict[str, Any], *problems: Problem) -> Strategy:
    """Strategy by name with options set, for these problems.

    Raises
    ------
    ValueError
        If there is no such strategy or option, or a value is out of range or does not fit a problem.
    """
    if name not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {name!r}")
    known = [field.name for field in fields(STRATEGIES[name])]
    for option in options:
        if option not in known:
            raise ValueError(f"strategy '{name}' has no option '{option}'; known are {', '.join(known)}")
    strategy = STRATEGIES[name](**options)
    for problem in problems:
        strategy.check(problem)
    return strategy
