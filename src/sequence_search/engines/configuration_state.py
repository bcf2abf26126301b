"""Magnetisation as configurations: states of equal dephasing by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.layout import Multiples

Name = tuple[int, ...]  # crusher moment, then the count of each delay
States = dict[Name, Complex[Tensor, "batch n_voxels n_places"]]


@dataclass(frozen=True, slots=True)
class ConfigurationState:
    """Magnetisation by name, in units of M0.

    Attributes
    ----------
    transverse, longitudinal : dict of complex tensors [batch, n_voxels, n_places]
        F and Z, of q and -q alike.
    delay : tensor [batch, n_delay], s
    elapsed : tensor [batch], s
        Since the first pulse.
    """

    transverse: States
    longitudinal: States
    delay: Float[Tensor, "batch n_delay"]
    elapsed: Float[Tensor, " batch"]

    def time(self, counts: Multiples) -> Float[Tensor, " batch"]:
        """Sum of counts times delays [s]."""
        return (self.delay * self.delay.new_tensor(counts)).sum(-1)

    def turned(self, angle: Float[Tensor, "*shape"] | None) -> ConfigurationState:
        """Turned by an angle about z [rad], if any."""
        if angle is None:
            return self
        turn = torch.polar(torch.ones_like(angle), angle)
        return replace(self, transverse={name: part * turn for name, part in self.transverse.items()})

    def within(self, most: int) -> ConfigurationState:
        """Without the moments that gradients of so many units to come do not undo: they reach no readout."""
        transverse, longitudinal = (
            {name: part for name, part in parts.items() if abs(name[0]) <= most}
            for parts in (self.transverse, self.longitudinal)
        )
        return replace(self, transverse=transverse, longitudinal=longitudinal)


def negative(name: Name) -> Name:
    """The name of what is dephased the other way."""
    return tuple(-count for count in name)
