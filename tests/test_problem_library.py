import math
import re
from importlib import resources

import pytest

from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import builtin_problems, clinic_problems, problem_text, templates, title
from sequence_search.problem.problem import Problem
from sequence_search.problem.template import template


def test_missing_files_and_names():
    with pytest.raises(ProblemError, match="no such file and no built-in problem, did you mean 'max-signal'"):
        Problem.load("max-sginal")
    with pytest.raises(ProblemError, match="no built-in problem; `sequence-search list` names those"):
        Problem.load("qqq.toml")


def test_unreadable_files(tmp_path):
    with pytest.raises(ProblemError, match="is a folder"):
        Problem.load(tmp_path)
    (tmp_path / "study.toml").touch()
    with pytest.raises(ProblemError, match="is the folder of a study, which"):
        Problem.load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'title = "\xb0"')
    with pytest.raises(ProblemError, match="cannot be read"):
        Problem.load(latin)


@pytest.mark.parametrize(
    ("folder", "names"),
    [("paper", builtin_problems()), ("clinic", clinic_problems()), ("templates", templates())],
)
def test_each_shipped_file_is_in_the_index(folder, names):
    files = resources.files("sequence_search") / "problems" / folder
    assert sorted(names) == sorted(
        each.name.removesuffix(".toml") for each in files.iterdir() if each.name.endswith(".toml")
    )


@pytest.mark.parametrize("name", clinic_problems())
def test_each_textbook_task_has_a_sequence_that_can_be_played_and_a_source_at_each_number(name):
    problem = Problem.load(name)
    assert problem.name == name
    assert problem.title == title(name) != name
    assert problem.notes() == []
    assert problem.conventional.name
    assert problem.conventional.source
    assert template(name) == problem_text(name)
    few = problem.simulator(problem.voxels(8))
    assert math.isfinite(float(few.loss(conventional_sequence(problem))))
    tables = problem_text(name).partition("[imaging]")[0].partition("[tissues.")[2]
    numbers = [
        line for line in tables.splitlines() if re.match(r"(m0|t1_ms|t2_ms|t2_prime_ms|b0_hz) =", line)
    ]
    assert len(numbers) >= 4 * len(problem.tissues)
    assert all("#" in line for line in numbers)


def test_the_clinic_is_of_all_fields_and_at_least_24_tasks():
    names = clinic_problems()
    assert len(names) >= 24
    for field in ("0.55 T", "1.5 T", "3 T", "7 T"):
        assert any(field in title(name) for name in names)
