"""Reference engine: each voxel is a set of spins with offsets of their own. Sequence Search, Sec. II.C."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.bloch import longitudinal_decay, precession, rotation
from sequence_search.voxels import Voxels

Draw = Literal["independent", "stratified", "ordered"]
PLACES = (math.sqrt(5) - 1) / 2  # multiples of the golden ratio are even, and unrelated to the offsets' order


@dataclass(frozen=True, slots=True)
class SpinState:
    """Magnetisation of all spins, in units of M0.

    Attributes
    ----------
    mxy, mz : tensor [batch, n_voxels, n_spins]
    """

    mxy: Complex[Tensor, "batch n_voxels n_spins"]
    mz: Float[Tensor, "batch n_voxels n_spins"]


@dataclass(frozen=True, slots=True)
class Isochromats:
    """The engine for one set of voxels; its state is a `SpinState`.

    Attributes
    ----------
    voxels : Voxels
    offsets : tensor [n_voxels, n_spins], Hz
        The spins' frequencies within the voxel, as `draw_offsets` draws them.
    """

    voxels: Voxels
    offsets: Float[Tensor, "n_voxels n_spins"]

    def start(self, delay: Float[Tensor, "batch n_rf"], mz: float | Tensor = 1.0) -> SpinState:
        """Equilibrium, or an Mz of [batch, n_voxels], for a batch with these delays."""
        along = torch.as_tensor(mz, dtype=self.offsets.dtype).unsqueeze(-1) * self.offsets.new_ones(
            len(delay), *self.offsets.shape
        )
        return SpinState(torch.complex(torch.zeros_like(along), torch.zeros_like(along)), along)

    def pulse(
        self, state: SpinState, flip_angle: Float[Tensor, " batch"], phase: Float[Tensor, " batch"]
    ) -> SpinState:
        """Play a pulse [rad]."""
        turn = rotation(flip_angle[:, None, None] * self.voxels.b1[:, None], phase[:, None, None])
        return SpinState(
            turn.stay * state.mxy + turn.conjugate * state.mxy.conj() + turn.excite * state.mz,
            turn.keep * state.mz + (turn.store * state.mxy).imag,
        )

    def wait(self, state: SpinState, delay: Float[Tensor, " batch"]) -> SpinState:
        """Let a delay [s] pass: precession and relaxation."""
        time, frequency = delay[:, None, None], self.voxels.b0[:, None] + self.offsets
        return SpinState(
            state.mxy * precession(time, self.voxels.t2[:, None], frequency),
            1 + (state.mz - 1) * longitudinal_decay(time, self.voxels.t1[:, None]),
        )

    def crush(self, state: SpinState, moment: int) -> SpinState:
        """Play a gradient of whole cycles over the voxel, in which the spins stand evenly."""
        place = torch.arange(state.mxy.shape[-1], device=state.mz.device, dtype=state.mz.dtype) * PLACES
        angle = 2 * math.pi * moment * (place % 1)
        return replace(state, mxy=state.mxy * torch.polar(torch.ones_like(angle), angle))

    def read(
        self, state: SpinState
    ) -> tuple[Complex[Tensor, "batch n_voxels"], Float[Tensor, "batch n_voxels"]]:
        """Mean over spins of Mxy and Mz, in units of M0."""
        return state.mxy.mean(-1), state.mz.mean(-1)


def draw_offsets(
    voxels: Voxels,
    n_spins: int = 256,
    draw: Draw = "independent",
    generator: torch.Generator | None = None,
) -> Float[Tensor, "n_voxels n_spins"]:
    """Frequency offsets of the spins [Hz]: a Lorentzian of T2' plus the uniform spread.

    The Lorentzian has the half width 1 / (2 pi T2'), whose ensemble decays as exp(-t/T2').
    Differentiable with respect to t2_prime and spread.

    Parameters
    ----------
    n_spins : int
        Spins in a voxel; the sampling error falls as 1/sqrt(n_spins) for independent draws.
    draw : str
        "independent": both frequencies of each spin are random, as the paper reads.
        "stratified": evenly spaced quantiles of each, paired at random in each voxel.
        "ordered": the same quantiles paired in order, lowest with lowest; no randomness, but the two
        frequencies are then fully correlated, which is not the distribution stated.
    generator : torch.Generator, optional
        On the CPU; seeded with 0 if not given.

    Raises
    ------
    ValueError
        If `draw` is unknown or `n_spins` is not positive.
    """
    if n_spins < 1:
        raise ValueError(f"n_spins must be at least 1, got {n_spins}")
    lorentzian, uniform = _probabilities(
        (len(voxels), n_spins), draw, generator or torch.Generator().manual_seed(0)
    )
    width = 1 / (2 * math.pi * voxels.t2_prime[:, None])
    return width * torch.tan(math.pi * (lorentzian.to(width) - 0.5)) + voxels.spread[:, None] * (
        2 * uniform.to(width) - 1
    )


def _probabilities(shape: tuple[int, int], draw: Draw, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Quantiles of both distributions, each [n_voxels, n_spins] in (0, 1)."""
    if draw == "independent":
        first, second = torch.rand((2, *shape), generator=generator, dtype=torch.float64)
        return first, second
    even = ((torch.arange(shape[1], dtype=torch.float64) + 0.5) / shape[1]).expand(shape)
    if draw == "stratified":
        order = torch.rand(shape, generator=generator).argsort(-1)
        return even, even.gather(-1, order)
    if draw == "ordered":
        return even, even
    raise ValueError(f"draw must be one of {get_args(Draw)}, got {draw!r}")
