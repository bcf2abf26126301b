"""Many random sequences refined together by gradient, the worse half dropped, the best polished."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from sequence_search.problem import Problem
from sequence_search.search.base import Monitor, Progress, Run, failed, finish
from sequence_search.search.refine import descend, polish, random_sequences
from sequence_search.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Multistart:
    """Random starts over structure and parameters, refined through the exact engine.

    Attributes
    ----------
    n_starts : int
        Random sequences of a seed.
    steps : int
        Gradient steps from the start to the polish.
    n_rounds : int
        After each round but the last the worse half of the sequences is dropped.
    n_polished : int
        Sequences polished to convergence.
    learning_rate : float
        Of Adam, on radians and log delays.
    n_per_tissue : int
        Sobol voxels of the descent; the polish takes eight times as many.
    """

    n_starts: int = 96
    steps: int = 180
    n_rounds: int = 3
    n_polished: int = 4
    learning_rate: float = 0.08
    n_per_tissue: int = 32

    def run(self, problem: Problem, seeds: Iterable[int], engine: str, monitor: Monitor) -> list[Run]:
        """One search for each seed; the starts of a seed are one batch, seeds follow each other."""
        runs: list[Run] = []
        for seed in seeds:
            if runs and monitor.stop():
                break
            runs.append(self._run_seed(problem, seed, engine, monitor))
        return runs

    def _run_seed(self, problem: Problem, seed: int, engine: str, monitor: Monitor) -> Run:
        began = time.perf_counter()
        history: list[tuple[int, float]] = []
        survivors, loss = self._descend(problem, seed, engine, monitor, history)
        if not loss.isfinite().any():
            reason = f"no start of {self.n_starts} has a finite loss; the first: {survivors[0]}"
            return failed(seed, reason, time.perf_counter() - began, tuple(history))
        best = survivors[int(loss.nan_to_num(nan=torch.inf).argmin())]
        if not monitor.stop():
            best = self._polish(problem, survivors, loss, engine, monitor)
        return finish(
            problem,
            seed,
            best,
            engine=engine,
            interrupted=monitor.stop(),
            seconds=time.perf_counter() - began,
            history=tuple(history),
        )

    def _descend(
        self, problem: Problem, seed: int, engine: str, monitor: Monitor, history: list[tuple[int, float]]
    ) -> tuple[Sequence, torch.Tensor]:
        """Refined sequences and their losses, best first."""
        generator = torch.Generator().manual_seed(seed)
        alive = random_sequences(problem.search_space, self.n_starts, generator)
        voxels = problem.voxels(self.n_per_tissue)
        for round_number in range(1, self.n_rounds + 1):
            before, until = (self.steps * done // self.n_rounds for done in (round_number - 1, round_number))
            descent = descend(problem, alive, voxels, engine=engine, learning_rate=self.learning_rate)
            for step, (loss, alive) in zip(range(before, until + 1), descent, strict=False):
                best = int(loss.nan_to_num(nan=torch.inf).argmin())
                history.append((step, float(loss[best])))
                monitor.on_progress(Progress(seed, step, self.steps, float(loss[best]), alive[best]))
                if monitor.stop():
                    break
            order = loss.nan_to_num(nan=torch.inf).argsort()
            keep = len(order) if round_number == self.n_rounds else max(1, len(order) // 2)
            alive, loss = alive[order[:keep]], loss[order[:keep]]
            if monitor.stop():
                break
        return alive, loss

    def _polish(
        self, problem: Problem, survivors: Sequence, loss: torch.Tensor, engine: str, monitor: Monitor
    ) -> Sequence:
        """The best of the first few, converged, without pulses that do nothing."""
        voxels = problem.voxels(8 * self.n_per_tissue)
        best_loss, best = float("inf"), survivors[0]
        for i in range(min(self.n_polished, int(loss.isfinite().sum()))):
            if monitor.stop():
                break
            final_loss, final = polish(problem, survivors[i], voxels, engine=engine)
            needed = final.drop_small_pulses()
            if 0 < len(needed.flip_angle) < len(final.flip_angle):
                final_loss, final = polish(problem, needed, voxels, engine=engine)
            if final_loss < best_loss:
                best_loss, best = final_loss, final
        return best
