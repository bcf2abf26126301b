"""Coherence pathways of one sequence: what each pulse does to each part of the signal, and its clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Complex, Float, Int

from sequence_search.layout import SPOILER, Gradient
from sequence_search.sections import up_to_readout
from sequence_search.sequence import Sequence

LARGEST_NUMBER = 10_000  # of pathways kept after a pulse; fewer than 9 pulses have fewer
NEGLIGIBLE = 1e-12  # an amplitude in units of M0 that is rounding
# Between grey and white matter. Without relaxation the FID of what recovered before the last pulse is missed.
TYPICAL_T1, TYPICAL_T2, TYPICAL_T2_PRIME, TYPICAL_SPREAD = 1.0, 0.1, 0.17, 30.0


@dataclass(frozen=True, slots=True)
class CoherencePathways:
    """Ways by which magnetisation gets to the readout.

    Attributes
    ----------
    orders : int array
        In each delay +1 transverse, -1 transverse and conjugate to its state at the readout, 0 longitudinal.
        Those that end with 0 give Mz, the others Mxy.
    source : 0 is from equilibrium, before the first pulse; i > 0 recovered in the delay before pulse i
    amplitude : part of Mxy or Mz in units of M0, with relaxation, without dephasing
    clock : tau, the sum of orders times delays [s]: the phase of an offset f is 2 pi f tau, 0 an echo
    transverse_time : in the transverse plane [s]
    moment : of crushers, the sum of orders times their moments, with a number of its own for each spoiler;
        what has another than 0 is dephased over the voxel
    """

    orders: Int[np.ndarray, "pathways n_rf"]
    source: Int[np.ndarray, " pathways"]
    amplitude: Complex[np.ndarray, " pathways"]
    clock: Float[np.ndarray, " pathways"]
    transverse_time: Float[np.ndarray, " pathways"]
    moment: Int[np.ndarray, " pathways"]

    def __getitem__(self, index: np.ndarray) -> CoherencePathways:
        """Some of the pathways."""
        return CoherencePathways(*(getattr(self, field.name)[index] for field in fields(self)))


def coherence_pathways(
    sequence: Sequence, *, t1: float = TYPICAL_T1, t2: float = TYPICAL_T2, mz: float = 1.0
) -> CoherencePathways:
    """All pathways of a single sequence; of more than 10,000 after a pulse the largest.

    Of a layout they go up to its last readout, its pulses turn by their nominal flip angles, and a steady one
    starts from `mz`, in units of M0, as any other does.

    Hennig, "Echoes - how to generate, recognize, use or avoid them in MR-imaging sequences",
    Concepts Magn Reson 3 (1991). The sum of the amplitudes, each times the mean of exp(2 pi i f tau) over the
    frequencies of a voxel, is its magnetisation. T1 and T2 in s.
    """
    single = up_to_readout(sequence.detach().without_padding())
    columns = (single.flip_angle, single.phase, single.delay)
    flips, phases, delays = (column.double().cpu().numpy() for column in columns)
    orders, source, amplitude = (
        np.zeros((1, 0), np.int64),
        np.zeros(1, np.int64),
        np.full(1, mz, np.complex128),
    )
    for i, (flip, phase, delay) in enumerate(zip(flips, phases, delays, strict=True)):
        is_z = (orders[:, -1:] == 0).all(1)
        m, z = np.flatnonzero(~is_z), np.flatnonzero(is_z)
        sin, cos, axis = math.sin(flip), math.cos(flip), np.exp(1j * phase)
        transverse, stored = amplitude[m], sin * amplitude[m] / axis / 2j  # Im(x) = x/2i + (x/2i)*
        mixed = [
            (1 + cos) / 2 * transverse,
            (1 - cos) / 2 * axis**2 * transverse.conj(),
            -1j * sin * axis * amplitude[z],
            cos * amplitude[z],
            stored,
            stored.conj(),
        ]
        n_each = 2 * len(m) + len(z)
        decay = np.repeat([math.exp(-delay / t2), math.exp(-delay / t1)], n_each)
        amplitude = np.append(np.concatenate(mixed) * decay, 1 - math.exp(-delay / t1))
        source = np.append(source[np.concatenate([m, m, z, z, m, m])], i + 1)
        past = np.concatenate(
            [orders[m], -orders[m], orders[z], orders[z], orders[m], -orders[m], 0 * orders[:1]]
        )
        orders = np.column_stack([past, np.repeat([1, 0], [n_each, n_each + 1])])
        kept = np.argsort(-abs(amplitude), kind="stable")[:LARGEST_NUMBER]
        kept = kept[abs(amplitude[kept]) > NEGLIGIBLE]
        orders, source, amplitude = orders[kept], source[kept], amplitude[kept]
    played = (0,) * len(delays) if single.layout is None else single.layout.gradients
    moment = orders @ np.array(_moments(played), np.int64)
    return CoherencePathways(orders, source, amplitude, orders @ delays, (orders != 0) @ delays, moment)


def _moments(gradients: tuple[Gradient, ...]) -> list[int]:
    """Moments of which no sum with factors of 1, 0 and -1 is 0, or another's, if it has a spoiler in it."""
    crushers = [0 if each == SPOILER else int(each) for each in gradients]
    spoiler, moments = 2 * sum(crushers) + 1, list[int]()
    for each, crusher in zip(gradients, crushers, strict=True):
        moments.append(spoiler if each == SPOILER else crusher)
        spoiler *= 3 if each == SPOILER else 1
    return moments


def dephasing(clock: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Share of the signal that a typical T2' and the paper's spread of +-30 Hz leave at a clock tau [s].

    The spread's sinc by its envelope 1 / sqrt(1 + (2 pi spread tau)²): its zeros are of one spread only.
    """
    spread = np.hypot(1, 2 * math.pi * TYPICAL_SPREAD * clock)
    return np.asarray(np.exp(-abs(clock) / TYPICAL_T2_PRIME) / spread)
