import pytest

from limit_cases import limited
from paper_runs import run
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import SearchResult, best_run, failed, same_family


def sequence(flip, phase, delay):
    return Sequence.from_degrees_ms(flip, phase, delay)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (([88, 177], [0, 180], [19, 19]), True),
        (([92, 172], [0, 20], [20, 18]), True),
        (([-88, 177], [0, 0], [19, 19]), True),
        (([100, 177], [0, 180], [19, 19]), False),
        (([88, 177], [0, 180], [19, 23]), False),
        (([88, 177, 177], [0, 180, 0], [19, 19, 6]), False),
        (([88], [0], [19]), False),
    ],
)
def test_families_are_of_one_structure(other, same):
    assert same_family(sequence([88, 177], [0, 180], [19, 19]), sequence(*other)) is same


def test_a_run_that_meets_all_limits_is_better_than_one_that_does_not():
    problem = limited("[limits]\nte_ms = { low = 22 }\n")
    short = run(0, [88, 177], [0, 180], [10, 10], problem=problem)
    long = run(1, [88, 177], [0, 180], [12, 12], problem=problem)
    none = failed(2, "no luck", 1.0)
    assert short.loss < long.loss
    assert (short.meets_limits, long.meets_limits, none.meets_limits) == (False, True, False)
    assert best_run([none, short, long]) is long
    assert best_run([none, short]) is short
    assert best_run([none]) is None
    result = SearchResult(problem, "multistart", (none, short, long))
    assert result.best is long
    assert repr(long) in repr(result)
