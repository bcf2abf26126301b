"""What tests of strategies share: quick options, a problem that a mirror of b0 changes, a checkpoint."""

import copy

from sequence_search.problem.problem import Problem

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
