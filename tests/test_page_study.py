"""The page of a study."""

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
