"""Searches that a page starts."""

import os
import time

import pytest

from sequence_search.problem.library import problem_text
from sequence_search.study.study import Study
from sequence_search.view.guard import Refused
from sequence_search.view.search import Searches


@pytest.fixture
def searches(tmp_path):
    made = Searches(tmp_path)
    yield made
    if made.is_running:
        made.stop()
        made._process.wait(20)
    made.close()


def wait(searches):
    searches._process.wait(60)


@pytest.fixture
def asleep(monkeypatch):
    """What is started sleeps in place of a search."""
    monkeypatch.setattr("sequence_search.view.search.sys.executable", "/bin/sh")
    monkeypatch.setattr("sequence_search.view.search.RUN", ("-c", "sleep 60", "sh"))


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({}, 400, "state a problem"),
        ({"toml": 'name = "x"'}, 200, "is missing"),
        ({"name": "max-signal", "strategy": "--help"}, 200, "trategy"),
        ({"name": "max-signal", "strategy": ["random"]}, 200, "trategy"),
        ({"name": "max-signal", "seeds": 0}, 200, "seeds must be a whole number from 1"),
        ({"name": "max-signal", "seeds": True}, 200, "seeds must be a whole number from 1"),
        ({"name": "max-signal", "seeds": "4"}, 200, "seeds must be a whole number from 1"),
        ({"name": "max-signal", "seeds": 10**9}, 200, "seeds must be a whole number from 1"),
        ({"name": "max-signal", "maxSeconds": 0}, 200, "must be a number of at least 1"),
        ({"name": "max-signal", "maxSeconds": float("inf")}, 200, "must be a number of at least 1"),
        ({"name": "max-signal", "folder": "../out"}, 200, "is a name of letters"),
        ({"name": "max-signal", "folder": "/tmp/out"}, 200, "is a name of letters"),
        ({"name": "max-signal", "folder": ".."}, 200, "is a name of letters"),
        ({"name": "max-signal", "folder": "-v"}, 200, "is a name of letters"),
        ({"name": "max-signal", "folder": "a" * 300}, 200, "is a name of letters"),
        ({"name": "max-signal", "folder": 3}, 200, "is a name of letters"),
    ],
)
def test_what_is_not_right_is_refused_and_nothing_is_written(searches, given, status, says):
    with pytest.raises(Refused, match=says) as refused:
        searches.start(given)
    assert refused.value.status == status
    assert list(searches.directory.iterdir()) == []
    assert not searches.is_running


@pytest.mark.parametrize("name", ["mine", "mine.toml", "max-signal"])
def test_what_is_there_stays(searches, name, asleep):
    outside = searches.directory / "outside"
    (searches.directory / name).symlink_to(outside)  # though it leads nowhere
    if name == "max-signal":
        assert searches.start({"name": "max-signal"})[0].name == "max-signal-2"
    else:
        with pytest.raises(Refused, match="is there already"):
            searches.start({"name": "max-signal", "folder": "mine"})
    assert not outside.exists()


def test_one_search_runs_at_a_time_and_is_stopped(searches, asleep):
    folder, problem = searches.start({"name": "max-signal"})
    assert problem.name == "max-signal"
    assert searches.process_id is not None
    os.kill(searches.process_id, 0)
    with pytest.raises(Refused, match="runs already") as refused:
        searches.start({"name": "max-signal"})
    assert refused.value.status == 409
    assert [path.name for path in searches.directory.iterdir()] == [f"{folder.name}.toml"]
    searches.stop()
    wait(searches)
    assert searches.process_id is None
    assert searches.failure == ""  # it did not end by itself
    with pytest.raises(Refused, match="no search runs"):
        searches.stop()


def test_a_search_that_ends_by_an_error_tells_it(searches, monkeypatch):
    monkeypatch.setattr("sequence_search.view.search.sys.executable", "/bin/sh")
    monkeypatch.setattr(
        "sequence_search.view.search.RUN",
        ("-c", "echo before; echo 'error: the disk'; echo '  is full'; exit 2", "sh"),
    )
    searches.start({"name": "max-signal"})
    wait(searches)
    assert searches.failure == "error: the disk is full"


@pytest.mark.slow
def test_it_is_a_study_of_the_file_that_was_written(searches):
    text = problem_text("max-signal").replace('"max-signal"', '"mine"')
    folder, _ = searches.start({"toml": text, "seeds": 2, "maxSeconds": 1, "strategy": "random"})
    assert folder == searches.directory / "mine"
    assert folder.with_name("mine.toml").read_text() == text
    wait(searches)
    assert searches.failure == ""
    study = Study.open(folder)
    assert study.plan.strategy == "random"
    assert study.tally().done == 2


@pytest.mark.slow
def test_a_search_that_is_stopped_goes_on_from_there(searches):
    folder, _ = searches.start({"name": "max-signal", "seeds": 50})
    deadline = time.monotonic() + 60
    while not list(folder.glob("max-signal/*/status.json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    searches.stop()
    wait(searches)
    assert 0 < Study.open(folder).tally().left <= 50
    assert searches.failure == ""
