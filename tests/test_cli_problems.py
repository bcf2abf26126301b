import json

from cli_call import STRANGE, call
from sequence_search.problem.library import builtin_problems, problem_text, toml_text
from sequence_search.problem.problem import Problem


def test_list():
    assert all(name in call("list").stdout for name in builtin_problems())
    assert [row["name"] for row in json.loads(call("list", "--format", "json").stdout)] == builtin_problems()


def test_show():
    assert "t1_ms = {mean = 1331" in call("show", "max-signal").stdout
    shown = json.loads(call("show", "max-signal", "--format", "json").stdout)
    assert Problem.from_toml(toml_text(shown)) == Problem.load("max-signal")


def test_init_gives_a_file_to_edit_and_never_overwrites(tmp_path):
    file = tmp_path / "mine.toml"
    assert call("init", "gm-wm", file).exit_code == 0
    assert file.read_text() == problem_text("gm-wm")
    file.write_text("precious")
    again = call("init", "gm-wm", file)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert file.read_text() == "precious"
    assert call("init", "gm-wm", tmp_path / "no" / "such" / "folder.toml").exit_code == 2


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
