"""Terms of the sequence alone, of arrays, against `terms` and its derivatives by autograd."""

import math

import numpy as np
import pytest
import torch

from pulse_cases import KINDS
from sequence_search.engines.penalties import penalty
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

LAYOUTS = (
    Layout.plain(3, gradients=(SPOILER, 1, 1), kinds=("hs", "sinc", "slr"), steady=True),
    Layout.train(3, before=(0,), crusher=1, kinds=("hs", *["slr"] * 4)),
)
NAMES = ("duration", "peak_b1", "b1_rms")


def sequences(layout):
    rng = np.random.default_rng(3)
    flip, phase = rng.uniform(-3, 3, (4, layout.n_rf)), rng.uniform(-3, 3, (4, layout.n_rf))
    delay = rng.uniform(0.01, 0.2, (4, layout.n_delay))
    return Sequence(*map(torch.from_numpy, (flip, phase, delay)), layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["plain", "train"])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_are_those_of_the_term(name, layout):
    sequence = sequences(layout)
    leaves = sequence.map(lambda part: part.clone().requires_grad_())
    options = {} if name == "duration" else {"kinds": KINDS}
    voxels = Problem.load("gm-wm").voxels(1)
    magnitude = torch.zeros(4, len(voxels), dtype=torch.float64)
    expected = TERMS[name](magnitude, leaves, voxels, **options)
    parts = leaves.flip_angle, leaves.delay
    slopes = torch.autograd.grad(expected.sum(), parts, allow_unused=True, materialize_grads=True)
    function = penalty(TERMS[name], layout, KINDS)
    found = function(sequence.flip_angle.numpy(), sequence.delay.numpy())
    for mine, other in zip(found, (expected.detach(), *slopes), strict=True):
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-12, atol=1e-12)


def test_of_what_does_nothing_there_is_no_slope():
    layout = Layout.plain(1, kinds=("sinc",), steady=True)
    found = penalty(TERMS["b1_rms"], layout, KINDS)(np.zeros((1, 1)), np.ones((1, 2)))
    assert [part.tolist() for part in found] == [[0.0], [[0.0]], [[0.0, 0.0]]]


def test_what_is_not_known_is_left_to_autograd():
    assert penalty(TERMS["snr_efficiency"], LAYOUTS[0], KINDS) is None
    assert penalty(TERMS["b1_rms"], LAYOUTS[0], {}) is None
    instantaneous = Layout.plain(2, kinds=("hard", "sinc"), gradients=(1, 1))
    kinds = {name: kind for name, kind in KINDS.items() if name != "hard"}
    assert penalty(TERMS["peak_b1"], instantaneous, kinds) is None


def test_an_objective_with_them_takes_one_pass():
    terms = [Term(name, TERMS[name], 0.1 + number) for number, name in enumerate(NAMES)]
    problem = Problem.load("gm-wm")
    objective = Objective((*problem.objective.terms, *terms))
    voxels, sequence = problem.voxels(3), sequences(LAYOUTS[0])
    simulator = Simulator(voxels, objective, kinds=KINDS)
    assert simulator.array_loss(LAYOUTS[0]) is not None
    assert simulator.array_loss(LAYOUTS[1]) is None  # a contrast of several readouts
    loss, slopes = simulator.loss_and_gradient(sequence)
    leaves = sequence.map(lambda part: part.clone().requires_grad_())
    expected = simulator.loss(leaves)
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-12, atol=0)
    by_part = torch.autograd.grad(expected.sum(), list(leaves.columns().values()))
    for slope, other in zip(slopes.columns().values(), by_part, strict=True):
        torch.testing.assert_close(slope, other, rtol=1e-9, atol=1e-10)


def test_a_flip_angle_beyond_the_tables_is_refused():
    simulator = Simulator(Problem.load("gm-wm").voxels(2), Problem.load("gm-wm").objective, kinds=KINDS)
    of_arrays = simulator.array_loss(LAYOUTS[0])
    flip = np.full((1, 3), 2 * math.pi + 0.1)
    with pytest.raises(ValueError, match="at most 360°"):
        of_arrays((flip, np.zeros((1, 3)), np.full((1, 4), 0.1)))
