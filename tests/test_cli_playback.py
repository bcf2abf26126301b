import json

import pytest

from cli_call import call, one_line
from pulseq_cases import spin_echo, train


@pytest.fixture
def echo(tmp_path):
    return str(spin_echo().write(tmp_path / "echo.seq"))


FEW = ("--problem", "gm-wm", "--voxel-mm", "5,5,5", "--n-per-tissue", "4")


def test_check_prints_what_a_file_scores_beside_the_conventional(echo):
    done = call("check", echo, *FEW)
    assert done.exit_code == 0, done.exception
    text = one_line(done.stdout)
    assert "Played once, from equilibrium: 2 pulses." in text
    assert "TR (ms) played once TE (ms) 20 RF energy (rad²) 12.3370 peak B1 (uT) 58.72" in text
    assert "quantity file conventional mean |Mxy| GM 0.6" in text


def test_check_as_json(echo):
    done = call("check", echo, *FEW, "--format", "json")
    found = json.loads(done.stdout)
    assert found["score"]["loss"] == pytest.approx(sum(found["score"]["terms"].values()))
    assert found["facts"]["te"] == pytest.approx([0.02])
    assert set(found["conventional"]["signal"]) == {"GM", "WM", "CSF"}
    assert found["sequence"]["flip_deg"] == pytest.approx([90, 180])


@pytest.mark.parametrize("size", [["5,4,3"], ["5", "4", "3"]])
def test_the_size_of_a_voxel_has_commas_or_spaces(echo, size):
    done = call("check", "--problem", "gm-wm", "--n-per-tissue", "1", "--voxel-mm", *size, echo)
    assert done.exit_code == 0, done.stderr
    assert "A voxel is 3 mm along z" in one_line(done.stdout)


def test_check_of_a_repeated_train_has_no_conventional(tmp_path):
    file = str(train(2, n=2).write(tmp_path / "train.seq"))
    text = one_line(call("check", file, "--problem", "spin-echo-2d", *FEW[2:]).stdout)
    assert "Played: 2 of 2 repetitions" in text
    assert "conventional" not in text
    assert "mean |Mxy| at each readout readout GM WM 1 0." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--problem", "gm-wm"], "nothing tells how large a voxel is: state --voxel-mm"),
        (["--problem", "gm-w"], "gm-w"),
        (["--problem", "gm-wm", "--voxel-mm", "0", "5", "5"], "--voxel-mm must be above 0, got '0,5,5'"),
    ],
)
def test_check_refuses_what_it_cannot_play(echo, arguments, message):
    done = call("check", echo, *arguments)
    assert done.exit_code == 2
    assert message in one_line(done.stderr)


def test_check_refuses_what_is_no_file(tmp_path):
    for name, content in (("none.seq", None), ("text.seq", "hello"), ("cut.seq", "[VERSION]\nmajor 1\n")):
        path = tmp_path / name
        if content:
            path.write_text(content)
        done = call("check", str(path), *FEW)
        assert done.exit_code == 2
        assert name in one_line(done.stderr).replace(" ", "")


def test_import_writes_a_design_that_evaluate_takes(echo, tmp_path):
    for suffix in (".json", ".toml"):
        design, problem = tmp_path / f"design{suffix}", tmp_path / f"{suffix[1:]}.toml"
        out = ("--out", str(design), "--problem-out", str(problem))
        done = call("import", echo, "--problem", "gm-wm", "--voxel-mm", "5", "5", "5", *out)
        assert done.exit_code == 0, done.stderr
        text = one_line(done.stdout)
        assert "excite 90°(0°) –10 ms |crusher|– refocus 180°(90°) –10 ms |crusher|– readout" in text
        assert "excite hard 0.2 29.36 refocus hard 0.2 58.72" in text
        assert "In 'gm-wm', the file as it is played, and the design Played once" in text
        evaluated = call("evaluate", str(problem), "--sequence", str(design), "--format", "json")
        assert evaluated.exit_code == 0, evaluated.stderr
        assert json.loads(evaluated.stdout)["sequence"]["layout"]["gradients"] == [1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "state --voxel-mm"),
        (["--out", "design.txt"], "--out must be a .json or .toml file, got design.txt"),
        (["--out", "none/design.json"], "there is no folder none"),
        (["--problem-out", "problem.toml"], "--problem-out needs --problem"),
        (["--problem", "spin-echo-2d", "--voxel-mm", "5", "5", "5"], "repeats its sequences (tr_ms)"),
    ],
)
def test_import_refuses_and_writes_nothing(echo, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = call("import", echo, *arguments)
    assert done.exit_code == 2
    assert message in one_line(done.stderr)
    assert [each.name for each in tmp_path.iterdir()] == ["echo.seq"]


def test_import_keeps_a_file_that_is_there(echo, tmp_path):
    design = tmp_path / "design.json"
    design.write_text("mine")
    done = call("import", echo, "--voxel-mm", "5", "5", "5", "--out", str(design))
    assert done.exit_code == 2
    assert design.read_text() == "mine"
    assert (
        call("import", echo, "--voxel-mm", "5", "5", "5", "--out", str(design), "--overwrite").exit_code == 0
    )
