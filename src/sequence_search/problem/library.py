"""Problem files: those shipped with the package by name, others by path, and how they are written."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import tomlkit

from sequence_search.problem.errors import ProblemError, closest

_FOLDER = resources.files("sequence_search") / "problems"
GROUPS = ("paper", "clinic", "templates")


def builtin_problems() -> list[str]:
    """Names of the paper's conditions, in its order, which `problems/paper/index.txt` states."""
    return _index("paper")


def clinic_problems() -> list[str]:
    """Names of textbook tasks, each with the textbook's sequence: of the files in `problems/clinic`."""
    return _index("clinic")


def templates() -> list[str]:
    """Names of files to begin a problem of one's own with: common tasks with a comment at each key."""
    return _index("templates")


def is_shipped(name: str) -> bool:
    """Whether this is the name of a shipped file: a problem or a template."""
    return any(name in _index(folder) for folder in GROUPS)


def problem_text(name_or_path: str | Path) -> str:
    """Text of a problem file, shipped or at a path; ProblemError if there is none or it cannot be read."""
    for folder in GROUPS:
        if str(name_or_path) in _index(folder):
            return (_FOLDER / folder / f"{name_or_path}.toml").read_text(encoding="utf-8")
    path = Path(name_or_path)
    if path.is_dir():
        is_study = (path / "study.toml").is_file()
        what = (
            "the folder of a study, which `sequence-search resume` goes on with" if is_study else "a folder"
        )
        raise ProblemError(f"{name_or_path}: is {what}, not a problem file")
    if not path.exists():
        close = closest(str(name_or_path), [name for folder in GROUPS for name in _index(folder)])
        hint = f", did you mean '{close}'?" if close else "; `sequence-search list` names those"
        raise ProblemError(f"{name_or_path}: no such file and no built-in problem{hint}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{name_or_path}: cannot be read: {error}") from None


def title(name: str) -> str:
    """Title of a shipped problem, for people."""
    return str(tomllib.loads(problem_text(name))["title"])


def _index(folder: str) -> list[str]:
    return (_FOLDER / folder / "index.txt").read_text(encoding="utf-8").split()


def toml_text(tables: dict[str, Any]) -> str:
    """TOML with each distribution and each range of the grid on one line, as in the shipped files."""
    return tomlkit.dumps(inline(tables))


def inline(value: Any) -> Any:
    """Tables of numbers alone, and those in lists of a grid, on one line."""
    if isinstance(value, list) and any(isinstance(each, dict) and "start" in each for each in value):
        line = tomlkit.array()
        for each in value:
            line.append(inline(each))
        return line
    if not isinstance(value, dict):
        return value
    if set(value) in ({"mean", "sd"}, {"low"}, {"low", "high"}, {"start", "stop", "step"}):
        table = tomlkit.inline_table()
        table.update(value)
        return table
    return {key: inline(each) for key, each in value.items()}
