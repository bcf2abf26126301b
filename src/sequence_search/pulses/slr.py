"""Pulses by the Shinnar-Le Roux transform: a slice profile is a filter, and a filter is a pulse.

Pauly et al. 1991, doi:10.1109/42.75611: the filter b is an equiripple one of linear phase, its ripples
follow from those of the magnetisation, a is of minimum phase, and the pulse is peeled off step by step from
the last.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sequence_search.checks import Fault

# |b| in the slice by purpose. A full one stays a hair below 1, at which a has no logarithm.
HEIGHTS = {"small_tip": 0.01, "excitation": math.sqrt(0.5), "refocusing": 1 - 1e-7, "inversion": 1 - 1e-7}
NARROWEST = 0.02  # transition from the slice to outside it, relative to the bandwidth
WIDER = 1.2  # the next that is tried
BISECTIONS = 6  # to 0.3 %
MOST_TAPS = 1024
OVERSAMPLING = 64  # of frequencies, for the logarithm of a near 180°


def slr_pulse(
    n_samples: int, time_bandwidth: float, purpose: str, inside: float, outside: float
) -> Float[np.ndarray, " n_samples"]:
    """Flip angle in each sample [rad], with the narrowest transition that keeps the ripples.

    Parameters
    ----------
    n_samples : int
    time_bandwidth : float
        Product of the duration and the bandwidth at half |b|.
    purpose : str
        One of `HEIGHTS`.
    inside, outside : float
        Most deviation in the slice, and most that is left outside, relative to M0: of Mxy of a small tip
        and an excitation, of Mz of an inversion, of the refocused part of a crushed refocusing. The first two
        have them at their flip angle in the middle of the slice, the last two at 180° on the top of a ripple:
        at 180° in a middle that is a bottom they have up to 2.5 times as much.

    Raises
    ------
    ValueError
        If the time-bandwidth product is too small for the ripples, or there are more than 1,024 samples.
    """
    if n_samples > MOST_TAPS:
        message = "an slr pulse has at most {0} steps of {raster}, got {1}: make them longer"
        raise Fault(message, MOST_TAPS, n_samples)
    ripples = _filter_ripples(purpose, inside, outside)
    taps = _filter(n_samples, time_bandwidth, ripples)
    height = HEIGHTS[purpose]
    if purpose in ("refocusing", "inversion"):
        taps = taps / np.abs(np.fft.fft(taps, OVERSAMPLING * n_samples)).max()
    else:
        taps = taps / taps.sum()
    pulse = _pulse_of(height * taps)
    return np.asarray((pulse + pulse[::-1]) / 2)  # symmetric as b is, but for rounding near 180°


def _filter_ripples(purpose: str, inside: float, outside: float) -> tuple[float, float]:
    """Ripples of b of those of the magnetisation, Pauly, Table II.

    Half of those in the slice where b is relative to its middle: from there the other ripples lie twice as
    far as from their mean.
    """
    match purpose:
        case "excitation":
            return math.sqrt(inside / 2) / 2, outside / math.sqrt(2)
        case "refocusing":
            return inside / 4, math.sqrt(outside)
        case "inversion":
            return inside / 8, math.sqrt(outside / 2)
        case _:
            return inside / 2, outside


def _filter(n: int, time_bandwidth: float, ripples: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """Filter of linear phase with about the narrowest transition that keeps the ripples."""
    width = NARROWEST
    while (found := _equiripple(n, time_bandwidth, width, ripples)) is None:
        width *= WIDER
        if width > 1:
            message = "{time_bandwidth} of {0} is too small for {passband_ripple} and {stopband_ripple}"
            raise Fault(message + ": allow more, or a larger one", f"{time_bandwidth:g}")
    low = width / WIDER
    for _ in range(BISECTIONS):
        middle = (low + width) / 2
        narrower = _equiripple(n, time_bandwidth, middle, ripples)
        low, width, found = (middle, width, found) if narrower is None else (low, middle, narrower)
    return found


def _equiripple(
    n: int, time_bandwidth: float, transition: float, ripples: tuple[float, float]
) -> Float[np.ndarray, " n"] | None:
    """Filter of this transition, relative to the bandwidth; None if it does not keep the ripples."""
    from scipy.signal import remez

    inside, outside = ripples
    low, high = (time_bandwidth * (1 + side * transition) / (2 * n) for side in (-1, 1))
    try:
        taps = np.asarray(remez(n, [0, low, high, 0.5], [1, 0], weight=[1, inside / outside], maxiter=100))
    except ValueError:  # it does not converge on a transition far too narrow or wide
        return None
    frequency, response = np.arange(8 * n + 1) / (16 * n), np.abs(np.fft.rfft(taps, 16 * n))
    keeps = np.abs(response[frequency <= low] - 1).max() <= inside
    return taps if keeps and response[frequency >= high].max() <= outside else None


def _pulse_of(b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Inverse transform of b and the a of minimum phase to it, both real."""
    spectrum = np.fft.fft(b, OVERSAMPLING * len(b))
    cepstrum = np.fft.ifft(0.5 * np.log(1 - np.abs(spectrum) ** 2)).real
    half = len(cepstrum) // 2
    cepstrum[1:half] *= 2
    cepstrum[half + 1 :] = 0
    a = np.fft.ifft(np.exp(np.fft.fft(cepstrum))).real[: len(b)]
    pulse = np.zeros(len(b))
    for last in range(len(b) - 1, -1, -1):
        half_angle = math.atan2(b[0], a[0])
        pulse[last] = 2 * half_angle
        cos, sin = math.cos(half_angle), math.sin(half_angle)
        a, b = (cos * a + sin * b)[:-1], (cos * b - sin * a)[1:]
    return pulse
