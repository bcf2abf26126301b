"""Where in k-space a readout is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequence_search.playback.events import Adc, Pulse, SeqFile

SAME = 0.1  # to which moments are alike, a cycle over 10 m [1/m]; lines of k-space are some ten times apart
LARGEST_EXCITATION = math.radians(100)  # of a pulse that counts by its flip angle


@dataclass(frozen=True, slots=True)
class Centre:
    """Where a readout is nearest to the centre of k-space.

    Attributes
    ----------
    time : s
    moment : there, since the last excitation [1/m]
    excitation : number of that pulse
    """

    time: float
    moment: Float[np.ndarray, " 3"]
    excitation: int


def excites_by(file: SeqFile, pulse: Pulse) -> bool:
    """Whether a pulse excites, by its use or its flip angle."""
    small = file.waveform(pulse).flip_angle <= LARGEST_EXCITATION
    return pulse.use == "excitation" or (pulse.use != "refocusing" and small)


def find_centre(file: SeqFile, adc: Adc, last: int) -> Centre:
    """Where a readout after pulse `last` is nearest to the centre of k-space.

    That of its middle if no gradient is played in it. Moments count from the last excitation, and refocusing
    turns them over; pulses do either by what the file says or, where that leaves less, by their flip angle.
    Files say it wrongly: pypulseq writes pulses that differ in their use alone as one.
    """
    stated = _centre(file, adc, [pulse.use for pulse in file.pulses[: last + 1]])
    if abs(stated.moment).max() <= SAME:
        return stated
    small = [file.waveform(pulse).flip_angle <= LARGEST_EXCITATION for pulse in file.pulses[: last + 1]]
    guessed = _centre(file, adc, ["excitation" if each else "refocusing" for each in small])
    return min(stated, guessed, key=lambda centre: abs(centre.moment).max())


def _centre(file: SeqFile, adc: Adc, uses: list[str]) -> Centre:
    """With the uses of all pulses before."""
    begin = next((place for place in reversed(range(len(uses))) if uses[place] == "excitation"), 0)
    start, carried = file.moment(file.centre(file.pulses[begin])), np.zeros(3)
    for place in range(begin + 1, len(uses)):
        if uses[place] == "refocusing":
            moment = file.moment(file.centre(file.pulses[place]))
            carried, start = -(carried + moment - start), moment
    times = np.concatenate([[adc.start], adc.samples, [adc.start + adc.dwell * adc.n_samples]])
    k = carried + file.moment(times) - start
    if np.ptp(k, axis=0).max() <= SAME:
        return Centre(float(times[0] + times[-1]) / 2, k[len(k) // 2], begin)
    step = np.diff(k, axis=0)
    square = np.square(step).sum(1)
    along = np.divide(-(k[:-1] * step).sum(1), square, out=np.zeros(len(step)), where=square > 0).clip(0, 1)
    nearest = k[:-1] + along[:, None] * step
    best = int(np.argmin(np.square(nearest).sum(1)))
    return Centre(float(times[best] + along[best] * (times[best + 1] - times[best])), nearest[best], begin)
