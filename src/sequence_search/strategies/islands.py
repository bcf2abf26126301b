"""As many independent searches of a problem as it takes until enough of them agree on the best design."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from sequence_search.problem.problem import Problem
from sequence_search.strategies.base import Monitor, Progress, Settings
from sequence_search.strategies.drive import Search, Strategy, drive
from sequence_search.strategies.result import Run, judge

MOST_ISLANDS = 32
MOST_WORKERS = 8  # more at once would mostly be for nothing
QUEUE = 2  # islands of each helper that are asked for in advance
LOOK_EVERY_S = 0.1
IDLE_S = 60.0  # after which helpers end

Submit = Callable[[int], "Future[Run | None]"]


def search_islands(
    strategy: Strategy, problem: Problem, settings: Settings, first_seed: int, workers: int | None = None
) -> list[Run]:
    """Runs of the seeds from the first on, until their verdict is sure, the budget ends, or 32 are done.

    Parameters
    ----------
    settings : Settings
        `max_seconds` is of all together, `max_evaluations` of each island.
    workers : int, optional
        Processes, this one among them; as many as cores, at most 8, if not given. The runs do not depend
        on it, unless time ends the search.

    Returns
    -------
    runs : list of Run
        In the order of their seeds; where a budget or a stop ended the search the last are cut.
    """
    runs: list[Run] = []
    islands = _Islands(strategy, problem, settings, time.time() + settings.max_seconds)

    def tell(progress: Progress) -> None:
        verdict, note = judge(runs), progress.note
        if runs:
            note += f"; {verdict.n_agree} of {verdict.n_islands} searches agree"
        settings.monitor.on_progress(replace(progress, note=note))

    n_helpers = (most_workers() if workers is None else workers) - 1
    with _helpers(islands, n_helpers) as submit:
        for run in _in_order(
            islands, range(first_seed, first_seed + MOST_ISLANDS), tell, submit, QUEUE * n_helpers
        ):
            runs.append(run)
            if judge(runs).is_sure:
                break
    return runs


def most_workers() -> int:
    """Processes that serve a search: one for each core that this process may use, at most 8."""
    from loky import cpu_count

    return min(int(cpu_count()), MOST_WORKERS)


class _Islands:
    """What the islands of one search share."""

    def __init__(self, strategy: Strategy, problem: Problem, settings: Settings, ends_at: float) -> None:
        self._strategy, self._problem, self._ends_at = strategy, problem, ends_at
        self.settings = settings
        self._search: Search[Any, list[Run]] | None = None

    def run(self, seed: int, monitor: Monitor) -> Run:
        """Search of one seed with what is left of the time."""
        if self._search is None:
            self._search = self._strategy.prepare(self._problem, self.settings.engine)
        left = max(self._ends_at - time.time(), 1e-3)
        (run,) = drive(self._search, (seed,), replace(self.settings, monitor=monitor, max_seconds=left))
        if run.reason is None:
            return run
        # The time that the user knows is that of all islands.
        stated = f"max_seconds = {self.settings.max_seconds:g}"
        return replace(run, reason=run.reason.replace(f"max_seconds = {left:g}", stated))

    def must_end(self) -> bool:
        """Whether no further island is to begin."""
        return time.time() >= self._ends_at or self.settings.monitor.stop()

    def for_helpers(self) -> _Islands:
        """Without what stays in this process: the monitor, and what is prepared."""
        return _Islands(
            self._strategy, self._problem, replace(self.settings, monitor=Monitor()), self._ends_at
        )


def _in_order(
    islands: _Islands, seeds: range, tell: Callable[[Progress], None], submit: Submit, n_ahead: int
) -> Iterator[Run]:
    """Runs in the order of the seeds, each as soon as it and all before it have ended."""
    monitor = Monitor(tell, islands.settings.monitor.stop)
    left = iter(seeds)
    begun: dict[int, Future[Run | None]] = {}
    for seed in seeds:
        while seed not in begun or not begun[seed].done():
            over = islands.must_end() and bool(begun)  # the first begins in any case
            mine = None if over else next(left, None)
            n_open = sum(not future.done() for future in begun.values())
            ahead = [] if over else islice(left, n_ahead - n_open)
            begun |= {each: submit(each) for each in ahead}
            if mine is not None:
                begun[mine] = Future()
                begun[mine].set_result(islands.run(mine, monitor))
            elif seed in begun:
                time.sleep(LOOK_EVERY_S)
            else:
                return
        try:
            run = begun[seed].result()
        except BrokenProcessPool:  # a helper was killed
            run = islands.run(seed, monitor)
        if run is None:  # it had not begun when the time was over
            return
        yield run


@contextmanager
def _helpers(islands: _Islands, n_helpers: int) -> Iterator[Submit]:
    """A function that gives an island to helper processes; at the end those under way are stopped."""
    if n_helpers < 1:
        yield lambda seed: Future()
        return
    from loky import get_reusable_executor

    threads = torch.get_num_threads()
    pool = get_reusable_executor(n_helpers, timeout=IDLE_S, initializer=torch.set_num_threads, initargs=(1,))
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            task = islands.for_helpers()

            def submit(seed: int) -> Future[Run | None]:
                try:
                    given: Future[Run | None] = pool.submit(_run_in_helper, task, seed, Path(folder))
                except BrokenProcessPool as error:
                    given = Future()
                    given.set_exception(error)
                return given

            yield submit
    finally:
        torch.set_num_threads(threads)


def _run_in_helper(islands: _Islands, seed: int, folder: Path) -> Run | None:
    """Island in another process, which the end of the folder stops; None if it is too late to begin."""
    monitor = Monitor(stop=lambda: not folder.exists())
    return None if monitor.stop() or islands.must_end() else islands.run(seed, monitor)
