"""The command that searches the textbook tasks: clinic."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import WorkersOption
from sequence_search.cli.checks import bad_input, study_errors
from sequence_search.cli.printing import say
from sequence_search.cli.progress import watched

FOLDER = Path("clinic")


@app.command()
def clinic(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PROBLEM", help="A task by name, or a file; once for each. All if not given."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Of each task.")] = 4,
    workers: WorkersOption = 1,
    max_seconds: Annotated[float | None, typer.Option(min=1e-3, help="Wall time of a seed.")] = None,
    out: Annotated[Path, typer.Option(help="Folder; the same command goes on with one.")] = FOLDER,
) -> None:
    """Search textbook tasks from nothing, and write a page of what was found beside the textbook's."""
    from sequence_search.clinic import has_design, write_clinic
    from sequence_search.problem.library import clinic_problems
    from sequence_search.problem.problem import Problem
    from sequence_search.study.study import Study

    with bad_input():
        problems = map(Problem.load, only or clinic_problems())
        study = Study.create(out, problems, seeds=range(seeds), max_seconds=max_seconds or math.inf)
    given = [part for name in only or () for part in ("--only", name)]
    given += ["--seeds", str(seeds), *(() if max_seconds is None else ("--max-seconds", f"{max_seconds:g}"))]
    command = shlex.join(["sequence-search", "clinic", *given, "--out", str(out)])
    with study_errors(), watched(study) as watch:
        tally = study.run(workers=workers, monitor=watch.monitor, on_outcome=watch.finished)
    stopped = watch.exit_code if tally.left else None
    if stopped is not None and not has_design(study):
        raise typer.Exit(stopped)
    with study_errors(), bad_input():
        page = write_clinic(study, command)
    say(f"wrote {page}")
    if stopped is not None:
        say(f"of what is done; this goes on: {command}")
        raise typer.Exit(stopped)
    if tally.failed:
        raise typer.Exit(1)
