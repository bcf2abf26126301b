"""Which gradients of a Pulseq file are crushers and which are spoilers, by their moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequence_search.layout import SPOILER, Gradient
from sequence_search.playback.bare import Bare
from sequence_search.playback.events import PulseqError, SeqFile
from sequence_search.playback.kspace import excites_by
from sequence_search.playback.voxel import Voxel

LEAST = 1.0  # cycles over a voxel that dephase it; what is less counts as nothing
IDEAL = 4.0  # cycles from which a crusher counts as ideal
SAME = 0.05  # relative, to which moments are alike

Cycles = Float[np.ndarray, " 3"]  # over a voxel, by axis


@dataclass(frozen=True, slots=True)
class Played:
    """What the gradients of a repetition do.

    Attributes
    ----------
    gradients : after each pulse, as of a `Layout`
    readouts : crusher moment at each readout, from the pulse before it
    notes : what does not quite fit a design, a sentence each
    """

    gradients: tuple[Gradient, ...]
    readouts: tuple[int, ...]
    notes: tuple[str, ...]


def recognise(file: SeqFile, bare: Bare, voxel: Voxel) -> Played:
    """Crushers and spoilers of a repetition.

    A moment is that of a crusher if a readout stands behind it, which only an equal one can refocus, or if
    it is the same on both sides of a pulse that does not excite; any other spoils.

    Raises
    ------
    PulseqError
        If a crusher is turned over.
    """
    pieces = [_pieces(file, bare, voxel, place) for place in range(len(bare.pulses))]
    units = _units(file, bare, pieces)
    gradients: list[Gradient] = []
    readouts: list[int] = []
    notes = {
        f"crushers of {_size(unit):.2g} cycles over a voxel count as ideal, which holds from {IDEAL:g}": None
        for unit in units
        if _size(unit) < IDEAL * (1 - 1e-3)
    }
    for place, (read, rest) in enumerate(pieces):
        moment = 0
        for cycles in read:
            moment += _multiple(cycles, units, file, bare.pulses[place]) or 0
            readouts.append(moment)
        is_last = place + 1 == len(pieces)
        count = 0 if rest is None or is_last else _multiple(rest, units, file, bare.pulses[place])
        gradients.append(SPOILER if count is None else moment + count)
        if rest is not None and not is_last and 0.1 * LEAST < _size(rest) < LEAST:
            notes[f"a gradient of {_size(rest):.2g} cycles over a voxel counts as none"] = None
    return Played(tuple(gradients), tuple(readouts), tuple(notes))


def _pieces(file: SeqFile, bare: Bare, voxel: Voxel, place: int) -> tuple[list[Cycles], Cycles | None]:
    """Moments from a pulse to each of its readouts in turn, and from there to the next pulse.

    Phase encoding, which a readout leaves and a gradient behind it takes back, is left out.
    """
    size, first = np.array(voxel.size), bare.pulses[0]
    reads = [read for read in bare.reads if (read.pulse - first) % bare.period == place]
    found = []
    for before, read in zip([None, *reads], reads, strict=False):
        if before is None or before.pulse != read.pulse:
            last, encoded = file.moment(file.centre(file.pulses[read.pulse])), np.zeros(3)
        else:
            last, encoded = file.moment(before.time), np.array(before.encoding)
        found.append((file.moment(read.time) - last - np.array(read.encoding) + encoded) * size)
    number = reads[-1].pulse if reads else bare.pulses[place]
    if number + 1 >= len(file.pulses):
        return found, None
    last = file.moment(reads[-1].time if reads else file.centre(file.pulses[number]))
    encoded = np.array(reads[-1].encoding) if reads else np.zeros(3)
    following = file.moment(file.centre(file.pulses[number + 1]))
    return found, (following - last + encoded) * size


def _units(file: SeqFile, bare: Bare, pieces: list[tuple[list[Cycles], Cycles | None]]) -> list[Cycles]:
    """Moments of crushers, the smallest first, each once."""
    found = [cycles for read, _ in pieces for cycles in read]
    for place in range(1, len(pieces)):
        before = pieces[place - 1][1]
        read, rest = pieces[place]
        after = read[0] if read else rest
        is_excitation = excites_by(file, file.pulses[bare.pulses[place]])
        if not is_excitation and before is not None and after is not None and _are_alike(before, after):
            found.append(after)
    units: list[Cycles] = []
    for cycles in sorted(found, key=_size):
        known = any(_are_alike(cycles, sign * unit) for unit in units for sign in (1, -1))
        if _size(cycles) >= LEAST and not known:
            units.append(cycles)
    return units


def _multiple(cycles: Cycles, units: list[Cycles], file: SeqFile, pulse: int) -> int | None:
    """Whole number of a moment in units of the smallest crusher; None of a spoiler."""
    if _size(cycles) < LEAST:
        return 0
    for unit, count in zip(units, _counts(units), strict=True):
        if _are_alike(cycles, unit):
            return count
        if _are_alike(cycles, -unit):
            block = file.pulses[pulse].block
            raise PulseqError(
                f"{file.name} is no design: after the pulse of block {block} it turns a crusher over, and"
                " those of a design add up"
            )
    return None


def _counts(units: Iterable[Cycles]) -> list[int]:
    counts: list[int] = []
    sizes = [_size(unit) for unit in units]
    for size in sizes:
        counts.append(max(round(size / sizes[0]), counts[-1] + 1 if counts else 1))
    return counts


def _size(cycles: Cycles) -> float:
    return float(abs(cycles).max())


def _are_alike(first: Cycles, second: Cycles) -> bool:
    return _size(first - second) <= max(SAME * _size(first), 0.1 * LEAST)
