"""What a server says of a study and of the search that it started."""

import pytest

from sequence_search.view import follow
from sequence_search.view.guard import Refused
from sequence_search.view.viewing import Viewing
from view_cases import finished


@pytest.fixture(autouse=True)
def always_looking(monkeypatch):
    monkeypatch.setattr(follow, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("sequence_search.view.search.sys.executable", "/bin/sh")


@pytest.fixture
def viewing(tmp_path):
    made = Viewing(None, tmp_path)
    yield made
    if made.searches.is_running:
        made.searches.stop()
        made.searches._process.wait(20)
    made.close()


def runs(monkeypatch, script):
    """What is started runs this in place of a search."""
    monkeypatch.setattr("sequence_search.view.search.RUN", ("-c", script, "sh"))


def test_a_search_starts_runs_and_is_done(viewing, monkeypatch):
    assert viewing.status()["state"] == "none"
    runs(monkeypatch, "sleep 60")
    folder = viewing.start({"name": "max-signal"})
    assert viewing.follower.problem().name == "max-signal"
    starting = viewing.status()
    assert (starting["state"], starting["message"], starting["started"]) == ("starting", "", True)
    finished(folder)
    running = viewing.status()
    assert (running["state"], running["done"], running["started"]) == ("running", 2, True)
    viewing.searches.stop()
    viewing.searches._process.wait(20)
    done = viewing.status()
    assert (done["state"], done["started"]) == ("done", False)


def test_an_error_of_a_search_is_told(viewing, monkeypatch):
    runs(monkeypatch, "echo error: no memory; exit 1")
    viewing.start({"name": "max-signal"})
    viewing.searches._process.wait(20)
    status = viewing.status()
    assert (status["state"], status["message"]) == ("failed", "error: no memory")


def test_a_page_knows_its_token_where_its_study_is_and_how_it_goes_on(tmp_path):
    viewing = Viewing(tmp_path / "my study", tmp_path)
    live = viewing.live("study", "some")
    assert live["token"] == viewing.token
    assert live["folder"] == str(tmp_path / "my study")
    assert live["resume"] == f"sequence-search resume '{tmp_path}/my study'"
    assert (live["page"], live["results"], live["directory"]) == ("study", "some", "")
    assert viewing.token != Viewing(tmp_path, tmp_path).token
    with pytest.raises(Refused) as refused:
        viewing.start({"name": "max-signal"})
    assert refused.value.status == 403
