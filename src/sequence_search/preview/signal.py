"""Signal of very many voxels of one tissue, or of any voxels one by one."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Complex
from scipy.interpolate import RectBivariateSpline

from sequence_search.layout import HARD
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

AT_ONCE = 2**13  # voxels that are simulated together
NODES = 33  # along each axis of a table of b0 and b1
CHECKED = 256  # voxels at which a table must be right
ERROR = 1e-6  # of M0, that a table may have there
ROOM = {"b0": 1.0, "b1": 0.01}  # Hz and 1: around the values of a table
ALIKE = ("t1", "t2", "t2_prime", "spread")  # of voxels that differ in b0, b1 and M0 alone


def signal_of(
    sequence: Sequence, problem: Problem, voxels: Voxels
) -> Complex[np.ndarray, "n_readouts n_voxels"]:
    """Signal of a single sequence, to rounding, or to 1e-6 of M0 where pulses take time.

    Instantaneous pulses are played in each voxel. For others, where voxels differ in b0, b1 and M0 alone, a
    table of 33 by 33 values of b0 and b1, quintic between, serves if it is right in 256 of the voxels; else
    they too are played in each.
    """
    layout = sequence.layout
    if layout is None or set(layout.kinds) == {HARD}:
        return _one_by_one(sequence, problem, voxels, "auto")
    alike = all(getattr(voxels, name).eq(getattr(voxels, name)[0]).all() for name in ALIKE)
    if alike and len(voxels) > 2 * (NODES**2 + CHECKED):
        tabulated = _tabulated(sequence, problem, voxels)
        checked = slice(None, None, len(voxels) // CHECKED)
        exact = _one_by_one(sequence, problem, voxels[checked])
        if np.abs(exact - tabulated[:, checked]).max() <= ERROR * float(voxels.m0.max()):
            return tabulated
    return _one_by_one(sequence, problem, voxels)


def _one_by_one(
    sequence: Sequence, problem: Problem, voxels: Voxels, engine: str = "configurations"
) -> np.ndarray:
    """Each by itself; tables over flip angles, as the kernel has them, do not pay for one sequence."""
    parts = [
        problem.simulator(voxels[start : start + AT_ONCE], engine, IN_REPORT).signal(sequence)
        for start in range(0, len(voxels), AT_ONCE)
    ]
    return torch.cat([part.reshape(sequence.n_readouts, -1) for part in parts], -1).numpy()


def _tabulated(sequence: Sequence, problem: Problem, voxels: Voxels) -> np.ndarray:
    """By a table of b0 and b1."""
    fields = {name: getattr(voxels, name).numpy() for name in ROOM}
    b0, b1 = (
        np.linspace(part.min() - ROOM[name], part.max() + ROOM[name], NODES) for name, part in fields.items()
    )
    properties = {name: float(getattr(voxels, name)[0]) for name in ALIKE}
    at_nodes = Voxels(b0=np.repeat(b0, NODES), b1=np.tile(b1, NODES), **properties)
    found = []
    for each in _one_by_one(sequence, problem, at_nodes).reshape(-1, NODES, NODES):
        real, imaginary = (
            RectBivariateSpline(b0, b1, part, kx=5, ky=5).ev(fields["b0"], fields["b1"])
            for part in (each.real, each.imag)
        )
        found.append(real + 1j * imaginary)
    return np.asarray(np.stack(found) * voxels.m0.numpy())
