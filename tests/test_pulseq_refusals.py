"""Spoiled inputs of the commands on Pulseq files: refused by name, and nothing half-written."""

import sys
from pathlib import Path

import pytest

from cli_call import call, one_line
from pulseq_cases import spin_echo

ECHO = ["max-signal", "--flip-deg", "90", "180", "--phase-deg", "0", "90", "--delay-ms", "9", "9"]
IMAGE = ["--readout", "cartesian"]

EXPORTS = {
    "no folder": (["--seq", "none/a.seq"], "there is no folder none"),
    "a folder": (["--seq", "folder.seq", "--overwrite"], "folder.seq"),
    "no .seq": (["--seq", "a.txt"], "--seq must be a .seq file, got a.txt"),
    "a file that is there": (["--seq", "good.seq"], "good.seq exists already"),
    "no system": (["--system", "none.toml"], "none.toml: no such file and no system that is known"),
    "a system without limits": (["--system", "bare.toml"], "bare.toml: max_slew_t_m_s, peak_b1_ut missing"),
    "a system with a typing error": (["--system", "odd.toml"], "odd.toml: unknown key 'max_gradient'"),
    "B1 too high": (["--hard-ms", "0.1"], "pulse 1 (hard) needs 58.72 uT of"),
    "delays too short": ([*IMAGE, "--bandwidth-hz", "60"], "to the readout must be at least"),
    "a gradient too strong": ([*IMAGE, "--bandwidth-hz", "9000"], "the bandwidth must be at most"),
    "samples beside the divisor": ([*IMAGE, "--matrix", "10,4"], "a line must have a multiple of 4 samples"),
    "more samples than there may be": (
        [*IMAGE, "--system", "few.toml"],
        "a line must have at most 64 samples, got 128",
    ),
    "a train of lines too long": (["--readout", "epi"], "to the readout must be at least"),
    "a train of lines in 3D": (
        ["--readout", "epi", "--matrix", "8,8,8", "--fov-mm", "80,80,80"],
        "--readout 'epi' has two dimensions",
    ),
    "an odd number of lines": ([*IMAGE, "--matrix", "16,5"], "--matrix must be of even numbers, got 5"),
    "a repetition time of what is played once": (["--repeat-ms", "50"], "goes with --readout cartesian"),
    "dummies of what is played once": (["--dummies", "2"], "dummies (--dummies) are of a design that is rep"),
    "an image that is none": (
        ["--matrix", "16,8", "--bandwidth-hz", "100"],
        "--readout must be cartesian or epi with --matrix, --bandwidth-hz, got 'none'",
    ),
    "B1 of another nucleus": (
        [*IMAGE, "--matrix", "16,4", "--system", "carbon.toml", "--hard-ms", "0.5"],
        "pulse 2 (hard) needs 93.39 uT of 24: its duration must be at least 1.96 ms, got 0.5",
    ),
    "a raster in seconds": (["--system", "raster.toml"], "rf_raster_us must be a multiple of 0.001"),
    "a difference over the bound": (["--bound", "1e-9"], "pass --accept"),
}
LIMITS = "max_gradient_mt_m = 80\nmax_slew_t_m_s = 200\npeak_b1_ut = 24\n"
SYSTEMS = {
    "carbon.toml": f"{LIMITS}gamma_mhz_t = 10.708\n",
    "raster.toml": f"{LIMITS}rf_raster_us = 1e-6\n",
    "bare.toml": "max_gradient_mt_m = 40\n",
    "odd.toml": "max_gradient = 40\n",
    "few.toml": f"{LIMITS}adc_samples_limit = 64\n",
}


def with_section(name: str) -> tuple[str, str]:
    return "[SHAPES]", f"[{name}]\n1 0 0\n\n[SHAPES]"


# What is changed of a good file: its text, or a part of it and what stands in its place.
FILES = {
    "missing.seq": (None, "missing.seq cannot be read: No such file"),
    "folder.seq": (None, "folder.seq cannot be read: Is a directory"),
    "text.seq": ("hello", "text.seq is no Pulseq file: it has no section [VERSION]"),
    "empty.seq": ("", "empty.seq is no Pulseq file"),
    "binary.seq": (b"\xff\xfe\x00\x80", "binary.seq is no Pulseq file: it is not text"),
    "old.seq": (("minor 5", "minor 2"), "old.seq"),
    "cut.seq": (("[BLOCKS]", None), "cut.seq is cut off: it has no section [BLOCKS]"),
    "half.seq": (("[SHAPES]", None), "half.seq is damaged or cut off"),
    "shape.seq": (("num_samples ", "num_samples 9"), "shape.seq"),
    "rotated.seq": (with_section("ROTATIONS"), "rotated.seq"),
    "unknown.seq": (with_section("WARPS"), "WARPS"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a good file, a folder of such a name, and systems."""
    monkeypatch.chdir(tmp_path)
    spin_echo().write(Path("good.seq"))
    Path("folder.seq").mkdir()
    Path("folder.seq/inside").touch()
    for name, text in SYSTEMS.items():
        Path(name).write_text(text)
    return tmp_path


def contents(folder):
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def spoil(name, change):
    if isinstance(change, bytes):
        Path(name).write_bytes(change)
    elif isinstance(change, str):
        Path(name).write_text(change)
    elif change is not None:
        good, (part, other) = Path("good.seq").read_text(), change
        assert part in good
        Path(name).write_text(good.partition(part)[0] if other is None else good.replace(part, other))


@pytest.mark.parametrize("case", EXPORTS)
def test_export_refuses_and_writes_nothing(folder, case):
    options, told = EXPORTS[case]
    before = contents(folder)
    done = call("export", *ECHO, *([] if "--seq" in options else ["--seq", "new.seq"]), *options)
    assert done.exit_code == 2, done.stdout
    assert told in one_line(done.stderr)
    assert contents(folder) == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("command", ["check", "import"])
def test_a_spoiled_file_is_refused_and_nothing_is_written(folder, command, name):
    change, told = FILES[name]
    spoil(name, change)
    before = contents(folder)
    more = ["--out", "out.json"] if command == "import" else ["--problem", "gm-wm"]
    done = call(command, name, "--voxel-mm", "5", "5", "5", *more)
    assert done.exit_code == 2, done.stdout
    assert told in one_line(done.stderr)
    assert contents(folder) == before


@pytest.mark.parametrize("command", ["check", "import"])
def test_without_pypulseq_the_extra_is_named(folder, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "pypulseq", None)
    more = ["--problem", "gm-wm"] if command == "check" else []
    done = call(command, "good.seq", "--voxel-mm", "5", "5", "5", *more)
    assert (done.exit_code, "sequence-search[pulseq]" in done.stderr) == (2, True)
