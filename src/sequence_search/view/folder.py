"""Only what lies in a study's own folder is read, whatever its files say."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sequence_search.storage import StudyError
from sequence_search.study.plan import PLAN_FILE, read_tables
from sequence_search.study.study import Study

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # of problems, and of folders that a page may name


def open_inside(folder: Path) -> Study:
    """Study of a folder.

    Raises
    ------
    StudyError
        If there is none or it cannot be read, as of `Study.open`, or if anything of it lies elsewhere: a link
        that leads out, something that is neither file nor folder, a name of a problem that is a path, or a
        pulse whose samples are in a file.
    """
    if not (folder / PLAN_FILE).is_file():
        raise StudyError(f"{folder} holds no study: {PLAN_FILE} is missing")
    _check_links(folder)
    problems = read_tables(folder).get("problems")
    for name, tables in problems.items() if isinstance(problems, dict) else ():
        if not NAME.fullmatch(name):
            raise StudyError(f"{folder / PLAN_FILE}: {name!r} is no name of a problem")
        if named := files_named(tables):
            raise StudyError(
                f"{folder / PLAN_FILE}: the samples of {named[0]} are in a file, not in the study"
            )
    return Study.open(folder)


def files_named(tables: Any) -> list[str]:
    """Pulses of a problem's tables whose samples are to be read from a file."""
    pulses = tables.get("pulses") if isinstance(tables, dict) else None
    if not isinstance(pulses, dict):
        return []
    return [f"pulses.{name}" for name, each in pulses.items() if isinstance(each, dict) and "file" in each]


def _check_links(folder: Path) -> None:
    root, folders = folder.resolve(), [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    if not Path(entry.path).resolve().is_relative_to(root):
                        raise StudyError(f"{entry.path} is a link that leads out of the study")
                elif entry.is_dir():
                    folders.append(Path(entry.path))
                elif not entry.is_file():
                    raise StudyError(f"{entry.path} is neither a file nor a folder")
