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

PLAIN = "plain"  # the array of an .npz file whose text is the JSON of all that is no array


class StudyError(ValueError):
    """What is wrong with a study or its folder, and what would be right."""


class StorageError(OSError):
    """A file of the study cannot be written; nothing that was finished is lost."""


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file in place of the last, whole or not at all, also when the machine stops.

    Raises
    ------
    StorageError
        If the disk is full, the folder cannot be written to, and the like; the last file is still there.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _flush_folder(path.parent)
    except OSError as error:
        raise StorageError(error.errno, f"{path} cannot be written: {error.strerror}") from error


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON; errors as in `write_bytes`."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, f"{text}\n".encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file; None if it is not there, empty, cut off or no object."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_arrays(path: Path, content: dict[str, Any]) -> None:
    """Write arrays and JSON values as .npz, without pickle; errors as in `write_bytes`."""
    arrays: dict[str, Any] = {name: value for name, value in content.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in content.items() if name not in arrays}
    buffer = io.BytesIO()
    arrays[PLAIN] = np.array(json.dumps(plain))
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, Any] | None:
    """What `write_arrays` wrote; None if it is not there or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            content: dict[str, Any] = {name: archive[name] for name in archive.files}
        plain: dict[str, Any] = json.loads(content.pop(PLAIN).item())
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
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
        If the file cannot be made.
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
        yield True


def is_locked(path: Path) -> bool:
    """Whether a process has the lock of that file; only reads, so that a read-only folder serves."""
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _flush_folder(folder: Path) -> None:
    """Have the disk know the new name, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
