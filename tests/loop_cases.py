"""Designs to export and play: textbook sequences of hard pulses, and the best of the paper's conditions."""

import json
from dataclasses import replace
from pathlib import Path

from sequence_search.acquisition import Acquisition
from sequence_search.layout import SPOILER, Layout
from sequence_search.paper.conditions import CONDITIONS
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

KNOWN = json.loads((Path(__file__).parents[1] / "benchmarks" / "best_known.json").read_text())
PAPER = tuple(CONDITIONS.values())
# Flip angles and phases (degrees), delays (ms) up to the readout, gradients, TR (ms), and problem.
TEXTBOOK = {
    "spin echo": ([90, 180], [0, 90], [10, 10], (1, 1), 2000, "gm-wm"),
    "FLAIR": ([180, 90, 180], [0, 0, 90], [2400, 10, 10], (SPOILER, 1, 1), 9000, "csf-null-w1"),
    "double inversion": (
        [180, 180, 90, 180],
        [0, 0, 0, 90],
        [2900, 430, 10, 10],
        (SPOILER, SPOILER, 1, 1),
        9000,
        "csf-null-w1",
    ),
    "T2 preparation and FLAIR": (
        [90, 180, 90, 180, 90, 180],
        [0, 90, 180, 0, 0, 90],
        [30, 30, 8, 2400, 10, 10],
        (1, 1, SPOILER, SPOILER, 1, 1),
        9000,
        "csf-null-w1",
    ),
    "composite inversion": (
        [90, 180, 90, 90, 180],
        [0, 90, 0, 0, 90],
        [1.2, 1.2, 1900, 10, 10],
        (0, 0, SPOILER, 1, 1),
        6000,
        "csf-null-w1",
    ),
    "gradient echo": ([25], [0], [5], (0,), 30, "gm-wm"),
}
TRAIN = "turbo spin echo of 8"
NAMES = (*TEXTBOOK, TRAIN, *PAPER)


def case(name):
    """Problem and design."""
    if name in PAPER:
        found = KNOWN[name]["sequence"]
        return Problem.load(name), Sequence.from_degrees_ms(
            found["flip_deg"], found["phase_deg"], found["delay_ms"]
        )
    if name == TRAIN:
        train = Sequence.from_degrees_ms(
            [90] + [150] * 8, [0] + [90] * 8, [5, 2920], layout=Layout.train(8, crusher=1, steady=True)
        )
        return repeated("gm-wm", 3.0, echoes=8), train
    flips, phases, delays, gradients, tr_ms, problem = TEXTBOOK[name]
    layout = Layout.plain(len(flips), gradients=gradients, steady=True)
    design = Sequence.from_degrees_ms(flips, phases, [*delays, tr_ms - sum(delays)], layout=layout)
    return repeated(problem, 1e-3 * tr_ms), design


def repeated(name, tr, echoes=1):
    """A problem that is repeated, with crushers and spoilers."""
    once = Problem.load(name)
    space = replace(once.search_space, gradients=("none", "crusher", "spoiler"))
    return replace(once, search_space=space, acquisition=Acquisition(tr=tr, echoes=echoes))
