import math

import pytest
import torch

from limit_cases import limited
from sequence_search.explanation.layouts import explain_layout
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("spin-echo-2d")


def played(problem, flip_deg, delay_ms, **how):
    return problem.played(Sequence.from_degrees_ms(flip_deg, [0.0] * len(flip_deg), delay_ms), **how)


def loss_of(problem, sequence):
    return float(problem.simulator(problem.voxels()).loss(sequence))


def test_without_a_pulse_its_intervals_are_joined():
    problem = limited("[sequence]\ntr_ms = 900")
    found = explain_layout(problem, played(problem, [170, 80], [500, 7]))
    alone = problem.evaluate(played(problem, [80], [7])).loss
    first, second = found.pulses
    assert found.loss == pytest.approx(problem.evaluate(found.sequence).loss)
    assert (first.loss, first.rise) == pytest.approx((alone, alone - found.loss))
    assert second.loss == pytest.approx(problem.evaluate(played(problem, [170], [507])).loss)
    assert (found.gradients, found.structure) == ((), "2 RF: gradient echo, inversion-prepared; TR 900 ms")


def test_without_its_only_pulse_nothing_is_read():
    """(M0 - 0)² is 1."""
    problem = limited("[sequence]\ntr_ms = 900")
    (only,) = explain_layout(problem, played(problem, [80], [7])).pulses
    assert only.loss == pytest.approx(1.0)


def test_crushers_about_a_pulse_go_together_and_a_spoiler_alone():
    how = {"kinds": ("invert", "excite", "refocus"), "gradients": ("spoiler", "crusher", "crusher")}
    sequence = played(PROBLEM, [180, 90, 150], [600, 9, 9], **how)
    found = explain_layout(PROBLEM, sequence)
    assert [(each.what, each.pulses) for each in found.gradients] == [("spoiler", (0,)), ("crushers", (1, 2))]
    bare = played(PROBLEM, [180, 90, 150], [600, 9, 9], **how | {"gradients": ("spoiler", "none", "none")})
    assert found.gradients[1].loss == pytest.approx(loss_of(PROBLEM, bare))
    assert [str(each) for each in found.gradients] == [
        "the spoiler after pulse 1",
        "the crushers after pulses 2 and 3",
    ]
    gradients, pulses = found.sentences
    assert gradients.startswith("Left out, the spoiler after pulse 1 changes the loss by ")
    assert "pulse 3 changes the loss by" in pulses
    plain = found.to_dict()
    assert plain["gradients"][1] == {
        "what": "crushers",
        "pulses": (1, 2),
        "loss": found.gradients[1].loss,
        "rise": found.gradients[1].rise,
    }
    assert Sequence.from_dict(plain["sequence"]).layout == sequence.layout


def test_it_is_of_layouts():
    problem = limited()
    with pytest.raises(ValueError, match="of a sequence with a layout, got one without: see explain"):
        explain_layout(problem, Sequence(*(torch.full((1,), each) for each in (math.pi / 2, 0.0, 0.01))))
