"""What a Pulseq file is as a measurement: times, RF, slice, and what of it was played."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sequence_search.playback.events import AXES
from sequence_search.playback.score import Played
from sequence_search.pulses.kinds import GAMMA_BAR
from sequence_search.words import counted


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a file and its repetition.

    Attributes
    ----------
    duration : of the whole file [s]
    tr : s; None if nothing is repeated
    te : from the last excitation to each readout [s]
    rf_energy : sum of squared flip angles of a repetition [rad²]
    peak_b1_ut : uT
    rms_b1_ut : over a repetition, or over the file if nothing is repeated [uT]; SAR goes by its square
    """

    duration: float
    tr: float | None
    te: tuple[float, ...]
    rf_energy: float
    peak_b1_ut: float
    rms_b1_ut: float


def facts(played: Played) -> Facts:
    """Facts of a file that was played."""
    file, repetitions = played.file, played.repetitions
    pulses = file.pulses[repetitions.first : repetitions.first + repetitions.period]
    waveforms = [file.waveform(pulse) for pulse in pulses]
    square = sum(each.square for each in waveforms) / (repetitions.tr or file.duration)
    return Facts(
        duration=file.duration,
        tr=repetitions.tr,
        te=tuple(read.time - file.centre(file.pulses[read.excitation]) for read in repetitions.reads),
        rf_energy=float(played.bare.sequence.rf_energy),
        peak_b1_ut=max(float(abs(each.b1).max()) for each in waveforms) / GAMMA_BAR,
        rms_b1_ut=math.sqrt(square) / GAMMA_BAR,
    )


def how_played(played: Played) -> list[str]:
    """How it was played, and what of the file has no effect, a sentence each."""
    file, repetitions, (first, last) = played.file, played.repetitions, played.played
    period = repetitions.period
    n_played = -(-(last - max(first, repetitions.first)) // period)
    if repetitions.tr is None:
        told = [f"Played once, from equilibrium: {counted(last - first, 'pulse')}."]
    elif first:
        told = [
            f"Played: {n_played} of {repetitions.count} repetitions, before the readouts that count; what was"
            " before these has faded."
        ]
    else:
        told = [f"Played: {n_played} of {repetitions.count} repetitions, from equilibrium."]
    voxel = played.voxel
    sizes = [
        f"{1e3 * size:.4g} mm along {axis}{' (slice)' if place == voxel.slice_axis else ''}"
        for place, (axis, size) in enumerate(zip(AXES, voxel.size, strict=True))
        if size
    ]
    if sizes:
        told.append(f"A voxel is {', '.join(sizes)}.")
    return [*told, *(f"Note: {note}." for note in file.notes)]
