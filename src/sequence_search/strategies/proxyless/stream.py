"""The voxels that a training sees, batch by batch, and their simulation."""

from __future__ import annotations

from typing import Literal

import torch

from sequence_search.engines.scattered import Scattered, scattered
from sequence_search.engines.simulator import Simulator
from sequence_search.problem.problem import Problem
from sequence_search.strategies.played import DraftSimulator, simulator_of
from sequence_search.voxels import Voxels, random_voxels

VOXEL_SEED = 0  # all seeds see the same stream of voxels, so that a seed does not depend on its neighbours
AnySimulator = Simulator | DraftSimulator | Scattered
Spins = Literal["exact", "independent", "even"]


class VoxelStream:
    """Batches of random voxels, Sec. II.C: an epoch is one pass, without a last batch that is not full."""

    def __init__(self, problem: Problem, n_voxels: int, per_step: int) -> None:
        self._problem = problem
        self._voxels = random_voxels(problem.tissues, problem.imaging, n_voxels, seed=VOXEL_SEED)
        self._per_step = per_step
        self._per_epoch = n_voxels // per_step
        self._generator = torch.Generator().manual_seed(VOXEL_SEED)
        self._epoch, self._order = -1, torch.empty(0)

    def batch(self, number: int) -> Voxels:
        """Voxels of a batch, counted from 0; an earlier epoch is drawn anew."""
        epoch, place = divmod(number, self._per_epoch)
        if epoch < self._epoch:
            self._generator.manual_seed(VOXEL_SEED)
            self._epoch = -1
        while self._epoch < epoch:
            self._order = torch.randperm(len(self._voxels), generator=self._generator)
            self._epoch += 1
        return self._voxels[self._order[place * self._per_step : (place + 1) * self._per_step]]

    def simulator(self, number: int, engine: str, spins: Spins) -> AnySimulator:
        """Simulator over a batch, its spins averaged exactly or drawn for this batch, alike for all seeds."""
        voxels = self.batch(number)
        if spins == "exact":
            return simulator_of(self._problem, voxels, engine)
        generator = torch.Generator().manual_seed(number)
        return scattered(voxels, self._problem.objective, spins, generator, engine)
