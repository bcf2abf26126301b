"""Files that are never half there: written aside, flushed to the disk, and moved into place."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

SCHEMA_VERSION = 2  # of the files of a study, and of results; `study.plan` migrates older ones
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
    A StorageError if the disk is full, the folder cannot be written to, and the like; the last file stays.
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
    """Write `json_text` and a line's end; errors as in `replacing`."""
    write_bytes(path, f"{json_text(content)}\n".encode())


def json_text(content: Any) -> str:
    """Indented JSON that any reader takes: an infinite number is the text "inf", one that is none is null."""
    return json.dumps(_strict(content), indent=2, ensure_ascii=False, allow_nan=False)


def _strict(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _strict(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_strict(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None if math.isnan(content) else str(content)
    return content


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

    The kernel gives it back when a process ends, however it ends. The file stays. With `wait` the lock is
    waited for, instead of giving False. A StorageError if the file cannot be made, or its file system or this
    Python has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be written: {error.strerror}") from error
    with handle:
        yield _lock(handle, path, shared=False, wait=wait)


def is_locked(path: Path | str) -> bool:
    """Whether a process has the lock of that file; only reads, so that a read-only folder serves."""
    try:
        with open(path, "rb") as handle:
            return not _lock(handle, path, shared=True, wait=False)
    except OSError:
        return False


def _lock(handle: IO[bytes], path: Path | str, *, shared: bool, wait: bool) -> bool:
    """Lock an open file: `flock`, or on Windows `LockFileEx`, until it is closed. False if another has it."""
    try:
        import portalocker  # where Python has no locks, all but studies works without
    except ImportError as error:
        raise StorageError(0, f"{path} cannot be locked, this Python has no file locks: {error}") from error
    flags = portalocker.LockFlags.SHARED if shared else portalocker.LockFlags.EXCLUSIVE
    try:
        portalocker.lock(handle, flags if wait else flags | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException as error:
        why = error.__cause__
        number, reason = (why.errno, why.strerror) if isinstance(why, OSError) else (0, error.strerror)
        what = f"{path} cannot be locked, its file system has no locks: {reason}"
        raise StorageError(number, what) from error
    return True


def _flush(path: Path) -> None:
    """Have the disk hold a file, or a folder's names, which Windows keeps by itself."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
