"""The last block of a sequence: how it excites what the others left along z, refocuses and reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from sequence_search.coherence import coherence_pathways, dephasing
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import N_PER_TISSUE, by_tissue, without
from sequence_search.layout import SPOILER, Layout
from sequence_search.phases import wrap
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sections import section, tied, up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.structure import NEAR_AXIS, Structure, find_structure

AT_PULSE = 0.1  # of the delay beside it: an echo that misses a delay by less is one at the pulse
ROUNDING = 1e-9  # s
AT_ECHO = 1e-4  # s, within which a readout is at its echo
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
    te : transverse time from the excitation to the echo, or to the readout; of a composite excitation the
        mean over pathways by their magnitudes [s]
    tm : time stored, of a stimulated echo [s]
    off_echo : signed time from the spin echo to the readout; of another kind only if it is far [s]
    readouts : number of those that follow each other in a train; of others the last alone counts
    echoes : times of the echoes since the excitation, of a train behind a stored excitation its readouts [s]
    echo_signal : |Mxy| at each echo without relaxation, in units of the Mz before the block; mean over all
        voxels [1]
    kept, kept_sd : that at the readout, by tissue, and its standard deviation over all voxels
    kept_by_one, sd_by_one : the same of 90°-180° in place of a train, at its TE, and of 90° in place of a
        composite excitation; over all voxels
    echo_signal_of_180 : `echo_signal` if all pulses of a train that is read turned by 90° and 180°, of which
        none stores
    gained : phase that each tissue gains between the pulses of a composite excitation, less the step of
        theirs, by its centre frequency, within (-pi, pi] [rad]
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
    readouts: int
    echoes: tuple[float, ...] = field(metadata={"unit": "s"})
    echo_signal: tuple[float, ...]
    kept: dict[str, float]
    kept_sd: float
    kept_by_one: float | None
    sd_by_one: float | None
    echo_signal_of_180: tuple[float, ...]
    gained: dict[str, tuple[float, ...]] = field(metadata={"unit": "rad"})
    mz_before: dict[str, float]


def measure_readout(
    problem: Problem, sequence: Sequence, pulses: tuple[int, ...], mz_before: dict[str, float]
) -> Readout:
    """Readout by a group of pulses, the last of a single sequence, after the Mz that the others leave."""
    single = up_to_readout(sequence)
    block = section(single, _range(pulses))
    n_read = readouts_of_train(sequence, pulses)
    found = find_structure(block) if n_read == 1 else structure_of_train(sequence, pulses)
    voxels = problem.voxels(N_PER_TISSUE)
    simulator = Simulator(without(voxels, "t1", "t2"), kinds=problem.pulses, n_places=MIDDLE)
    echoes = echo_times(block, found)
    if n_read > 1 and found.storing and found.excitation is not None:
        begun = single.delay[: pulses[found.excitation]].sum()
        echoes = tuple((sequence.readout_times - begun).tolist())
    echo_signal = echo_signals(simulator, block, found, echoes)
    share, mean_te = share_and_te(block)
    train = train_name(found.refocusing_phases, echo_signal, read=n_read > 1)
    is_composite = 0 < share < CARRIES and train not in ("CPMG", "CP")
    one, of_180 = None, tuple[float, ...]()
    if n_read > 1:
        full = with_full_flips(block, found)
        of_180 = () if found.storing else echo_signals(simulator, full, found, echoes)
    elif is_composite:
        one = Sequence.from_degrees_ms([90], [0], [1e3 * float(block.delay[-1])])
    elif len(found.refocusing) > 1 and found.te is not None:
        half = 1e3 * found.te / 2
        one = Sequence.from_degrees_ms([90, 180], [0, 90], [half, half], layout=_of_one(block, found))
    mxy = simulator.magnetization(tied(block))[0].abs()
    by_one = None if one is None else simulator.magnetization(one)[0].abs()
    off_echo = off_spin_echo(block, found)
    te = mean_te if is_composite or found.te is None else found.te + found.off_echo - off_echo
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
        te=te if is_composite else found.te and te,
        tm=found.tm,
        off_echo=off_echo,
        readouts=n_read,
        echoes=echoes,
        echo_signal=echo_signal,
        kept=by_tissue(problem, voxels, mxy),
        kept_sd=float(mxy.std(correction=0)),
        kept_by_one=None if by_one is None else float(by_one.mean()),
        sd_by_one=None if by_one is None else float(by_one.std(correction=0)),
        echo_signal_of_180=of_180,
        gained=gained_phases(problem, block) if is_composite else {},
        mz_before=mz_before,
    )


def readouts_of_train(sequence: Sequence, pulses: tuple[int, ...]) -> int:
    """Number of readouts, one after each pulse up to the last; 1 of what is no such train."""
    layout = sequence.layout
    read = [] if layout is None else sorted(each.pulse for each in layout.readouts)
    if layout is None or len(read) == 1 or read[0] <= pulses[0]:
        return 1
    each = read == list(range(read[0], pulses[-1] + 1))
    return len(read) if each and SPOILER not in layout.gradients[read[0] : read[-1]] else 1


def structure_of_train(sequence: Sequence, pulses: tuple[int, ...]) -> Structure:
    """Structure of pulses whose echoes are all read: that of the first echo, and the others refocus too.

    Of a long train of small pulses no single pathway stands for the echoes.
    """
    first, block = int(sequence.readout_times.argmin()), section(up_to_readout(sequence), _range(pulses))
    until_first = up_to_readout(sequence, first)
    found = find_structure(section(until_first, range(pulses[0], len(until_first.delay))))
    if found.kind != "spin echo" or found.excitation is None:
        return find_structure(block)
    refocusing = (*found.refocusing, *range(len(until_first.delay) - pulses[0], len(block.delay)))
    phases = (block.phase - block.phase[found.excitation])[list(refocusing)]
    return replace(
        found,
        refocusing=refocusing,
        refocusing_phases=tuple(wrap(phases).tolist()),
        te=float(block.delay[found.excitation :].sum()),
    )


def _range(pulses: tuple[int, ...]) -> range:
    return range(pulses[0], pulses[-1] + 1)


def _of_one(block: Sequence, found: Structure) -> Layout | None:
    """Of a spin echo by the kinds of a train's excitation and first refocusing pulse, with crushers."""
    if block.layout is None or found.excitation is None:
        return None
    kinds = (block.layout.kinds[found.excitation], block.layout.kinds[found.refocusing[0]])
    return Layout.plain(2, gradients=(1, 1), kinds=kinds)


