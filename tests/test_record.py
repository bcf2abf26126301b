import functools
import json
import math

import pytest

from sequence_search.problem import Problem
from sequence_search.report.record import result_record, run_record, save_result
from sequence_search.search.base import Meter, Point, SearchResult, Settings, failed
from sequence_search.search.finish import Finisher
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])


FINISHER = Finisher(PROBLEM, "auto")


def done(seed=0):
    return FINISHER.finish(
        seed,
        [ECHO],
        Meter(Settings()),
        history=(Point(0, 0.5, 9, 0.1), Point(1, math.nan, 9, 0.1)),
    )


def test_the_record_of_a_run():
    record = run_record(done())
    assert record["sequence"] == {"flip_deg": [88, 177], "phase_deg": [0, 180], "delay_ms": [6.2, 6.2]}
    assert record["families"][0]["loss"] == record["loss"]
    assert record["check_loss"] == pytest.approx(record["loss"], rel=0.01)
    assert set(record) >= {"seed", "status", "loss", "terms", "signal", "seconds", "history"}
    assert record["loss"] == pytest.approx(sum(record["terms"].values()))
    assert record["history"][0] == {"step": 0, "loss": 0.5, "evaluations": 9, "seconds": 0.1}
    assert record["history"][1]["loss"] is None
    assert "history" not in run_record(done(), history=False)


def test_the_record_of_a_failed_run_says_why():
    record = run_record(failed(3, "loss is nan at step 7", 0.1))
    assert record["status"] == "failed"
    assert record["reason"] == "loss is nan at step 7"
    assert record["loss"] is record["sequence"] is None
    assert set(record) == set(run_record(done())) | {"reason"}


def test_saved_files(tmp_path):
    result = SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1), done(1)))
    paths = save_result(result, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["problem.toml", "sequence.png", "result.json"]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)
    assert Problem.load(paths[0]) == PROBLEM
    assert paths[1].read_bytes().startswith(b"\x89PNG")
    data = json.loads(paths[2].read_text())
    assert data == json.loads(json.dumps(result_record(result)))
    assert data["problem"] == "max-signal"
    assert data["problem_sha256"] == PROBLEM.digest
    assert set(data["versions"]) >= {"python", "sequence-search", "torch"}


def test_no_picture_without_a_sequence(tmp_path):
    paths = save_result(SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1),)), tmp_path)
    assert [path.name for path in paths] == ["problem.toml", "result.json"]


def test_a_result_without_picture_removes_the_old_one(tmp_path):
    save_result(SearchResult(PROBLEM, "multistart", (done(),)), tmp_path)
    save_result(SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1),)), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["problem.toml", "result.json"]


def test_a_problem_with_a_python_term_is_saved_without_its_file(tmp_path):
    function = functools.partial(lambda factor, magnitude, sequence, voxels: factor * magnitude.mean(-1), 2.0)
    problem = PROBLEM.with_term("mine", function, 1.0)
    paths = save_result(SearchResult(problem, "multistart", (done(),)), tmp_path)
    assert [path.name for path in paths] == ["sequence.png", "result.json"]


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    result = SearchResult(PROBLEM, "multistart", (done(),))
    save_result(result, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments, **options):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="disk full"):
        save_result(result, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
