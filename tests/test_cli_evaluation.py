import json
import re

import pytest

from cli_call import ECHO, assert_fits, call
from sequence_search.problem.library import problem_text
from sequence_search.study.study import Study

KEYS = {
    "problem",
    "sequence",
    "loss",
    "terms",
    "signal",
    "rf_energy",
    "relative_rf_energy",
    "time_to_readout_ms",
}


def test_evaluate(width):
    record = json.loads(call("evaluate", "max-signal", *ECHO, "--format", "json").stdout)
    assert set(record) == KEYS
    assert record["signal"]["GM"] == pytest.approx(0.71, abs=0.005)
    assert record["relative_rf_energy"] == pytest.approx(0.965, abs=0.001)
    assert record["sequence"]["flip_deg"] == pytest.approx([88, 177])
    table = call("evaluate", "max-signal", *ECHO).stdout
    assert "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout" in table
    assert "96.5 %" in table
    assert_fits(table, width)


def test_each_limit_is_a_line_and_a_record(width, tmp_path):
    file = tmp_path / "mine.toml"
    limits = "\n[limits]\ntime_to_readout_ms = 12\n[limits.signal.CSF]\nmean = { low = 0.5 }\n"
    file.write_text(problem_text("max-signal") + limits)
    table = call("evaluate", file, *ECHO).stdout
    assert_fits(table, width)
    assert re.search(r"time_to_readout_ms +at most 12 +12.4 +not met, by 0.4", table)
    assert re.search(r"signal.CSF.mean +at least 0.5 +0.9\d+ +met, 0.4\d+ to spare", table)
    time, signal = json.loads(call("evaluate", file, *ECHO, "--format", "json").stdout)["wishes"]
    expected = {"name": "time_to_readout_ms", "met": False, "low": None, "high": 12}
    assert time == expected | {"value": pytest.approx(12.4), "margin": pytest.approx(-0.4)}
    assert signal["met"]


def test_number_lists_may_come_in_any_order_and_with_commas():
    arguments = ["--flip-deg=88", "177", "--delay-ms", "6.2,6.2", "--phase-deg", "0", "180", "max-signal"]
    assert call("evaluate", *arguments).stdout == call("evaluate", "max-signal", *ECHO).stdout


def test_evaluate_takes_negative_numbers_and_another_engine():
    arguments = ["--flip-deg", "88", "177", "--phase-deg", "-90", "-180", "--delay-ms", "6.2", "6.2"]
    exact = json.loads(call("evaluate", "max-signal", *arguments, "--format", "json").stdout)
    sampled = json.loads(
        call("evaluate", "max-signal", *arguments, "--engine", "isochromats", "--format", "json").stdout
    )
    assert sampled["loss"] == pytest.approx(exact["loss"], abs=0.02)
    assert sampled["loss"] != exact["loss"]


