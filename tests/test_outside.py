"""What pulses that select no slice excite outside of it is dephased, or not."""

import math
from dataclasses import replace

import pytest
import torch

from sequence_search.layout import SPOILER, Layout
from sequence_search.outside import is_dephased, is_silent_outside, unselective
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Hard, HyperbolicSecant, Sinc
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("spin-echo-2d")
SINC = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
HS = HyperbolicSecant(duration=8e-3, peak_b1=800.0, bandwidth=1600.0)


def test_unselective_kinds_are_those_beside_one_that_selects_but_adiabatic_inversions():
    kinds = {"sinc": SINC, "wide": replace(SINC, slice=False), "block": Hard(duration=5e-4), "hs": HS}
    assert unselective(("hard", *kinds), kinds) == {"hard", "wide", "block"}
    assert unselective(("hard", "wide", "hs"), kinds) == frozenset()


# Kinds, gradients after each pulse, and whether nothing is read from outside, where sincs do nothing.
CASES = {
    "selective alone": ("sinc sinc", (0, 0), True),
    "hard excitation": ("hard", (0,), False),
    "hard excitation behind a selective preparation": ("sinc hard", (0, 0), False),
    "inversion not spoiled": ("hard sinc", (0, 0), False),
    "inversion spoiled": ("hard sinc", (SPOILER, 0), True),
    "inversion with a crusher": ("hard sinc", (1, 0), True),
    "hard refocusing without crushers": ("sinc hard", (0, 0), False),
    "hard refocusing between crushers": ("sinc hard", (1, 1), True),
    "hard excitation, selective refocusing between crushers": ("hard sinc", (1, 1), True),
    "hard excitation and refocusing": ("hard hard sinc", (1, 1, 0), False),
    "stored by a crusher and read back": ("hard hard sinc hard", (1, 0, 0, 1), False),
    "preparation and a spoiler": ("hard hard hard sinc", (0, 0, SPOILER, 0), True),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_read_from_outside_by_kinds_and_gradients(case):
    """The structural answer is that of a simulation without the selective pulses, for generic flip angles."""
    names, gradients, silent = CASES[case]
    kinds = tuple(names.split())
    layout = Layout.plain(len(kinds), gradients=gradients, kinds=kinds)
    assert is_silent_outside(layout, frozenset({"hard"})) == silent
    flips = torch.tensor([0.0 if name == "sinc" else 70.0 + 9 * at for at, name in enumerate(kinds)])
    delays = torch.full_like(flips, 10.0)
    numbers = ([*part] for part in (flips.tolist(), [0.0] * len(kinds), delays.tolist()))
    played = Sequence.from_degrees_ms(*numbers, layout=replace(layout, kinds=("hard",) * len(kinds)))
    assert bool((PROBLEM.simulator(PROBLEM.voxels(8)).signal(played).abs() < 1e-12).all()) == silent


# Kinds, gradients after each pulse, and whether what the refocusing pulses excite is dephased.
REFOCUSING = {
    "between crushers": ("sinc hard", (1, 1), True),
    "without crushers": ("sinc hard", (0, 0), False),
    "a crusher after it alone": ("sinc hard", (0, 1), True),
    "refocused by the next": ("sinc hard hard", (1, 1, 1), False),
    "refocused by a pulse for excitation": ("sinc hard sinc", (1, 1, 1), False),
    "a composite one between crushers": ("sinc hard hard hard", (1, 0, 0, 1), True),
    "stored and read back": ("sinc hard sinc sinc", (1, 1, 0, 1), False),
    "spoiled": ("sinc hard sinc", (0, SPOILER, 0), True),
}


@pytest.mark.parametrize("case", REFOCUSING)
def test_what_pulses_of_a_kind_excite_is_followed_through_all_others(case):
    """From a pulse of the kind on, of 90° and without recovery, all that is read was excited by it."""
    names, gradients, dephased = REFOCUSING[case]
    kinds = tuple(names.split())
    layout = Layout.plain(len(kinds), gradients=gradients, kinds=kinds)
    assert is_dephased(layout, frozenset({"hard"}), frozenset(kinds)) == dephased
    voxels = PROBLEM.voxels(8)
    one = torch.ones_like(voxels.b1)
    simulator = PROBLEM.simulator(replace(voxels, t1=math.inf * one, b1=one))
    signals = []
    for first in (at for at, kind in enumerate(kinds) if kind == "hard"):
        flips = [90.0, *(70.0 + 9 * at for at in range(len(kinds) - first - 1))]
        rest = Layout.plain(len(flips), gradients=gradients[first:], kinds=("hard",) * len(flips))
        played = Sequence.from_degrees_ms(flips, [0.0] * len(flips), [10.0] * len(flips), layout=rest)
        signals.append(simulator.signal(played).abs().max())
    assert bool((torch.stack(signals) < 1e-12).all()) == dephased
