"""The design that a command is given: numbers on the command line or in a file, or one that a study found."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from sequence_search.cli.app import NUMBER_LISTS
from sequence_search.cli.checks import load
from sequence_search.cli.printing import say
from sequence_search.words import counted, enumerated

if TYPE_CHECKING:
    from sequence_search.problem.problem import Problem
    from sequence_search.sequence import Sequence
    from sequence_search.strategies.result import Run
    from sequence_search.study.study import Study

COLUMNS = ("flip_deg", "phase_deg", "delay_ms")
HOW = ("pulses", "gradients", "tr_ms")


@dataclass(frozen=True, slots=True)
class Stated:
    """A sequence as it is stated on the command line; None is what is not.

    Attributes
    ----------
    flip_deg, phase_deg, delay_ms : a number for each pulse
    pulses, gradients : names for each pulse with commas between, as "excite,refocus"
    tr_ms : repetition time, of a problem that has a range
    file : in place of all these
    """

    flip_deg: list[float] | None = None
    phase_deg: list[float] | None = None
    delay_ms: list[float] | None = None
    pulses: str | None = None
    gradients: str | None = None
    tr_ms: float | None = None
    file: Path | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """What is stated but for the file, by its key."""
        given = {name: getattr(self, name) for name in (*COLUMNS, *HOW)}
        for name in ("pulses", "gradients"):
            if given[name] is not None:
                given[name] = [word.strip() for word in given[name].split(",")]
        return {name: value for name, value in given.items() if value is not None and value != []}


def given_design(
    source: str,
    stated: Stated,
    problem: str | None,
    seed: int | None,
    design: int,
    *,
    may_be_empty: bool = False,
) -> tuple[Problem, Sequence]:
    """Problem and sequence that is stated, or of a study.

    A sequence outside the search space is taken, and that is told; one that cannot be played is not, nor one
    of no pulse unless it may be empty.
    """
    if Path(source).is_dir() and not stated.parts and stated.file is None:
        loaded, sequence = _named(Path(source), problem, seed, design)
    else:
        refuse_of_study(problem, seed, design)
        loaded = load(source)
        sequence = _stated(loaded, stated.parts) if stated.file is None else sequence_of_file(loaded, stated)
    if not may_be_empty and not len(sequence.delay):
        only = "can be evaluated, without a figure, and nothing else"
        raise ValueError(f"{stated.file or source}: a sequence of no pulse {only}")
    space = loaded.limits.admitted(loaded.search_space)
    for bounds in (space.check, loaded.acquisition.check_sequence):
        try:
            bounds(sequence, loaded.name)
        except ValueError as error:
            say(f"note: outside the search space: {error}", err=True)
    return loaded, sequence


def refuse_of_study(problem: str | None, seed: int | None, design: int) -> None:
    """Refuse options that name a design of a study, where it is a sequence or a problem that is stated."""
    given = {"--problem": problem is not None, "--seed": seed is not None, "--design": design != 1}
    if options := [option for option, is_given in given.items() if is_given]:
        of = "is of a design of a study" if len(options) == 1 else "are of a design of a study"
        raise ValueError(f"{enumerated(options)} {of}: name its folder, and state no sequence beside it")


def sequence_of_file(problem: Problem, stated: Stated) -> Sequence:
    """Sequence of a file: the keys of the options, or what `evaluate` prints as JSON."""
    from sequence_search.sequence import Sequence

    file, also = stated.file or Path(), list(stated.parts)
    if also:
        raise ValueError(f"--sequence {file} takes the place of {enumerated(map(_option, also))}")
    try:
        found = _read(file)
        if "layout" not in found:
            return _stated(problem, found)
        sequence = Sequence.from_dict(found)
        problem.check_sequence(sequence)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    return sequence


def _read(file: Path) -> dict[str, Any]:
    """What a file states by key, with all keys that there must be and no other."""
    from sequence_search.checks import number
    from sequence_search.problem.errors import nearest

    text = file.read_text(encoding="utf-8")
    found = tomllib.loads(text) if file.suffix.lower() == ".toml" else json.loads(text)
    found = found.get("sequence", found) if isinstance(found, dict) else found
    if not isinstance(found, dict):
        raise ValueError(f"must be a table of {', '.join(COLUMNS)}, got {found!r}")
    known = [*COLUMNS, *(["layout"] if "layout" in found else HOW)]
    for name, value in found.items():
        if name not in known:
            raise ValueError(f"unknown key '{name}'{nearest(name, known)}")
        if name in {"pulses", "gradients"} and not (
            isinstance(value, list) and all(isinstance(word, str) for word in value)
        ):
            raise ValueError(f"{name} must be a list of names, got {value!r}")
        if name in COLUMNS:
            _check_numbers(name, value)
    if missing := [name for name in COLUMNS if name not in found]:
        raise ValueError(f"{enumerated(missing)} missing: state a list with a number for each pulse")
    if "tr_ms" in found:
        number("tr_ms", found["tr_ms"])
    return found


def _check_numbers(name: str, value: object) -> None:
    """Refuse a column that is not a list of numbers."""
    from sequence_search.checks import number

    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list with a number for each pulse, got {value!r}")
    for place, each in enumerate(value, start=1):
        try:
            number("", each)
        except ValueError as error:
            raise ValueError(f"{name}, entry {place}: {error}") from None


def _stated(problem: Problem, given: dict[str, Any]) -> Sequence:
    """Sequence of pulses with their numbers and names, as the problem plays them."""
    from sequence_search.sequence import Sequence

    missing = [option for name, option in zip(COLUMNS, NUMBER_LISTS, strict=True) if name not in given]
    if missing:
        raise ValueError(
            f"{enumerated(missing)} missing: state a number for each pulse, as --flip-deg 88 177 "
            "--phase-deg 0 180 --delay-ms 6.2 6.2, or name a study's folder in place of the problem"
        )
    sequence = problem.played(
        Sequence.from_degrees_ms(*(given[name] for name in COLUMNS)),
        kinds=given.get("pulses", ()),
        gradients=given.get("gradients", ()),
        tr=None if "tr_ms" not in given else given["tr_ms"] / 1e3,
    )
    problem.check_sequence(sequence)
    return sequence


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _named(study: Path, problem: str | None, seed: int | None, number: int) -> tuple[Problem, Sequence]:
    """Design of a study by the number that `designs` gives it."""
    from sequence_search.strategies.result import best_run

    opened, found = study_runs(study, problem)
    if len(found) > 1:
        raise ValueError(f"{study} has several problems: pass --problem, one of {', '.join(found)}")
    ((name, runs),) = found.items()
    best = best_run([run for run in runs if seed is None or run.seed == seed])
    if best is None:
        of_seed = "" if seed is None else f" and seed {seed}"
        raise ValueError(f"{study} has no design of '{name}'{of_seed} yet")
    if number > len(best.families):
        has = counted(len(best.families), "design")
        raise ValueError(
            f"--design {number}: seed {best.seed} has {has}; see: sequence-search designs {quote(str(study))}"
        )
    return opened.problems[name], best.families[number - 1].sequence


def study_runs(folder: Path, problem: str | None) -> tuple[Study, dict[str, list[Run]]]:
    """A study, and the runs of each of its problems or of the one asked for."""
    from sequence_search.study.study import Study

    study = Study.open(folder)
    return study, {name: study.runs(name) for name in (study.problems if problem is None else [problem])}