def test_a_sequence_outside_the_search_space_is_evaluated_and_that_is_told():
    done = call("evaluate", "max-signal", *ECHO[:-1], "5")
    assert done.exit_code == 0
    assert "|Mxy| GM" in done.stdout
    assert (
        "note: outside the search space: delay_ms must be at least 6.2 (min_rf_delay_ms), got 5"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", *ECHO], "no such file and no built-in problem"),
        (["max-signal", *ECHO, "--engine", "epg"], "engine must be one of auto, "),
        (["max-signal", *ECHO[:-1]], "one number for each pulse, got 2, 2, 1"),
        (["max-signal", *ECHO[:-1], "x"], "unexpected extra"),
        (["max-signal", *ECHO[:-2], "nan", "7"], "delay_ms must be finite"),
        (
            ["max-signal", "--flip-deg", "88"],
            "--phase-deg and --delay-ms missing: state a number for each pulse",
        ),
        (["max-signal"], "--flip-deg, --phase-deg and --delay-ms missing"),
        (["max-signal", "--flip-deg", "90,x", *ECHO], "Invalid value for '--flip-deg': "),
        (["max-signal", *ECHO, "--figure", "echo.bmp"], "must be a .png, .svg or .pdf file, got echo.bmp"),
        (["max-signal", *ECHO, "--figure", "no/such/folder/echo.png"], "there is no folder no/such/folder"),
    ],
)
def test_bad_input_ends_with_code_2(arguments, message):
    done = call("evaluate", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_loss_that_is_not_finite_is_told():
    done = call("evaluate", "max-signal", "--flip-deg", "1e200", "--phase-deg", "0", "--delay-ms", "7")
    assert done.exit_code == 1
    assert "the loss is inf" in done.stderr


@pytest.mark.parametrize("name", ["echo.svg", "echo.PNG", "echo.pdf"])
def test_evaluate_draws(tmp_path, name):
    figure = tmp_path / name
    assert call("evaluate", "max-signal", *ECHO, "--figure", figure).exit_code == 0
    drawn = figure.read_bytes()
    assert drawn[:4] == {"svg": b"<?xm", "PNG": b"\x89PNG", "pdf": b"%PDF"}[name[-3:]]
    if name[-3:] == "svg":
        again = call("evaluate", "max-signal", *ECHO, "--figure", figure)
        assert again.exit_code == 2
        assert "exists already: choose another name or pass --overwrite" in again.stderr
        assert call("evaluate", "max-signal", *ECHO, "--figure", figure, "--overwrite").exit_code == 0
        assert figure.read_bytes() == drawn


def test_a_design_of_a_study_is_evaluated_by_its_number(study, tmp_path):
    listed = json.loads(call("designs", study, "--all", "--format", "json").stdout)
    assert [each["problem"] for each in listed] == ["max-signal", "strange"]
    best, second = sorted(listed[0]["runs"], key=lambda run: run["loss"])
    for number, each in enumerate(second["families"], start=1):
        named = ["--problem", "max-signal", "--seed", second["seed"], "--design", number, "--format", "json"]
        record = json.loads(call("evaluate", study, *named).stdout)
        assert record["loss"] == pytest.approx(each["loss"], rel=1e-6)
        assert record["sequence"]["flip_deg"] == pytest.approx(each["sequence"]["flip_deg"])
    figure = tmp_path / "best.png"
    arguments = ["--problem", "max-signal", "--figure", figure, "--format", "json"]
    assert json.loads(call("evaluate", study, *arguments).stdout)["loss"] == pytest.approx(
        best["loss"], rel=1e-6
    )
    assert figure.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "has several problems: pass --problem, one of max-signal, strange"),
        (["--problem", "gm-wm"], "has no problem 'gm-wm'; it has max-signal, strange"),
        (["--problem", "strange", "--seed", 7], "has no design of 'strange' and seed 7 yet"),
        (["--problem", "strange", "--design", 99], "--design 99: seed"),
    ],
)
def test_a_design_that_there_is_not(study, arguments, message):
    done = call("evaluate", study, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_folder_that_is_no_study_is_told(tmp_path):
    for command in ("evaluate", "designs"):
        done = call(command, tmp_path)
        assert done.exit_code == 2
        assert "holds no study" in done.stderr


def test_designs_prints_what_run_printed(study, width):
    done = call("designs", study)
    assert done.exit_code == 0, done.stderr
    best = min(Study.open(study).runs("max-signal"), key=lambda run: run.loss)
    assert f"best: seed {best.seed}, " in done.stdout
    assert done.stdout.count("best: seed") == 2
    for number, design in enumerate(best.families, start=1):
        assert f"\n{number:3}  loss {design.loss:9.6f} (" in done.stdout
    assert " ".join(str(best.sequence).split()) in " ".join(done.stdout.split())
    assert "one pulse [/crushed]" in done.stdout
    assert "WM [left] 0." in done.stdout
    assert "_脑 [/b] :brain: $\\frac$ 0." in done.stdout
    assert_fits(done.stdout, width)


def test_designs_of_every_seed_and_of_one_problem(study):
    text = call("designs", study, "--all", "--problem", "strange").stdout
    assert "seed 0, " in text
    assert "seed 1, " in text
    assert "Two-RF" not in text


@pytest.mark.filterwarnings("ignore:Glyph")
def test_designs_are_drawn(study, tmp_path):
    figure = tmp_path / "designs.png"
    both = call("designs", study, "--figure", figure)
    assert both.exit_code == 2
    assert "--figure is of one problem: pass --problem, one of max-signal, strange" in both.stderr
    done = call("designs", study, "--problem", "strange", "--figure", figure)
    assert done.exit_code == 0, done.stderr
    assert f"wrote {figure}" in done.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert call("designs", study, "--problem", "strange", "--figure", figure).exit_code == 2
    one = call("evaluate", study, "--problem", "strange", "--figure", figure, "--overwrite")
    assert one.exit_code == 0, one.exception
