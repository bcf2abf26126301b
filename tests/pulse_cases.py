"""Pulses for tests, and the Bloch equations of one in Cartesian vectors, step by step."""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from sequence_search.pulses.shapes import Gauss, Hard, HyperbolicSecant, Samples, Sinc, Slr

SINC = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
ADIABATIC = HyperbolicSecant(duration=8e-3, peak_b1=1200, bandwidth=2108)
KINDS = {
    "hard": Hard(duration=1e-3),
    "sinc": SINC,
    "odd": Sinc(duration=1.27e-3, time_bandwidth=3, apodisation="hamming"),
    "gauss": Gauss(duration=2e-3, time_bandwidth=2, offset=-440.0),
    "slr": Slr(duration=2e-3, time_bandwidth=6, purpose="excitation", slice=True),
    "hs": ADIABATIC,
    "samples": Samples(duration=4e-4, samples=(0.1 + 0.3j, 1.0, 0, 0.7 - 0.5j)),
}


def bloch(kind, flip, b1, frequency, start):
    """Vectors [lanes, 3] of `start` after a pulse with the turns that bring both ends to its centre."""
    scale = flip if kind.fixed_flip is None else kind.fixed_flip
    back = np.zeros((len(start), 3))
    back[:, 2] = -math.pi * frequency * kind.duration
    vector = Rotation.from_rotvec(back).apply(start)
    for sample in kind.waveform:
        step = scale * sample * b1
        turn = 2 * math.pi * frequency * kind.duration / len(kind.waveform)
        vector = Rotation.from_rotvec(np.stack([step.real, step.imag, turn], -1)).apply(vector)
    return Rotation.from_rotvec(back).apply(vector)


def effective(rotation, start):
    """Vectors [lanes, 3] after Rz(after) Rx(angle) Rz(before)."""
    for axis, angle in (("z", rotation.before), ("x", rotation.angle), ("z", rotation.after)):
        start = Rotation.from_euler(axis, angle[:, None]).apply(start)
    return start


def mixing(rotation):
    """What a rotation does to a magnetisation, [*lanes, 4]: however it is split into turns."""
    angle, before, after = rotation[:3]
    turns = np.exp(1j * before), np.exp(1j * after)
    return np.stack(
        [
            np.cos(angle / 2) ** 2 * turns[0] * turns[1],
            np.sin(angle / 2) ** 2 * turns[0] * turns[1].conj(),
            np.sin(angle) * turns[1],
            np.cos(angle) + 0j,
        ],
        -1,
    )


def lanes(n_lanes=200, seed=0):
    """b1 and frequency [Hz]; the first is nominal."""
    rng = np.random.default_rng(seed)
    b1, frequency = rng.uniform(0.7, 1.3, n_lanes), rng.uniform(-3000, 3000, n_lanes)
    b1[0], frequency[0] = 1.0, 0.0
    return b1, frequency
