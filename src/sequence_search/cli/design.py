"""Commands that search: run, grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    EngineOption,
    Format,
    FormatOption,
    NamedOptions,
    ProblemArgument,
    ScheduleOption,
    SchedulerOption,
    StrategyOption,
)
from sequence_search.cli.checks import bad_input, load, make_folder, strategy_options
from sequence_search.cli.printing import print_json, say
from sequence_search.cli.progress import watched
from sequence_search.cli.results import explained, print_grid, print_runs
from sequence_search.cli.studies import run_study
from sequence_search.words import counted

if TYPE_CHECKING:
    from sequence_search.problem.problem import Problem


@app.command()
def run(  # noqa: PLR0913, PLR0917 - as many as the search has options
    problems: Annotated[
        list[str], typer.Argument(metavar="PROBLEM...", help="Built-in names or paths of problem files.")
    ],
    strategy: StrategyOption = "multistart",
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="Number of seeds; if not given until they agree, at most 32, of multistart.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="First seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; the same command goes on with one.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; if not given one for each core, with --seeds or --out one."),
    ] = None,
    scheduler: SchedulerOption = None,
    create_only: Annotated[
        bool, typer.Option("--create-only", help="Make the study in --out, and do not run it.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Gradient steps; the strategy's own if not given.")
    ] = None,
    schedule: ScheduleOption = None,
    option: NamedOptions = None,
    engine: EngineOption = "auto",
    max_seconds: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            help="Wall time of the search; with --seeds or --out of a seed, or a batch of proxyless.",
        ),
    ] = None,
    max_evaluations: Annotated[
        float | None, typer.Option(min=1, help="Losses of single sequences for a seed; then the best so far.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Search for sequences that meet a problem's objective; with --out as a study, which can be resumed."""
    from sequence_search.engines.by_name import check_engine
    from sequence_search.strategies import make_strategy

    loaded = [load(problem) for problem in problems]

    with bad_input():
        check_engine(engine)
        options = strategy_options(strategy, schedule, steps, option)
        make_strategy(strategy, options, *loaded)
        if out is None and (len(loaded) > 1 or scheduler is not None or create_only):
            raise ValueError("several problems, --scheduler and --create-only need --out FOLDER")
        if out is None and seeds is not None and (workers or 1) > 1:
            raise ValueError("--workers with --seeds needs --out FOLDER")
    for problem in loaded:
        for note in problem.notes():
            say(f"note: {note}", err=True)
    how: dict[str, Any] = {
        "strategy": strategy,
        "engine": engine,
        "max_seconds": max_seconds or math.inf,
        "max_evaluations": max_evaluations or math.inf,
        **options,
    }
    if seeds is None and strategy != "multistart":
        seeds = 1  # seeds of the others need not agree
    numbers = None if seeds is None else range(seed, seed + seeds)
    if out is None:
        how |= {"seeds": numbers, "first_seed": seed, "workers": workers}
        return _run_search(loaded[0], how, format)

    from sequence_search.study.study import Study, seeds_to_begin

    with bad_input():
        study = Study.create(out, loaded, seeds=numbers or seeds_to_begin(out, seed), **how)
    if create_only:
        tasks = counted(len(study.plan.tasks), "task")
        return say(f"made {out} with {tasks}; the same command without --create-only runs them")
    run_study(study, format, until_sure=numbers is None, workers=workers or 1, scheduler=scheduler)


def _run_search(problem: Problem, how: dict[str, Any], format: Format) -> None:
    """One search in memory, printed."""
    from sequence_search.strategies import search
    from sequence_search.strategies.record import result_record

    with watched() as watch:
        result = search(problem, monitor=watch.monitor, **how)
    if format is Format.JSON:
        print_json(explained(result_record(result), result.runs, problem))
    else:
        print_runs(result.runs, problem)
        if how["max_seconds"] < math.inf and not result.verdict.is_sure:
            say(f"more time may find better: --max-seconds {4 * how['max_seconds']:g}")
        say("not saved; --out FOLDER makes it a study")
    states = {each.status for each in result.runs}
    if "failed" in states:
        raise typer.Exit(1)
    if "interrupted" in states:
        raise typer.Exit(watch.exit_code or 1)


@app.command()
def grid(
    problem: ProblemArgument,
    top: Annotated[int, typer.Option(min=1, max=10_000, help="Number of best points to keep.")] = 10,
    n_per_tissue: Annotated[int, typer.Option(min=1, help="Sobol voxels of each tissue.")] = 256,
    out: Annotated[
        Path | None, typer.Option(help="Folder for grid.json; an interrupted search goes on from there.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a result in the folder.")] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Visit every point of a problem's grid, and polish the best."""
    loaded = load(problem)
    from sequence_search.grid.record import GRID_FILE, grid_record, save_grid
    from sequence_search.grid.search import grid_search

    with bad_input():
        if out is not None:
            make_folder(out, GRID_FILE, overwrite)
        state_file = out and out / "grid-state.npz"
        with watched() as watch:
            result = grid_search(
                loaded, n_per_tissue=n_per_tissue, top=top, monitor=watch.monitor, state_file=state_file
            )
    if format is Format.JSON:
        print_json(grid_record(result))
    else:
        print_grid(result)
    if result.status == "interrupted":
        if out is not None:
            say("the same command goes on from here", err=True)
        raise typer.Exit(watch.exit_code or 1)
    if out is not None:
        with bad_input():
            say(f"wrote {save_grid(result, out)}", err=format is Format.JSON)
