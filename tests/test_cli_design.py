import importlib
import json
import os
import re
import signal

import pytest

from cli_call import QUICK_OPTIONS, assert_fits, call, one_line, quick_run
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "max-signal", "--strategy", "nas"], "strategy must be one of multistart, proxyless, "),
        (["run", "max-signal", "--engine", "nas"], "engine must be one of"),
        (["run", "max-signal", "--seeds", "0"], "Invalid value"),
        (["run", "max-signal", "--seed", str(10**20)], "Invalid value"),
        (["run", "nothing"], "no such file"),
        (["run"], "Missing argument"),
    ],
)
def test_bad_input_ends_with_code_2(arguments, message):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_run_as_json_and_by_the_papers_strategy():
    done = call("run", "max-signal", "--strategy", "proxyless", "--steps", 3, "--format", "json")
    record = json.loads(done.stdout)
    assert record["strategy"] == "proxyless"
    assert record["runs"][0]["status"] == "done"
    assert "history" not in record["runs"][0]


def test_a_budget_is_told():
    done = quick_run("max-signal", "--max-evaluations", 30)
    assert done.exit_code == 0
    assert "cut at max_evaluations = 30" in done.stdout
    timed = quick_run("max-signal", "--max-seconds", 0.001, "--format", "json")
    assert json.loads(timed.stdout)["runs"][0]["status"] == "cut"


def test_bad_strategies_leave_no_folder(tmp_path):
    assert call("run", "max-signal", "--strategy", "nas", "--out", tmp_path / "new").exit_code == 2
    assert not (tmp_path / "new").exists()


def test_options_of_a_strategy_are_set_by_name():
    given = ["gates=exact", "polish=true", "temperature=2", "architecture_betas=[0.9, 0.99]", "steps=2"]
    options = [part for text in given for part in ("--option", text)]
    done = call(
        "run", "max-signal", "--strategy", "proxyless", "--schedule", "fast", *options, "--format", "json"
    )
    record = json.loads(done.stdout)["options"]
    assert record["gates"] == "exact"
    assert record["polish"] is True
    assert record["temperature"] == 2.0
    assert record["architecture_betas"] == [0.9, 0.99]
    assert (record["steps"], record["weight_rate"]) == (2, 0.05)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("steps", "--option takes NAME=VALUE, got 'steps'"),
        ("steps=many", "--option steps=many: Input should be a valid integer"),
        ("steps=true", "--option steps=true: Input should be a valid integer"),
        ("polish=7", "--option polish=7: Input should be a valid boolean"),
        ("weight_rate=-1", "weight_rate, architecture_rate and architecture_sd must be at least 0"),
        ("architecture_betas=[2, 0.9]", "architecture_betas must be at least 0 and below 1, got (2.0, 0.9)"),
        ("voxels_per_step=10", "voxels_per_step must be at least 60 in 'max-signal', got 10"),
        ("gates=few", "--option gates=few: Input should be 'full', 'two' or 'exact'"),
        ("steps=0", "steps, voxels_per_step and architecture_every must be at least 1"),
        ("step=3", "strategy 'proxyless' has no option 'step'; known are steps, n_voxels"),
    ],
)
def test_bad_options_are_told(option, message, tmp_path):
    for more in ([], ["--out", tmp_path / "study"]):
        done = call("run", "max-signal", "--strategy", "proxyless", "--option", option, *more)
        assert done.exit_code == 2
        assert message in done.stderr


def test_schedules_are_those_of_proxyless():
    fast = call(
        "run", "max-signal", "--strategy", "proxyless", "--schedule", "fast", "--steps", 3, "--format", "json"
    )
    assert json.loads(fast.stdout)["options"]["voxels_per_step"] == 250
    for wrong in (["--schedule", "fast"], ["--strategy", "proxyless", "--schedule", "slow"]):
        done = call("run", "max-signal", *wrong)
        assert done.exit_code == 2
        assert "--schedule is one of paper, fast, exact and needs --strategy proxyless, got" in done.stderr


def test_run_refuses_a_file_for_a_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("precious")
    done = call("run", "max-signal", "--out", file)
    assert done.exit_code == 2
    assert "is a file, not a folder" in done.stderr
    assert file.read_text() == "precious"


def test_a_failed_run_is_told_and_ends_with_code_1(tmp_path, monkeypatch):
    load = Problem.load

    def broken(name):
        return load(name).with_term(
            "broken", lambda magnitude, sequence, voxels: magnitude.sum(-1) * float("nan"), 1.0
        )

    monkeypatch.setattr(Problem, "load", broken)
    done = quick_run("max-signal")
    assert done.exit_code == 1
    assert "failed" in done.stdout
    assert "finite loss" in done.stdout


