"""The page of a study."""

from page_results import result_of
from sequence_search.page import study as page_study
from sequence_search.page.study import problem_source, study_page
from sequence_search.problem.problem import Problem
from sequence_search.study.study import Study


def test_a_problem_of_ones_own_is_named_by_the_file_that_the_page_holds():
    assert problem_source("max-signal") == "max-signal"
    assert problem_source("mine") == "mine.toml"


def test_the_command_has_every_option_that_is_not_the_strategys_own(tmp_path, monkeypatch):
    given = {"engine": "pathways", "seeds": [3, 4], "max_evaluations": 500.0, "n_starts": 8}
    study = Study.create(tmp_path / "study", Problem.load("max-signal"), **given)
    monkeypatch.setattr(page_study, "report", lambda result, **how: how["command"])
    assert study_page(study, "max-signal") == (
        "sequence-search run max-signal --strategy multistart --seeds 2 --seed 3 --option n_starts=8 "
        "--max-evaluations 500.0 --engine pathways --out again"
    )


def test_the_best_point_of_its_grid_is_shown_where_a_study_has_one(tmp_path, monkeypatch):
    problems = [Problem.load("max-signal"), Problem.load("spin-echo-2d")]
    study = Study.create(tmp_path / "study", problems, seeds=[0])
    monkeypatch.setattr(page_study, "report", lambda result, **how: repr(how["grid"]))
    assert [study_page(study, problem.name) for problem in problems] == ["None", "None"]
    best = result_of(problems[0], 1).runs[0].families[0]
    monkeypatch.setattr(page_study, "stored_optimum", lambda folder, problem: best)
    assert study_page(study, "max-signal") == repr(best)
