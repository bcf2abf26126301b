from dataclasses import replace

import pytest

from limit_cases import TAIL, limited
from sequence_search.explanation.layouts import parts_left_out
from sequence_search.explanation.repolished import repolished
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import draft_of


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
