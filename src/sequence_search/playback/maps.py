"""What an RF waveform makes of a spin, relaxation during it and all: a linear map and what is added."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float
from scipy.interpolate import CubicSpline

from sequence_search.playback.events import Waveform

NODES_PER_TURN = 12  # of the phase that a spin gains during a waveform: cubic splines are right to 1e-5
FEWEST_NODES = 8
MOST_TURNS = 20  # by its own frequency, of a spin that is told apart


class Spin(NamedTuple):
    """Properties of a voxel that act during a pulse: rates [1/s], relative transmit field, frequency [Hz]."""

    r1: float
    r2: float
    b1: float
    b0: float


class Map(NamedTuple):
    """Mxy becomes a Mxy + b Mxy* + c Mz + d, and Mz becomes Re(e Mxy) + f Mz + g, of a pulse of phase 0.

    Both are relative to the middle of the waveform: the free turns from its ends to there are taken out, the
    relaxation is within.
    """

    a: Complex[np.ndarray, "..."]
    b: Complex[np.ndarray, "..."]
    c: Complex[np.ndarray, "..."]
    d: Complex[np.ndarray, "..."]
    e: Complex[np.ndarray, "..."]
    f: Float[np.ndarray, "..."]
    g: Float[np.ndarray, "..."]

    def apply(
        self, mxy: Complex[np.ndarray, "..."], mz: Float[np.ndarray, "..."], phase: float
    ) -> tuple[Complex[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Magnetisation after a pulse of this phase [rad]."""
        axis = complex(math.cos(phase), math.sin(phase))
        mxy = mxy * axis.conjugate()
        after = self.a * mxy + self.b * mxy.conj() + self.c * mz + self.d
        return after * axis, (self.e * mxy).real + self.f * mz + self.g


def spin_maps(
    waveform: Waveform,
    spin: Spin,
    axis: int | None,
    frequency: Float[np.ndarray, " n"],
    place: Float[np.ndarray, " n"],
) -> Map:
    """Maps of the spins of a voxel.

    Each depends on one number: on a gradient that is constant during the waveform, or none, the frequency;
    else the place, and the frequency of a spin within the voxel counts as if the pulse were in its middle.
    So it is computed at some of them, and by cubic splines between.

    Parameters
    ----------
    axis : of the slice, or None
    frequency : of each spin within the voxel [Hz]
    place : of each spin on the axis [m]
    """
    gradient = np.zeros(len(waveform.step)) if axis is None else waveform.gradient[:, axis]
    slope = gradient
    is_constant = np.ptp(gradient) <= 1e-6 * abs(gradient).max()
    if is_constant:
        at = spin.b0 + frequency + gradient[0] * place
        base, slope = 0.0, np.ones(len(gradient))
        # Beyond what is usual within a voxel the Lorentzian has few spins, and they are dephased anyway.
        most = MOST_TURNS / waveform.duration
        usual = np.clip(np.quantile(frequency, (0.01, 0.99)), -most, most)
        reach = spin.b0 + gradient[0] * np.array([place.min(), place.max()])
        low, high = reach.min() + usual[0], reach.max() + usual[1]
    else:
        at, base, low, high = place, spin.b0, place.min(), place.max()
    turns = float(abs((slope * waveform.step).sum()) * (high - low))
    n_nodes = FEWEST_NODES + math.ceil(NODES_PER_TURN * turns)
    middle, half = (low + high) / 2, (high - low) / 2 or 0.5
    nodes = np.linspace(middle - half, middle + half, n_nodes)
    whole = _maps(waveform, spin, base + np.outer(slope, nodes) - waveform.offset)
    return Map(*(CubicSpline(nodes, each)(np.clip(at, nodes[0], nodes[-1])) for each in whole))


def _maps(waveform: Waveform, spin: Spin, frequency: Float[np.ndarray, "n_steps n_lanes"]) -> Map:
    """Maps of lanes, each at its frequency in each step [Hz]: each step a rotation amid its relaxation."""
    n_lanes = frequency.shape[1]
    mxy = np.zeros((4, n_lanes), complex)
    mz = np.zeros((4, n_lanes))
    mxy[1], mxy[2], mz[3] = 1, 1j, 1  # and from 0 what is added
    for step, b1, turns in zip(waveform.step, spin.b1 * waveform.b1, frequency, strict=True):
        e1, e2 = math.exp(-spin.r1 * step / 2), math.exp(-spin.r2 * step / 2)
        mxy, mz = e2 * mxy, 1 + e1 * (mz - 1)
        mxy, mz = _turned(mxy, mz, 2 * math.pi * step * b1, 2 * math.pi * step * turns)
        mxy, mz = e2 * mxy, 1 + e1 * (mz - 1)
    # The turns to the middle, in a frame that turns with the pulse, whose phase is that of the middle.
    back = np.exp(-1j * math.pi * (waveform.step[:, None] * frequency).sum(0))
    d, g = mxy[0], mz[0]
    one, other, along = mxy[1:] - d
    e = (mz[1] - g) - 1j * (mz[2] - g)
    a, b = (one - 1j * other) / 2, (one + 1j * other) / 2
    return Map(a * back * back, b, along * back, d * back, e * back, mz[3] - g, g)


def _turned(
    mxy: Complex[np.ndarray, "4 n_lanes"],
    mz: Float[np.ndarray, "4 n_lanes"],
    about_xy: complex,
    about_z: Float[np.ndarray, " n_lanes"],
) -> tuple[Complex[np.ndarray, "4 n_lanes"], Float[np.ndarray, "4 n_lanes"]]:
    """Rotate about a vector of this length [rad]: Rodrigues' formula, its matrix first."""
    angle = np.sqrt(abs(about_xy) ** 2 + about_z * about_z) + np.finfo(float).tiny
    nxy, nz = about_xy / angle, about_z / angle
    cos, sin = np.cos(angle), np.sin(angle)
    less = 1 - cos
    stay = cos + less * (nxy * nxy.conj()).real / 2 + 1j * sin * nz
    excite = nxy * (less * nz - 1j * sin)
    store = nxy.conj() * (less * nz - 1j * sin)
    return (
        stay * mxy + (less * nxy * nxy / 2) * mxy.conj() + excite * mz,
        (store * mxy).real + (cos + less * nz * nz) * mz,
    )
