"""A full disk and a read-only one: a small tmpfs, which takes root to mount."""

import os
import subprocess
import sys

import pytest

from faults.conftest import command, final

MAIN = [sys.executable, "-m", "sequence_search"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs takes root"),
]


@pytest.fixture
def disk(tmp_path):
    mounted = tmp_path / "disk"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(mounted)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {done.stderr}")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def run(*arguments):
    return subprocess.run([*MAIN, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_a_full_disk_is_told_and_resume_works_once_there_is_room(disk, uninterrupted):
    study, ballast = disk / "study", disk / "ballast"
    for room in (8_000, 24_000, 40_000):
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
        ballast.write_bytes(bytes(max(0, free - room)))
        full = subprocess.run(command(study), capture_output=True, text=True, check=False)
        assert full.returncode != 0
        assert "cannot be written: No space left on device" in full.stderr
        before = {path: path.read_bytes() for path in study.glob("*/*/result.json")}
        assert all(content.endswith(b"}\n") for content in before.values())
        ballast.unlink()
    assert subprocess.run(command(study), check=False).returncode == 0
    assert final(study) == uninterrupted


def test_the_command_line_tells_a_full_disk(disk):
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
    (disk / "ballast").write_bytes(bytes(free - 24_000))
    arguments = ("run", "max-signal", "--seeds", 3, "--max-evaluations", 3000, "--out", disk / "study")
    full = run(*arguments)
    assert full.returncode == 1
    told = " ".join(full.stderr.split())  # which is wrapped to the width of the terminal
    assert "error: " in told
    assert "No space left on device; nothing that is done is lost, the same command goes on" in told
    assert "Traceback" not in full.stderr
    (disk / "ballast").unlink()
    assert run(*arguments).returncode == 0


def test_a_read_only_disk_shows_its_status_and_refuses_to_run(disk):
    arguments = ("run", "max-signal", "--seeds", 2, "--max-evaluations", 3000, "--out", disk / "study")
    assert run(*arguments).returncode == 0
    more = ("run", "max-signal", "--seeds", 3, "--max-evaluations", 3000, "--out", disk / "study")
    assert run(*more, "--create-only").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    shown = run("status", disk / "study", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    assert '"done": 2' in shown.stdout
    assert '"waiting": 1' in shown.stdout
    refused = run(*more)
    assert refused.returncode in (1, 2)
    assert "cannot be written: Read-only file system" in refused.stderr
    assert "Traceback" not in refused.stderr
