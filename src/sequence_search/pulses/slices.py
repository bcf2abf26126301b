"""What a pulse does across a slice and while it relaxes."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from sequence_search.pulses.kinds import Kind, Lanes

LEAST_INVERSION = -0.5  # Mz, from which on a pulse inverts
EXTENT = 1.0  # slice thicknesses to each side that places cover
# Places: right to 3e-4 and 5e-6 of M0 in a spin echo of sincs of time-bandwidth 4, to 7e-3 and 2e-5 with a
# steeper refocusing by Shinnar-Le Roux.
IN_SEARCH, IN_REPORT = 8, 16
MANY = 256  # that are right to 1e-5
MIDDLE = 1  # of the slice alone, as if all of it were so
LARGEST_EXPONENT = 700.0  # whose exponential is finite


def selects_slice(names: Iterable[str], kinds: Mapping[str, Kind]) -> bool:
    """Whether one of the kinds of these names selects a slice; "hard" does not."""
    return any(name in kinds and kinds[name].slice_bandwidth for name in names)


class Places(NamedTuple):
    """Places across the slice.

    Attributes
    ----------
    place : float [n_places], slice thicknesses from the middle
    weight : float [n_places]
        Their sum is 2, the thicknesses covered: the weighted sum of the signal at the places is that of an
        ideal slice of one thickness, if the sequence were played in it alone and everywhere in it alike.
    """

    place: Float[np.ndarray, " n_places"]
    weight: Float[np.ndarray, " n_places"]


def places(count: int = IN_SEARCH) -> Places:
    """Midpoints of equal parts of one thickness to each side of the slice's middle.

    A profile ends smoothly, so that they converge as a Fourier series does. A single one is the middle, with
    the weight of one thickness.
    """
    if count < 1:
        raise ValueError(f"a slice needs at least 1 place, got {count}")
    if count == MIDDLE:
        return Places(np.zeros(1), np.ones(1))
    width = 2 * EXTENT / count
    return Places((np.arange(count) + 0.5) * width - EXTENT, np.full(count, width))


def slice_error(kind: Kind, count: int = IN_SEARCH) -> float:
    """By how much of M0 places miss what a pulse by itself does in the slice, at b1 = 1 on resonance.

    It is the largest of the errors of the sums over places, against many, of what its uses ask for: Mxy after
    90°; sin²(angle / 2) at 180°, the part inverted, and with its phase the part refocused. Two steep profiles
    one after the other may be missed by more.
    """
    sums = (_sums(kind, each) for each in (count, MANY))
    return max(float(abs(few - many)) for few, many in zip(*sums, strict=True))


def places_for(kind: Kind, accuracy: float) -> int:
    """Smallest number of places, from that of a search on, that is right to an accuracy; MANY if none is."""
    return next((count for count in range(IN_SEARCH, MANY) if slice_error(kind, count) <= accuracy), MANY)


@functools.lru_cache(256)
def _sums(kind: Kind, count: int) -> tuple[complex, ...]:
    place, weight = places(count)
    frequency = kind.frequency(0.0, place)
    excited, turned = (kind.rotation(flip, 1.0, frequency) for flip in (math.pi / 2, math.pi))
    part = np.sin(turned.angle / 2) ** 2
    by_use = {
        "excitation": np.sin(excited.angle) * np.exp(1j * excited.after),
        "refocusing": part * np.exp(1j * (turned.after - turned.before)),
        "inversion": part,
    }
    asked = by_use if "preparation" in kind.uses else kind.uses
    return tuple(complex(weight @ by_use[use]) for use in by_use if use in asked)


class Profile(NamedTuple):
    """Magnetisation that equilibrium becomes, Mz and Mxy relative to M0."""

    mz: Float[np.ndarray, "*lanes"]
    mxy: Complex[np.ndarray, "*lanes"]


def profile(kind: Kind, flip: float, place: Lanes, b1: Lanes = 1.0, b0: Lanes = 0.0) -> Profile:
    """Slice profile of a pulse of phase 0, as at its centre, without relaxation.

    Parameters
    ----------
    flip : nominal flip angle [rad]
    place : slice thicknesses from the middle
    b1 : relative transmit field
    b0 : off-resonance [Hz]
    """
    found = kind.rotation(flip, b1, kind.frequency(b0, place))
    return Profile(np.cos(found.angle), -1j * np.sin(found.angle) * np.exp(1j * found.after))


def inversion_efficiency(
    kind: Kind, t1: Lanes, t2: Lanes, b1: Lanes = 1.0, frequency: Lanes = 0.0, flip: float = math.pi
) -> Float[np.ndarray, "*lanes"]:
    """Factor of Mz at the centre of a pulse for the T1 and T2 during it.

    With it, and T1 on both sides of the centre as in any delay, equilibrium becomes what the Bloch equations
    over the waveform make of it. It is negative where T2 is so short that equilibrium is hardly inverted, and
    no more than 1 of either sign. It is 1 where the pulse inverts less than half, as it has no efficiency
    there. Engines apply it to pulses of fixed amplitude, which take long, and lie in the plane meanwhile.

    Parameters
    ----------
    t1, t2 : s
    b1 : relative transmit field
    frequency : Hz
    flip : nominal flip angle [rad], of no effect on a kind of fixed amplitude
    """
    lanes = np.broadcast_arrays(t1, t2, b1, frequency)
    distinct, place = distinct_lanes(*lanes)
    left = _inversion_efficiency(kind, distinct.tobytes(), flip)
    return np.asarray(left[place].reshape(lanes[0].shape))


def distinct_lanes(*lanes: Float[np.ndarray, "*lanes"]) -> tuple[Float[np.ndarray, "n d"], np.ndarray]:
    """Each row of what lanes have that occurs, one row for each quantity, and its place for each lane."""
    rows = np.stack([np.asarray(part, np.float64).ravel() for part in lanes])
    order = np.lexsort(rows)  # a tenth of the time of `np.unique` over an axis
    ordered = rows[:, order]
    is_new = np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(0))[: rows.shape[1]]
    place = np.empty(rows.shape[1], np.int64)
    place[order] = is_new.cumsum() - 1
    return ordered[:, is_new], place


@functools.lru_cache(64)
def _inversion_efficiency(kind: Kind, lanes: bytes, flip: float) -> Float[np.ndarray, " n_lanes"]:
    """As `inversion_efficiency`, of lanes as bytes: simulators of the same voxels ask again and again."""
    t1, t2, b1, frequency = np.frombuffer(lanes).reshape(4, -1)
    cos = np.cos(kind.rotation(flip, b1, frequency).angle)
    inverts = cos <= LEAST_INVERSION
    mz = _bloch(kind, flip, t1, t2, b1, frequency)
    recovery = np.exp(np.minimum(kind.duration / 2 / t1, LARGEST_EXPONENT))
    left = (1 + (mz - 1) * recovery) / np.where(inverts, cos, 1.0)
    efficiency = np.where(inverts, np.clip(left, -1.0, 1.0), 1.0)
    efficiency.flags.writeable = False
    return efficiency


def _bloch(
    kind: Kind, flip: float, t1: np.ndarray, t2: np.ndarray, b1: np.ndarray, frequency: np.ndarray
) -> Float[np.ndarray, "*lanes"]:
    """Mz after the waveform, from equilibrium: each step a rotation between halves of its relaxation."""
    e1, e2 = np.exp(-kind.dwell / 2 / t1), np.exp(-kind.dwell / 2 / t2)
    mxy, mz = np.zeros(t1.shape, complex), np.ones(t1.shape)
    turn = 2 * math.pi * frequency * kind.dwell
    for sample in kind.waveform * (flip if kind.fixed_flip is None else kind.fixed_flip):
        field = b1 * sample
        angle = np.sqrt(np.abs(field) ** 2 + turn**2) + np.finfo(float).tiny
        along_xy, along_z = field / angle, turn / angle
        mxy, mz = e2 * mxy, 1 + e1 * (mz - 1)
        # Rodrigues: v cos + (n x v) sin + n (n.v)(1 - cos)
        along = (1 - np.cos(angle)) * ((along_xy.conj() * mxy).real + along_z * mz)
        across_z = (along_xy.conj() * mxy).imag
        across_xy = 1j * (along_z * mxy - along_xy * mz)
        mxy = mxy * np.cos(angle) + across_xy * np.sin(angle) + along_xy * along
        mz = mz * np.cos(angle) + across_z * np.sin(angle) + along_z * along
        mxy, mz = e2 * mxy, 1 + e1 * (mz - 1)
    return np.asarray(mz)
