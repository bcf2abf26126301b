"""What a Pulseq file scores in a problem, as it will be played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Complex
from torch import Tensor

from sequence_search.engines.simulator import STEP
from sequence_search.objective import Prepared, Slopes
from sequence_search.playback.bare import Bare, bare_sequence
from sequence_search.playback.events import SeqFile
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import Repetitions, find_repetitions
from sequence_search.playback.simulation import N_SPINS, first_pulse, play_file
from sequence_search.playback.voxel import Voxel, find_voxel
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels, more_and_less

N_PER_TISSUE = 64


@dataclass(frozen=True, slots=True)
class Score:
    """What a sequence gives over the voxels of a problem.

    Attributes
    ----------
    signal : mean |S| over the voxels of each tissue and over the readouts [a.u.]
    readouts : of each readout, mean |S| of each tissue [a.u.]
    terms : weighted part of each term; they add up to the loss
    loss : of the objective
    """

    signal: dict[str, float]
    readouts: tuple[dict[str, float], ...]
    terms: dict[str, float]
    loss: float


@dataclass(frozen=True, slots=True)
class Played:
    """A Pulseq file as it was played.

    Attributes
    ----------
    file, repetitions, voxel, bare : what it plays, and where
    score : over the voxels
    played : pulses that were played, from first to before last
    """

    file: SeqFile
    repetitions: Repetitions
    voxel: Voxel
    bare: Bare
    score: Score
    played: tuple[int, int]


def play(
    source: Any,
    problem: Problem,
    *,
    n_per_tissue: int = N_PER_TISSUE,
    n_spins: int = N_SPINS,
    seed: int = 0,
    size: tuple[float, float, float] | None = None,
    field: float | None = None,
) -> Played:
    """Read a Pulseq file, play it and score it.

    Parameters
    ----------
    source : path of a file, or pypulseq.Sequence
    n_per_tissue : voxels of each tissue, Sobol
    n_spins : of each voxel, a power of two
    seed : of the places of the spins
    size : of a voxel along x, y and z [m]; see `find_voxel`
    field : B0 of the scanner [T], for offsets in ppm

    Raises
    ------
    PulseqError
        If it cannot be read or is not understood.
    ValueError
        If a term of the problem names a readout that there is not, or needs a TR.
    """
    file = read_seq(source, field)
    repetitions = find_repetitions(file)
    voxel = find_voxel(file, repetitions, size)
    bare = bare_sequence(file, repetitions, once=not problem.acquisition.is_repeated)
    voxels = problem.voxels(n_per_tissue)
    first = first_pulse(file, repetitions, voxels)

    def signal_of(those: Voxels) -> Tensor:
        return torch.from_numpy(
            play_file(file, repetitions, voxel, those, n_spins=n_spins, seed=seed, first=first)
        )

    slopes = _slopes(signal_of, voxels, problem.objective.estimated)
    score = score_signal(signal_of(voxels), problem, voxels, bare.sequence, bare.kinds, slopes)
    last = max(read.pulse for read in repetitions.reads) + 1
    return Played(file, repetitions, voxel, bare, score, (first, last))


def _slopes(
    signal_of: Callable[[Voxels], Complex[Tensor, "n_readouts n_voxels"]],
    voxels: Voxels,
    names: tuple[str, ...],
) -> Slopes:
    """Derivatives of |signal| by the logarithms of relaxation times, as `Simulator.slopes`.

    The spins of both sides stand at the same places, so that their errors cancel.
    """
    slopes = {}
    for name in names:
        both = more_and_less(voxels, name, STEP)
        higher, lower = (
            signal_of(both[side]).abs() for side in (slice(len(voxels)), slice(len(voxels), None))
        )
        slopes[name] = (higher - lower) / (2 * STEP)
    return slopes


def score_design(sequence: Sequence, problem: Problem, voxels: Voxels) -> Score:
    """Of a single sequence as the problem plays it, by the engine that all searches use."""
    simulator, n_readouts = problem.simulator(voxels), sequence.n_readouts
    signal = simulator.signal(sequence).reshape(n_readouts, -1)
    slopes = {name: part.reshape(n_readouts, -1) for name, part in simulator.slopes(sequence).items()}
    return score_signal(signal, problem, voxels, sequence, problem.pulses, slopes)


def score_signal(
    signal: Complex[Tensor, "n_readouts n_voxels"],
    problem: Problem,
    voxels: Voxels,
    sequence: Sequence,
    kinds: Mapping[str, Kind],
    slopes: Slopes | None = None,
) -> Score:
    """Means over tissues, and the objective, of signals at each readout.

    Parameters
    ----------
    slopes : derivatives of |signal| by what the objective estimates, shaped as the signal

    Raises
    ------
    ValueError
        If the objective has no value of such a sequence.
    """
    prepared = Prepared(problem.objective, voxels, kinds)
    one, its = signal, dict(slopes or {})
    if len(signal) == 1:
        one, its = signal[0], {name: part[0] for name, part in its.items()}
    terms = {name: float(part) for name, part in prepared.parts(one, sequence, its).items()}
    means = [signal.abs()[:, voxels.is_of((index,))].mean(-1) for index in range(len(problem.tissues))]
    table = torch.stack(means, -1).tolist()
    names = [tissue.name for tissue in problem.tissues]
    readouts = tuple(dict(zip(names, row, strict=True)) for row in table)
    whole = {name: sum(row[name] for row in readouts) / len(readouts) for name in names}
    return Score(whole, readouts, terms, sum(terms.values()))
