"""Equivalent rotations of a kind of pulse over its flip angle, for given voxels and places, made once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.checks import Fault
from sequence_search.pulses.expansion import expanded
from sequence_search.pulses.rotation import CayleyKlein, EffectiveRotation, effective_rotation

TOP = 2 * math.pi
# Every 10°, and closer where the waveform has both signs: what lies between is right to 1e-6 at b1 = 1.3.
LEAST_CELLS = 36
CELLS_PER_MAGNITUDE = 32


@dataclass(frozen=True, slots=True, eq=False)
class RotationTable:
    """Cayley-Klein parameters at evenly spaced flip angles, cubic Hermite between them.

    A pulse of a fixed amplitude has one node, whatever its flip angle.

    Attributes
    ----------
    values : complex [2, n_nodes, n_lanes]
        a and b from 0 to the top.
    slopes : complex [2, n_nodes, n_lanes]
        Their derivatives by the nominal flip angle [1/rad].
    top : largest nominal flip angle [rad]
    efficiency : float [n_lanes], optional
        Of a fixed amplitude, the factor of Mz for what T1 and T2 do during the pulse; not in `rotation`.
    """

    values: Complex[np.ndarray, "2 n_nodes n_lanes"]
    slopes: Complex[np.ndarray, "2 n_nodes n_lanes"]
    top: float = TOP
    efficiency: Float[np.ndarray, " n_lanes"] | None = None

    @property
    def step(self) -> float:
        """From node to node [rad]; inf for a single one."""
        n_nodes = self.values.shape[1]
        return self.top / (n_nodes - 1) if n_nodes > 1 else math.inf

    def rotation(self, flip: Float[np.ndarray, "*batch"] | float) -> EffectiveRotation:
        """Rotations [*batch, n_lanes] at nominal flip angles [rad], derivatives exact of what is returned.

        Raises
        ------
        ValueError
            If a flip angle, of whichever sign, is beyond the top.
        """
        flip = np.asarray(flip, float)
        if self.values.shape[1] == 1:
            parts = (*self.values, *self.slopes)
            lanes = (*flip.shape, self.values.shape[2])
            return effective_rotation(CayleyKlein(*(np.broadcast_to(part[0], lanes) for part in parts)))
        size, sign = np.abs(flip)[..., None], np.where(flip < 0, -1.0, 1.0)[..., None]
        largest = float(np.nanmax(size, initial=0.0))
        if largest > self.top:
            raise Fault(
                "the flip angle of a shaped pulse must be at most {0:rad}, got {1:rad}", self.top, largest
            )
        a, b, d_a, d_b = self._between(size)
        # A negative flip angle turns b over and leaves a.
        return effective_rotation(CayleyKlein(a, sign * b, sign * d_a, d_b))

    def _between(self, flip: Float[np.ndarray, "*batch 1"]) -> tuple[np.ndarray, ...]:
        """The values a and b and their derivatives, each [*batch, n_lanes]."""
        h = self.step
        cell = np.minimum(np.nan_to_num(flip / h).astype(int), self.values.shape[1] - 2)
        t, at = flip / h - cell, cell[..., 0]
        low, high = self.values[:, at], self.values[:, at + 1]
        rise_low, rise_high = self.slopes[:, at], self.slopes[:, at + 1]
        value = (
            (1 + 2 * t) * (1 - t) ** 2 * low
            + t * t * (3 - 2 * t) * high
            + h * t * (1 - t) ** 2 * rise_low
            + h * t * t * (t - 1) * rise_high
        )
        slope = (
            6 * t * (t - 1) / h * (low - high)
            + (1 - t) * (1 - 3 * t) * rise_low
            + t * (3 * t - 2) * rise_high
        )
        return (*value, *slope)


def make_table(
    waveform: Complex[np.ndarray, " n_samples"],
    dwell: float,
    fixed: float | None,
    b1: Float[np.ndarray, " n_lanes"],
    frequency: Float[np.ndarray, " n_lanes"],
) -> RotationTable:
    """Table of a waveform over lanes, each with its b1 and its frequency offset [Hz].

    Parameters
    ----------
    waveform, dwell : as in `cayley_klein`
    fixed : the one flip angle [rad] of a fixed amplitude, or None
    """
    n_cells = max(LEAST_CELLS, math.ceil(CELLS_PER_MAGNITUDE * np.abs(waveform).sum()))
    nodes = np.linspace(0, TOP, n_cells + 1) if fixed is None else np.array([fixed])
    a, b, d_a, d_b = expanded(waveform, dwell, nodes[:, None], b1, frequency)
    slopes = np.stack([d_a, d_b]) * (b1 if fixed is None else 0.0)
    return RotationTable(np.stack([a, b]), slopes)
