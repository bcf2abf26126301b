"""One sequence or a batch simulated, without a `Simulator` to keep."""

from __future__ import annotations

from typing import Any

from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.evolved import Magnetisation
from sequence_search.engines.simulator import Simulator
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


def simulate(
    sequence: Sequence, voxels: Voxels, engine: str = "auto", **options: Any
) -> Complex[Tensor, "*shape n_voxels"]:
    """Complex signal Mx + i My of each voxel at the readout, [*batch, n_voxels], in the unit of m0.

    Of a layout of several readouts it is [*batch, n_readouts, n_voxels].

    Differentiable with respect to every sequence parameter and every property of the voxels. For many
    sequences over the same voxels make one `Simulator`.

    Parameters
    ----------
    sequence : Sequence [*batch, n_rf]
    voxels, engine, **options
        As for `Simulator`; the voxels on the device of the sequence.

    Raises
    ------
    TypeError
        If the first argument is no Sequence, or the second no Voxels.
    ValueError
        As `Simulator`.
    """
    return Simulator(voxels, engine=engine, options=options).signal(sequence)


def evolve(
    sequence: Sequence, voxels: Voxels, times: Float[Tensor, " n_times"], engine: str = "auto", **options: Any
) -> Magnetisation:
    """Mxy and Mz of a single sequence over time, which plot themselves; see `Simulator.evolve`."""
    return Magnetisation(*Simulator(voxels, engine=engine, options=options).evolve(sequence, times))
