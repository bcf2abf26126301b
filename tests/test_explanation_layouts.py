import pytest

from limit_cases import limited
from sequence_search.explanation.layouts import parts_left_out
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("spin-echo-2d")


def parts_of(problem, sequence):
    simulator = problem.simulator(problem.voxels(), n_places=IN_REPORT)
    return parts_left_out(problem, sequence, simulator)


def played(problem, flip_deg, delay_ms, **how):
    return problem.played(Sequence.from_degrees_ms(flip_deg, [0.0] * len(flip_deg), delay_ms), **how)


def loss_of(problem, sequence):
    return float(problem.simulator(problem.voxels(), n_places=IN_REPORT).loss(sequence))


def test_without_a_pulse_its_intervals_are_joined():
    problem = limited("[sequence]\ntr_ms = 900")
    whole = played(problem, [170, 80], [500, 7])
    first, second = parts_of(problem, whole)
    alone = loss_of(problem, played(problem, [80], [7]))
    assert (first.loss, first.rise) == pytest.approx((alone, alone - loss_of(problem, whole)))
    assert second.loss == pytest.approx(loss_of(problem, played(problem, [170], [507])))
    assert [str(each) for each in (first, second)] == ["pulse 1", "pulse 2"]


def test_without_its_only_pulse_nothing_is_read():
    """(M0 - 0)² is 1."""
    problem = limited("[sequence]\ntr_ms = 900")
    (only,) = parts_of(problem, played(problem, [80], [7]))
    assert only.loss == pytest.approx(1.0)


def test_crushers_about_a_pulse_go_together_and_a_spoiler_alone():
    how = {"kinds": ("invert", "excite", "refocus"), "gradients": ("spoiler", "crusher", "crusher")}
    sequence = played(PROBLEM, [180, 90, 150], [600, 9, 9], **how)
    *pulses, spoiler, crushers = parts_of(PROBLEM, sequence)
    assert [each.pulses for each in pulses] == [(0,), (1,), (2,)]
    assert [(each.what, each.pulses) for each in (spoiler, crushers)] == [
        ("spoiler", (0,)),
        ("crushers", (1, 2)),
    ]
    bare = played(PROBLEM, [180, 90, 150], [600, 9, 9], **how | {"gradients": ("spoiler", "none", "none")})
    assert crushers.loss == pytest.approx(loss_of(PROBLEM, bare))
    assert str(spoiler) == "the spoiler after pulse 1"
    assert crushers.effect.startswith("the crushers after pulses 2 and 3 change the loss by ")


def test_pulses_of_a_train_stay_and_a_plain_sequence_has_no_parts():
    problem = limited("[sequence]\nechoes = 3")
    train = played(problem, [170, 90, 180], [500, 6, 6], gradients=("none", "crusher", "crusher"))
    parts = parts_of(problem, train)
    assert [(each.what, each.pulses) for each in parts] == [
        ("pulse", (0,)),
        ("pulse", (1,)),
        ("crushers", (1, 2, 3, 4)),
    ]
    assert parts_of(limited(), Sequence.from_degrees_ms([90], [0], [7])) == ()
