"""How a study stands, whatever state its files are in."""

import json
import shutil
import threading
from dataclasses import replace

import pytest

from cli_call import QUICK
from sequence_search.problem.problem import Problem
from sequence_search.storage import locked
from sequence_search.study.seeds import seed_folder
from sequence_search.study.study import Study
from sequence_search.view import follow
from sequence_search.view.follow import Follower


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("follow") / "study"
    Study.create(folder, Problem.load("max-signal"), seeds=range(2), **QUICK).run()
    return folder


@pytest.fixture
def folder(done, tmp_path):
    """A finished study of two seeds, to damage."""
    return shutil.copytree(done, tmp_path / "study")


@pytest.fixture(autouse=True)
def always_looking(monkeypatch):
    monkeypatch.setattr(follow, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(follow, "SHARE_OF_TIME", 1e9)


def follower(folder, **how):
    return Follower(folder, threading.Lock(), **how)


def seed_file(folder, seed, name):
    return seed_folder(folder, "max-signal", seed) / name


def test_a_finished_study_tells_its_losses_and_its_best(folder):
    status = follower(folder).status()
    losses = [json.loads(seed_file(folder, seed, "result.json").read_text())["loss"] for seed in range(2)]
    assert status["state"] == "done"
    assert (status["done"], status["total"], status["failed"]) == (2, 2, 0)
    assert status["losses"] == losses
    assert status["loss"] == min(losses)
    assert status["best"] == losses.index(min(losses))
    json.dumps(status, allow_nan=False)


def test_it_is_running_while_a_process_holds_a_seed(folder):
    shutil.rmtree(seed_folder(folder, "max-signal", 1))
    look = follower(folder)
    assert look.status()["state"] == "stopped"
    with locked(seed_file(folder, 1, "lock")):
        status = look.status()
        assert status["state"] == "running"
        assert [each["seed"] for each in status["underWay"]] == [1]
    assert status["done"] == 1


def test_results_change_with_every_seed(folder):
    look = follower(folder)
    both = look.status()["results"]
    seed_file(folder, 1, "result.json").unlink()
    one = look.status()["results"]
    seed_file(folder, 0, "result.json").unlink()
    assert len({both, one, look.status()["results"]}) == 3
    assert look.status()["results"] == ""


def test_a_study_that_is_deleted_is_told_and_found_again(folder, tmp_path):
    look = follower(folder)
    before = look.status()
    folder.rename(tmp_path / "away")
    gone = look.status()
    assert gone["state"] == "gone"
    assert "holds no study" in gone["message"]
    (tmp_path / "away").rename(folder)
    assert look.status() == before


@pytest.mark.parametrize("name", ["result.json", "status.json", "history.npz"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_that_is_half_written_ends_nothing(folder, name, share):
    file = seed_file(folder, 0, name)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    status = follower(folder).status()
    assert status["total"] == 2
    assert status["done"] == (1 if name == "result.json" else 2)


@pytest.mark.parametrize(
    "content",
    [
        "{\n}\n",
        '{\n  "loss": "low"\n}\n',
        '{\n  "loss": NaN\n}\n',
        '{\n  "loss": 0.1,\n  "seed": "../.."\n}\n',
    ],
)
def test_a_result_that_says_something_else_is_told(folder, content):
    for seed in range(2):
        seed_file(folder, seed, "result.json").write_text(content)
        seed_file(folder, seed, "status.json").write_text("{}")
    look = follower(folder)
    status = look.status()
    json.dumps(status, allow_nan=False)
    best = look.best(status)
    assert best is None or "message" in best
    with pytest.raises(ValueError, match=r"."):
        look.page()


def test_the_best_design_is_drawn_once(folder, monkeypatch):
    look = follower(folder)
    first = look.best(look.status())
    assert first["drawn"].startswith('<img class="figure" alt="Sequence diagram of the best')
    monkeypatch.setattr(follow, "designs_figure", None)
    assert look.best(look.status()) is first


def test_a_report_that_is_being_written_keeps_nobody_waiting(folder):
    look = follower(folder)
    with look.computing:
        assert look.best(look.status()) is None
    assert "drawn" in look.best(look.status())


def test_the_page_is_the_report_and_is_written_again_for_other_results(folder, monkeypatch):
    look, pages = follower(folder), []
    monkeypatch.setattr(follow, "study_page", lambda study, name: pages.append(name) or f"page {len(pages)}")
    assert look.last_page is None
    page, results = look.page()
    assert (page, results) == ("page 1", look.status()["results"])
    assert look.page() == look.last_page == (page, results)
    seed_file(folder, 1, "result.json").unlink()
    assert look.page()[0] == "page 2"


def test_a_study_of_several_problems_needs_a_name(tmp_path):
    other = replace(Problem.load("max-signal"), name="other")
    Study.create(tmp_path / "study", [Problem.load("max-signal"), other], **QUICK)
    assert "pass --problem, one of max-signal, other" in follower(tmp_path / "study").status()["message"]
    assert follower(tmp_path / "study", problem="other").status()["problem"] == "other"
    assert "no problem 'third'" in follower(tmp_path / "study", problem="third").status()["message"]


def test_the_problem_is_told_before_the_study_is_there(folder, tmp_path):
    stated = Problem.load("gm-wm")
    assert follower(tmp_path / "none", stated=stated).problem() is stated
    assert follower(tmp_path / "none").problem() is None
    assert follower(folder).problem().digest == Problem.load("max-signal").digest
