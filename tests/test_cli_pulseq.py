import json
import sys

import pytest

from cli_call import call
from sequence_search.cli import pulseq as command

ECHO = ["--flip-deg", "90", "180", "--phase-deg", "0", "90", "--delay-ms", "9", "9"]


def export(tmp_path, *options, name="echo.seq"):
    return call("export", "max-signal", *ECHO, "--seq", str(tmp_path / name), *options)


def test_export_writes_and_tells_what_it_asks_of_the_scanner(tmp_path):
    result = export(tmp_path)
    assert result.exit_code == 0
    assert "peak B1 (uT)" in result.stdout
    assert "SAR" not in result.stdout
    assert "minor 5" in (tmp_path / "echo.seq").read_text()
    assert "difference" in result.stdout
    record = json.loads((tmp_path / "echo.json").read_text())
    assert record["file"] == "echo.seq"
    assert record["difference"]["largest_signal"] < 0.02


def test_a_file_that_differs_from_its_design_needs_to_be_accepted(tmp_path):
    result = export(tmp_path, "--bound", "1e-9")
    assert (result.exit_code, "--accept" in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
    assert export(tmp_path, "--bound", "1e-9", "--accept").exit_code == 0


def test_the_protocol_is_that_of_the_options(tmp_path):
    given = [
        "--readout",
        "cartesian",
        "--matrix",
        "16,4",
        "--fov-mm",
        "200,150",
        "--repeat-ms",
        "500",
        "--accept",
    ]
    assert export(tmp_path, *given, "--format", "1.4.1", "--slice-mm", "4").exit_code == 0
    text = (tmp_path / "echo.seq").read_text()
    assert "minor 4" in text
    assert "FOV 0.2 0.15 0.004" in text
    assert "Matrix 16 4" in text
    assert "TR 0.5" in text


def test_what_is_played_otherwise_than_it_should_be_is_noted(tmp_path):
    (tmp_path / "slow.toml").write_text("max_gradient_mt_m = 80\nmax_slew_t_m_s = 5\npeak_b1_ut = 20\n")
    echo = ["--flip-deg", "90", "180", "--phase-deg", "0", "90", "--pulses", "excite,refocus"]
    echo += ["--gradients", "crusher,crusher", "--readout", "fid", "--system", str(tmp_path / "slow.toml")]
    for delay_ms, noted in (("8.4", True), ("12", False)):
        seq = tmp_path / f"{delay_ms}.seq"
        result = call("export", "spin-echo-2d", *echo, "--delay-ms", delay_ms, "12", "--seq", str(seq))
        assert result.exit_code == 0
        shown = " ".join(result.stdout.split())
        assert ("Note: the gradients of all repetitions are alike" in shown) == noted
        assert len(json.loads(seq.with_suffix(".json").read_text())["notes"]) == noted


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--system", "siemens-lisa"], "no system that is known"),
        (["--format", "1.3"], "--format is 1.5 or 1.4.1"),
        (["--readout", "spiral"], "--readout must be one of none, fid, cartesian"),
        (["--matrix", "16"], "--fov-mm and --matrix must both have two numbers"),
        (["--matrix", "a,b"], "--matrix takes two numbers"),
        (["--matrix", "15,4"], "--matrix must be of even numbers"),
        (["--slice-mm", "0"], "--slice-mm must be above 0"),
        (["--turbo"], "--turbo is of --readout 'cartesian'"),
        (["--dummies", "-1"], "--dummies must be a whole number"),
        (["--hard-ms", "0.05"], "its duration must be at least"),
        (
            ["--readout", "cartesian", "--bandwidth-hz", "60"],
            "from pulse 2 (hard) to the readout must be at least",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(tmp_path, options, told):
    result = export(tmp_path, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_or_place_is_refused(tmp_path):
    assert "must be a .seq file" in export(tmp_path, name="echo.txt").stderr
    assert "there is no folder" in export(tmp_path, name="deep/echo.seq").stderr
    (tmp_path / "echo.seq").write_text("mine")
    assert "exists already" in export(tmp_path).stderr
    assert (tmp_path / "echo.seq").read_text() == "mine"
    assert export(tmp_path, "--overwrite").exit_code == 0


def test_without_pypulseq_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypulseq", None)
    result = export(tmp_path)
    assert (result.exit_code, "sequence-search[pulseq]" in result.stderr) == (2, True)
    assert command.FORMATS == ("1.5", "1.4.1")
