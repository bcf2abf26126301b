"""The design that a command is given: numbers on the command line, or one that a study found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sequence_search.cli.app import NUMBER_LISTS
from sequence_search.cli.checks import load
from sequence_search.cli.printing import say
from sequence_search.words import counted, enumerated

if TYPE_CHECKING:
    from sequence_search.problem.problem import Problem
    from sequence_search.sequence import Sequence
    from sequence_search.strategies.result import Run
    from sequence_search.study.study import Study

Numbers = list[float] | None


def given_design(
    source: str, numbers: tuple[Numbers, Numbers, Numbers], problem: str | None, seed: int | None, design: int
) -> tuple[Problem, Sequence]:
    """Problem and sequence of the numbers for --flip-deg, --phase-deg and --delay-ms, or of a study.

    A sequence outside the search space is taken, and that is told.
    """
    given = dict(zip(NUMBER_LISTS, numbers, strict=True))
    if Path(source).is_dir() and not any(numbers):
        loaded, sequence = _named(Path(source), problem, seed, design)
    else:
        loaded, sequence = load(source), _stated(given)
    try:
        loaded.search_space.check(sequence, loaded.name)
    except ValueError as error:
        say(f"note: outside the search space: {error}", err=True)
    return loaded, sequence


def _stated(given: dict[str, Numbers]) -> Sequence:
    """Sequence of the numbers given for each option."""
    from sequence_search.sequence import Sequence

    missing = [option for option, numbers in given.items() if not numbers]
    if missing:
        raise ValueError(
            f"{enumerated(missing)} missing: state a number for each pulse, as --flip-deg 88 177 "
            "--phase-deg 0 180 --delay-ms 6.2 6.2, or name a study's folder in place of the problem"
        )
    return Sequence.from_degrees_ms(*(numbers or [] for numbers in given.values()))


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
            f"--design {number}: seed {best.seed} has {has}; see: sequence-search designs {study}"
        )
    return opened.problems[name], best.families[number - 1].sequence


def study_runs(folder: Path, problem: str | None) -> tuple[Study, dict[str, list[Run]]]:
    """A study, and the runs of each of its problems or of the one asked for."""
    from sequence_search.study.study import Study

    study = Study.open(folder)
    return study, {name: study.runs(name) for name in (study.problems if problem is None else [problem])}
