"""Exact engine: the voxel signal as a finite sum over coherence pathways, without sampling noise.

At each pulse the transverse magnetisation stays, is conjugated or is stored along z, and stored or
recovered magnetisation is excited. A pathway therefore gathers a clock tau = sum of m_i t_i, with
m = +1 transverse, -1 conjugated, 0 longitudinal, and likewise a gradient moment. Frequencies within a voxel,
f, enter only as the mean of exp(2 pi i f tau), the characteristic function of their distribution:
exp(-|tau| / T2') for the Lorentzian and sinc(2 spread tau) for the uniform spread. A moment other than 0, in
whole cycles over the voxel, leaves no signal. After n pulses 3^(n-1) pathways end transverse.

Source: Hennig, "Echoes - how to generate, recognize, use or avoid them in MR-imaging sequences",
Concepts Magn Reson 3 (1991); DOI 10.1002/cmr.1820030302.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from sequence_search.engines.bloch import dephasing, longitudinal_decay, precession, refocused, rotation
from sequence_search.voxels import Voxels

MAX_PULSES = 13  # 3^12 pathways of a voxel: seconds, and some tens of MB
MAX_AMPLITUDES = 10**8  # of a batch and its voxels at the readout: 1.6 GB, and some times that on the way


def most_sequences(n_voxels: int, n_rf: int) -> int:
    """Sequences of n_rf pulses whose pathways can be followed at once, at least 1."""
    pathways: int = 3 ** max(n_rf - 1, 0)
    return max(1, MAX_AMPLITUDES // (n_voxels * pathways))


@dataclass(frozen=True, slots=True)
class PathwayState:
    """Amplitudes of all pathways, in units of M0.

    Attributes
    ----------
    transverse : complex tensor [batch, n_voxels, pathways]
    longitudinal : complex tensor [batch, n_voxels, stored]
        Of pathways that were once transverse.
    recovered : tensor [batch, n_voxels]
        Mz that never was transverse, with all that has recovered.
    transverse_clock, longitudinal_clock : tensor [batch, pathways or stored, 2]
        Time dephased [s], and gradient moment [cycles over the voxel].
    elapsed : tensor [batch, 1], s
    """

    transverse: Complex[Tensor, "batch n_voxels pathways"]
    longitudinal: Complex[Tensor, "batch n_voxels stored"]
    recovered: Float[Tensor, "batch n_voxels"]
    transverse_clock: Float[Tensor, "batch pathways 2"]
    longitudinal_clock: Float[Tensor, "batch stored 2"]
    elapsed: Float[Tensor, "batch 1"]


@dataclass(frozen=True, slots=True)
class Pathways:
    """The engine for one set of voxels; its state is a `PathwayState`.

    Attributes
    ----------
    voxels : Voxels
    offsets : tensor [n_voxels, n_spins], Hz, optional
        A finite set of frequencies within each voxel in place of T2' and the spread.
    """

    voxels: Voxels
    offsets: Float[Tensor, "n_voxels n_spins"] | None = None

    def start(self, delay: Float[Tensor, "batch n_rf"], mz: float | Tensor = 1.0) -> PathwayState:
        """Equilibrium, or an Mz of [batch, n_voxels], for a batch with these delays.

        Raises
        ------
        ValueError
            If there are too many pulses or voxels to follow every pathway.
        """
        batch, n_rf = delay.shape
        if n_rf > MAX_PULSES:
            raise ValueError(
                f"at most {MAX_PULSES} pulses, 3^{MAX_PULSES - 1} pathways, can be followed, got {n_rf}:"
                " take engine='isochromats', whose cost grows only with their number"
            )
        amplitudes = batch * len(self.voxels) * 3 ** max(n_rf - 1, 0)
        if amplitudes > MAX_AMPLITUDES:
            raise ValueError(
                f"at most {MAX_AMPLITUDES:.0e} pathways can be followed at once,"
                f" got {amplitudes:.2g} for {n_rf} pulses, {len(self.voxels)} voxels and a batch of {batch}:"
                " take fewer voxels, or engine='isochromats'"
            )
        recovered = self.voxels.b1.new_ones(batch, len(self.voxels)) * mz
        empty = self.voxels.b1.new_zeros(batch, len(self.voxels), 0)
        none, clock = torch.complex(empty, empty), delay.new_zeros(batch, 0, 2)
        return PathwayState(none, none, recovered, clock, clock, delay.new_zeros(batch, 1))

    def pulse(
        self, state: PathwayState, flip_angle: Float[Tensor, " batch"], phase: Float[Tensor, " batch"]
    ) -> PathwayState:
        """Play a pulse [rad]: each pathway splits into what stays, is conjugated, stored, excited or kept."""
        turn = rotation(flip_angle[:, None, None] * self.voxels.b1[:, None], phase[:, None, None])
        stored = state.transverse * turn.store / 2j  # Im(x) = x/2i + (x/2i)*
        transverse = [
            turn.stay * state.transverse,
            turn.conjugate * state.transverse.conj(),
            turn.excite * state.recovered[..., None],
            turn.excite * state.longitudinal,
        ]
        clock, fresh = state.transverse_clock, state.elapsed.new_zeros(len(state.elapsed), 1, 2)
        return replace(
            state,
            transverse=torch.cat(transverse, -1),
            longitudinal=torch.cat([turn.keep * state.longitudinal, stored, stored.conj()], -1),
            recovered=state.recovered * turn.keep[..., 0],
            transverse_clock=torch.cat([clock, -clock, fresh, state.longitudinal_clock], 1),
            longitudinal_clock=torch.cat([state.longitudinal_clock, clock, -clock], 1),
        )

    def wait(self, state: PathwayState, delay: Float[Tensor, " batch"]) -> PathwayState:
        """Let a delay [s] pass: precession, relaxation, and clocks that go on."""
        time, voxels = delay[:, None], self.voxels
        decay = longitudinal_decay(time, voxels.t1)
        passed = torch.stack([time, torch.zeros_like(time)], -1)
        return replace(
            state,
            transverse=state.transverse * precession(time[..., None], voxels.t2[:, None], voxels.b0[:, None]),
            longitudinal=state.longitudinal * decay[..., None],
            recovered=1 + (state.recovered - 1) * decay,
            transverse_clock=state.transverse_clock + passed,
            elapsed=state.elapsed + time.detach(),
        )

    def crush(self, state: PathwayState, moment: int) -> PathwayState:
        """Play a gradient of whole cycles over the voxel."""
        played = state.transverse_clock.new_tensor([0.0, moment])
        return replace(state, transverse_clock=state.transverse_clock + played)

    def read(
        self, state: PathwayState
    ) -> tuple[Complex[Tensor, "batch n_voxels"], Float[Tensor, "batch n_voxels"]]:
        """Mxy and Mz, in units of M0."""
        mxy = (state.transverse * self._dephasing(state.transverse_clock, state.elapsed)).sum(-1)
        along = (state.longitudinal * self._dephasing(state.longitudinal_clock, state.elapsed)).sum(-1)
        return mxy, state.recovered + along.real

    def _dephasing(self, clock: Float[Tensor, "batch pathways 2"], elapsed: Tensor) -> Tensor:
        """Mean of exp(2 pi i f tau) over the frequencies f of each voxel, [batch, n_voxels, pathways]."""
        time, moment = clock.unbind(-1)
        tau = refocused(time, elapsed)[:, None, :]
        unspoiled = (moment == 0)[:, None, :]
        if self.offsets is None:
            t2_prime, spread = self.voxels.t2_prime[:, None], self.voxels.spread[:, None]
            return unspoiled * dephasing(tau, t2_prime, spread)
        angle = 2 * math.pi * self.offsets[:, :, None] * tau[:, :, None, :]
        return unspoiled * torch.polar(torch.ones_like(angle), angle).mean(-2)
