"""Which repetition a Pulseq file plays again and again, and which of its readouts count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequence_search.playback.events import Adc, PulseqError, SeqFile
from sequence_search.playback.kspace import SAME, excites_by, find_centre

CLOCK = 1e-6  # to which times are alike [s]
NOT_IMAGES = ("NAV", "NOISE")  # labels of readouts that do not count


@dataclass(frozen=True, slots=True)
class Read:
    """A readout that counts.

    Attributes
    ----------
    adc : its number in the file
    pulse, excitation : numbers in the file of the last pulse before it, and of the last that excites
    time : of its echo [s]
    encoding : moment there that phase encoding leaves, by axis; the image takes it back [1/m]
    """

    adc: int
    pulse: int
    excitation: int
    time: float
    encoding: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Repetitions:
    """The pulses of a file as a repetition, and what of them is read.

    Attributes
    ----------
    first : number of the first pulse of the first repetition
    period : pulses of a repetition
    count : of repetitions; 1 if nothing is repeated
    tr : s; None if nothing is repeated
    reads : one for each echo of a repetition, in its order; of phase-encoded ones that nearest to the centre
        of k-space, else the last that there is
    together : the same of the first repetition that has all of them, else those
    encoded : sampled extent of k-space by axis, 0 where nothing is encoded [1/m]
    """

    first: int
    period: int
    count: int
    tr: float | None
    reads: tuple[Read, ...]
    together: tuple[Read, ...]
    encoded: tuple[float, float, float]


def find_repetitions(file: SeqFile) -> Repetitions:
    """The shortest repetition of pulses and times, with an excitation in it, and its readouts.

    Raises
    ------
    PulseqError
        If nothing is read.
    """
    first, period = _period(file)
    count = -(-(len(file.pulses) - first) // period)
    starts = [file.pulses[place].start for place in range(first, len(file.pulses), period)]
    tr = starts[1] - starts[0] if count > 1 else None
    return Repetitions(first, period, count, tr, *_reads(file, first, period))


def _period(file: SeqFile) -> tuple[int, int]:
    """First pulse and number of pulses of the repetition."""
    kinds = np.array([pulse.waveform for pulse in file.pulses])
    starts = np.array([pulse.start for pulse in file.pulses])
    gaps = np.append(np.round(np.diff(starts) / CLOCK), 0)
    excites = np.array([excites_by(file, pulse) for pulse in file.pulses])
    stated = file.definitions.get("TR")
    for period in range(1, len(kinds) // 2 + 1):
        differs = kinds[:-period] != kinds[period:]
        differs[:-1] |= gaps[: -period - 1] != gaps[period:-1]
        first = int(np.flatnonzero(differs)[-1]) + 1 if differs.any() else 0
        if len(kinds) - first < 2 * period or not excites[first : first + period].any():
            continue
        tr = starts[first + period] - starts[first]
        is_stated = isinstance(stated, float) and stated > 0 and abs(tr / stated - 1) <= 0.01
        if isinstance(stated, float) and stated > 0 and first and not is_stated:
            continue
        if is_stated or _is_read_again(file, starts, first, period):
            return first, period
        if _has_same_gradients(file, starts, first, period):
            return first, period
    return 0, len(kinds)


def _is_read_again(file: SeqFile, starts: Float[np.ndarray, " n_pulses"], first: int, period: int) -> bool:
    """Whether two repetitions or more have a readout."""
    last = np.searchsorted(starts, [adc.start for adc in file.adcs]) - 1
    return len(np.unique((last[last >= first] - first) // period)) > 1


def _has_same_gradients(
    file: SeqFile, starts: Float[np.ndarray, " n_pulses"], first: int, period: int
) -> bool:
    """Whether all repetitions have the moments of the first between their pulses, as dummies have."""
    moments = np.diff(file.moment(starts[first:]), axis=0)
    return bool(abs(moments[period:] - moments[:-period]).max(initial=0.0) <= SAME)


def _reads(
    file: SeqFile, first: int, period: int
) -> tuple[tuple[Read, ...], tuple[Read, ...], tuple[float, float, float]]:
    counted = [number for number, adc in enumerate(file.adcs) if not any(map(adc.labels.get, NOT_IMAGES))]
    starts = np.array([pulse.start for pulse in file.pulses])
    last = {number: int(np.searchsorted(starts, file.adcs[number].start)) - 1 for number in counted}
    counted = [number for number in counted if last[number] >= first]
    if not counted:
        raise PulseqError(f"{file.name} reads no signal")
    for number in counted:
        pulse, adc = file.pulses[last[number]], file.adcs[number]
        if adc.start < file.end(pulse):
            raise PulseqError(f"block {adc.block} of {file.name} reads while a pulse is played")
    centres = {number: find_centre(file, file.adcs[number], last[number]) for number in counted}
    k = np.stack([centres[number].moment for number in counted])
    spans = np.stack([_span(file, file.adcs[number]) for number in counted])
    is_encoded = _is_encoded(k, [file.adcs[number].labels for number in counted])
    taken_back = {number: np.where(is_encoded, centres[number].moment, 0.0) for number in counted}
    slots = _slots(file, counted, last, taken_back, first, period)
    chosen = _nearest(slots, taken_back)
    by_repetition: dict[int, dict[int, tuple[int, int]]] = {}
    for number, slot in slots.items():
        by_repetition.setdefault((last[number] - first) // period, {})[number] = slot
    each = (_nearest(own, taken_back) for own in by_repetition.values())
    together = next((found for found in each if found.keys() == chosen.keys()), chosen)

    def read(number: int) -> Read:
        x, y, z = taken_back[number].tolist()
        return Read(number, last[number], centres[number].excitation, centres[number].time, (x, y, z))

    reads, at_once = (
        tuple(read(number) for _, number in sorted(found.items())) for found in (chosen, together)
    )
    encoded = np.maximum(spans.max(0), np.where(is_encoded, np.ptp(k, axis=0), 0.0))
    x, y, z = np.where(encoded > SAME, encoded, 0.0).tolist()
    return reads, at_once, (x, y, z)


def _nearest(
    slots: Mapping[int, tuple[int, int]], encoding: Mapping[int, Float[np.ndarray, " 3"]]
) -> dict[tuple[int, int], int]:
    """Of the readouts of each echo the last of those that are nearest to the centre of k-space."""
    chosen: dict[tuple[int, int], int] = {}
    for number, slot in slots.items():
        best = chosen.get(slot)
        size = np.linalg.norm(encoding[number])
        if best is None or size <= np.linalg.norm(encoding[best]) + SAME:
            chosen[slot] = number
    return chosen


def _is_encoded(k: Float[np.ndarray, "n_adcs 3"], labels: list[Mapping[str, int]]) -> Bool[np.ndarray, " 3"]:
    """On which axes moments at readouts are phase encoding: several, one of them none.

    Two moments are no lines, if they are not labelled so, but a gradient that is not balanced.
    """
    is_labelled = any(len({each.get(name, 0) for each in labels}) > 1 for name in ("LIN", "PAR"))
    least = 2 if is_labelled else 3
    spans = np.ptp(k, axis=0)
    several = np.array([len(np.unique(np.round(along / (2 * SAME)))) >= least for along in k.T])
    return np.asarray(several & (spans > SAME) & (abs(k).min(0) <= spans / 10))


def _span(file: SeqFile, adc: Adc) -> Float[np.ndarray, " 3"]:
    """Extent of k-space that a readout covers, by axis [1/m]."""
    return np.asarray(
        np.ptp(file.moment(np.array([adc.start, adc.start + adc.dwell * adc.n_samples])), axis=0)
    )


def _slots(
    file: SeqFile,
    counted: list[int],
    last: dict[int, int],
    encoding: dict[int, Float[np.ndarray, " 3"]],
    first: int,
    period: int,
) -> dict[int, tuple[int, int]]:
    """Which echo of a repetition each readout is: its pulse there, and which after it.

    Readouts after one pulse that are encoded differently are lines of one echo, unless they are labelled.
    """
    of_pulse: dict[int, list[int]] = {}
    for number in counted:
        of_pulse.setdefault(last[number], []).append(number)
    slots = {}
    for pulse, numbers in of_pulse.items():
        k = np.stack([encoding[number] for number in numbers])
        is_one_image = np.ptp(k, axis=0).max() > SAME
        for place, number in enumerate(numbers):
            echo = file.adcs[number].labels.get("ECO", 0) if is_one_image else place
            slots[number] = ((pulse - first) % period, echo)
    return slots
