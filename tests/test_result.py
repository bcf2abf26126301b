from dataclasses import replace

import pytest

from limit_cases import limited
from paper_runs import run
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import SearchResult, Verdict, best_run, failed, judge, same_family


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


@pytest.mark.parametrize(
    ("islands", "agree", "chance"),
    [
        (1, 1, 2 / 3),
        (2, 2, 4 / 9),
        (8, 8, (2 / 3) ** 8),
        (4, 1, (11 / 12) ** 4),
        (10, 9, 0.7**10),
        (3, 0, 1.0),
        (0, 0, 1.0),
    ],
)
def test_chance_that_something_better_is_left(islands, agree, chance):
    verdict = Verdict(islands, agree, 1)
    assert verdict.chance_left == pytest.approx(chance)
    assert verdict.is_sure == (chance < 0.05)
    assert verdict.word == ("best found" if chance < 0.05 else "more search")
    if islands > 1:
        assert f"{agree} of {islands} independent searches agree" in str(verdict)
        assert ("more search is worth it" in str(verdict)) is not verdict.is_sure
    else:
        assert "tell" in str(verdict)


def test_islands_agree_within_half_a_percent_of_the_best():
    # 88°-177° with delays of 10, 10.001 and 20 ms; one that failed, and one cut that is no island.
    runs = [run(seed, [88, 177], [0, 180], [t, t]) for seed, t in enumerate((10, 10.001, 20))]
    verdict = judge([*runs, failed(3, "no luck", 1.0), replace(runs[2], seed=4, status="cut")])
    assert (verdict.n_islands, verdict.n_agree, verdict.n_families) == (3, 2, 2)
    assert SearchResult(limited(""), "multistart", tuple(runs)).verdict == judge(runs)
    # The best is of a search that a budget cut: no island ended there.
    cut = replace(run(5, [88, 177], [0, 180], [6.2, 6.2]), status="cut")
    assert judge([*runs, cut]).n_agree == 0
    assert judge([failed(0, "no luck", 1.0)]) == Verdict(0, 0, 0)
