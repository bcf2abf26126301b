"""Commands on the paper's results: table, reproduce."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    NamedOptions,
    ScheduleOption,
    StrategyOption,
    TableFormat,
    WorkersOption,
)
from sequence_search.cli.checks import bad_input, strategy_options, study_errors
from sequence_search.cli.printing import say
from sequence_search.cli.progress import watched
from sequence_search.cli.results import print_study_table

REPRODUCTION = Path("reproduction")


@app.command()
def table(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study.")],
    grid: Annotated[
        bool, typer.Option("--grid", help="Visit every point of a problem's grid, once.")
    ] = False,
    format: Annotated[TableFormat, typer.Option("--format", help="How to print it.")] = TableFormat.TERMINAL,
) -> None:
    """Designs of a study by category, as the paper's Tables V to VIII, beside its values; else by structure.

    Success is measured by the grid optimum, if derived/grid has it or --grid finds it, else by the best run.
    """
    from sequence_search.paper.conditions import is_of_paper
    from sequence_search.paper.formats import WRITERS
    from sequence_search.paper.found import found_table
    from sequence_search.paper.tables import make_table
    from sequence_search.study.grid_optimum import grid_optimum, stored_optimum
    from sequence_search.study.study import Study

    with bad_input():
        study = Study.open(folder)
    tables = []
    with study_errors(), watched() as watch:
        find = partial(grid_optimum, monitor=watch.monitor) if grid else stored_optimum
        for name, problem in study.problems.items():
            optimum = None if problem.grid is None else find(study.folder, problem)
            if watch.exit_code is not None:
                raise typer.Exit(watch.exit_code)
            reference = None if optimum is None else optimum.sequence
            runs = study.runs(name)
            judged = is_of_paper(problem) or (reference is not None and problem.categories)
            tables.append(make_table(problem, runs, reference) if judged else found_table(problem, runs))
    if format is not TableFormat.TERMINAL:
        return print(WRITERS[format](tables), end="")
    for number, each in enumerate(tables):
        if number:
            say()
        print_study_table(each)


@app.command()
def reproduce(
    only: Annotated[
        str | None, typer.Option(help="Conditions, as 1,2a,3b: 1; 2a, 2b, 2c, 2d; 3a, 3b. All if not given.")
    ] = None,
    strategy: StrategyOption = "multistart",
    schedule: ScheduleOption = None,
    option: NamedOptions = None,
    seeds: Annotated[
        int, typer.Option(min=1, max=100_000, help="Of each condition; the paper has 100.")
    ] = 100,
    workers: WorkersOption = 1,
    out: Annotated[Path, typer.Option(help="Folder; the same command goes on with one.")] = REPRODUCTION,
) -> None:
    """Make the paper's results again: a study of its conditions, grids, tables, figures, and summary.md.

    1: max-signal (Table V); 2a, 2b: gm-wm-t2-w30, gm-wm (VI-a, b); 2c, 2d: gm-wm-t2-w20, -w50 (VII);
    3a, 3b: csf-null-w0.25, -w1 (VIII-a, b).
    """
    from sequence_search.paper.conditions import CONDITIONS, read_labels
    from sequence_search.paper.reproduce import derive
    from sequence_search.problem.problem import Problem
    from sequence_search.study.study import Study

    with bad_input():
        problems = map(Problem.load, read_labels(",".join(CONDITIONS) if only is None else only))
        options = strategy_options(strategy, schedule, None, option)
        study = Study.create(out, problems, strategy, range(seeds), **options)
    given = [("--only", only), ("--strategy", strategy), ("--schedule", schedule)]
    given += [*(("--option", text) for text in option or ()), ("--seeds", str(seeds)), ("--out", str(out))]
    stated = [part for flag, value in given if value is not None for part in (flag, value)]
    command = shlex.join(["sequence-search", "reproduce", *stated])
    with study_errors(), watched(study) as watch:
        tally = study.run(workers=workers, monitor=watch.monitor, on_outcome=watch.finished)
    if watch.exit_code is not None:
        raise typer.Exit(watch.exit_code)
    with study_errors(), watched() as watch:
        file = derive(study, command, watch.monitor, partial(say, err=True))
    if file is None:
        raise typer.Exit(watch.exit_code or 1)
    say(f"wrote {file}")
    if tally.failed:
        raise typer.Exit(1)
