import json
import re
import shutil

import pytest

from cli_call import ECHO, assert_fits, call, one_line
from limit_cases import TAIL, TEXT
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
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


def test_given_pulses_of_kinds_that_a_search_does_not_choose_lie_in_the_search_space(tmp_path):
    file = tmp_path / "mine.toml"
    text = TEXT + '[pulses.short]\nshape = "hard"\nduration_ms = 0.5\n'
    echo = ["--flip-deg", "90", "180", "--phase-deg", "0", "90", "--delay-ms", "15", "15"]
    file.write_text(text)
    told = call("evaluate", file, *echo, "--pulses", "short,short").stderr
    assert "pulses must be of hard, got short" in told
    file.write_text(text + TAIL + 'pulses = ["short", "short"]\n')
    assert call("evaluate", file, *echo, "--pulses", "short,short").stderr == ""


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
        (["max-signal", *ECHO, "--phase-graph", "a.bmp"], "--phase-graph must be a .png, .svg or .pdf file"),
        (
            ["max-signal", *ECHO, "--slice-profile", "slice.png"],
            "needs a pulse that selects a slice, got 88°",
        ),
        (["max-signal", *ECHO, "--seed", 0], "--seed is of a design of a study"),
        (["max-signal", *ECHO, "--design", 3, "--problem", "x"], "--problem and --design are of a design of"),
        (["max-signal", *ECHO, "--tr-ms", 0], "a repetition time of 0 ms needs a problem with tr_ms"),
        (["max-signal", *ECHO, "--tissue", "WM"], "--tissue WM is of --phase-graph, which is not given"),
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


SLICE = ["spin-echo-2d", "--flip-deg", "180", "90", "180", "--phase-deg", "0", "0", "90", "--delay-ms"]
SLICE += ["600", "9", "9", "--pulses", "invert,excite,refocus", "--gradients", "spoiler,crusher,crusher"]


def test_what_is_read_from_outside_the_slice_is_told(tmp_path):
    file = tmp_path / "mine.toml"
    text = problem_text("spin-echo-2d").replace('"refocus", "invert"]', '"invert", "block"]')
    file.write_text(text + '[pulses.block]\nshape = "hard"\nduration_ms = 0.5\n')
    hard = [str(file), "--flip-deg", "180", "90", "--phase-deg", "0", "0", "--delay-ms", "600", "9"]
    for kinds, silent in (("invert,excite", True), ("excite,block", False)):
        given = [*hard, "--pulses", kinds]
        assert json.loads(call("evaluate", *given, "--format", "json").stdout)["silent_outside"] == silent
        assert ("Not of the slice alone" in call("evaluate", *given).stdout) != silent


def test_a_sequence_is_played_as_its_problem_says(width, tmp_path):
    table = call("evaluate", *SLICE).stdout
    assert re.search(r"TR \(ms\) +3000", table)
    assert "refocus 180°(90°) –9 ms |crusher|– readout –2.382 s– TR 3 s" in " ".join(table.split())
    assert "alike" not in table
    assert_fits(table, width)
    record = json.loads(call("evaluate", *SLICE, "--format", "json").stdout)
    problem = Problem.load("spin-echo-2d")
    played = Sequence.from_dict(record["sequence"])
    losses = [float(problem.simulator(problem.voxels(), n_places=n).loss(played)) for n in (8, 16)]
    places = record["places"]
    assert [places["in_search"]["loss"], record["loss"]] == pytest.approx(losses, rel=1e-9)
    assert (places["number"], places["in_search"]["number"]) == (16, 8)
    # The refocusing pulse here is steeper than a sinc: 8 places miss 1e-3 of M0, and that is said.
    assert places["error"] < 1e-4
    assert 3e-4 < places["in_search"]["error"] < 2e-3
    error = places["in_search"]["error"]
    assert f"|Mxy| of the nominal voxel is off by up to {error:.1g} M0 with 8 places" in one_line(table)
    assert record["tr_ms"] == pytest.approx(3000)
    assert record["readouts"] == [{"time_ms": pytest.approx(618), "signal": record["signal"]}]
    file = tmp_path / "sequence.json"
    for written in (record, record["sequence"]):
        file.write_text(json.dumps(written))
        again = call("evaluate", "spin-echo-2d", "--sequence", file, "--format", "json")
        assert json.loads(again.stdout) == record


def test_a_sequence_with_a_layout_is_drawn(tmp_path):
    files = [tmp_path / f"{name}.png" for name in ("sequence", "states", "slice")]
    options = zip(("--figure", "--phase-graph", "--slice-profile"), files, strict=True)
    done = call("evaluate", *SLICE, *(part for pair in options for part in pair), "--tissue", "WM")
    assert done.exit_code == 0, done.stderr
    assert len({file.read_bytes() for file in files}) == 3
    refused = call("evaluate", *SLICE, "--phase-graph", files[1], "--overwrite", "--tissue", "muscle")
    assert refused.exit_code == 2
    assert "tissue 'muscle' is not defined in problem 'spin-echo-2d'" in " ".join(refused.stderr.split())


def test_a_file_may_state_what_the_options_do(tmp_path):
    file = tmp_path / "sequence.toml"
    file.write_text(
        "flip_deg = [90, 180]\nphase_deg = [0, 90]\ndelay_ms = [9, 9]\npulses = ['excite', 'refocus']"
    )
    found = call("evaluate", "spin-echo-2d", "--sequence", file, "--format", "json")
    numbers = ["--flip-deg", 90, 180, "--phase-deg", 0, 90, "--delay-ms", 9, 9, "--pulses", "excite,refocus"]
    assert found.stdout == call("evaluate", "spin-echo-2d", *numbers, "--format", "json").stdout


