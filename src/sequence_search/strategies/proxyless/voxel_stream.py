"""Batches of random voxels, Sec. II.C: an epoch is one pass, without a last batch that is not full."""

from __future__ import annotations

import torch

from sequence_search.problem.problem import Problem
from sequence_search.strategies.base import State
from sequence_search.voxels import Voxels, random_voxels

VOXEL_SEED = 0  # all seeds see the same stream of voxels, so that a seed does not depend on its neighbours


class VoxelStream:
    """Batches of the random voxels in random order, one pass an epoch."""

    def __init__(self, problem: Problem, n_voxels: int, per_step: int) -> None:
        self._voxels = random_voxels(problem.tissues, problem.imaging, n_voxels, seed=VOXEL_SEED)
        self._generator = torch.Generator().manual_seed(VOXEL_SEED)
        self._per_step = per_step
        self._order = torch.empty(0, dtype=torch.int64)

    def state(self) -> State:
        """Generator, and what is left of the epoch's order."""
        generator = self._generator.get_state().numpy()
        return {"stream.generator": generator, "stream.order": self._order.numpy()}

    def restore(self, state: State) -> None:
        """Inverse of `state`."""
        self._generator.set_state(torch.from_numpy(state["stream.generator"].copy()))
        self._order = torch.from_numpy(state["stream.order"].copy())

    def batch(self) -> Voxels:
        """Voxels of the next step."""
        if len(self._order) < self._per_step:
            self._order = torch.randperm(len(self._voxels), generator=self._generator)
        chosen, self._order = self._order[: self._per_step], self._order[self._per_step :]
        return self._voxels[chosen]
