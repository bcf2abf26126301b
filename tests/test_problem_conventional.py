"""The textbook's sequence of a problem: read, written, refused where it cannot be played."""

from dataclasses import replace

import pytest

from limit_cases import limited
from sequence_search.problem.conventional import Conventional
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem

TEXT = problem_text("spin-echo-2d")
GIVEN = {
    "name": "'SE 90°-180°'",
    "source": "'a textbook'",
    "flip_deg": "[90, 180]",
    "phase_deg": "[0, 90]",
    "delay_ms": "[9, 9]",
    "pulses": "['excite', 'refocus']",
    "gradients": "['crusher', 'crusher']",
}


def with_conventional(text=TEXT, **changes):
    lines = [f"{key} = {value}" for key, value in (GIVEN | changes).items() if value]
    return "\n".join([text, "[conventional]", *lines])


def test_it_is_read_written_and_of_no_effect_on_the_digest():
    problem = Problem.from_toml(with_conventional())
    given = problem.conventional
    assert (given.name, given.source) == ("SE 90°-180°", "a textbook")
    sequence = given.sequence(problem.acquisition)
    assert sequence.layout.kinds == ("excite", "refocus")
    assert sequence.layout.gradients == (1, 1)
    assert float(sequence.tr) == pytest.approx(3)
    assert problem.to_dict()["conventional"]["delay_ms"] == [9, 9]
    again = Problem.from_toml(problem.to_toml())
    assert (again, again.digest) == (problem, Problem.from_toml(TEXT).digest)
    assert again.conventional == given
    assert problem.notes() == []


def test_of_a_train_the_last_pulse_stands_for_all():
    text = TEXT.replace("tr_ms = 3000", "tr_ms = { low = 1000, high = 3000 }\nechoes = 4")
    problem = Problem.from_toml(with_conventional(text, tr_ms="1500"))
    sequence = problem.conventional.sequence(problem.acquisition)
    assert len(sequence.flip_angle) == 5
    assert sequence.readout_times.tolist() == pytest.approx([0.018, 0.036, 0.054, 0.072])
    assert float(sequence.tr) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"delay_ms": ""}, "conventional.delay_ms: is missing"),
        ({"delays_ms": "[9, 9]"}, "conventional.delays_ms: unknown key, did you mean 'delay_ms'"),
        ({"delay_ms": "[9]"}, "flip_deg, phase_deg and delay_ms need one number for each pulse, got 2, 2, 1"),
        ({"delay_ms": "[9, -9]"}, "conventional: delay_ms must not be negative, got -9 ms"),
        ({"pulses": "['excite', 'refocs']"}, "conventional: pulse 2 is of a kind 'refocs' .*'refocus'"),
        ({"gradients": "['crush', 'none']"}, "gradients must be of none, crusher, spoiler, got crush"),
        ({"delay_ms": "[5, 9]"}, "conventional: the time from pulse 1 to pulse 2 must be at least 7.34 ms"),
        ({"tr_ms": "2000"}, "conventional: the repetition time must be from 3000 to 3000 ms .* got 2000"),
        ({"name": "7"}, "conventional.name: input should be a valid string"),
    ],
)
def test_what_is_refused_in_a_file(changes, told):
    with pytest.raises(ProblemError, match=told):
        Problem.from_toml(with_conventional(**changes), "mine.toml")


def test_a_range_of_repetition_times_needs_one():
    text = TEXT.replace("tr_ms = 3000", "tr_ms = { low = 1000, high = 3000 }")
    with pytest.raises(ProblemError, match="conventional: tr_ms is searched from 1000 to 3000: state one"):
        Problem.from_toml(with_conventional(text))


def test_what_no_search_proposes_is_noted():
    problem = replace(limited(), conventional=Conventional((1.5,), (0.0,), (0.001,)))
    (note,) = problem.notes()
    assert note.startswith(
        "the conventional sequence is outside the search space: delay_ms must be at least 6.2"
    )
    problem = Problem.from_toml(with_conventional(flip_deg="[90, 190]"))
    assert "flip_deg must be at most 180" in problem.notes()[-1]