def test_each_echo_and_repetitions_that_are_alike_are_shown(width, tmp_path):
    file, text = tmp_path / "train.toml", problem_text("spin-echo-2d")
    file.write_text(text.replace("# echoes = 4", "echoes = 3 ").replace('"ideal" ', '"unvaried" '))
    done = call("evaluate", file, *SLICE[1:])
    assert done.exit_code == 0, done.stderr
    assert re.search(r"\n +3 +654 +0.\d{4} +0.\d{4}\n", done.stdout)
    assert re.search(r"\nGM +0.\d{4} +0.\d{4} +\d", done.stdout)
    assert_fits(done.stdout, width)
    record = json.loads(call("evaluate", file, *SLICE[1:], "--format", "json").stdout)
    assert len(record["readouts"]) == 3
    played_alike = record["unvaried"]["GM"]
    assert played_alike["signal"] == pytest.approx(record["signal"]["GM"], abs=2e-3)
    assert 0 < played_alike["difference"] < 1e-3


def test_a_sequence_beyond_what_the_problem_states_is_noted(tmp_path):
    file = tmp_path / "sequence.json"
    record = json.loads(call("evaluate", *SLICE, "--format", "json").stdout)["sequence"]
    record["delay_ms"][-1] += 100
    file.write_text(json.dumps(record))
    done = call("evaluate", "spin-echo-2d", "--sequence", file)
    assert done.exit_code == 0
    assert "the repetition time must be 3000 ms (tr_ms), got 3100" in " ".join(done.stderr.split())


def test_a_repetition_time_is_stated_where_it_is_searched(tmp_path):
    file, text = tmp_path / "mine.toml", problem_text("spin-echo-2d")
    file.write_text(text.replace("tr_ms = 3000", "tr_ms = { low = 2000, high = 4000 }"))
    assert "state one repetition time" in call("evaluate", file, *SLICE[1:]).stderr
    record = json.loads(call("evaluate", file, *SLICE[1:], "--tr-ms", 2500, "--format", "json").stdout)
    assert record["tr_ms"] == pytest.approx(2500)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("[1]", "must be a table of flip_deg, phase_deg, delay_ms, got [1]"),
        ("{", "Expecting property name"),
        ('{"flips_deg": [90]}', "unknown key 'flips_deg', did you mean 'flip_deg'"),
        ('{"flip_deg": [90], "phase_deg": [0]}', "delay_ms missing"),
        (
            '{"flip_deg": [90], "phase_deg": [0], "delay_ms": ["7"]}',
            "delay_ms, entry 1: must be a number, got '7'",
        ),
        ('{"flip_deg": [90, true], "phase_deg": [0, 0], "delay_ms": [9, 9]}', "flip_deg, entry 2: must be"),
        ('{"flip_deg": [90], "phase_deg": [null], "delay_ms": [9]}', "phase_deg, entry 1: must be a number"),
        ('{"flip_deg": 90, "phase_deg": [0], "delay_ms": [9]}', "flip_deg must be a list with a number"),
        (
            '{"flip_deg": [90], "phase_deg": [0], "delay_ms": [9], "pulses": "excite"}',
            "pulses must be a list",
        ),
        ('{"flip_deg": [90], "phase_deg": [0], "delay_ms": [9], "tr_ms": "3"}', "tr_ms must be a number"),
        ('{"flip_deg": [90], "phase_deg": [0], "delay_ms": [2], "pulses": ["excite"]}', "at least 2.28 ms"),
        ('{"sequence": 3}', "must be a table"),
    ],
)
def test_a_file_that_is_no_sequence_is_told(tmp_path, content, message):
    file = tmp_path / "sequence.json"
    if content is not None:
        file.write_text(content)
    done = call("evaluate", "spin-echo-2d", "--sequence", file)
    assert done.exit_code == 2, done.exception
    told = " ".join(done.stderr.split())
    assert message in told
    assert str(file) in told


def test_a_file_and_numbers_are_one_too_many(tmp_path):
    done = call("evaluate", *SLICE, "--sequence", tmp_path / "sequence.json")
    assert done.exit_code == 2
    assert "takes the place of --flip-deg, --phase-deg, --delay-ms, --pulses and --gradients" in " ".join(
        done.stderr.split()
    )


def test_a_sequence_of_no_pulse_can_be_evaluated_and_nothing_else(tmp_path):
    file, out = tmp_path / "none.json", tmp_path / "out.png"
    file.write_text('{"flip_deg": [], "phase_deg": [], "delay_ms": []}')
    assert call("evaluate", "max-signal", "--sequence", file).exit_code == 0
    others = (["evaluate", "--figure", out], ["evaluate", "--phase-graph", out], ["sensitivity"], ["explain"])
    for command, *options in (*others, ["export", "--seq", tmp_path / "out.seq"]):
        done = call(command, "max-signal", "--sequence", file, *options)
        assert done.exit_code == 2, done.exception
        assert "a sequence of no pulse can be evaluated" in one_line(done.stderr)


def test_a_command_that_is_suggested_can_be_copied_with_any_folder(study, tmp_path):
    folder = tmp_path / "my study"
    shutil.copytree(study, folder)
    done = call("evaluate", folder, "--problem", "strange", "--design", 99)
    assert f"see: sequence-search designs '{folder}'" in one_line(done.stderr)
