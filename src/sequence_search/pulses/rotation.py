"""A pulse that takes time, as one rotation at its centre between two turns about z.

Over a duration T a waveform is played at a frequency offset f, of b0 and of the place on a slice gradient
that is balanced half before, half after. At its centre that is U = P(-T/2) U(waveform) P(-T/2), with P(t) the
free turn 2 pi f t, so that delays stay from centre to centre; and U = Rz(after) Rx(angle) Rz(before). Signs
are those of `engines.bloch`. With the Cayley-Klein parameters of Pauly et al. 1991, doi:10.1109/42.75611,
U = [[a, -b*], [b, a*]].
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Complex, Float

# Below it a Cayley-Klein parameter has no phase of its own: 1e-12 of a signal. At 180° on resonance a is
# 1e-16 of rounding, by which its derivative would be divided.
NO_PHASE = 1e-12
CHUNK = 4096  # numbers of an array that stays in the cache

Numbers = Complex[np.ndarray, "*lanes"] | complex


class CayleyKlein(NamedTuple):
    """Parameters a and b of rotations, and their derivatives by the flip angle [1/rad]."""

    a: Complex[np.ndarray, "*lanes"]
    b: Complex[np.ndarray, "*lanes"]
    d_a: Complex[np.ndarray, "*lanes"]
    d_b: Complex[np.ndarray, "*lanes"]


class EffectiveRotation(NamedTuple):
    """Rz(after) Rx(angle) Rz(before) [rad], and the derivatives by the nominal flip angle [1]."""

    angle: Float[np.ndarray, "*lanes"]
    before: Float[np.ndarray, "*lanes"]
    after: Float[np.ndarray, "*lanes"]
    d_angle: Float[np.ndarray, "*lanes"]
    d_before: Float[np.ndarray, "*lanes"]
    d_after: Float[np.ndarray, "*lanes"]


def cayley_klein(
    waveform: Complex[np.ndarray, " n_samples"],
    dwell: float,
    flip: Float[np.ndarray, "..."],
    frequency: Float[np.ndarray, "..."],
) -> CayleyKlein:
    """Rotation about its centre by a waveform of equal steps, each a rotation exactly.

    Parameters
    ----------
    waveform : complex [n_samples]
        Share of the flip angle in each step.
    dwell : length of a step [s]
    flip, frequency : arrays that broadcast [*lanes]
        Of the waveform as a whole, b1 included [rad]; offset [Hz], turning Mxy by exp(2 pi i f t).
    """
    flip, frequency = np.broadcast_arrays(flip, frequency)
    parts = [
        _about_centre(waveform, angle, 2 * math.pi * dwell * offset)
        for angle, offset in zip(_chunks(flip), _chunks(frequency), strict=True)
    ]
    return CayleyKlein(*(np.concatenate(part).reshape(flip.shape) for part in zip(*parts, strict=True)))


def _chunks(values: Float[np.ndarray, "*lanes"]) -> list[Float[np.ndarray, " lanes"]]:
    flat = values.ravel()
    return np.array_split(flat, max(1, math.ceil(len(flat) / CHUNK)))


def _about_centre(
    waveform: Complex[np.ndarray, " n_samples"],
    flip: Float[np.ndarray, " lanes"],
    turn: Float[np.ndarray, " lanes"],
) -> CayleyKlein:
    """As `cayley_klein`, of turns about z in a step [rad]."""
    half = len(waveform) // 2
    if half and np.array_equal(waveform.real, waveform[::-1]):
        # Steps about axes in one plane are symmetric matrices: the second half is the first transposed.
        a, b, d_a, d_b = _product(waveform[:half], flip, turn)
        if len(waveform) % 2:
            a, b, d_a, d_b = _then(_step(waveform[half] / 2, flip, turn / 2), CayleyKlein(a, b, d_a, d_b))
        whole = CayleyKlein(
            a * a + b * b,
            2j * (a.conj() * b).imag,
            2 * (a * d_a + b * d_b),
            2j * (d_a.conj() * b + a.conj() * d_b).imag,
        )
    else:
        whole = _product(waveform, flip, turn)
    to_centre = np.exp(0.5j * len(waveform) * turn)  # half the turn of the pulse taken off on each side
    return whole._replace(a=whole.a * to_centre, d_a=whole.d_a * to_centre)


def _product(
    waveform: Complex[np.ndarray, " n_samples"],
    flip: Float[np.ndarray, " lanes"],
    turn: Float[np.ndarray, " lanes"],
) -> CayleyKlein:
    whole = _step(waveform[0], flip, turn)
    for sample in waveform[1:]:
        whole = _then(_step(sample, flip, turn), whole)
    return whole


def _step(
    sample: complex, flip: Float[np.ndarray, " lanes"], turn: Float[np.ndarray, " lanes"]
) -> CayleyKlein:
    """Rotation by a sample's share of the flip angle and a turn about z at once."""
    share = abs(sample)
    axis = -1j * sample / share if share else -1j
    x = flip * share
    square = x * x + turn * turn + np.finfo(float).tiny
    angle = np.sqrt(square)
    cos, sinc = np.cos(angle / 2), np.sin(angle / 2) / angle
    slope = x * (cos / 2 - sinc) / square  # of sinc by x
    return CayleyKlein(
        cos - 1j * (turn * sinc),
        axis * (x * sinc),
        (-0.5 * share) * (x * sinc) - 1j * (share * turn * slope),
        (axis * share) * (sinc + x * slope),
    )


def _then(step: CayleyKlein, before: CayleyKlein) -> CayleyKlein:
    conj_a, conj_b = step.a.conj(), step.b.conj()
    return CayleyKlein(
        step.a * before.a - conj_b * before.b,
        step.b * before.a + conj_a * before.b,
        step.a * before.d_a + step.d_a * before.a - conj_b * before.d_b - step.d_b.conj() * before.b,
        step.b * before.d_a + step.d_b * before.a + conj_a * before.d_b + step.d_a.conj() * before.b,
    )


def effective_rotation(of: CayleyKlein) -> EffectiveRotation:
    """Turns and angle of Cayley-Klein parameters, whose scale does not matter.

    Where a or b vanishes, at 180° on resonance and at 0, its phase is that with which it grows, so that the
    derivatives are right there too.
    """
    a, d_norm_a, phase_a, d_phase_a = _polar(of.a, of.d_a, -of.d_a)
    b, d_norm_b, phase_b, d_phase_b = _polar(1j * of.b, 1j * of.d_b, 1j * of.d_b)
    return EffectiveRotation(
        angle=2 * np.arctan2(b, a),
        before=-phase_a - phase_b,
        after=phase_b - phase_a,
        d_angle=2 * (a * d_norm_b - b * d_norm_a) / (a * a + b * b),
        d_before=-d_phase_a - d_phase_b,
        d_after=d_phase_b - d_phase_a,
    )


def _polar(value: Numbers, slope: Numbers, direction: Numbers) -> tuple[Any, Any, Any, Any]:
    """Magnitude and phase with their derivatives; where it vanishes, the phase of a direction."""
    norm = np.abs(value)
    has_phase = norm > NO_PHASE
    carrier = np.where(has_phase, value, np.where(np.abs(direction) > NO_PHASE, direction, 1.0))
    relative = slope * carrier.conj() / np.abs(carrier)
    d_phase = np.divide(relative.imag, norm, out=np.zeros_like(norm), where=has_phase)
    return norm, relative.real, np.angle(carrier), d_phase
