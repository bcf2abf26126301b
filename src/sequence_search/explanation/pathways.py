"""Which coherence pathways carry each tissue's signal, and what has become of the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Complex, Float, Int

from sequence_search.coherence import LARGEST_NUMBER, CoherencePathways, coherence_pathways
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import start_mz
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sections import up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.words import enumerated

LEAST = 0.05  # of the largest part, below which a pathway is not listed
MOST_LISTED = 5
ROUNDED = 9  # digits of a clock [s] that tell pathways apart

Dephasing = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Carrier:
    """Pathways of one history that carry signal of the nominal voxel.

    Attributes
    ----------
    words : what the pulses, counted from 1, do to it
    part : of the signal, along the phase of the largest pathway, dephasing included, in units of M0
    off_echo : the magnitude of its clock at the readout [s]
    """

    words: str
    part: float
    off_echo: float = field(metadata={"unit": "s"})


@dataclass(frozen=True, slots=True)
class TissueSignal:
    """Carriers of a tissue's signal, largest first, and where its M0² is at the readout; nominal voxel.

    Attributes
    ----------
    signal : |Mxy|²
    dephased : transverse, its spins out of phase
    longitudinal : square of the mean Mz
    stored : along z, of opposite signs over the spins
    relaxed : the rest of 1, lost to relaxation and not recovered
    """

    tissue: str
    carriers: tuple[Carrier, ...]
    signal: float
    dephased: float
    longitudinal: float
    stored: float
    relaxed: float


def tissue_signals(problem: Problem, sequence: Sequence) -> tuple[TissueSignal, ...]:
    """Carriers and whereabouts of each tissue's magnetisation, by its own T1, T2, T2', b0 and the spread.

    Of a layout they are at its last readout, in the middle of a slice, by nominal flip angles.

    Squares of lengths add up where lengths do not: the mean of |M|² over the spins of a voxel is |mean Mxy|²
    + (mean Mz)² and the variances of both, which dephasing makes.
    """
    nominal, signals = problem.voxels(method="nominal"), []
    middle = Simulator(nominal, kinds=problem.pulses, n_places=MIDDLE)
    start = start_mz(middle, sequence) * torch.ones_like(nominal.t1)
    columns = (nominal.t1, nominal.t2, nominal.t2_prime, nominal.spread, nominal.b0, start)
    rows = zip(problem.tissues, *(column.tolist() for column in columns), strict=True)
    for tissue, t1, t2, t2_prime, spread, b0, before in rows:
        pathways = off_resonance(coherence_pathways(sequence, t1=t1, t2=t2, mz=before), b0)
        is_z = (pathways.orders[:, -1:] == 0).all(1)

        def dephasing(clock: np.ndarray, t2_prime: float = t2_prime, spread: float = spread) -> np.ndarray:
            return np.asarray(np.exp(-abs(clock) / t2_prime) * np.sinc(2 * spread * clock))

        transverse, stored = pathways[~is_z], pathways[is_z]
        (mxy, all_xy), (mz, all_z) = (mean_and_square(each, dephasing) for each in (transverse, stored))
        shares = (
            abs(mxy) ** 2,
            all_xy - abs(mxy) ** 2,
            abs(mz) ** 2,
            all_z - abs(mz) ** 2,
            1 - all_xy - all_z,
        )
        signals.append(TissueSignal(tissue.name, carriers(transverse, dephasing, sequence), *shares))
    return tuple(signals)


def has_all_pathways(sequence: Sequence) -> bool:
    """Whether `coherence_pathways` follows all, up to the last readout of a single sequence."""
    return bool(3 ** len(up_to_readout(sequence).delay) <= LARGEST_NUMBER)


def off_resonance(pathways: CoherencePathways, b0: float) -> CoherencePathways:
    """Pathways of spins that all precess by an offset [Hz], as fat does."""
    return replace(pathways, amplitude=pathways.amplitude * np.exp(2j * math.pi * b0 * pathways.clock))


def mean_and_square(pathways: CoherencePathways, dephasing: Dephasing) -> tuple[complex, float]:
    """Mean over the spins of a voxel of a magnetisation, and of its squared magnitude."""
    square = 0.0
    for moment in np.unique(pathways.moment):
        mine = pathways[pathways.moment == moment]
        clock, place = np.unique(mine.clock.round(ROUNDED), return_inverse=True)  # alike, they dephase alike
        amplitude = np.zeros(len(clock), np.complex128)
        np.add.at(amplitude, place.ravel(), mine.amplitude)
        square += float((amplitude.conj() @ dephasing(clock[:, None] - clock) @ amplitude).real)
    read = pathways[pathways.moment == 0]
    return complex((read.amplitude * dephasing(read.clock)).sum()), square


def carriers(pathways: CoherencePathways, dephasing: Dephasing, sequence: Sequence) -> tuple[Carrier, ...]:
    """Transverse pathways by the size of their part of the signal; those of one history and clock are one."""
    pathways = pathways[pathways.moment == 0]
    signal: Complex[np.ndarray, " pathways"] = pathways.amplitude * dephasing(pathways.clock)
    if not len(signal):
        return ()
    parts: Float[np.ndarray, " pathways"] = (
        signal * np.exp(-1j * np.angle(signal[abs(signal).argmax()]))
    ).real
    flips, sums = sequence.flip_angle.tolist(), dict[tuple[str, float], float]()
    for orders, source, clock, size in zip(
        pathways.orders, pathways.source, pathways.clock, parts, strict=True
    ):
        key = pathway_words(orders, int(source), flips), abs(round(float(clock), ROUNDED))
        sums[key] = sums.get(key, 0.0) + float(size)
    listed = sorted(sums.items(), key=lambda item: -abs(item[1]))[:MOST_LISTED]
    least = LEAST * abs(listed[0][1])
    return tuple(Carrier(words, size, clock) for (words, clock), size in listed if abs(size) > least)


def pathway_words(orders: Int[np.ndarray, " n_rf"], source: int, flips: list[float]) -> str:
    """As "recovered after pulse 3, excited by 4, refocused by 5"; pulses counted from 1."""
    steps: list[tuple[str, list[str]]] = [("recovered after pulse", [str(source)])] if source else []
    before = 0
    for pulse in range(source, len(orders)):
        after = int(orders[pulse])
        if before == after == 0:
            what = "inverted by" if math.cos(flips[pulse]) < 0 else ""
        elif before == after:
            what = ""
        elif before == 0:
            what = "excited by"
        else:
            what = "stored by" if after == 0 else "refocused by"
        if what and steps and steps[-1][0] == what:
            steps[-1][1].append(str(pulse + 1))
        elif what:
            steps.append((what, [str(pulse + 1)]))
        before = after
    return ", ".join(f"{what} {enumerated(pulses)}" for what, pulses in steps)
