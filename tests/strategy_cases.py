"""What tests of strategies share: quick options, problems and designs that searches refuse, a checkpoint."""

import copy

from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import draft_of

QUICK = {
    "multistart": {
        "n_starts": 8,
        "n_children": 8,
        "max_rounds": 4,
        "steps": 5,
        "n_polished": 1,
        "n_per_tissue": 4,
    },
    "evolution": {"population": 8, "n_generations": 4, "steps": 4},
    "random": {"n_proposals": 8, "n_rounds": 4, "steps": 4},
    "proxyless": {"steps": 14, "n_voxels": 200, "voxels_per_step": 60},
}

# One tissue off resonance to one side: a design and its mirror, all phases negated, have different losses.
ONE_SIDED = Problem.from_toml("""
name = "one-sided"
title = "Off resonance to one side"
[tissues.water]
m0 = 1
t1_ms = 1000
t2_ms = 100
t2_prime_ms = inf
[imaging]
b1 = 1
b0_hz = { low = 200, high = 300 }
spread_hz = 0
[[objective]]
term = "signal"
tissues = ["water"]
weight = 1
[[objective]]
term = "rf_energy"
weight = 0.1
[search_space]
min_rf_delay_ms = 1
[grid]
flip_deg = [{ start = 0, stop = 90, step = 15 }, { start = 0, stop = 90, step = 15 }]
phase_deg = [0, { start = -180, stop = 180, step = 20 }]
delay_ms = [1, 1]
""")


# A pulse for refocusing with a wider slice, so that most is read where it excites: behind one of 5° or so.
WIDE = (
    problem_text("spin-echo-2d")
    .replace('gradients = ["none", "crusher", "spoiler"]', 'gradients = ["none"]')
    .replace("max_rf = 4", "max_rf = 2")
    .replace('use = "refocusing" ', 'slice_factor = 1.5\nuse = "refocusing" ')
    .replace('pulses = ["excite", "refocus", "invert"]', 'pulses = ["excite", "refocus"]')
    .replace('term = "contrast" ', 'term = "snr_efficiency" ')
    .replace('brighter = "WM" ', "# ")
)


def proposed(text, flips, gradients, kinds=("excite", *["refocus"] * 3)):
    """Draft of these flip angles, 9 ms from one to the next."""
    problem = Problem.from_toml(text)
    pulses, kinds = Sequence.from_degrees_ms(flips, [0] * len(flips), [9] * len(flips)), kinds[: len(flips)]
    return draft_of(problem, problem.played(pulses, kinds=kinds, gradients=gradients))


class Memory:
    """Keeps every state, and stops the search at its n-th question whether to stop."""

    def __init__(self, stop_at=10**9):
        self.states, self.asked, self.stop_at, self.started_from = [], 0, stop_at, None

    def load(self):
        return self.started_from

    def due(self):
        return True

    def save(self, state):
        self.states.append(copy.deepcopy(state))

    def stop(self):
        self.asked += 1
        return self.asked >= self.stop_at
