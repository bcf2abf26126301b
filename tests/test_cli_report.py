"""The command that writes a page."""

import pytest

from cli_call import call
from page_results import result_of
from sequence_search.extras import MissingExtraError
from sequence_search.problem.problem import Problem
from sequence_search.storage import json_text
from sequence_search.strategies.record import result_record
from sequence_search.study.study import Study


def test_a_playground_of_a_problem_begins_with_the_conventional_sequence(tmp_path):
    page = tmp_path / "page.html"
    assert call("report", "max-signal", "--playground", "--out", page).exit_code == 0
    assert '"delay":[0.0062,0.0062]' in page.read_text()


def test_a_sequence_is_stated_as_for_evaluate(tmp_path):
    page = tmp_path / "page.html"
    stated = ["--flip-deg", 80, "--phase-deg", 0, "--delay-ms", 7]
    assert call("report", "max-signal", "--playground", *stated, "--out", page).exit_code == 0
    assert '"delay":[0.007]' in page.read_text()


@pytest.mark.slow
def test_a_report_of_a_study_tells_how_to_make_it_again(tmp_path):
    study = Study.create(tmp_path / "study", Problem.load("max-signal"), seeds=[0, 1], max_evaluations=500.0)
    study.run()
    assert call("report", tmp_path / "study", "--out", tmp_path / "page.html").exit_code == 0
    again = "run max-signal --strategy multistart --seeds 2 --seed 0 --max-evaluations 500.0 --out again"
    assert f"sequence-search {again}" in (tmp_path / "page.html").read_text()


def test_a_report_of_what_run_printed_is_of_its_problem(tmp_path, monkeypatch):
    monkeypatch.setattr("sequence_search.page.brain._template", no_template)
    problem = Problem.load("max-signal")
    result = result_of(problem, 2)
    found, page = tmp_path / "found.json", tmp_path / "page.html"
    found.write_text(json_text(result_record(result)))
    assert call("report", found, "--out", page).exit_code == 0
    assert "as no preview is needed here" in page.read_text()
    assert f"{result.best.loss:.6f}" in page.read_text()

    refused = call("report", found, "--problem", "spin-echo-2d", "--out", page, "--overwrite")
    assert refused.exit_code == 2
    assert f"is of 'max-signal' ({problem.digest[:12]}), not of 'spin-echo-2d'" in " ".join(
        refused.stderr.split()
    )


def no_template():
    raise MissingExtraError("as no preview is needed here")


def test_what_is_no_result_is_refused(tmp_path):
    for number, text in enumerate(("{", "[]", "{}", '{"problem": "max-signal"}')):
        file = tmp_path / f"{number}.json"
        file.write_text(text)
        refused = call("report", file, "--out", tmp_path / "page.html")
        assert refused.exit_code == 2
        assert "prints of one problem with --format json" in " ".join(refused.stderr.split())
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["max-signal", "--out", "page.html"], "no .json file of a result; for a problem pass --playground"),
        (
            ["max-signal", "--out", "page.html", "--playground", "--seed", 3],
            "--seed is of a design of a study",
        ),
        (["max-signal", "--out", "page.html", "--design", 3], "--seed and --design are of --playground"),
        (["max-signal", "--out", "page.pdf", "--playground"], "must be a .html file"),
        (["max-signal", "--out", "none/page.html", "--playground"], "there is no folder none"),
        (
            ["max-signal", "--out", "page.html", "--flip-deg", "90", "--phase-deg", "0", "--delay-ms", "7"],
            "for a sequence that is stated pass --playground",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = call("report", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert call("report", "max-signal", "--playground", "--out", page).exit_code == 2
    assert page.read_text() == "mine"
    assert call("report", "max-signal", "--playground", "--out", page, "--overwrite").exit_code == 0
    assert page.read_text() != "mine"
