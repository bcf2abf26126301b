import time

import pytest

from sequence_search.problem.problem import Problem
from sequence_search.strategies import make_strategy, search
from sequence_search.strategies.base import Monitor, Settings
from sequence_search.strategies.islands import MOST_ISLANDS, search_islands
from sequence_search.strategies.result import judge
from strategy_cases import QUICK

PROBLEM = Problem.load("max-signal")
ENOUGH = QUICK["multistart"] | {"n_starts": 64, "steps": 40, "max_rounds": 12}


def islands(options=ENOUGH, first_seed=0, workers=1, **settings):
    strategy = make_strategy("multistart", options, PROBLEM)
    return search_islands(strategy, PROBLEM, Settings(**settings), first_seed, workers)


def told(runs):
    return [(run.seed, run.status, run.loss, run.n_evaluations) for run in runs]


@pytest.fixture(scope="module")
def alone():
    return islands()


def test_islands_go_on_until_they_agree_and_no_further(alone):
    assert [run.seed for run in alone] == list(range(len(alone)))
    assert judge(alone).is_sure
    assert not judge(alone[:-1]).is_sure
    assert 8 <= len(alone) < MOST_ISLANDS


def test_an_island_is_the_search_of_its_seed(alone):
    (run,) = search(PROBLEM, seeds=(1,), **ENOUGH).runs
    assert told([run]) == told(alone[1:2])
    later = islands(first_seed=1)
    assert told(later)[:2] == told(alone)[1:3]


def test_helpers_change_nothing_but_the_time(alone):
    assert told(islands(workers=2)) == told(alone)


def test_islands_that_never_agree_end_at_the_most(monkeypatch):
    hopeless = QUICK["multistart"] | {"max_rounds": 1, "steps": 1, "n_starts": 1, "n_children": 1}
    monkeypatch.setattr("sequence_search.strategies.islands.MOST_ISLANDS", 6)
    runs = islands(hopeless)
    assert len(runs) == 6
    assert judge(runs).word == "more search"


def test_the_time_is_of_all_islands_together():
    start = time.monotonic()
    runs = islands(QUICK["multistart"] | {"max_rounds": 10**6, "patience": 10**6}, max_seconds=0.5)
    assert time.monotonic() - start < 10
    assert [run.status for run in runs] == ["cut"]
    assert judge(runs).n_islands == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_ends_all(workers):
    asked = []

    def stop():
        asked.append(None)
        return len(asked) > 20

    runs = islands(monitor=Monitor(stop=stop), workers=workers)
    assert 1 <= len(runs) < 5
    assert "interrupted" in {run.status for run in runs}


def test_progress_tells_how_many_agree():
    notes = []
    islands(monitor=Monitor(on_progress=lambda progress: notes.append(progress.note)))
    assert not any("agree" in note for note in notes[:3])
    assert "of 2 searches agree" in " ".join(notes)


def test_search_without_seeds():
    result = search(PROBLEM, seeds=None, first_seed=3, workers=1, progress=False, **ENOUGH)
    assert result.runs[0].seed == 3
    assert result.verdict.is_sure
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        search(PROBLEM, seeds=None, workers=0)
