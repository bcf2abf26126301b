"""Designs to export, and what a Pulseq sequence plays, read event by event."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from sequence_search.acquisition import Acquisition
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Gauss, HyperbolicSecant, Sinc
from sequence_search.sequence import Sequence

KINDS = {
    "excite": Sinc(duration=2.56e-3, time_bandwidth=4.0, slice=True),
    "refocus": Sinc(duration=5.12e-3, time_bandwidth=4.0, slice=True),
    "invert": HyperbolicSecant(duration=8e-3, peak_b1=800.0, bandwidth=1600.0),
    "fat": Gauss(duration=8e-3, time_bandwidth=3.0, offset=-440.0),
}


def problem(tr=3.0, echoes=1, spoiling="ideal"):
    """Two tissues at 3 T, with the kinds above."""
    found = Problem.load("spin-echo-2d")
    space = replace(found.search_space, pulses=("excite", "refocus", "invert"))
    return replace(
        found,
        search_space=space,
        pulses=KINDS,
        acquisition=Acquisition(tr=tr, echoes=echoes, spoiling=spoiling),
        objective=replace(found.objective, terms=found.objective.terms[:1]),
    )


def spin_echo(**how):
    """90°-180° of sincs with crushers, TE 20 ms."""
    return problem(**how).played(
        Sequence.from_degrees_ms([90, 180], [0, 90], [10, 10]),
        kinds=["excite", "refocus"],
        gradients=["crusher", "crusher"],
    )


def inversion_recovery(**how):
    """An adiabatic inversion, spoiled, and a spin echo."""
    return problem(**how).played(
        Sequence.from_degrees_ms([180, 90, 180], [0, 0, 90], [600, 10, 10]),
        kinds=["invert", "excite", "refocus"],
        gradients=["spoiler", "crusher", "crusher"],
    )


def fat_saturation(**how):
    """Fat excited at its frequency and spoiled, 90° about y, and a spin echo."""
    return problem(**how).played(
        Sequence.from_degrees_ms([95, 90, 180], [90, 0, 90], [12, 10, 10]),
        kinds=["fat", "excite", "refocus"],
        gradients=["spoiler", "crusher", "crusher"],
    )


def train(n=4, tr=3.0):
    """A train of spin echoes, 20 ms from one to the next."""
    layout = Layout.train(n, crusher=1, kinds=["excite", *["refocus"] * n], steady=True)
    rest = 1e3 * tr - 20 * n
    return Sequence.from_degrees_ms([90, *[150] * n], [0, *[90] * n], [10, rest], layout=layout)


class Timeline:
    """Centres of pulses and readouts [s], and the gradients' areas between any two times [1/m]."""

    def __init__(self, sequence):
        self.pulses, self.readouts, self.phases, self.uses = [], [], [], []
        points = {axis: ([0.0], [0.0]) for axis in "xyz"}
        start = 0.0
        for number in sequence.block_events:
            block = sequence.get_block(number)
            if block.rf is not None:
                self.pulses.append(start + block.rf.delay + block.rf.center)
                self.phases.append(block.rf.phase_offset)
                self.uses.append(block.rf.use)
            if block.adc is not None:
                self.readouts.append(
                    start + block.adc.delay + block.adc.dwell * (np.arange(block.adc.num_samples) + 0.5)
                )
            for axis in "xyz":
                event = getattr(block, f"g{axis}")
                if event is not None:
                    begin = start + event.delay
                    corners = np.cumsum([begin, event.rise_time, event.flat_time, event.fall_time])
                    points[axis][0].extend(corners)
                    points[axis][1].extend([0, event.amplitude, event.amplitude, 0])
            start += sequence.block_durations[number]
        self.end, self.points = start, points

    def area(self, first, last):
        return np.array([self._area(axis, first, last) for axis in "xyz"])

    def _area(self, axis, first, last):
        time, value = map(np.array, self.points[axis])
        inside = time[(time > first) & (time < last)]
        at = np.unique(np.concatenate([[first], inside, [last]]))
        # Ends of neighbouring trapezoids are 0 both, so that lines between them are 0 too.
        values = np.interp(at, time, value, left=0, right=0)
        return sum((b - a) * (u + v) / 2 for (a, u), (b, v) in pairwise(zip(at, values, strict=True)))
