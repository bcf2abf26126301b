"""The page of a study."""

import pytest

from cli_call import QUICK
from sequence_search.page.study import problem_source, study_page
from sequence_search.problem.problem import Problem
from sequence_search.study.study import Study


def test_a_problem_of_ones_own_is_named_by_the_file_that_the_page_holds():
    assert problem_source("max-signal") == "max-signal"
    assert problem_source("mine") == "mine.toml"


@pytest.mark.slow
def test_the_page_tells_the_command_with_every_option_that_is_not_the_strategys_own(tmp_path):
    study = Study.create(
        tmp_path / "study", Problem.load("max-signal"), engine="pathways", seeds=[3], **QUICK
    )
    study.run()
    page = study_page(study, "max-signal")
    assert "run max-signal --strategy multistart --seeds 1 --seed 3 --option n_starts=8" in page
    assert "--engine pathways --out again" in page
