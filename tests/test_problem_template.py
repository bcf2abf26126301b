import pytest

from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import builtin_problems, problem_text, templates
from sequence_search.problem.problem import Problem
from sequence_search.problem.template import template


@pytest.mark.parametrize("name", builtin_problems())
def test_a_template_is_the_problem_without_what_a_user_has_no_use_for(name):
    text = template(name)
    problem = Problem.from_toml(text)
    assert problem.digest == Problem.load(name).digest
    assert (problem.grid, problem.categories) == (None, ())
    for word in ("Table", "Eq.", "[grid]", "[[category]]", "rf_candidates", "wait_ranges_ms"):
        assert word not in text
    keys = text.partition("[tissues.WM]")[0].partition("[tissues.GM]")[2]
    assert all("#" in line for line in keys.strip().splitlines())
    assert template(Problem.load(name)) == text


def test_what_is_not_the_default_stays():
    text = problem_text("max-signal").replace("[[1, 10], [10, 100], [100, 1000]]", "[[1, 50]]")
    assert "wait_ranges_ms = [[1.0, 50.0]] # ranges" in template(Problem.from_toml(text))


@pytest.mark.parametrize("name", templates())
def test_shipped_templates_are_sound_and_given_as_they_are(name):
    problem = Problem.load(name)
    assert problem.name == name
    assert problem.notes() == []
    assert template(name) == problem_text(name)


def test_what_has_no_file_is_refused():
    with pytest.raises(ProblemError, match="no such file and no built-in problem"):
        template("none-such-at-all")
    own = Problem.load("gm-wm").with_term("mine", lambda magnitude, sequence, voxels: magnitude.mean(-1), 1.0)
    with pytest.raises(ProblemError, match="Python function"):
        template(own)
