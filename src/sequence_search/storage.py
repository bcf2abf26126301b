"""Files that are never half there: written aside, flushed to the disk, and moved into place."""

from __future__ import annotations

import fcntl
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

SCHEMA_VERSION = 1  # of the files of a study
ASIDE = ".new."
JSON_END = b"\n}\n"
# What reading an .npz file with wrong bytes raises; the last for a method of compression there is not.
DAMAGED = (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError)
PLAIN = "plain"  # the array of an .npz file whose text is the JSON of all that is no array


class StudyError(ValueError):
    """What is wrong with a study or its folder, and what would be right."""


class StorageError(OSError):
    """A file of the study cannot be written; nothing that was finished is lost."""

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside the file to write to, which takes the file's place at the end of the block.

    So the file is there whole or not at all, also when the machine stops. Its folder has one writer.

    Raises
    ------
    StorageError
        If the disk is full, the folder cannot be written to, and the like; the last file is still there.
    """
    aside = path.with_name(f"{ASIDE}{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield aside
            _flush(aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _flush(path.parent)
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be written: {error.strerror}") from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a process left beside the files when it was killed; for the folder's one writer."""
    for aside in folder.glob(f"{ASIDE}*"):
        aside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file in place of the last; errors as in `replacing`."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON; errors as in `replacing`."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def is_whole(path: Path | str) -> bool:
    """Whether a file that `write_json` wrote is there to its end, the one brace that is not indented."""
    try:
        with open(path, "rb") as handle:
            handle.seek(-len(JSON_END), os.SEEK_END)
            return handle.read() == JSON_END
    except OSError:  # not there, or too short
        return False


def read_json(path: Path | str) -> dict[str, Any] | None:
    """Content of a JSON file; None if it is not there, empty, cut off or no object."""
    try:
        with open(path, "rb") as handle:
            content = json.loads(handle.read())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_arrays(path: Path, content: dict[str, Any]) -> None:
    """Write arrays and JSON values as .npz, without pickle; errors as in `replacing`."""
    arrays: dict[str, Any] = {name: value for name, value in content.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in content.items() if name not in arrays}
    buffer = io.BytesIO()
    arrays[PLAIN] = np.array(json.dumps(plain))
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, Any] | None:
    """What `write_arrays` wrote; None if it is not there or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            content: dict[str, Any] = {name: archive[name] for name in archive.files}
        plain: dict[str, Any] = json.loads(content.pop(PLAIN).item())
    except (FileNotFoundError, NotADirectoryError, *DAMAGED):
        return None
    return content | plain


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Whether this process has the lock of that file to itself, for as long as the block lasts.

    The kernel gives it back when a process ends, however it ends. The file stays.

    Parameters
    ----------
    wait : bool
        Until the lock is free, instead of giving False.

    Raises
    ------
    StorageError
        If the file cannot be made, or its file system has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be written: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            what = f"{path} cannot be locked, its file system has no flock: {error.strerror}"
            raise StorageError(error.errno, what) from error
        yield True


def is_locked(path: Path | str) -> bool:
    """Whether a process has the lock of that file; only reads, so that a read-only folder serves."""
    try:
        with open(path, "rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
