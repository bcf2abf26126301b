import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from sequence_search.cli import app, repeat_flags
from sequence_search.problem.library import builtin_problems, problem_text, toml_text
from sequence_search.problem.problem import Problem
from sequence_search.strategies import Multistart
from sequence_search.study.study import Study

RUN = [sys.executable, "-m", "sequence_search"]
ECHO = ["--flip-deg", "88", "177", "--phase-deg", "0", "180", "--delay-ms", "6.2", "6.2"]


@pytest.fixture(autouse=True)
def quick_search(monkeypatch):
    search = sys.modules["sequence_search.strategies"]

    def quick(**options):
        small = {
            "n_starts": 8,
            "n_children": 8,
            "max_rounds": 6,
            "n_polished": 1,
            "n_per_tissue": 4,
            "steps": 6,
        }
        return Multistart(**{**small, **options})

    quick.__dataclass_fields__ = Multistart.__dataclass_fields__
    monkeypatch.setitem(search.STRATEGIES, "multistart", quick)


def call(*arguments):
    return CliRunner().invoke(app, repeat_flags([str(argument) for argument in arguments]))


def test_help_needs_no_heavy_library():
    code = (
        "import sys; from sequence_search.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numba', 'matplotlib', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "evaluate" in done.stdout


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


def test_evaluate():
    record = json.loads(call("evaluate", "max-signal", *ECHO, "--format", "json").stdout)
    assert set(record) == {
        "loss",
        "terms",
        "signal",
        "rf_energy",
        "relative_rf_energy",
        "time_to_readout_ms",
    }
    assert record["signal"]["GM"] == pytest.approx(0.71, abs=0.005)
    assert record["relative_rf_energy"] == pytest.approx(0.965, abs=0.001)
    table = call("evaluate", "max-signal", *ECHO).stdout
    assert "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout" in table
    assert "96.5 %" in table


def test_number_lists_may_come_in_any_order():
    arguments = [
        "evaluate",
        "--flip-deg=88",
        "177",
        "--delay-ms",
        "6.2",
        "6.2",
        "--phase-deg",
        "0",
        "180",
        "max-signal",
    ]
    assert call(*arguments).exit_code == 0


def test_evaluate_draws(tmp_path):
    figure = tmp_path / "echo.svg"
    assert call("evaluate", "max-signal", *ECHO, "--figure", figure).exit_code == 0
    assert figure.stat().st_size > 5000
    again = call("evaluate", "max-signal", *ECHO, "--figure", figure)
    assert again.exit_code == 2
    assert "must be a new .png or .svg file" in again.stderr


def test_version():
    assert call("--version").stdout.startswith("sequence-search 0.")


def test_evaluate_takes_negative_numbers_and_another_engine():
    arguments = ["--flip-deg", "88", "177", "--phase-deg", "-90", "-180", "--delay-ms", "6.2", "6.2"]
    exact = json.loads(call("evaluate", "max-signal", *arguments, "--format", "json").stdout)
    sampled = json.loads(
        call("evaluate", "max-signal", *arguments, "--engine", "isochromats", "--format", "json").stdout
    )
    assert sampled["loss"] == pytest.approx(exact["loss"], abs=0.02)
    assert sampled["loss"] != exact["loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "nothing", *ECHO], "no such file and no built-in problem"),
        (["evaluate", "max-signal", *ECHO, "--engine", "epg"], "engine must be one of auto, "),
        (["evaluate", "max-signal", *ECHO[:-1]], "one number for each pulse, got 2, 2, 1"),
        (["evaluate", "max-signal", *ECHO[:-1], "4"], "got 4 in pulse 2 of problem 'max-signal'"),
        (["evaluate", "max-signal", *ECHO[:-1], "x"], "unexpected extra"),
        (["evaluate", "max-signal", *ECHO[:-2], "nan", "7"], "delay_ms must be finite"),
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


def test_run_with_a_folder_is_a_study(tmp_path):
    out = tmp_path / "out"
    done = call("run", "max-signal", "--seeds", 2, "--seed", 4, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "best: seed" in done.stdout
    assert "readout" in done.stdout
    assert "step 6/6" in done.stderr
    assert "2 of 2  max-signal seed 5: done, loss" in done.stderr
    assert (out / "derived" / "max-signal.png").read_bytes().startswith(b"\x89PNG")
    results = sorted(out.glob("max-signal/*/result.json"))
    assert [json.loads(path.read_text())["seed"] for path in results] == [4, 5]
    before = [path.stat().st_mtime_ns for path in results]
    again = call("run", "max-signal", "--seeds", 2, "--seed", 4, "--out", out)
    assert again.exit_code == 0
    assert again.stdout == done.stdout
    assert [path.stat().st_mtime_ns for path in results] == before


def test_another_run_in_the_folder_is_refused(tmp_path):
    assert call("run", "max-signal", "--out", tmp_path).exit_code == 0
    other = call("run", "max-signal", "--out", tmp_path, "--steps", 7)
    assert other.exit_code == 2
    assert "error:   options.steps: 6 in the study, 7 asked for" in other.stderr
    assert call("run", "max-signal", "--seeds", 2, "--out", tmp_path).exit_code == 0
    assert len(list(tmp_path.glob("max-signal/*/result.json"))) == 2


def test_several_problems_and_workers_make_one_study(tmp_path):
    done = call("run", "max-signal", "gm-wm", "--out", tmp_path, "--workers", 2)
    assert done.exit_code == 0, done.stderr
    assert sorted(path.parent.parent.name for path in tmp_path.glob("*/*/result.json")) == [
        "gm-wm",
        "max-signal",
    ]
    assert sorted(path.name for path in (tmp_path / "derived").iterdir()) == [
        "gm-wm.png",
        "max-signal.png",
        "results.csv",
        "table.md",
    ]
    for arguments in (["gm-wm"], ["--workers", 2], ["--scheduler", "tcp://127.0.0.1:1"], ["--create-only"]):
        refused = call("run", "max-signal", *arguments)
        assert refused.exit_code == 2
        assert "need --out FOLDER" in refused.stderr


def test_status(tmp_path):
    study = tmp_path / "study"
    made = call("run", "max-signal", "--seeds", 3, "--out", study, "--create-only")
    assert "made" in made.stdout
    assert "with 3 tasks" in made.stdout
    record = json.loads(call("status", study, "--format", "json").stdout)["problems"][0]
    assert (record["waiting"], record["done"], record["best"]) == (3, 0, None)
    assert call("run", "max-signal", "--seeds", 3, "--out", study).exit_code == 0
    record = json.loads(call("status", study, "--format", "json").stdout)
    assert (record["problems"][0]["done"], record["problems"][0]["waiting"]) == (3, 0)
    assert record["problems"][0]["best"]["loss"] > 0
    assert f"{record['problems'][0]['best']['loss']:.6f}" in call("status", study).stdout
    missing = call("status", tmp_path)
    assert missing.exit_code == 2
    assert "holds no study" in missing.stderr


def test_a_run_as_json_is_one_document_whatever_the_flags(tmp_path):
    def printed(*arguments):
        done = call("run", "max-signal", "--format", "json", *arguments)
        record = json.loads(done.stdout, parse_constant=pytest.fail)
        for run in record["runs"]:
            del run["seconds"]
        return record

    alone, with_folder = printed(), printed("--out", tmp_path / "one")
    assert with_folder == alone
    several = call("run", "max-signal", "gm-wm", "--out", tmp_path / "two", "--format", "json")
    assert [record["problem"] for record in json.loads(several.stdout)] == ["max-signal", "gm-wm"]
    again = call("resume", tmp_path / "one", "--format", "json")
    assert json.loads(again.stdout)["problem"] == "max-signal"


def test_status_needs_no_heavy_library(tmp_path):
    assert call("run", "max-signal", "--out", tmp_path).exit_code == 0
    code = (
        "import sys; from sequence_search.cli import app\n"
        f"try: app(['status', {str(tmp_path)!r}])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'numba', 'scipy', 'matplotlib', 'distributed'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "max-signal" in done.stdout


def test_run_as_json_and_by_the_papers_strategy():
    done = call("run", "max-signal", "--strategy", "proxyless", "--steps", 3, "--format", "json")
    record = json.loads(done.stdout)
    assert record["strategy"] == "proxyless"
    assert record["runs"][0]["status"] == "done"
    assert "history" not in record["runs"][0]


def test_a_budget_is_told():
    done = call("run", "max-signal", "--max-evaluations", 30)
    assert done.exit_code == 0
    assert "cut at max_evaluations = 30" in done.stdout
    timed = call("run", "max-signal", "--max-seconds", 0.001, "--format", "json")
    assert json.loads(timed.stdout)["runs"][0]["status"] == "cut"


def test_bad_strategies_leave_no_folder(tmp_path):
    assert call("run", "max-signal", "--strategy", "nas", "--out", tmp_path / "new").exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    assert call("run", "max-signal", "--out", tmp_path).exit_code == 0
    (tmp_path / "derived" / "max-signal.png").unlink()
    (tmp_path / "derived" / "max-signal.png").mkdir()
    (tmp_path / "derived" / "max-signal.png" / "file").touch()
    done = call("run", "max-signal", "--out", tmp_path)
    assert done.exit_code == 1
    assert "max-signal.png cannot be written: Is a directory; nothing that is done is lost" in done.stderr


def test_json_is_json_also_with_infinite_numbers(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        problem_text("gm-wm").replace("t2_prime_ms = { mean = 170, sd = 27 }", "t2_prime_ms = inf")
    )
    shown = json.loads(call("show", file, "--format", "json").stdout)
    assert shown["tissues"]["GM"]["t2_prime_ms"] == "inf"
    huge = ["--flip-deg", "1e200", "--phase-deg", "0", "--delay-ms", "7"]
    done = call("evaluate", "max-signal", *huge)
    assert done.exit_code == 1
    assert "the loss is inf" in done.stderr


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


def test_seeds_of_a_batch_are_told_in_short_and_all_counted(tmp_path):
    options = ["--strategy", "proxyless", "--steps", 3, "--seeds", 3, "--out", tmp_path / "study"]
    assert "3 of 3  max-signal seed 0-2: done, loss" in call("run", "max-signal", *options).stderr


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
    done = call("run", "max-signal")
    assert done.exit_code == 1
    assert "failed" in done.stdout
    assert "finite loss" in done.stdout


def test_an_objective_that_wants_nothing_fails_with_advice(tmp_path):
    file = tmp_path / "mine.toml"
    text = problem_text("max-signal")
    start, end = text.index("[[objective]]"), text.index("[search_space]")
    only_energy = '[[objective]]\nterm = "rf_energy"\nweight = 10.0\n\n'
    file.write_text(text[:start] + only_energy + text[end:])
    done = call("run", file, "--steps", 150)
    assert "doing nothing is best" in done.stderr
    assert done.exit_code == 1
    assert "no pulse above 3°" in done.stdout


def start(*arguments):
    command = [*RUN, "run", "max-signal", "--strategy", "proxyless", "--format", "json", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert "step" in process.stderr.readline()
    time.sleep(0.5)
    return process


def test_ctrl_c_keeps_the_best_so_far():
    process = start()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert json.loads(stdout)["runs"][0]["status"] == "interrupted"


@pytest.fixture
def small_grid(tmp_path):
    file = tmp_path / "mine.toml"
    text = problem_text("max-signal").replace("step = 1 }", "step = 5 }").replace("step = 0.1", "step = 0.5")
    file.write_text(text.replace("start = 0, stop = 180, step = 5", "start = 0, stop = 180, step = 45"))
    return file


def test_grid_prints_and_saves(tmp_path, small_grid):
    out = tmp_path / "out"
    done = call("grid", small_grid, "--n-per-tissue", 2, "--top", 2, "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "405 points on 2 Sobol voxels per tissue" in done.stdout
    assert "polished" in done.stdout
    assert "point 405/405" in done.stderr
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
    module = sys.modules["sequence_search.grid.search"]
    command = ["grid", small_grid, "--n-per-tissue", 2, "--out", tmp_path / "out"]
    monkeypatch.setattr(module, "CHUNK_VOXELS", 6 * 50)
    monkeypatch.setattr(module, "_tell", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    stopped = call(*command)
    assert stopped.exit_code == 130, stopped.stderr
    assert "50 points on 2" in stopped.stdout
    assert "the same command goes on" in stopped.stderr
    monkeypatch.setattr(module, "_tell", lambda *_: None)
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_study_that_is_stopped_keeps_a_checkpoint(tmp_path, number, code):
    process = start("--out", tmp_path, "--seeds", 2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert "stopping; the same command goes on from here" in stderr
    assert json.loads(stdout)["runs"] == []
    status = json.loads(call("status", tmp_path, "--format", "json").stdout)
    assert status["problems"][0]["interrupted"] == 2
    assert (tmp_path / "max-signal" / "seed-0000" / "checkpoint.npz").exists()
    assert not list(tmp_path.glob("*/*/result.json"))


@pytest.fixture
def few_voxels(monkeypatch):
    from sequence_search.study import grid_optimum as grids

    search = grids.grid_search
    monkeypatch.setattr(grids, "grid_search", lambda problem, **how: search(problem, n_per_tissue=2, **how))


def test_table_prints_a_study_in_every_format(tmp_path, small_grid, few_voxels):
    study = tmp_path / "study"
    assert call("run", small_grid, "--out", study).exit_code == 0
    done = call("table", study)
    assert done.exit_code == 0, done.stderr
    assert "as Table V" in done.stdout
    assert "Optimal grid-search sequence (" in done.stdout
    assert "the paper's designs among all that were found" in done.stdout
    assert "point 405/405" in done.stderr
    assert json.loads(call("table", study, "--format", "json").stdout)[0]["n_runs"] == 1
    assert call("table", study, "--format", "markdown").stdout.startswith("### max-signal")
    assert call("table", study, "--format", "csv").stdout.startswith("problem,paper_table,")
    assert r"\toprule" in call("table", study, "--format", "latex").stdout
    assert "point" not in call("table", study).stderr


def test_table_of_no_study_is_refused(tmp_path):
    done = call("table", tmp_path)
    assert done.exit_code == 2
    assert "holds no study" in done.stderr


def test_what_a_seed_found_is_told_with_its_category(tmp_path):
    study = tmp_path / "study"
    printed = call("run", "max-signal", "--out", study).stdout
    category = json.loads((study / "max-signal" / "seed-0000" / "result.json").read_text())["category"]
    assert category in printed
    assert f"the best is of {category}" in call("status", study).stdout
    best = json.loads(call("status", study, "--format", "json").stdout)["problems"][0]["best"]
    assert best["category"] == category


def test_reproduce_makes_a_summary_and_goes_on(tmp_path, few_voxels):
    command = ["reproduce", "--only", "1", "--seeds", 1, "--out", tmp_path / "paper"]
    done = call(*command)
    assert done.exit_code == 0, done.stderr
    assert "grid of max-signal" in done.stderr
    text = (tmp_path / "paper" / "summary.md").read_text()
    assert (
        f"`sequence-search reproduce --only 1 --strategy multistart --seeds 1 --out {tmp_path}/paper`" in text
    )
    again = call(*command)
    assert again.exit_code == 0
    assert "point" not in again.stderr
    assert (tmp_path / "paper" / "summary.md").read_text() == text


def test_reproduce_takes_a_schedule_and_options_and_says_so(tmp_path, few_voxels):
    options = ["--strategy", "proxyless", "--schedule", "exact", "--option", "steps=2"]
    out = tmp_path / "the paper"
    done = call("reproduce", "--only", "1", *options, "--option", "polish=false", "--seeds", 2, "--out", out)
    assert done.exit_code == 0, done.stderr
    stored = Study.open(out).plan.options
    assert (stored["steps"], stored["gates"], stored["warmup"], stored["polish"]) == (2, "exact", 0.3, False)
    given = "--schedule exact --option steps=2 --option polish=false --seeds 2"
    text = (out / "summary.md").read_text()
    assert f"`sequence-search reproduce --only 1 --strategy proxyless {given} --out '{out}'`" in text


def test_reproduce_refuses_what_is_no_condition(tmp_path):
    done = call("reproduce", "--only", "4", "--out", tmp_path / "paper")
    assert done.exit_code == 2
    assert "got '4', known are 1 (max-signal)" in done.stderr
    assert not (tmp_path / "paper").exists()
