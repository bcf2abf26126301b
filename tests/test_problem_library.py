from importlib import resources

import pytest

from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import builtin_problems, templates
from sequence_search.problem.problem import Problem


def test_missing_files_and_names():
    with pytest.raises(ProblemError, match="no such file and no built-in problem, did you mean 'max-signal'"):
        Problem.load("max-sginal")


def test_unreadable_files(tmp_path):
    with pytest.raises(ProblemError, match="is a folder"):
        Problem.load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'title = "\xb0"')
    with pytest.raises(ProblemError, match="cannot be read"):
        Problem.load(latin)


@pytest.mark.parametrize(("folder", "names"), [("paper", builtin_problems()), ("templates", templates())])
def test_each_shipped_file_is_in_the_index(folder, names):
    files = resources.files("sequence_search") / "problems" / folder
    assert sorted(names) == sorted(
        each.name.removesuffix(".toml") for each in files.iterdir() if each.name.endswith(".toml")
    )
