"""Blocks of a sequence: pulses that act together, and what each block does to Mz, measured over voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.coherence import coherence_pathways
from sequence_search.engines.simulator import Simulator
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import MIDDLE
from sequence_search.sections import section, tied, up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

N_PER_TISSUE = 256  # voxels over which blocks are measured
# Of the signal, rms over voxels: two blocks are apart if no more of it needs what is not their mean Mz.
BLIND = 0.05
INVERTED, KEPT = -0.7, 0.95  # of Mz, mean over voxels; 180° gives -0.76 over b1 from 0.6 to 1.4
# Of Mz left, mean and rms over voxels: 90° leaves 0 and 0.18 over b1 from 0.8 to 1.2, 0.08 and 0.28 over 0.65
# to 1.25.
SATURATED_MEAN, SATURATED = 0.15, 0.35
STEADIER = 0.5  # of the sd of one pulse's Mz over voxels: pulses that leave less act as a composite one
SELECTIVE = 0.5  # of Mz, between tissues of different frequency
KEEPING = "rotation that keeps Mz"
T2_WEIGHTED = 0.1  # of Mz lost to T2 within the block, in the tissue that loses most
MINOR = 0.2  # of the two ways along z and through the transverse plane, a share that is not named


@dataclass(frozen=True, slots=True)
class Block:
    """Pulses before the readout's that act together: only their voxel's mean Mz crosses to other pulses.

    Attributes
    ----------
    pulses : counted from 0, one after the other
    kind : str
        By what it does to Mz, see `kind_of`.
    duration : from its first to its last pulse [s]
    wait : from its last pulse to the next block [s]
    turn : mean Mz after it for Mz = 1 before, without relaxation, over b0, b1 and tissues: -1 inverts [1]
    turn_sd : standard deviation of that over b0, b1 and tissues [1]
    turn_of_180 : the mean of one 180° pulse in its place
    turn_sd_of_one : the standard deviation of one pulse with the same mean
    along, across : parts of Mz after it for Mz = 1 before that stayed along z, and that passed the transverse
        plane and refocused, without relaxation, at the nominal b1 [1]
    mz_factor : Mz after it per Mz before, with relaxation; mean over each tissue's voxels [1]
    mz_after : in this sequence just after it, in units of M0; mean over each tissue's voxels
    mz_next : in this sequence just before the next block
    mz_next_rms : root mean square of that over each tissue's voxels
    """

    pulses: tuple[int, ...]
    kind: str
    duration: float = field(metadata={"unit": "s"})
    wait: float = field(metadata={"unit": "s"})
    turn: float
    turn_sd: float
    turn_of_180: float
    turn_sd_of_one: float
    along: float
    across: float
    mz_factor: dict[str, float]
    mz_after: dict[str, float]
    mz_next: dict[str, float]
    mz_next_rms: dict[str, float]


def start_mz(simulator: Simulator, sequence: Sequence) -> float | Float[Tensor, " n_voxels"]:
    """Mz before the first pulse of a single sequence in units of M0: 1, or that of its steady state.

    Where pulses select a slice it is the mean over the places of the simulator within it.
    """
    return simulator.evolve(sequence, sequence.tr[None])[1][0] if sequence.is_steady else 1.0


def cut_blocks(simulator: Simulator, sequence: Sequence) -> list[tuple[int, ...]]:
    """Pulses of a single sequence in groups: between two of them only the voxels' mean Mz matters.

    Of a layout they are those up to its last readout. Where pulses select a slice the simulator should have
    its middle alone: profiles go together, so that the slice's mean Mz is not what the next pulse finds.

    In each delay the sequence is played on from the mean Mz of each voxel there, without its transverse
    magnetisation and without what is stored dephased. Where the signals stay, blocks are apart.
    """
    start, read = start_mz(simulator, sequence), up_to_readout(sequence)
    n_rf, m0 = len(read.delay), simulator.voxels.m0
    # Where no tissue has magnetisation, the pulses still act as they would on some.
    m0 = m0 if m0.any() else torch.ones_like(m0)
    whole = simulator.magnetization(tied(read), start)[0]
    cuts = [0]
    for first in range(1, n_rf):
        _, mz = simulator.magnetization(tied(section(read, range(first))), start)
        without, _ = simulator.magnetization(tied(section(read, range(first, n_rf))), mz)
        change, size = ((m0 * each.abs()).square().sum() for each in (without - whole, whole))
        if change <= BLIND**2 * size:
            cuts.append(first)
    return [tuple(range(*ends)) for ends in zip(cuts, [*cuts[1:], n_rf], strict=True)]


def measure_blocks(problem: Problem, sequence: Sequence, groups: list[tuple[int, ...]]) -> tuple[Block, ...]:
    """Blocks of groups of pulses that follow each other from the first pulse of a single sequence."""
    voxels = problem.voxels(N_PER_TISSUE)
    simulator, resting, lasting = (
        Simulator(without(voxels, *times), kinds=problem.pulses, n_places=MIDDLE)
        for times in ((), ("t1", "t2"), ("t2",))
    )
    single_180 = Sequence.from_degrees_ms([180], [0], [0])
    turn_of_180 = float(mz_factor(resting, single_180).mean())
    mz, blocks = start_mz(simulator, sequence) * torch.ones_like(voxels.b1), []
    read = up_to_readout(sequence)
    for pulses in groups:
        acting, waiting = played_alone(read, pulses), section(read, range(pulses[0], pulses[-1] + 1))
        kept, turns, (along, across) = mz_factor(simulator, acting), mz_factor(resting, acting), ways(acting)
        loss_to_t2 = by_tissue(problem, voxels, (mz_factor(lasting, acting) - kept).abs())
        turn, turn_sd = float(turns.mean()), float(turns.std(correction=0))
        sd_of_one = sd_of_one_pulse(voxels, turn)
        kind = t2_kind(along, across) if max(loss_to_t2.values()) > T2_WEIGHTED else None
        if is_selective(problem, by_tissue(problem, voxels, turns)):
            kind = "frequency-selective rotation"
        _, after = simulator.magnetization(acting, mz)
        _, mz = simulator.magnetization(waiting, mz)
        squares = by_tissue(problem, voxels, mz.square())
        blocks.append(
            Block(
                pulses=pulses,
                kind=kind or kind_of(turn, turn_sd, turn_of_180, sd_of_one, len(pulses)),
                duration=float(acting.delay.sum()),
                wait=float(read.delay[pulses[-1]]),
                turn=turn,
                turn_sd=turn_sd,
                turn_of_180=turn_of_180,
                turn_sd_of_one=sd_of_one,
                along=along,
                across=across,
                mz_factor=by_tissue(problem, voxels, kept),
                mz_after=by_tissue(problem, voxels, after),
                mz_next=by_tissue(problem, voxels, mz),
                mz_next_rms={name: math.sqrt(each) for name, each in squares.items()},
            )
        )
    return tuple(blocks)


def kind_of(turn: float, turn_sd: float, turn_of_180: float, sd_of_one: float, n_pulses: int) -> str:
    """Name of what a block that T2 hardly touches does to Mz, by the attributes of `Block`."""
    if turn >= KEPT:
        return KEEPING
    if turn <= INVERTED:
        return "composite inversion" if n_pulses > 1 and turn < turn_of_180 else "inversion"
    is_saturation = abs(turn) <= SATURATED_MEAN and math.hypot(turn, turn_sd) <= SATURATED
    name = "saturation" if is_saturation else "partial saturation" if turn >= 0 else "partial inversion"
    return f"composite {name}" if n_pulses > 1 and turn_sd < STEADIER * sd_of_one else name


def sd_of_one_pulse(voxels: Voxels, turn: float) -> float:
    """Standard deviation over voxels of what one pulse leaves of Mz, with the flip angle of that mean."""
    turns = torch.cos(torch.linspace(0, math.pi, 181, dtype=torch.float64)[:, None] * voxels.b1)
    return float(turns[(turns.mean(1) - turn).abs().argmin()].std(correction=0))


def is_selective(problem: Problem, turns: dict[str, float]) -> bool:
    """Whether a block turns the Mz of tissues apart that differ in frequency, as fat and water do."""
    own = {tissue.b0.centre for tissue in problem.tissues}
    return len(own) > 1 and max(turns.values()) - min(turns.values()) > SELECTIVE


def t2_kind(along: float, across: float) -> str | None:
    """Name of a block by the `ways` it leaves Mz where T2 takes from one; None if little passed that way."""
    whole = abs(along) + abs(across)
    if abs(across) <= MINOR * whole:
        return None
    prepared = "T2 preparation" if across > 0 else "T2-prepared inversion"
    if abs(along) < MINOR * whole:
        return prepared
    if along * across > 0:
        return f"partly {prepared}"
    return f"inversion opposed by a {prepared}" if along < 0 else f"{prepared} opposed by what stays along z"


def mz_factor(simulator: Simulator, block: Sequence) -> Float[Tensor, " n_voxels"]:
    """Change of Mz after a single sequence per change of Mz before it, in each voxel."""
    (_, up), (_, down) = simulator.magnetization(block, 1.0), simulator.magnetization(block, -1.0)
    return (up - down) / 2


def ways(block: Sequence) -> tuple[float, float]:
    """Parts of Mz that stayed along z and that passed the transverse plane, as `Block` has them."""
    pathways = coherence_pathways(block, t1=math.inf, t2=math.inf)
    is_z = (pathways.orders[:, -1:] == 0).all(1)
    is_z &= pathways.moment == 0
    left = pathways[is_z & (abs(pathways.clock) <= pathways.transverse_time / 4)]
    passed = left.transverse_time > 0
    return float(left.amplitude[~passed].real.sum()), float(left.amplitude[passed].real.sum())


def without(voxels: Voxels, *times: str) -> Voxels:
    """Voxels with relaxation times, "t1" or "t2", without end."""
    return replace(voxels, **{name: torch.full_like(voxels.t1, math.inf) for name in times})


def played_alone(sequence: Sequence, pulses: tuple[int, ...]) -> Sequence:
    """A block from its first pulse to just after its last."""
    alone = section(sequence, range(pulses[0], pulses[-1] + 1))
    until_last = torch.arange(len(pulses)) < len(pulses) - 1
    return replace(alone, delay=torch.where(until_last, alone.delay, 0.0))


def by_tissue(problem: Problem, voxels: Voxels, values: Float[Tensor, " n_voxels"]) -> dict[str, float]:
    """Weighted mean over the voxels of each tissue by its name."""
    of = [voxels.is_of((i,)) for i in range(len(problem.tissues))]
    means = [float((values * voxels.weight)[mine].sum() / voxels.weight[mine].sum()) for mine in of]
    return {tissue.name: mean for tissue, mean in zip(problem.tissues, means, strict=True)}
