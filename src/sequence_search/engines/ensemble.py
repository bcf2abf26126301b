"""Spins of a voxel and what acts on them: frequencies, places in gradients, the moves of a single spin."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.voxels import PROPERTIES, Voxels

Real = Float[np.ndarray, "..."] | float

# Generating vector of a lattice of 2^12 to 2^18 points, with axes Lorentzian, spread, crusher, end of the
# repetition, spoilers. Component by component the best of random ones, by the sum of h0^-1.1 h1^-2 and of
# exp(-0.1 h0) over the wave vectors h that alias with 0, of up to 6 cycles of the crusher and 1 of a spoiler.
# An h of 1 cycle of the Lorentzian and of each of seven spoilers is a coherence, which would be read as if it
# were refocused: none aliases, of nine spoilers from 2^14 points on, and of six with 2 cycles of the crusher.
LATTICE = (1, 38661, 251843, 182003, 237229, 10187, 243813, 195581, 135061, 196701, 104497, 120785, 120769)
LARGEST_NUMBER_OF_SPOILERS = len(LATTICE) - 4


@dataclass(frozen=True, slots=True)
class Spins:
    """Magnetisation of each spin of a voxel, in units of M0."""

    mxy: Complex[np.ndarray, "n_places n_spins"]
    mz: Float[np.ndarray, "n_places n_spins"]

    def turn(self, about_xy: complex, about_z: Real = 0.0) -> Spins:
        """Rotate right-handed about a vector of this length [rad], x + iy and z: Rodrigues' formula."""
        angle = np.sqrt(abs(about_xy) ** 2 + np.square(about_z))
        length = np.where(angle > 0, angle, 1.0)
        nxy, nz = about_xy / length, about_z / length
        cos, sin = np.cos(angle), np.sin(angle)
        along = (1 - cos) * ((np.conj(nxy) * self.mxy).real + nz * self.mz)
        return Spins(
            cos * self.mxy + sin * 1j * (nz * self.mxy - nxy * self.mz) + along * nxy,
            cos * self.mz + sin * (np.conj(nxy) * self.mxy).imag + along * nz,
        )

    def wait(self, time: float, frequency: Real, r1: float, r2: float) -> Spins:
        """Precess and relax for a time [s]; if negative, back to what was before."""
        return Spins(
            self.mxy * np.exp((2j * math.pi * frequency - r2) * time),
            1 + (self.mz - 1) * math.exp(-r1 * time),
        )

    def dephase(self, cycles: Float[np.ndarray, "..."]) -> Spins:
        """Play a gradient that turns each spin by so many cycles."""
        return replace(self, mxy=self.mxy * np.exp(2j * math.pi * cycles))


@dataclass(frozen=True, slots=True)
class Ensemble:
    """What acts on the spins of one voxel; arrays broadcast to [n_places, n_spins].

    Attributes
    ----------
    r1, r2 : 1 / T1 and 1 / T2 [1/s]
    b1 : relative to nominal
    b0 : the voxel's frequency [Hz]
    own : each spin's frequency within the voxel [Hz]
    weight : of each spin in means over them, 1 in the mean
    place : across the slice, in slice thicknesses
    crusher : turns by one unit of the crusher [cycles]
    spoilers : turns by each spoiler; the first is that of the end of the repetition [cycles]
    """

    r1: float
    r2: float
    b1: float
    b0: float
    own: Float[np.ndarray, "..."]
    weight: Float[np.ndarray, "..."]
    place: Float[np.ndarray, "..."]
    crusher: Float[np.ndarray, "..."]
    spoilers: Float[np.ndarray, "..."]

    def mean(self, values: Any) -> Any:
        """Mean over the spins of each place."""
        return (self.weight * values).mean(-1)


def lattice_points(
    n_places: int, n_spins: int, n_axes: int, generator: np.random.Generator
) -> Float[np.ndarray, "n_axes n_places n_spins"]:
    """Even points in the unit cube of the axes, shifted at random from place to place."""
    multiples = np.array(LATTICE[:n_axes])[:, None, None] * np.arange(n_spins) % n_spins
    return (multiples / n_spins + generator.random((n_axes, n_places, 1))) % 1


def ensemble_of(
    voxels: Voxels,
    number: int,
    points: Float[np.ndarray, "n_axes n_places n_spins"],
    place: Float[np.ndarray, "n_places 1"],
    crusher_cycles: float | None,
    raster: float | None,
) -> Ensemble:
    """What acts on the spins of voxel `number`, which stand at these points of the unit cube.

    See `play_spins` for the last two.
    """
    one = {name: getattr(voxels, name)[number].item() for name in PROPERTIES}
    lorentzian, uniform, crusher, *spoilers = points
    own, weight = _lorentzian(lorentzian, one["t2_prime"], raster)
    # Up and down again: no step where the lattice begins anew.
    own = own + one["spread"] * (1 - 2 * abs(2 * uniform - 1))
    return Ensemble(
        r1=1 / one["t1"],
        r2=1 / one["t2"],
        b1=one["b1"],
        b0=one["b0"],
        own=own,
        weight=weight,
        place=place,
        crusher=crusher if crusher_cycles is None else crusher_cycles * place,
        spoilers=np.stack(spoilers),
    )


def _lorentzian(
    even: Float[np.ndarray, "n_places n_spins"], t2_prime: float, raster: float | None
) -> tuple[Float[np.ndarray, "n_places n_spins"], Float[np.ndarray, "n_places n_spins"]]:
    """Frequencies [Hz] and weights of spins, from even points in (0, 1), that decay as exp(-|t| / T2')."""
    if raster is not None:
        # Sum over all f + k / raster of the Lorentzian: a Poisson kernel, as smooth as T2' is short.
        own, rate = (even - 0.5) / raster, raster / t2_prime
        return own, math.sinh(rate) / (math.cosh(rate) - np.cos(2 * math.pi * own * raster))
    # Less weight and more spins in the tails, whose phase turns ever faster: the error falls as n^-1.1, not
    # n^-0.75.
    quantile = even - np.sin(2 * math.pi * even) / (2 * math.pi)
    return np.tan(math.pi * (quantile - 0.5)) / (2 * math.pi * t2_prime), 1 - np.cos(2 * math.pi * even)