def with_full_flips(block: Sequence, found: Structure) -> Sequence:
    """A block with 90° where it excites, and 180° where it refocuses."""
    flips = block.flip_angle.clone()
    flips[found.excitation] = math.pi / 2
    flips[list(found.refocusing)] = math.pi
    return replace(block, flip_angle=flips)


def echo_signals(
    simulator: Simulator, block: Sequence, found: Structure, echoes: tuple[float, ...]
) -> tuple[float, ...]:
    """Mean |Mxy| at echoes at times since the excitation [s]."""
    if not echoes:
        return ()
    times = float(block.delay[: found.excitation].sum()) + torch.tensor(echoes, dtype=torch.float64)
    return tuple(simulator.evolve(tied(block), times)[0].abs().mean(-1).tolist())


def off_spin_echo(block: Sequence, found: Structure) -> float:
    """Signed time from the spin echo to the readout [s], 0 where it is rounding; of another kind if far."""
    if found.kind != "spin echo" or found.excitation is None or found.off_echo:
        return found.off_echo
    clock = 0.0
    for pulse in range(found.excitation, len(block.delay)):
        clock = (-clock if pulse in found.refocusing else clock) + float(block.delay[pulse])
    return clock if abs(clock) > AT_ECHO else 0.0


def gained_phases(problem: Problem, block: Sequence) -> dict[str, tuple[float, ...]]:
    """Phase that tissues gain between pulses, less the step of the pulses' phase [rad]."""
    steps, waits = block.phase.diff(), block.delay[:-1]
    return {
        tissue.name: tuple(wrap(2 * math.pi * tissue.b0.centre * waits - steps).tolist())
        for tissue in problem.tissues
    }


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


def train_name(phases: tuple[float, ...], echo_signal: tuple[float, ...], read: bool = False) -> str | None:
    """Name of a train by its refocusing phases [rad], where an echo of good size follows each; else None.

    One pulse is no train. One whose echoes are all read, however small, is not incomplete.
    """
    if len(phases) < 2:
        return None
    formed = read or (len(echo_signal) == len(phases) and min(echo_signal) >= FORMED)
    if np.all(np.abs(np.cos(phases)) <= math.sin(NEAR_AXIS)):
        return "CPMG" if formed else "incomplete CPMG"
    if np.all(np.abs(np.sin(phases)) <= math.sin(NEAR_AXIS)):
        return "CP" if formed else "incomplete CP"
    return "phase-modulated"
