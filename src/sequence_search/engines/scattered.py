"""Signals that scatter as the mean of a voxel's 256 random spins, at the price of one spin more. Sec. II.C.

With random offsets f of spins the mean of 256 signals s(f) has the exact mean E s, and the covariance
Cov(s) / 256. So has

    S = E s + (s(f) - E s) / 16

with one spin, and E s as the sum over pathways. That holds for all sequences of a draw together, thus for
derivatives too. Beyond these two moments a signal is spread as that of one spin, not nearly normal.

Of spins that stand evenly over the linear spread, at places u, only the Lorentzian frequency is random, and

    S = E s + (s(u + f) - E s(u)) / 16

with one random place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.by_autograd import by_autograd
from sequence_search.engines.isochromats import draw_offsets
from sequence_search.engines.simulator import Simulator
from sequence_search.objective import Objective, Prepared
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

N_SPINS = 256  # of a voxel, Sec. II.C
Scatter = Literal["independent", "even"]


@dataclass(frozen=True)
class Scattered:
    """A `Simulator` of plain sequences whose signals are one draw of what 256 spins a voxel give.

    Attributes
    ----------
    voxels : Voxels
    simulators : tuple of Simulator
        Whose signals add up.
    prepared : Prepared
        The objective.
    """

    voxels: Voxels
    simulators: tuple[Simulator, ...]
    prepared: Prepared

    def signal(self, sequence: Sequence) -> Complex[Tensor, "*batch n_voxels"]:
        """Complex signal at the readout in the unit of m0, differentiable by the sequence."""
        first, *others = (each.signal(sequence) for each in self.simulators)
        return sum(others, first)

    def signal_products(
        self, sequence: Sequence, given: Complex[Tensor, "rows n_voxels"]
    ) -> Float[Tensor, " rows *batch"]:
        """As `Simulator.signal_products`."""
        first, *others = (each.signal_products(sequence, given) for each in self.simulators)
        return sum(others, first)

    def loss(self, sequence: Sequence) -> Float[Tensor, "*batch"]:
        """Objective of each sequence, differentiable."""
        return self.prepared.loss(self.signal(sequence), sequence)

    def loss_and_gradient(self, sequence: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        """As `Simulator.loss_and_gradient`."""
        return by_autograd(self.loss, sequence)


def scattered(
    voxels: Voxels, objective: Objective, scatter: Scatter, generator: torch.Generator, engine: str = "auto"
) -> Scattered:
    """Draw what the spins of each voxel do.

    Parameters
    ----------
    scatter : str
        "independent": both frequencies of each spin are random. "even": the spins stand evenly over the
        spread, and the Lorentzian frequency of each is random.
    engine : str
        As of `Simulator`.
    """
    place = draw_offsets(
        replace(voxels, t2_prime=torch.full_like(voxels.t2_prime, math.inf)), 1, generator=generator
    )
    frequency = draw_offsets(replace(voxels, spread=torch.zeros_like(voxels.spread)), 1, generator=generator)
    there = replace(voxels, b0=voxels.b0 + place[:, 0], spread=torch.zeros_like(voxels.spread))
    spin = replace(there, b0=there.b0 + frequency[:, 0], t2_prime=torch.full_like(voxels.t2_prime, math.inf))
    part = 1 / math.sqrt(N_SPINS)
    factors = [(1 - part, voxels), (part, spin)]
    if scatter == "even":
        factors = [(1.0, voxels), (part, spin), (-part, there)]
    # The signal is in proportion to M0.
    added = [replace(each, m0=factor * each.m0) for factor, each in factors]
    return Scattered(
        voxels, tuple(Simulator(each, engine=engine) for each in added), Prepared(objective, voxels)
    )
