"""Problem files: those shipped with the package by name, others by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from sequence_search.problem.schema import ProblemError, nearest


def builtin_problems() -> list[str]:
    """Names of the problems shipped with the package: the paper's conditions, in its order."""
    order = (
        "max-signal",
        "gm-wm-t2-w20",
        "gm-wm-t2-w30",
        "gm-wm-t2-w50",
        "gm-wm",
        "csf-null-w0.25",
        "csf-null-w1",
    )
    shipped = {
        entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml")
    }
    return [name for name in order if name in shipped] + sorted(shipped - set(order))


def problem_text(name_or_path: str | Path) -> str:
    """Text of a problem file, built in or at a path.

    Raises
    ------
    ProblemError
        If there is none, or it cannot be read.
    """
    if str(name_or_path) in builtin_problems():
        return str((_folder() / f"{name_or_path}.toml").read_text(encoding="utf-8"))
    path = Path(name_or_path)
    if path.is_dir():
        raise ProblemError(f"{name_or_path}: is a folder, not a problem file")
    if not path.exists():
        hint = nearest(str(name_or_path), builtin_problems())
        raise ProblemError(f"{name_or_path}: no such file and no built-in problem{hint}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{name_or_path}: cannot be read: {error}") from None


def _folder() -> Any:
    return resources.files("sequence_search") / "problems" / "paper"
