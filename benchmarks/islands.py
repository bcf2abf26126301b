"""Default runs drawn from islands: hundreds of runs of a problem in the time of two.

A default run is islands until enough of them agree, and no island knows of another. So runs are drawn, with
replacement, from islands that were measured once, and each ends by the rule of the search.
"""

from __future__ import annotations

import heapq
import time
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from sequence_search import Problem
from sequence_search.strategies import make_strategy
from sequence_search.strategies.base import Settings
from sequence_search.strategies.drive import drive
from sequence_search.strategies.islands import MOST_ISLANDS
from sequence_search.strategies.result import CLOSE, Run, Verdict

N_DRAWN = 200
N_CORES = 2
DIGITS = 8


class Drawn(NamedTuple):
    """A default run: the least loss of its islands, its seconds on two cores, its verdict."""

    loss: float
    seconds: float
    verdict: str


def measure_islands(
    problem: Problem, seeds: range, options: dict[str, Any]
) -> tuple[list[Run], dict[str, Any]]:
    """Runs of seeds one by one in this process, and what drawing needs of them.

    That is `loss`, null of a run that failed, `seconds` of processor time, and `preparation`, what each
    process spends before its first island.
    """
    preparation, runs = prepared_in(problem, options), []
    prepared = make_strategy("multistart", options, problem).prepare(problem, "auto")
    clock = [time.process_time()]
    for seed in seeds:
        runs += drive(prepared, (seed,), Settings())
        clock.append(time.process_time())
    seconds = [end - begin for begin, end in pairwise(clock)]
    return runs, islands_of(runs, seconds, preparation)


def islands_of(runs: list[Run], seconds: list[float], preparation: float) -> dict[str, Any]:
    """What drawing needs of runs, each of a seed."""
    return {
        "loss": [float(f"{run.loss:.{DIGITS}g}") if run.families else None for run in runs],
        "seconds": [round(each, 2) for each in seconds],
        "preparation": round(preparation, 2),
    }


def prepared_in(problem: Problem, options: dict[str, Any]) -> float:
    """Processor time [s] that a process spends before its first island, but for loading compiled code."""
    strategy = make_strategy("multistart", options, problem)
    strategy.prepare(problem, "auto")
    begin = time.process_time()
    strategy.prepare(problem, "auto")
    return time.process_time() - begin


def drawn_runs(islands: dict[str, Any]) -> list[Drawn]:
    """Runs drawn from what `measure_islands` keeps, the same always."""
    random = Random(0)
    return [_drawn(islands, random) for _ in range(N_DRAWN)]


def _drawn(islands: dict[str, Any], random: Random) -> Drawn:
    losses: list[float] = []
    free_at, end = [islands["preparation"]] * N_CORES, 0.0
    while len(losses) < MOST_ISLANDS:
        place = random.randrange(len(islands["loss"]))
        ended = heapq.heappop(free_at) + islands["seconds"][place]
        heapq.heappush(free_at, ended)
        end = max(end, ended)
        if (loss := islands["loss"][place]) is not None:
            losses.append(loss)
        verdict = _verdict(losses)
        if verdict.is_sure:
            break
    return Drawn(min(losses), end, verdict.word)


def _verdict(losses: list[float]) -> Verdict:
    """As `judge` has it, of islands that ended by themselves and meet all limits."""
    most = min(losses) + CLOSE * abs(min(losses))
    return Verdict(len(losses), sum(loss <= most for loss in losses), 0)
