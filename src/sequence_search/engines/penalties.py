"""Terms of the sequence alone that the kernel does not sum, of arrays of a layout, with their derivatives.

The values are those of `terms`; here they cost no autograd, which takes longer than the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sequence_search.columns import latest_readout
from sequence_search.layout import Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.terms import TERMS, TermKind

Flips = Float[np.ndarray, "batch n_rf"]
Delays = Float[np.ndarray, "batch n_delay"]


class Penalty(NamedTuple):
    """Value [batch] and its derivatives by flip angles [1/rad] and delays [1/s]."""

    value: Float[np.ndarray, " batch"]
    by_flip: Flips
    by_delay: Delays


PenaltyFunction = Callable[[Flips, Delays], Penalty]


def penalty(term: TermKind, layout: Layout, kinds: Mapping[str, Kind]) -> PenaltyFunction | None:
    """A term as a function of flip angles and delays; None if it is not known, or what it takes is not."""
    if term is TERMS["duration"]:
        return lambda flip, delay: _duration(_duration_multiples(layout, delay), flip, delay)
    if term not in (TERMS["b1_rms"], TERMS["peak_b1"]) or not set(layout.kinds) <= set(kinds):
        return None
    played = [kinds[name] for name in layout.kinds]
    if not all(kind.duration for kind in played):
        return None
    # B1 = slope |flip| + constant, one of which is 0.
    b1 = Kind.peak_b1_ut if term is TERMS["peak_b1"] else Kind.rms_b1_ut
    free = np.array([kind.fixed_flip is None for kind in played])
    slope = np.array([b1(kind, 1.0) for kind in played]) * free
    constant = np.array([b1(kind, math.pi) for kind in played]) * ~free
    if term is TERMS["peak_b1"]:
        return lambda flip, delay: _peak(slope, constant, flip, delay)
    of_kinds = slope, constant, np.array([kind.duration for kind in played])
    return lambda flip, delay: _rms(*of_kinds, _duration_multiples(layout, delay), flip, delay)


def _duration_multiples(layout: Layout, delay: Delays) -> Delays:
    """How often the duration of each, as `Sequence.duration`, contains each delay."""
    if layout.steady:
        return np.broadcast_to(np.sum(layout.multiples, 0, float), delay.shape)
    return latest_readout(layout, delay)


def _duration(times: Delays, flip: Flips, delay: Delays) -> Penalty:
    return Penalty((delay * times).sum(1), np.zeros_like(flip), times)


def _peak(slope: np.ndarray, constant: np.ndarray, flip: Flips, delay: Delays) -> Penalty:
    b1 = slope * np.abs(flip) + constant
    value = b1.max(1)
    largest = b1 == value[:, None]
    by_flip = slope * np.sign(flip) * largest / largest.sum(1, keepdims=True)  # shared where several are
    return Penalty(value, by_flip, np.zeros_like(delay))


def _rms(
    slope: np.ndarray, constant: np.ndarray, lasts: np.ndarray, times: Delays, flip: Flips, delay: Delays
) -> Penalty:
    seconds = (delay * times).sum(1)
    value = np.sqrt((slope**2 * flip**2 + constant**2) @ lasts / seconds)
    inverse = np.divide(1.0, value, out=np.zeros_like(value), where=value > 0)  # of no pulse the slope is 0
    by_flip = lasts * slope**2 * flip * (inverse / seconds)[:, None]
    return Penalty(value, by_flip, -0.5 * (value / seconds)[:, None] * times)
