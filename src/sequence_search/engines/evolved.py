"""Magnetisation over time, as `evolve` gives it."""

from __future__ import annotations

from typing import Any, NamedTuple

from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.shown import above


class Magnetisation(NamedTuple):
    """Mxy and Mz of voxels over time, in units of M0."""

    mxy: Complex[Tensor, "n_times n_voxels"]
    mz: Float[Tensor, "n_times n_voxels"]

    def plot(self, times: Float[Tensor, " n_times"], names: tuple[str, ...] = (), ax: Any = None) -> Any:
        """Figure of |Mxy| and Mz, a line for each voxel.

        Parameters
        ----------
        times : tensor [n_times], s
            Those that `evolve` was given.
        names : tuple of str, optional
            Of the voxels, for the legend.
        ax : matplotlib axes, optional
            For both, Mz dashed. If not given they stand one below the other.

        Returns
        -------
        matplotlib Figure
        """
        return above("notebook.plots", "plot_magnetisation")(self.mxy, self.mz, times, names, ax)
