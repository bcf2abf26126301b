from dataclasses import replace

import pytest

from limit_cases import TAIL, limited
from sequence_search.explanation.layouts import parts_left_out
from sequence_search.explanation.repolished import NO_EXCITATION, repolished
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import draft_of
from sequence_search.strategies.played import simulator_of
from strategy_cases import WIDE, proposed


@pytest.fixture(scope="module")
def found():
    """A repeated, crushed spin echo after a spoiled pulse that does no good to the signal of GM."""
    problem = limited()
    space = replace(problem.search_space, gradients=("none", "crusher", "spoiler"))
    problem = replace(
        problem, search_space=space, acquisition=limited("[sequence]\ntr_ms = 2000").acquisition
    )
    numbers = Sequence.from_degrees_ms([60, 80, 150], [0, 0, 90], [300, 8, 8])
    sequence = problem.played(numbers, gradients=("spoiler", "crusher", "crusher"))
    simulator = problem.simulator(problem.voxels())
    parts = parts_left_out(problem, sequence, simulator)
    return problem, sequence, repolished(problem, draft_of(problem, sequence), parts)


def test_the_rest_is_at_least_as_good_as_what_was_just_left_out(found):
    problem, _, parts = found
    for part in parts:
        assert part.polished <= part.loss + 1e-9
        loss = float(problem.simulator(problem.voxels()).loss(part.rest))
        assert part.polished == pytest.approx(loss, rel=1e-9)


def test_what_does_harm_buys_less_than_nothing_and_what_excites_buys_all(found):
    _, _, (first, second, third, spoiler, crushers) = found
    assert first.buys < 0
    assert len(first.rest.flip_angle) <= 2
    # Any of the others may excite in its place.
    assert max(second.polished, third.polished) < 0.5
    assert "spoiler" not in spoiler.rest.layout.gradients
    assert not any(crushers.rest.layout.gradients[1:])


def test_what_is_bought_is_counted_from_the_design_polished_as_well(found):
    problem, sequence, parts = found
    whole = {round(part.polished - part.buys, 12) for part in parts}
    assert len(whole) == 1
    assert whole.pop() <= float(problem.simulator(problem.voxels()).loss(sequence))


def test_given_pulses_stay_as_they_are():
    """Any other flip angles of this poor echo would be better."""
    problem = limited("[sequence]\ntr_ms = 2000\n" + TAIL.replace("90, 180", "40, 100"))
    problem = replace(problem, search_space=replace(problem.search_space, gradients=("none", "spoiler")))
    numbers = Sequence.from_degrees_ms([60, 30, 40, 100], [0, 0, 0, 90], [300, 300, 15, 15])
    sequence = problem.played(numbers, gradients=("spoiler", "none", "none", "none"))
    parts = parts_left_out(problem, sequence, problem.simulator(problem.voxels()))
    worth = {str(part): part for part in repolished(problem, draft_of(problem, sequence), parts)}
    assert worth["pulse 3"].rest is worth["pulse 4"].rest is None
    for free in ("pulse 1", "pulse 2", "the spoiler after pulse 1"):
        assert problem.limits.frame.keeps(worth[free].rest, "tail")


def test_the_rest_is_one_that_a_search_would_keep():
    """Without an excitation the wide slice would be read that the pulse for refocusing excites."""
    problem, draft = Problem.from_toml(WIDE), proposed(WIDE, [90, 180], ["none", "none"])
    sequence = simulator_of(problem, problem.voxels(method="nominal"), "auto").play(draft)
    parts = parts_left_out(problem, sequence, problem.simulator(problem.voxels()))
    without_excitation, without_refocusing = repolished(problem, draft, parts)
    assert (without_excitation.polished, without_excitation.rest) == (None, None)
    assert without_excitation.unpolished == NO_EXCITATION
    assert without_refocusing.rest.layout.kinds == ("excite",)
    assert without_refocusing.unpolished == ""


def test_what_is_bought_is_counted_from_a_design_that_a_search_would_keep():
    """Polished as it is, the pulse for refocusing becomes the excitation, which a search would not return."""
    problem, draft = Problem.from_toml(WIDE), proposed(WIDE, [30, 140], ["none", "none"])
    simulator = simulator_of(problem, problem.voxels(method="nominal"), "auto")
    parts = parts_left_out(problem, simulator.play(draft), problem.simulator(problem.voxels()))
    *_, part = repolished(problem, draft, parts)
    loss = problem.evaluate(simulator.play(draft)).loss
    assert part.polished - part.buys == pytest.approx(loss, rel=1e-9)


def test_what_is_not_polished_says_why():
    problem = limited("[sequence]\ntr_ms = 2000\n" + TAIL)
    sequence = problem.played(Sequence.from_degrees_ms([60, 90, 180], [0, 0, 90], [300, 15, 15]))
    parts = parts_left_out(problem, sequence, problem.simulator(problem.voxels()))
    free, *given = repolished(problem, draft_of(problem, sequence), parts)
    assert free.unpolished == ""
    assert {part.unpolished for part in given} == {"the problem gives what is left out"}


def test_without_the_first_pulse_of_a_crushed_echo_as_much_is_left_as_without_the_last():
    """Of either the free decay behind the other is left, which a crusher without its partner would kill."""
    problem = limited("[sequence]\ntr_ms = 1000")
    space = replace(problem.search_space, max_rf=2, gradients=("none", "crusher", "spoiler"))
    problem = replace(problem, search_space=space)
    numbers = Sequence.from_degrees_ms([100, 180], [0, 90], [7, 7])
    sequence = problem.played(numbers, gradients=("crusher", "crusher"))
    parts = parts_left_out(problem, sequence, problem.simulator(problem.voxels()))
    first, last, _ = repolished(problem, draft_of(problem, sequence), parts)
    assert first.polished == pytest.approx(last.polished, rel=1e-3)
    assert not any(first.rest.layout.gradients)
