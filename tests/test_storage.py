import errno
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from sequence_search import storage as files
from sequence_search.storage import (
    StorageError,
    is_locked,
    json_text,
    locked,
    read_arrays,
    read_json,
    remove_leftovers,
    replacing,
    write_arrays,
    write_bytes,
    write_json,
)

STATE = {
    "flips": np.array([[0.1, np.inf], [np.nan, -0.0]]),
    "none": np.zeros((0, 3)),
    "bytes": np.arange(5, dtype=np.uint8),
    "generator": {"state": 2**127 + 1, "name": "PCG64"},
    "reasons": [None, "no"],
    "step": 7,
}


def test_arrays_and_values_come_back_bit_by_bit(tmp_path):
    write_arrays(tmp_path / "new" / "state.npz", STATE)
    again = read_arrays(tmp_path / "new" / "state.npz")
    assert set(again) == set(STATE)
    for name, value in STATE.items():
        if isinstance(value, np.ndarray):
            assert again[name].dtype == value.dtype
            assert again[name].tobytes() == value.tobytes()
        else:
            assert again[name] == value


def test_nothing_is_pickled(tmp_path):
    write_arrays(tmp_path / "state.npz", STATE)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_damaged_file_of_arrays_is_none(tmp_path, kept):
    file = tmp_path / "state.npz"
    assert read_arrays(file) is None
    write_arrays(file, STATE)
    file.write_bytes(file.read_bytes()[:kept])
    assert read_arrays(file) is None


def test_a_flipped_bit_is_noticed(tmp_path):
    file = tmp_path / "state.npz"
    write_arrays(file, {"values": np.zeros(1000)})
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert read_arrays(file) is None


def test_no_wrong_byte_is_an_error(tmp_path):
    file = tmp_path / "state.npz"
    write_arrays(file, {"values": np.arange(3.0), "step": 7})
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        read = read_arrays(file)
        assert read is None or read["step"] == 7


def test_json_is_indented_and_a_damaged_file_is_none(tmp_path):
    file = tmp_path / "status.json"
    write_json(file, {"tissue": "Großhirn", "loss": 0.1})
    assert file.read_text(encoding="utf-8") == '{\n  "tissue": "Großhirn",\n  "loss": 0.1\n}\n'
    assert read_json(file) == {"tissue": "Großhirn", "loss": 0.1}
    for content in ('{"loss": 0.', "", "3", "\x00\x00"):
        file.write_text(content)
        assert read_json(file) is None
    assert read_json(tmp_path / "no" / "file") is None


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    write_bytes(file, b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError, match=r"result.json cannot be written: No space left on device"):
        write_bytes(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_process_that_ends_before_the_rename_leaves_the_old_file(tmp_path):
    file = tmp_path / "result.json"
    write_bytes(file, b"old")

    def end_half_way():
        with replacing(file) as aside:
            aside.write_bytes(b"half")
            assert file.read_bytes() == b"old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_half_way()
    assert file.read_bytes() == b"old"
    (tmp_path / ".new.result.json").write_bytes(b"killed")
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [file]


HOLD = """
import sys, time
from pathlib import Path
from sequence_search.storage import locked
with locked(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_lock_has_one_holder_and_dies_with_it(tmp_path):
    file = tmp_path / "lock"
    assert not is_locked(file)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "True\n"
        assert is_locked(file)
        with locked(file) as mine:
            assert not mine
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert not is_locked(file)
    with locked(file) as mine:
        assert mine
        with locked(file) as again:
            assert not again


def test_a_lock_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match="cannot be written: File exists"),
        locked(tmp_path / "file" / "x"),
    ):
        pass


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("portalocker.portalocker.LOCKER", refuse)
    told = "lock cannot be locked, its file system has no locks: No locks available"
    with pytest.raises(StorageError, match=told), locked(tmp_path / "lock"):
        pass
    assert not is_locked(tmp_path / "lock")


def test_a_lock_is_seen_where_nothing_can_be_written(tmp_path):
    file = tmp_path / "lock"
    with locked(file):
        file.chmod(0o400)
        assert is_locked(file)


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, '"inf"'), (-math.inf, '"-inf"'), (math.nan, "null"), (0.1, "0.1")]
)
def test_json_has_no_numbers_that_it_does_not_know(value, text):
    assert json_text([(value,)]) == f"[\n  [\n    {text}\n  ]\n]"


# What Windows and macOS lack of POSIX; `search` and `evaluate` need none of it, a study needs locks.
WITHOUT_POSIX = """
import os, sys
from pathlib import Path
import torch  # asks for the platform by its name
sys.modules["fcntl"] = None
for name in ("register_at_fork", "sched_getaffinity", "O_DIRECTORY"):
    delattr(os, name)
import sequence_search
from sequence_search.cli import app
import sequence_search.study.workers
for name in sequence_search.__all__:
    getattr(sequence_search, name)
sequence_search.storage.write_json(Path(sys.argv[1]) / "file.json", {"written": 1})
app(["run", "max-signal", "--out", sys.argv[1] + "/study"])
"""


def test_without_posix_only_studies_are_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "error: " in done.stderr
    assert "cannot be locked, this Python has no file locks" in done.stderr
    assert "Traceback" not in done.stderr
    assert read_json(tmp_path / "file.json") == {"written": 1}
