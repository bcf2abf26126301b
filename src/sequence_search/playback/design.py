"""The design that a Pulseq file plays, where it plays one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from sequence_search.layout import HARD, SPOILER, Gradient, Layout, Readout
from sequence_search.phases import wrap
from sequence_search.playback.bare import Bare, bare_sequence, kind_of
from sequence_search.playback.events import PulseqError, SeqFile
from sequence_search.playback.gradients import Played, recognise
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import Repetitions, find_repetitions
from sequence_search.playback.voxel import Voxel, find_voxel
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import GRADIENTS, NO_GRADIENT
from sequence_search.sequence import Sequence

MOST_PULSES = 64
SAME_PHASE = 1e-3  # rad
RASTER = 1.1e-5  # by which delays of a train may differ [s]
NAMES = {
    "excitation": "excite",
    "refocusing": "refocus",
    "inversion": "invert",
    "saturation": "saturate",
    "preparation": "prepare",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """A design.

    Attributes
    ----------
    sequence : single, with a layout where it is not plain
    kinds : of its pulses, by name
    notes : what of the file does not quite fit it, a sentence each
    """

    sequence: Sequence
    kinds: dict[str, Kind]
    notes: tuple[str, ...]


def import_seq(
    source: Any,
    *,
    kinds: Mapping[str, Kind] | None = None,
    size: tuple[float, float, float] | None = None,
    field: float | None = None,
) -> Imported:
    """The design that a Pulseq file plays: pulses, delays, crushers, spoilers, readouts, TR.

    Parameters
    ----------
    source, size, field : see `sequence_search.playback.score.play`
    kinds : of a problem, whose names those of its pulses get that play the same

    Raises
    ------
    PulseqError
        If the file is not understood, or plays no design: phases that differ from one repetition to the next
        other than all alike, as for RF spoiling, more than 64 pulses that do not repeat, or a crusher that is
        turned over.
    """
    file = read_seq(source, field)
    repetitions = find_repetitions(file)
    voxel = find_voxel(file, repetitions, size)
    if repetitions.period > MOST_PULSES:
        raise PulseqError(
            f"{file.name} is no design: {repetitions.period} pulses do not repeat, and a design has at most"
            f" {MOST_PULSES}"
        )
    _check_phases(file, repetitions)
    bare = bare_sequence(file, repetitions)
    named = _kinds(file, bare, voxel, kinds or {})
    played = recognise(file, _together(bare, repetitions), voxel)
    sequence = _with_layout(
        bare, played, tuple(named[file.pulses[number].waveform][0] for number in bare.pulses)
    )
    notes = (*file.notes, *played.notes, *_notes(file, bare, voxel))
    return Imported(sequence, {name: kind for name, kind in named.values() if kind is not None}, notes)


def problem_with(problem: Problem, imported: Imported) -> Problem:
    """A problem that plays a design: with its kinds and gradients to choose from, and repeated as it is.

    Raises
    ------
    ValueError
        If the problem repeats its sequences and the design is played once, or has limits or terms that such a
        sequence has no value of.
    """
    sequence, layout = imported.sequence, imported.sequence.layout
    if problem.acquisition.is_repeated and not sequence.is_steady:
        raise ValueError(
            f"problem '{problem.name}' repeats its sequences (tr_ms), and the file plays one once"
        )
    acquisition = problem.acquisition
    if sequence.is_steady and not acquisition.is_repeated:
        acquisition = replace(acquisition, tr=float(sequence.tr))
    space = problem.search_space
    names = dict.fromkeys([*(space.pulses if problem.pulses else ()), *(layout.kinds if layout else (HARD,))])
    played = {NO_GRADIENT if not each else SPOILER if each == SPOILER else "crusher" for each in _all(layout)}
    return replace(
        problem,
        name=f"{problem.name}-pulseq",
        title="",
        pulses={**problem.pulses, **imported.kinds},
        search_space=replace(
            space,
            pulses=tuple(names),
            gradients=tuple(each for each in GRADIENTS if each in played | set(space.gradients)),
        ),
        acquisition=acquisition,
    )


def _together(bare: Bare, repetitions: Repetitions) -> Bare:
    """With the pulses and readouts of one repetition, since crushers may vary from each to the next."""
    reads, first, period = repetitions.together, repetitions.first, repetitions.period
    before = {(read.pulse - first) // period for read in reads}
    shift = before.pop() * period if len(before) == 1 else 0
    return replace(bare, reads=reads, pulses=tuple(number + shift for number in bare.pulses))


def _all(layout: Layout | None) -> tuple[Gradient, ...]:
    return layout.gradients if layout else ()


def _check_phases(file: SeqFile, repetitions: Repetitions) -> None:
    """Refuse pulses whose phase relative to the first of their repetition changes."""
    first, period = repetitions.first, repetitions.period
    phases = np.array([pulse.phase for pulse in file.pulses[first:]])
    whole = phases[: len(phases) // period * period].reshape(-1, period)
    relative = whole - whole[:, :1]
    for place, change in enumerate(abs(wrap(relative - relative[0])).max(0)):
        if change > SAME_PHASE:
            raise PulseqError(
                f"{file.name} is no design: the phase of pulse {place + 1} relative to the first differs from"
                f" one repetition to the next, by {math.degrees(change):.3g}°"
            )


def _kinds(
    file: SeqFile, bare: Bare, voxel: Voxel, known: Mapping[str, Kind]
) -> dict[int, tuple[str, Kind | None]]:
    """Name and kind of each waveform; no kind for the instantaneous one of a problem without others."""
    found: dict[int, tuple[str, Kind | None]] = {}
    taken: set[str] = set(known)
    thickness = 0.0 if voxel.slice_axis is None else voxel.size[voxel.slice_axis]
    for number in bare.pulses:
        pulse = file.pulses[number]
        if pulse.waveform in found:
            continue
        kind = kind_of(file.waveform(pulse), file.name, thickness)
        same = next((name for name, each in known.items() if _plays_alike(kind, each)), None)
        if same is not None:
            found[pulse.waveform] = same, known[same]
            continue
        word = NAMES.get(pulse.use, "pulse")
        name = next(
            each for each in (word, *(f"{word}{count}" for count in range(2, 99))) if each not in taken
        )
        taken.add(name)
        found[pulse.waveform] = name, kind
    return found


def _plays_alike(first: Kind, second: Kind) -> bool:
    """Whether two kinds of pulse play the same, but for rounding in a file."""
    if not math.isclose(first.duration, second.duration, rel_tol=1e-6):
        return False
    if not math.isclose(first.slice_bandwidth, second.slice_bandwidth, rel_tol=0.02, abs_tol=1.0):
        return False
    if (first.fixed_flip is None) != (second.fixed_flip is None):
        return False
    if not math.isclose(first.offset, second.offset, rel_tol=1e-4, abs_tol=0.01):
        return False
    middles = (np.arange(64) + 0.5) / 64
    curves = [np.append(0, np.cumsum(each.waveform)) for each in (first, second)]
    grids = [np.linspace(0, 1, len(curve)) for curve in curves]
    one, other = (
        np.interp(middles, grid, curve.real) + 1j * np.interp(middles, grid, curve.imag)
        for grid, curve in zip(grids, curves, strict=True)
    )
    return bool(abs(one - other).max() < 1e-3 * max(1.0, abs(other).max()))


def _with_layout(bare: Bare, played: Played, names: tuple[str, ...]) -> Sequence:
    """The sequence with its gradients and kinds, and as a train of one spacing where it is one."""
    layout = bare.sequence.layout or Layout.plain(len(bare.pulses))
    readouts = tuple(
        Readout(one.pulse, one.multiples, gradient)
        for one, gradient in zip(layout.readouts, played.readouts, strict=True)
    )
    whole = replace(layout, gradients=played.gradients, kinds=names, readouts=readouts)
    found = replace(bare.sequence, layout=whole)
    return _train(found, whole) or found


def _train(sequence: Sequence, layout: Layout) -> Sequence | None:
    """As `Layout.train`, if it is a train of two echoes or more of one spacing."""
    n_echoes = len(layout.readouts)
    excitation = layout.n_rf - n_echoes - 1
    if n_echoes < 2 or excitation < 0:
        return None
    if [one.pulse for one in layout.readouts] != list(range(excitation + 1, layout.n_rf)):
        return None
    crusher = layout.readouts[0].gradient
    train = Layout.train(
        n_echoes,
        before=layout.gradients[:excitation],
        crusher=crusher,
        kinds=layout.kinds,
        steady=layout.steady,
    )
    is_train = train.gradients == layout.gradients and all(one.gradient == crusher for one in layout.readouts)
    delay = sequence.delay
    # One delay for each pulse before the train, then halves of the spacing, and what is left of the TR.
    halves = delay[excitation : excitation + 2 * n_echoes]
    if not is_train or float(halves.max() - halves.min()) > RASTER:
        return None
    rest = delay[excitation + 2 * n_echoes :]
    tied = torch.cat([delay[:excitation], halves.mean()[None], rest])
    return Sequence(sequence.flip_angle, sequence.phase, tied, layout=train)


def _notes(file: SeqFile, bare: Bare, voxel: Voxel) -> list[str]:
    """What a design does not tell."""
    if voxel.slice_axis is None:
        return []
    along = [file.waveform(file.pulses[number]).gradient[:, voxel.slice_axis] for number in bare.pulses]
    signs = {float(np.sign(np.median(each))) for each in along if each.any()}
    notes = []
    if len(signs) > 1:
        notes.append("slice gradients of both signs count as of one: off resonance, slices shift together")
    if any(np.ptp(each) > 1e-3 * abs(each).max() for each in along if each.any()):
        notes.append("a slice gradient that changes during a pulse counts as constant")
    return notes
