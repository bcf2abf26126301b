import json
import signal

import pytest

from cli_call import ECHO, STRANGE, assert_fits, call, one_line
from sequence_search.sequence import Sequence


def test_sensitivity(width):
    table = call("sensitivity", "max-signal", *ECHO).stdout
    assert_fits(table, width)
    assert "88°(0°) –6.2 ms– 177°(180°) –6.2 ms– readout" in one_line(table)
    record = json.loads(call("sensitivity", "max-signal", *ECHO, "--format", "json").stdout)
    assert set(record) == {"problem", "sequence", "loss", "signal", "effects", "worst"}
    (effect,) = [each for each in record["effects"] if each["pulse"] == 2 and each["error"] == "0.1 ms"]
    lower, higher = (100 * part / record["loss"] for part in effect["loss"])
    (row,) = [line.split() for line in table.splitlines() if line.startswith("2  delay 0.1 ms")]
    assert [float(part) for part in row[4:6]] == pytest.approx([lower, higher], abs=0.006)
    m0 = {"GM": 0.8, "WM": 0.7, "CSF": 1.0}
    signals = [100 * part / m0[name] for name, pair in effect["signal"].items() for part in pair]
    assert [float(part) for part in row[6:]] == pytest.approx(signals, abs=0.006)
    assert record["worst"][0]["traits"][0]["text"] in one_line(table)


def test_sensitivity_of_a_studys_design_with_strange_names(study, width):
    done = call("sensitivity", study, "--problem", "strange")
    assert done.exit_code == 0
    assert "WM [left]" in done.stdout
    assert_fits(done.stdout, width)


def test_signals_of_many_tissues_stand_in_several_tables(tmp_path, width):
    tissue = '[tissues."WM [left]"]'
    more = "".join(
        f"\n{tissue.replace('left', each)}\nm0 = 1\nt1_ms = 800\nt2_ms = 80\nt2_prime_ms = 90\n"
        for each in "abc"
    )
    file = tmp_path / "mine.toml"
    file.write_text(STRANGE.replace("[imaging]", f"{more}\n[imaging]"), encoding="utf-8")
    done = call("sensitivity", file, *ECHO)
    assert_fits(done.stdout, width)
    assert done.stdout.count("2  delay 0.1 ms") == 2
    assert "WM [c]" in done.stdout


SMALL = """
name = "small"
[tissues.water]
m0 = 1
t1_ms = inf
t2_ms = 100
t2_prime_ms = inf
[imaging]
b1 = 1
b0_hz = 0
spread_hz = 0
[[objective]]
term = "signal"
weight = 1.0
tissues = ["water"]
[search_space]
max_rf = 1
"""


@pytest.fixture
def small(tmp_path):
    """A problem of one pulse, whose front takes a moment."""
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def test_tradeoff(small, tmp_path, width):
    out = tmp_path / "front"
    arguments = ["tradeoff", small, "--against", "rf_energy", "--points", "3", "--max-evaluations", "3000"]
    done = call(*arguments, "--out", out)
    assert done.exit_code == 0
    assert_fits(done.stdout, width)
    record = json.loads((out / "tradeoff.json").read_text(encoding="utf-8"))
    assert (out / "tradeoff.png").exists()
    assert (out / "tradeoff.svg").exists()
    rows = [line.split() for line in done.stdout.splitlines() if "1 RF: gradient echo" in line]
    assert [[float(part) for part in row[:2]] for row in rows] == [
        [float(f"{each['cost']:.4g}"), pytest.approx(each["loss"], abs=1e-6)] for each in record["points"]
    ]
    (at_knee,) = [each for each in record["points"] if each["knee"]]
    assert str(Sequence.from_dict(at_knee["sequence"])) in one_line(done.stdout)
    assert "loss over 1,024 voxels per tissue, of the objective without RF energy" in one_line(done.stdout)
    told = "no search ended by itself, so nothing tells whether a better design is left"
    assert record["verdict"]["n_islands"] == 0
    assert f"first search, of the objective with its own weights: {told}" in one_line(done.stdout)
    again = call(*arguments, "--out", out)
    assert again.exit_code == 2
    assert "holds tradeoff.json already" in one_line(again.stderr)


def test_a_stopped_tradeoff_prints_what_it_has(small, asked_to_stop):
    asked_to_stop(signal.SIGINT)
    done = call("tradeoff", small, "--against", "rf_energy", "--format", "json")
    assert done.exit_code == 130
    record = json.loads(done.stdout)
    assert record["status"] == "interrupted"
    assert record["points"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sensitivity", "max-signal"], "--flip-deg, --phase-deg and --delay-ms missing"),
        (["sensitivity", "max-signal", *ECHO, "--engine", "epg"], "engine must be one of auto, "),
        (["tradeoff", "max-signal", "--against", "energy"], "got 'energy', did you mean 'rf_energy'?"),
        (["tradeoff", "max-signal"], "Missing option '--against'"),
    ],
)
def test_bad_input_ends_with_code_2(arguments, message):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_bound_of_variance_has_no_worst_voxels_and_no_heading_for_them():
    echo = ["--flip-deg", "84.2", "180", "--phase-deg", "0", "90", "--delay-ms", "8.57", "8.57"]
    done = call("sensitivity", "t2-map", *echo, "--gradients", "crusher,crusher")
    assert done.exit_code == 0, done.exception
    assert "worst 1 %" not in done.stdout
