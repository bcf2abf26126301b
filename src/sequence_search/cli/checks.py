"""Checks of what was given, and errors as messages and exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_type_hints

import typer

from sequence_search.cli.printing import flow, say

if TYPE_CHECKING:
    from sequence_search.problem.problem import Problem


def load(name_or_path: str) -> Problem:
    """Built-in problem, or that of a file."""
    from sequence_search.problem.problem import Problem

    with bad_input():
        return Problem.load(name_or_path)


@contextmanager
def bad_input() -> Iterator[None]:
    """Turn errors about what was given into a message and exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        refuse(str(error))


@contextmanager
def study_errors() -> Iterator[None]:
    """Exit with 1 where a study's file cannot be written, with 2 where what was asked for cannot be."""
    from sequence_search.storage import StorageError, StudyError

    try:
        yield
    except StorageError as error:
        say(f"error: {error.strerror}; nothing that is done is lost, the same command goes on", err=True)
        raise typer.Exit(1) from None
    except StudyError as error:
        refuse(str(error))


def refuse(message: str) -> NoReturn:
    """Say what was wrong with what was given, and exit with 2."""
    for line in message.splitlines():
        say(flow(line.split(" "), 7, "error:", err=True), err=True)
    raise typer.Exit(2)


def strategy_options(
    strategy: str, schedule: str | None, steps: int | None, given: list[str] | None
) -> dict[str, Any]:
    """Options of the strategy that were given, as a schedule, as --steps or one by one as NAME=VALUE."""
    from sequence_search.strategies import STRATEGIES

    options: dict[str, Any] = {} if steps is None else {"steps": steps}
    if schedule is not None:
        presets = STRATEGIES[strategy].presets if strategy in STRATEGIES else {}
        if schedule not in presets:
            known = "; ".join(
                f"{', '.join(each.presets)} and needs --strategy {name}"
                for name, each in STRATEGIES.items()
                if each.presets
            )
            raise ValueError(f"--schedule is one of {known}, got '{schedule}' with '{strategy}'")
        options = presets[schedule] | options
    return options | dict(_read_option(strategy, text) for text in given or ())


def _read_option(strategy: str, text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE, the value in JSON or as it is, of the type of the strategy's field."""
    from pydantic import TypeAdapter, ValidationError

    from sequence_search.strategies import make_strategy

    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--option takes NAME=VALUE, got '{text}'")
    types = get_type_hints(type(make_strategy(strategy, {})))
    if name not in types:
        make_strategy(strategy, {name: value})  # refuses the name, and tells those that there are
    try:
        json.loads(value)
    except ValueError:
        value = json.dumps(value)
    try:
        return name, TypeAdapter(types[name]).validate_json(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"--option {text}: {error.errors()[0]['msg']}") from None


def make_folder(folder: Path, file: str, overwrite: bool) -> None:
    """Make the folder of a file before the search, so that hours of it are not lost to a wrong path."""
    if (folder / file).exists() and not overwrite:
        raise ValueError(f"{folder} holds {file} already: choose another folder or pass --overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out {folder}: the folder cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--out {folder}: the folder cannot be written to")


def numbers(option: str, text: str, takes: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{option} takes {takes}, got '{text}'") from None


def voxel_size(text: str) -> tuple[float, float, float]:
    """Size of a voxel of one number or three [mm]."""
    takes = "one number or three, as 2 or 1,1,5"
    parts = numbers("--voxel-mm", text, takes)
    if len(parts) not in (1, 3):
        raise ValueError(f"--voxel-mm takes {takes}, got '{text}'")
    x, y, z = parts * 3 if len(parts) == 1 else parts
    if not all(0 < each < 1e4 for each in (x, y, z)):
        raise ValueError(f"--voxel-mm must be above 0, got '{text}'")
    return x, y, z


def check_figure(file: Path | None, overwrite: bool, option: str = "--figure") -> None:
    """Refuse a figure's file of another kind, in no folder, or that is there already."""
    if file is None:
        return
    if file.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ValueError(f"{option} must be a .png, .svg or .pdf file, got {file}")
    check_free(file, overwrite, option)


def check_free(file: Path, overwrite: bool, option: str) -> None:
    """Refuse a file to write that is in no folder, or that is there already."""
    if file.exists() and not overwrite:
        raise ValueError(f"{option} {file} exists already: choose another name or pass --overwrite")
    if not file.parent.is_dir():
        raise ValueError(f"{option} {file}: there is no folder {file.parent}")
