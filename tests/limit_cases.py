"""What tests of limits share: a small problem of two tissues, as a file with limits to add."""

from sequence_search.problem.problem import Problem

TEXT = """
name = "limited"
[tissues.GM]
m0 = 1
t1_ms = 1331
t2_ms = 110
t2_prime_ms = 170
[tissues.CSF]
m0 = 1
t1_ms = 4000
t2_ms = 1700
t2_prime_ms = inf
[imaging]
b1 = { low = 0.9, high = 1.1 }
b0_hz = { low = -50, high = 50 }
spread_hz = 30
[[objective]]
term = "signal"
tissues = ["GM"]
weight = 1
[search_space]
max_rf = 4
"""
TAIL = """
[limits.tail]
flip_deg = [90, 180]
phase_deg = [0, 90]
delay_ms = [15, 15]
"""


def limited(text=""):
    """The problem with some limits."""
    return Problem.from_toml(TEXT + text, "mine.toml")
