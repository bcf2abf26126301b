"""The last block of a sequence: how it excites what the others left along z, refocuses and reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from sequence_search.coherence import coherence_pathways, dephasing
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import N_PER_TISSUE, by_tissue, without
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sections import section, up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.structure import NEAR_AXIS, Structure, find_structure

AT_PULSE = 0.1  # of the delay beside it: an echo that misses a delay by less is one at the pulse
ROUNDING = 1e-9  # s
CARRIES = 0.5  # of what all pathways bring, by magnitude: a single one that brings less explains no signal
COMPOSITE = "composite excitation"
FORMED = 0.7  # of what was excited, relaxation aside, is left at each echo of a train that is named


@dataclass(frozen=True, slots=True)
class Readout:
    """The pulses from the excitation on, and any before it that act together with it.

    Attributes
    ----------
    pulses : counted from 0, as those below
    excitation : None without signal
    refocusing, storing, idle : as in `Structure`
    kind : "spin echo", "stimulated echo", "gradient echo" or "no signal"; "composite excitation" where no
        pathway carries half of the signal, other than of a CPMG or CP train
    largest_share : of the largest pathway in the sum of all their magnitudes, in a typical tissue [1]
    refocusing_phases : relative to the excitation, within (-pi, pi] [rad]
    train : of two or more refocusing pulses "CPMG" or "CP", by their phases, "incomplete" if not each has an
        echo of good size, else "phase-modulated"
    te : transverse time from the excitation to the readout, or to an echo far from it; of a composite
        excitation the mean over pathways by their magnitudes [s]
    tm : time stored, of a stimulated echo [s]
    off_echo : signed time from the echo to the readout, if it is far [s]
    echoes : times of the echoes since the excitation [s]
    echo_signal : |Mxy| at each echo without relaxation, in units of the Mz before the block; mean over all
        voxels [1]
    kept : that at the readout, by tissue
    kept_by_one : the same of 90°-180° in place of a train, at its TE; mean over all voxels
    mz_before : in this sequence before its first pulse, in units of M0; mean over each tissue's voxels
    """

    pulses: tuple[int, ...]
    excitation: int | None
    refocusing: tuple[int, ...]
    storing: tuple[int, ...]
    idle: tuple[int, ...]
    kind: str
    largest_share: float
    refocusing_phases: tuple[float, ...] = field(metadata={"unit": "rad"})
    train: str | None
    te: float | None = field(metadata={"unit": "s"})
    tm: float | None = field(metadata={"unit": "s"})
    off_echo: float = field(metadata={"unit": "s"})
    echoes: tuple[float, ...] = field(metadata={"unit": "s"})
    echo_signal: tuple[float, ...]
    kept: dict[str, float]
    kept_by_one: float | None
    mz_before: dict[str, float]


def measure_readout(
    problem: Problem, sequence: Sequence, pulses: tuple[int, ...], mz_before: dict[str, float]
) -> Readout:
    """Readout by a group of pulses, the last of a single sequence, after the Mz that the others leave."""
    block = section(up_to_readout(sequence), range(pulses[0], pulses[-1] + 1))
    found, voxels = find_structure(block), problem.voxels(N_PER_TISSUE)
    simulator = Simulator(without(voxels, "t1", "t2"), kinds=problem.pulses, n_places=MIDDLE)
    echoes = echo_times(block, found)
    echo_signal: tuple[float, ...] = ()
    if echoes:
        since_first = float(block.delay[: found.excitation].sum()) + torch.tensor(echoes, dtype=torch.float64)
        echo_signal = tuple(simulator.evolve(block, since_first)[0].abs().mean(-1).tolist())
    by_one, (share, mean_te) = None, share_and_te(block)
    train = train_name(found.refocusing_phases, echo_signal)
    is_composite = 0 < share < CARRIES and train not in ("CPMG", "CP")
    if len(found.refocusing) > 1 and found.te is not None:
        half = 1e3 * found.te / 2
        single = Sequence.from_degrees_ms([90, 180], [0, 90], [half, half], layout=_of_one(block, found))
        by_one = float(simulator.magnetization(single)[0].abs().mean())
    return Readout(
        pulses=pulses,
        excitation=None if found.excitation is None else pulses[found.excitation],
        refocusing=tuple(pulses[i] for i in found.refocusing),
        storing=tuple(pulses[i] for i in found.storing),
        idle=tuple(pulses[i] for i in found.idle),
        kind=COMPOSITE if is_composite else found.kind or "no signal",
        largest_share=share,
        refocusing_phases=found.refocusing_phases,
        train=None if is_composite else train,
        te=mean_te if is_composite else found.te,
        tm=found.tm,
        off_echo=found.off_echo,
        echoes=echoes,
        echo_signal=echo_signal,
        kept=by_tissue(problem, voxels, simulator.magnetization(block)[0].abs()),
        kept_by_one=by_one,
        mz_before=mz_before,
    )


def _of_one(block: Sequence, found: Structure) -> Layout | None:
    """Of a spin echo by the kinds of a train's excitation and first refocusing pulse, with crushers."""
    if block.layout is None or found.excitation is None:
        return None
    kinds = (block.layout.kinds[found.excitation], block.layout.kinds[found.refocusing[0]])
    return Layout.plain(2, gradients=(1, 1), kinds=kinds)


def share_and_te(block: Sequence) -> tuple[float, float]:
    """Of the pathways from the Mz before a block: the largest's share, and the mean transverse time [s].

    Both by the magnitudes that they bring to the readout in a typical tissue without relaxation.
    """
    pathways = coherence_pathways(block, t1=math.inf, t2=math.inf)
    pathways = pathways[(pathways.orders[:, -1:] == 1).any(1) & (pathways.moment == 0)]
    size = abs(pathways.amplitude) * dephasing(pathways.clock)
    if not size.any():
        return 0.0, 0.0
    return float(size.max() / size.sum()), float(np.average(pathways.transverse_time, weights=size))


def echo_times(block: Sequence, found: Structure) -> tuple[float, ...]:
    """Times since the excitation at which the carrying pathway refocuses [s]; none of a stimulated echo."""
    if found.excitation is None or found.storing:
        return ()
    clock, elapsed, times = 0.0, 0.0, []
    for pulse in range(found.excitation, len(block.delay)):
        delay = float(block.delay[pulse])
        clock = -clock if pulse in found.refocusing else clock
        if pulse in found.refocusing and ROUNDING < -clock <= delay * (1 + AT_PULSE):
            times.append(elapsed + min(-clock, delay))
        clock, elapsed = clock + delay, elapsed + delay
    return tuple(times)


def train_name(phases: tuple[float, ...], echo_signal: tuple[float, ...]) -> str | None:
    """Name of a train by its refocusing phases [rad], where an echo of good size follows each; else None.

    One pulse is no train.
    """
    if len(phases) < 2:
        return None
    formed = len(echo_signal) == len(phases) and min(echo_signal) >= FORMED
    if np.all(np.abs(np.cos(phases)) <= math.sin(NEAR_AXIS)):
        return "CPMG" if formed else "incomplete CPMG"
    if np.all(np.abs(np.sin(phases)) <= math.sin(NEAR_AXIS)):
        return "CP" if formed else "incomplete CP"
    return "phase-modulated"
