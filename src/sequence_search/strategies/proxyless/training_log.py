"""What a training of architectures says of its seeds on the way and in the end."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies import refine
from sequence_search.strategies.base import Meter, Progress, Settings, State
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.proxyless.scheduler import Scheduler
from sequence_search.strategies.result import Point, Run, failed, points

N_PROGRESS = 200  # progress reports and history points of a run
PROGRESS_N_PER_TISSUE = 64
POLISH_N_PER_TISSUE = 128


class TrainingLog:
    """What is known of each seed on the way: failures, history, progress; its run in the end."""

    def __init__(
        self,
        problem: Problem,
        seeds: tuple[int, ...],
        scheduler: Scheduler,
        settings: Settings,
        *,
        steps: int,
        polish: bool,
    ) -> None:
        self._problem, self._seeds, self._scheduler = problem, seeds, scheduler
        self._settings, self._steps, self._polish = settings, steps, polish
        self._every = max(1, steps // N_PROGRESS)
        self._reasons: list[str | None] = [None] * len(seeds)
        self._histories: list[list[Point]] = [[] for _ in seeds]
        self._voxels = problem.voxels(PROGRESS_N_PER_TISSUE)

    def state(self) -> State:
        """Reasons of failure and histories."""
        return {"reasons": list(self._reasons), "histories": np.array(self._histories, np.float64)}

    def restore(self, state: State) -> None:
        """Inverse of `state`."""
        self._reasons = list(state["reasons"])
        self._histories = [list(points(table)) for table in state["histories"]]

    @property
    def all_failed(self) -> bool:
        """Whether no seed is left."""
        return all(self._reasons)

    def note(self, step: int, loss: Float[Tensor, " seeds"], meter: Meter) -> None:
        """Look for failures, and report now and then; `step` counts from 1."""
        self._note_failures(step, loss)
        if not self.all_failed and ((step - 1) % self._every == 0 or step == self._steps):
            self._report(step, meter)

    def runs(self, meter: Meter) -> list[Run]:
        """The run of each seed, its design the likeliest operation of each layer."""
        finisher = Finisher(self._problem, self._settings.engine)
        batch = self._designs()
        designs = [batch[i].without_padding() for i in range(len(self._seeds))]
        if self._polish and not meter.must_end():
            voxels = self._problem.voxels(POLISH_N_PER_TISSUE)
            fine = self._problem.loss_and_gradient(voxels, self._settings.engine)
            # All or none, whatever the budget: a seed does not depend on its place among the others.
            space, unlimited = self._problem.search_space, meter.without_budget()
            designs = [
                design if reason else refine.polish(fine, space, design, meter=unlimited)[1]
                for design, reason in zip(designs, self._reasons, strict=True)
            ]
            if unlimited.must_end():
                meter.must_end()
        runs = []
        for seed, reason, past, design in zip(
            self._seeds, self._reasons, self._histories, designs, strict=True
        ):
            history, n_seeds = tuple(past), len(self._seeds)
            if reason is None:
                runs.append(finisher.finish(seed, [design], meter, history=history, n_seeds=n_seeds))
            else:
                runs.append(failed(seed, reason, meter.seconds / n_seeds, meter.evaluations, history))
        return runs

    def _designs(self) -> Sequence:
        return self._scheduler.sequence(self._scheduler.architecture.argmax(-1)).detach()

    def _note_failures(self, step: int, loss: Float[Tensor, " seeds"]) -> None:
        """Record a seed whose loss or architecture is not finite, and silence it so that the others go on."""
        scheduler = self._scheduler
        broken = ~loss.isfinite() | scheduler.architecture.detach().isnan().any(-1).any(-1)
        if not bool(broken.any()):
            return
        for i in broken.nonzero()[:, 0].tolist():
            what = "gradient of the architecture" if loss[i].isfinite() else "loss"
            self._reasons[i] = self._reasons[i] or f"{what} is not finite at step {step}"
            with torch.no_grad():
                for part in (scheduler.flip_angle, scheduler.phase, scheduler.log_idle):
                    part[i].nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
                scheduler.architecture[i].nan_to_num_(nan=0.0, neginf=-math.inf)

    def _report(self, step: int, meter: Meter) -> None:
        """History of every seed's design; progress of the best one alive."""
        designs = self._designs()
        loss = self._problem.loss(designs, self._voxels, self._settings.engine)
        loss = torch.where(torch.tensor([reason is None for reason in self._reasons]), loss, math.nan)
        for past, value in zip(self._histories, loss.tolist(), strict=True):
            past.append(Point(step, value, meter.evaluations, meter.seconds / len(self._seeds)))
        best = int(loss.nan_to_num(nan=math.inf).argmin())
        self._settings.monitor.on_progress(
            Progress(self._seeds[best], step, self._steps, float(loss[best]), designs[best])
        )
