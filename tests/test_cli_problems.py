import json

import pytest

from cli_call import STRANGE, call
from sequence_search.problem.library import (
    builtin_problems,
    clinic_problems,
    problem_text,
    templates,
    toml_text,
)
from sequence_search.problem.problem import Problem
from sequence_search.problem.template import template


def test_list():
    names, listed = [*builtin_problems(), *clinic_problems()], call("list").stdout
    assert all(name in listed for name in names)
    rows = json.loads(call("list", "--format", "json").stdout)
    assert [row["name"] for row in rows] == names
    assert {row["group"] for row in rows if row["name"] in clinic_problems()} == {"clinic"}


def test_init_begins_with_a_textbook_task_and_its_sources(tmp_path):
    file = tmp_path / "mine.toml"
    assert call("init", "--like", "flair", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == problem_text("flair")
    assert call("validate", file).exit_code == 0


def test_show():
    assert "t1_ms = {mean = 1331" in call("show", "max-signal").stdout
    shown = json.loads(call("show", "max-signal", "--format", "json").stdout)
    assert Problem.from_toml(toml_text(shown)) == Problem.load("max-signal")


def test_init_gives_a_file_to_edit_and_never_overwrites(tmp_path):
    file = tmp_path / "mine.toml"
    assert call("init", "gm-wm", file).exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert text == template("gm-wm")
    assert "[grid]" not in text
    assert "Table" not in text
    file.write_text("precious")
    again = call("init", "gm-wm", file)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert file.read_text() == "precious"
    assert call("init", "gm-wm", tmp_path / "no" / "such" / "folder.toml").exit_code == 2


@pytest.mark.parametrize("given", [["contrast"], ["signal", "flair"]])
def test_init_writes_no_file_of_the_name_of_a_problem(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("init", *given)
    assert done.exit_code == 2
    assert (
        f"{given[-1]} is what a file can begin with: name the file, as {given[-1]}.toml, after" in done.stderr
    )
    assert not list(tmp_path.iterdir())


def test_init_takes_what_to_begin_with_as_an_option_too(tmp_path):
    for number, given in enumerate((["--from", "gm-wm"], [])):
        file = tmp_path / f"{number}.toml"
        assert call("init", file, *given).exit_code == 0
        assert call("validate", file).exit_code == 0
        again = tmp_path / f"{number}-again.toml"
        assert call("init", file, again).exit_code == 0  # from a file
    assert "[tissues.CSF]" in (tmp_path / "0.toml").read_text()
    twice = call("init", "gm-wm", tmp_path / "x.toml", "--from", "max-signal")
    assert twice.exit_code == 2
    assert "init takes one problem to begin with, got gm-wm, max-signal" in twice.stderr


def test_every_template_is_listed_and_valid(tmp_path):
    for name in templates():
        assert name in call("list").stdout
        file = tmp_path / f"{name}.toml"
        assert call("init", name, file).exit_code == 0
        assert call("validate", file).exit_code == 0


def test_validate(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(problem_text("gm-wm").replace("sd = 27", "sd = 80"))
    good = call("validate", file)
    assert good.exit_code == 0
    assert "note: 1.8 % of the draws of t2_prime in GM fall below 1 % of the mean" in good.stdout
    assert json.loads(call("validate", file, "--format", "json").stdout)["valid"] is True
    file.write_text("name = 3")
    bad = call("validate", file)
    assert bad.exit_code == 2
    assert f"error: {file}: tissues: is missing" in bad.stderr
    bad = call("validate", file, "--format", "json")
    assert bad.exit_code == 2
    assert f"{file}: tissues: is missing" in json.loads(bad.stdout)["errors"]


def test_text_of_the_user_is_text(tmp_path):
    file = tmp_path / "[b]strange :brain:.toml"
    file.write_text(STRANGE, encoding="utf-8")
    assert (
        f"{file}: valid, problem 'strange': [bold] T2' without end [/b] :brain:"
        in call("validate", file).stdout
    )
    assert "脑 [/b] :brain: " in call("show", file).stdout
    missing = call("validate", "[/b].toml")
    assert "[/b].toml: no such file" in missing.stderr


def test_infinite_numbers_in_json_can_be_read_back(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(STRANGE, encoding="utf-8")
    shown = json.loads(call("show", file, "--format", "json").stdout)
    assert shown["tissues"]["WM [left]"]["t2_prime_ms"] == "inf"
    assert Problem.from_toml(toml_text(shown)) == Problem.load(file)
