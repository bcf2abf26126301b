"""Rotations of many lanes at many flip angles, from those on a few points.

Cayley-Klein parameters are entire functions of the flip angle and of the frequency: by the flip angle of
exponential type half the sum of the waveform's magnitudes, by the frequency of type 2 pi T. So a Chebyshev
series of a little more terms than the phase in half the range is right to rounding (Trefethen 2013,
Approximation Theory and Approximation Practice, chapter 8).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float
from numpy.polynomial.chebyshev import chebval, chebvander

from sequence_search.pulses.rotation import CayleyKlein, cayley_klein

LANES = 256  # at a time, in the cache


class _Axis(NamedTuple):
    """A range that holds what is asked for, and the Chebyshev points in it."""

    middle: float
    half: float
    points: Float[np.ndarray, " n_points"]  # of -1 to 1

    @classmethod
    def of(cls, values: Float[np.ndarray, "..."], exponential_type: float) -> _Axis:
        low, high = float(values.min()), float(values.max())
        phase = exponential_type * (high - low) / 2
        # The Bessel function J_n(phase) falls to 1e-16 within 15 Airy lengths beyond n = phase.
        count = math.ceil(phase + 15 * (phase / 2) ** (1 / 3)) + 7
        points = np.cos(math.pi * (np.arange(count) + 0.5) / count)
        return cls((low + high) / 2, (high - low) / 2 or 1.0, points)

    @property
    def values(self) -> Float[np.ndarray, " n_points"]:
        return self.middle + self.half * self.points

    def scaled(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        return (values - self.middle) / self.half

    @property
    def fit(self) -> Float[np.ndarray, "n_points n_points"]:
        """Coefficients of a series by values at the points."""
        count = len(self.points)
        fit = chebvander(self.points, count - 1).T * (2 / count)
        fit[0] /= 2
        return np.asarray(fit)


def expanded(
    waveform: Complex[np.ndarray, " n_samples"],
    dwell: float,
    flip: Float[np.ndarray, "..."],
    b1: Float[np.ndarray, "*lanes"],
    frequency: Float[np.ndarray, "*lanes"],
) -> CayleyKlein:
    """As `cayley_klein` of flip times b1; of flip angles apart from the lanes by a series, if that is less.

    Parameters
    ----------
    flip : nominal [*flips, *ones], an axis of length one for each of the lanes; or any that broadcasts
    b1, frequency : of each lane [Hz]

    Returns
    -------
    parameters [*flips, *lanes], to rounding; of 40 flip angles in a twentieth of the time
    """
    flips = flip.shape[: max(0, flip.ndim - b1.ndim)]
    turn = np.asarray(flip * b1)
    if flip.size == math.prod(flips) and turn.size:
        by_flip = _Axis.of(turn, float(np.abs(waveform).sum()) / 2)
        by_frequency = _Axis.of(frequency, 2 * math.pi * dwell * len(waveform))
        if len(by_flip.points) * len(by_frequency.points) < turn.size:
            series = _series(waveform, dwell, by_flip, by_frequency)
            turn, offset = turn.reshape(flip.size, b1.size), frequency.ravel()
            found = _sums(series, by_flip.scaled(turn), by_frequency.scaled(offset))
            return CayleyKlein(*found.reshape(len(found), *flips, *b1.shape))
    return cayley_klein(waveform, dwell, turn, frequency)


def _series(
    waveform: Complex[np.ndarray, " n_samples"], dwell: float, by_flip: _Axis, by_frequency: _Axis
) -> Complex[np.ndarray, "4 by_flip by_frequency"]:
    known = cayley_klein(waveform, dwell, by_flip.values[:, None], by_frequency.values)
    return np.asarray(by_flip.fit @ np.stack(known) @ by_frequency.fit.T)


def _sums(
    series: Complex[np.ndarray, "4 by_flip by_frequency"],
    flip: Float[np.ndarray, "n_flips n_lanes"],
    frequency: Float[np.ndarray, " n_lanes"],
) -> Complex[np.ndarray, "4 n_flips n_lanes"]:
    """The series at flip angles and frequencies in units of their ranges."""
    found = np.empty((len(series), *flip.shape), complex)
    for start in range(0, flip.shape[1], LANES):
        lanes = slice(start, start + LANES)
        of_lanes = series @ chebvander(frequency[lanes], series.shape[2] - 1).T
        of_lanes = np.moveaxis(of_lanes, 1, 0)[:, :, None]  # [by flip, 4, 1, lanes]
        found[:, :, lanes] = chebval(flip[:, lanes], of_lanes, tensor=False)
    return found