def test_limits_are_told_met_or_not(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    file = tmp_path / "mine.toml"
    file.write_text(problem_text("max-signal") + "\n[limits]\ntime_to_readout_ms = 20\n")
    done = quick_run(file)
    assert re.search(r"time_to_readout_ms +at most 20 +[\d.]+ +met, ", done.stdout)
    assert done.exit_code == 0
    opposed = "[limits.signal.CSF]\nmean = 0.01\n[limits.signal.GM]\nmean = { low = 0.7 }\n"
    file.write_text(file.read_text() + opposed)
    done = quick_run(file, "--out", tmp_path / "study")
    assert "no design found meets signal." in " ".join(done.stdout.split())
    assert re.search(r"signal.GM.mean +at least 0.7 +[\d.]+ +", done.stdout)
    assert "max-signal: no design found meets signal." in call("status", tmp_path / "study").stdout


def test_an_objective_that_wants_nothing_gets_it_with_the_reason(tmp_path):
    file = tmp_path / "mine.toml"
    text = problem_text("max-signal")
    start, end = text.index("[[objective]]"), text.index("[search_space]")
    only_energy = '[[objective]]\nterm = "rf_energy"\nweight = 10.0\n\n'
    file.write_text(text[:start] + only_energy + text[end:])
    done = call("run", file, "--seeds", 1, *QUICK_OPTIONS, "--option", "steps=150")
    assert "doing nothing is best" in done.stderr
    assert done.exit_code == 0
    assert "nothing beats doing nothing" in " ".join(done.stdout.split())


def test_ctrl_c_keeps_the_best_so_far(asked_to_stop):
    asked_to_stop(signal.SIGINT)
    done = quick_run("max-signal", "--seeds", 3, "--format", "json")
    assert done.exit_code == 130, done.stderr
    assert "stopping with the best so far; Ctrl-C again to end at once" in done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert run["status"] == "interrupted"
    assert run["loss"] > 0


def test_a_run_without_a_folder_prints_its_designs(width):
    done = quick_run("max-signal", "--seeds", 2)
    assert done.exit_code == 0, done.stderr
    assert "best: seed " in done.stdout
    assert "not saved; --out FOLDER makes it a study" in done.stdout
    assert "seed 0  round 6, at most 6  loss " in done.stderr
    assert_fits(done.stdout, width)


def test_grid_prints_and_saves(tmp_path, small_grid):
    out = tmp_path / "out"
    done = call("grid", small_grid, "--n-per-tissue", 2, "--top", 2, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "405 points on 2 Sobol voxels per tissue" in done.stdout
    assert "polished" in done.stdout
    assert "point 405 of 405" in done.stderr
    assert [file.name for file in out.iterdir()] == ["grid.json"]
    again = call("grid", small_grid, "--out", out)
    assert again.exit_code == 2
    assert "holds grid.json already" in again.stderr
    arguments = ["--n-per-tissue", 2, "--top", 2, "--out", out, "--overwrite", "--format", "json"]
    printed = json.loads(call("grid", small_grid, *arguments).stdout)
    saved = json.loads((out / "grid.json").read_text())
    assert printed == saved
    assert len(saved["top"]) == 2


def test_an_interrupted_grid_goes_on_with_the_same_command(tmp_path, small_grid, monkeypatch):
    module = importlib.import_module("sequence_search.grid.search")
    command = ["grid", small_grid, "--n-per-tissue", 2, "--out", tmp_path / "out"]
    monkeypatch.setattr(module, "CHUNK_VOXELS", 6 * 50)
    monkeypatch.setattr(module.GridSearch, "progress", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    stopped = call(*command)
    assert stopped.exit_code == 130, stopped.stderr
    assert "50 points on 2" in stopped.stdout
    assert "the same command goes on" in stopped.stderr
    monkeypatch.setattr(module.GridSearch, "progress", lambda *_: None)
    other = call(*command, "--top", 3)
    assert other.exit_code == 2
    assert "is of another grid search" in other.stderr
    done = call(*command)
    assert done.exit_code == 0, done.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["grid.json"]


def test_a_problem_without_a_grid_has_no_grid_search(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(problem_text("max-signal").split("[grid]")[0])
    done = call("grid", file)
    assert done.exit_code == 2
    assert "has no [grid]" in done.stderr


def test_a_run_without_seeds_goes_on_until_they_agree(tmp_path, monkeypatch):
    options = ["--option", "n_starts=64", "--option", "steps=40", "--option", "max_rounds=12"]
    command = ["run", "max-signal", *QUICK_OPTIONS, *options, "--workers", 1]
    done = call(*command, "--format", "json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["verdict"]["verdict"] == "best found"
    assert len(found["runs"]) >= 5
    # A study has the same seeds, or a few more, and the same command begins no further one.
    study = call(*command, "--out", tmp_path, "--format", "json")
    runs = json.loads(study.stdout)["runs"]
    assert 0 <= len(runs) - len(found["runs"]) < 5
    assert [run["loss"] for run in runs][: len(found["runs"])] == [run["loss"] for run in found["runs"]]
    assert json.loads(call(*command, "--out", tmp_path, "--format", "json").stdout)["runs"] == runs
    table = call(*command, "--out", tmp_path).stdout
    assert re.search(r"\d+ of \d+ independent searches agree on the best design", table)


def test_other_strategies_have_one_seed():
    done = call("run", "max-signal", "--strategy", "random", "--option", "n_rounds=1", "--format", "json")
    assert [run["seed"] for run in json.loads(done.stdout)["runs"]] == [0]


def test_a_search_of_real_sequences_prints_what_evaluate_takes_back(width, tmp_path):
    done = quick_run("spin-echo-2d", "--max-evaluations", 400)
    assert done.exit_code == 0, done.stderr
    assert " TR 3 s" in one_line(done.stdout)
    assert "The first: " in one_line(done.stdout)
    assert_fits(done.stdout, width)
    record = json.loads(quick_run("spin-echo-2d", "--max-evaluations", 400, "--format", "json").stdout)
    assert record["explanation"]["structures"][-1] in record["runs"][0]["category"]
    best = tmp_path / "best.json"
    best.write_text(json.dumps(record["runs"][0]["sequence"]))
    evaluated = call("evaluate", "spin-echo-2d", "--sequence", best, "--format", "json")
    assert json.loads(evaluated.stdout)["loss"] == pytest.approx(record["runs"][0]["loss"])
    assert "note" not in evaluated.stderr
