"""Given pulses with kinds and gradients: read, written, and refused where they cannot be played."""

import pytest

from sequence_search.layout import Layout
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem

TEXT = problem_text("spin-echo-2d")
TRAIN = TEXT.replace("tr_ms = 3000", "tr_ms = 3000\nechoes = 4\necho_spacing_ms = { low = 14, high = 20 }")
NAMES = ("excite", "refocus"), ("crusher", "crusher")


def given(part="tail", pulses=NAMES[0], gradients=NAMES[1], flip_deg=(90, 180), delay_ms=(9, 9), text=TEXT):
    lines = (
        f"flip_deg = {list(flip_deg)}",
        f"phase_deg = {[0] * len(flip_deg)}",
        f"delay_ms = {list(delay_ms)}",
        f"pulses = {list(pulses)}",
        f"gradients = {list(gradients)}",
    )
    return "\n".join([text, f"[limits.{part}]", *lines])


def test_kinds_and_gradients_are_read_and_written_and_count_in_the_digest():
    problem = Problem.from_toml(given())
    assert problem.limits.tail.sequence.layout == Layout.plain(2, gradients=(1, 1), kinds=NAMES[0])
    again = Problem.from_toml(problem.to_toml())
    assert (again, again.digest) == (problem, problem.digest)
    assert problem.digest != Problem.from_toml(given(gradients=("none", "none"))).digest


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"pulses": ("excite",)}, "limits.tail: pulses need one name for each of 2 pulses, got 1"),
        (
            {"pulses": ("excit", "refocus")},
            "limits.tail: pulse 1 is of a kind 'excit' .*did you mean 'excite'",
        ),
        (
            {"pulses": ("invert", "refocus")},
            "limits.tail: pulse 1 is of kind 'invert', .* must be 180 deg, got 90",
        ),
        ({"gradients": ("crush", "none")}, "gradients must be of none, crusher, spoiler, got crush"),
        (
            {"gradients": ("none", "spoiler")},
            "limits.tail: a spoiler right before the readout leaves nothing",
        ),
        # 1.28 + 1 of one, 1.6 + 1 of the other, and the crusher
        ({"delay_ms": (6, 9)}, "limits.tail: the delay after pulse 1 must be at least 7.34 ms, .* got 6 ms"),
        (
            {"delay_ms": (9, 6), "text": TEXT.replace("tr_ms = 3000", "tr_ms = 3000\nreadout_ms = 2")},
            "limits.tail: the delay after pulse 2 must be at least 6.06 ms",
        ),
        # what is found next takes 2.28 ms at least
        (
            {"part": "head", "delay_ms": (9, 5.5)},
            "limits.head: the delay after pulse 2 must be at least 7.34 ms",
        ),
        (
            {"delay_ms": (9, 8), "text": TRAIN},
            "limits.tail: the last 2 delays of a train .* pulse, 8 ms in place of 9 ms",
        ),
        (
            {"gradients": ("none", "crusher"), "text": TRAIN},
            "the last 2 gradients of a train are alike, got none, crusher",
        ),
        (
            {"delay_ms": (12, 12), "text": TRAIN},
            "echo spacing of 24 ms, and .*echo_spacing_ms is from 14 ms to 20",
        ),
        (
            {
                "flip_deg": (180,),
                "delay_ms": (9,),
                "pulses": ("refocus",),
                "gradients": ("none",),
                "text": TRAIN,
            },
            "of a train must have its excitation and 1 refocusing pulse, got 1 pulse",
        ),
    ],
)
def test_what_is_refused_in_a_file(how, told):
    with pytest.raises(ProblemError, match=told):
        Problem.from_toml(given(**how), "mine.toml")
