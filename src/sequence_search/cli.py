"""The command line: each command parses, calls one library function and prints its result."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from sequence_search.console import (
    is_number,
    print_grid,
    print_json,
    print_runs,
    print_status,
    print_study_table,
    print_table,
    watched,
)

if TYPE_CHECKING:
    from sequence_search.problem import Problem
    from sequence_search.study.study import Study

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


class TableFormat(StrEnum):
    """How the tables of a study are printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"
    JSON = "json"


ProblemArgument = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="Built-in name or path of a problem file.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")]
WorkersOption = Annotated[int, typer.Option(min=1, help="Processes that share this machine's cores.")]
SchedulerOption = Annotated[
    str | None, typer.Option(help="Address or scheduler file of a Dask cluster, in place of --workers.")
]
EngineOption = Annotated[str, typer.Option("--engine", help="auto, fused, pathways or isochromats.")]
# Options that take several numbers after one flag, which click knows only as a repeated flag.
NUMBER_LISTS = ("--flip-deg", "--phase-deg", "--delay-ms")


def _print_version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sequence-search {version('sequence-search')}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Design MR pulse sequences by search over structure and parameters."""


@app.command("list")
def list_problems(format: FormatOption = Format.TABLE) -> None:
    """List the built-in problems."""
    from sequence_search.problem import Problem, builtin_problems

    problems = [Problem.load(name) for name in builtin_problems()]
    if format is Format.JSON:
        return print_json([{"name": problem.name, "title": problem.title} for problem in problems])
    print_table(["problem", "title"], [[problem.name, problem.title] for problem in problems])


@app.command()
def show(problem: ProblemArgument, format: FormatOption = Format.TABLE) -> None:
    """Show tissues, imaging conditions, objective and search space of a problem."""
    loaded = _load(problem)
    if format is Format.JSON:
        return print_json(loaded.to_dict())
    typer.echo(loaded.to_toml())


@app.command()
def init(problem: ProblemArgument, file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Copy a problem to a file, to edit it."""
    from sequence_search.problem import problem_text

    with _bad_input():
        text = problem_text(problem)
        try:
            with file.open("x", encoding="utf-8") as handle:
                handle.write(text)
        except FileExistsError:
            raise ValueError(f"{file} exists already, and is left as it is") from None
        except OSError as error:
            raise ValueError(f"{file} cannot be written: {error.strerror}") from None
    typer.echo(f"wrote {file}; try: sequence-search validate {file}")


@app.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Problem file or built-in name.")],
    format: FormatOption = Format.TABLE,
) -> None:
    """Check a problem file."""
    from sequence_search.problem import Problem
    from sequence_search.problem_file import ProblemError

    try:
        problem = Problem.load(file)
    except ProblemError as error:
        if format is Format.JSON:
            print_json({"valid": False, "errors": str(error).splitlines()})
            raise typer.Exit(2) from None
        _refuse(str(error))
    if format is Format.JSON:
        return print_json({"valid": True, "name": problem.name, "notes": problem.notes()})
    typer.echo(f"{file}: valid, problem '{problem.name}': {problem.title}")
    for note in problem.notes():
        typer.echo(f"note: {note}")


@app.command()
def run(  # noqa: PLR0913, PLR0917 - as many as the search has options
    problems: Annotated[
        list[str], typer.Argument(metavar="PROBLEM...", help="Built-in names or paths of problem files.")
    ],
    strategy: Annotated[
        str, typer.Option(help="multistart; proxyless, the paper's; evolution and random, baselines.")
    ] = "multistart",
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="Number of seeds.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="First seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the study; the same command goes on with one.")
    ] = None,
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    create_only: Annotated[
        bool, typer.Option("--create-only", help="Make the study in --out, and do not run it.")
    ] = False,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Gradient steps; the strategy's own if not given.")
    ] = None,
    schedule: Annotated[str | None, typer.Option(help="Of proxyless: paper, the default, or fast.")] = None,
    engine: EngineOption = "auto",
    max_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Wall time of a seed; then the best so far.")
    ] = None,
    max_evaluations: Annotated[
        float | None, typer.Option(min=1, help="Losses of single sequences for a seed; then the best so far.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Search for sequences that meet a problem's objective; with --out as a study, which can be resumed."""
    loaded = [_load(problem) for problem in problems]
    with _bad_input():
        _check_engine(engine)
        from sequence_search.search import make_strategy

        options = _options(strategy, schedule, steps)
        make_strategy(strategy, options)
        if out is None and (len(loaded) > 1 or workers > 1 or scheduler is not None or create_only):
            raise ValueError("several problems, --workers, --scheduler and --create-only need --out FOLDER")
    for problem in loaded:
        for note in problem.notes():
            typer.echo(f"note: {note}", err=True)
    how: dict[str, Any] = {
        "strategy": strategy,
        "seeds": range(seed, seed + seeds),
        "engine": engine,
        "max_seconds": max_seconds or math.inf,
        "max_evaluations": max_evaluations or math.inf,
        **options,
    }
    if out is None:
        return _run_search(loaded[0], how, format)
    study = _create_study(out, loaded, how)
    if create_only:
        return typer.echo(f"made {out} with {len(study.tasks)} tasks; the same command without it runs them")
    _run_study(study, format, workers=workers, scheduler=scheduler)


def _run_search(problem: Problem, how: dict[str, Any], format: Format) -> None:
    """One search in memory, printed."""
    from sequence_search.search import search
    from sequence_search.study.record import result_record

    with watched() as watch:
        result = search(problem, monitor=watch.monitor, **how)
    if format is Format.JSON:
        print_json(result_record(result, history=False))
    else:
        print_runs(result.runs, problem)
        typer.echo("not saved; --out FOLDER makes it a study")
    if any(each.status == "failed" for each in result.runs):
        raise typer.Exit(1)
    if any(each.status == "interrupted" for each in result.runs):
        raise typer.Exit(watch.exit_code or 1)


def _create_study(out: Path, problems: list[Problem], how: dict[str, Any]) -> Study:
    from sequence_search.study.study import Study

    with _bad_input():
        return Study.create(out, problems, **how)


def _run_study(study: Study, format: Format, **where: Any) -> None:
    """Run what is left, then print and draw what is done."""
    from sequence_search.study.files import StorageError, StudyError
    from sequence_search.study.status import status_record

    n_tasks = len(study.tasks)
    with watched(n_tasks, n_tasks - len(study.open_tasks())) as watch:
        try:
            tally = study.run(monitor=watch.monitor, on_outcome=watch.finished, **where)
            pictures = _draw(study)
        except StorageError as error:
            typer.echo(f"error: {error}; nothing that is done is lost, the same command goes on", err=True)
            raise typer.Exit(1) from None
        except StudyError as error:
            _refuse(str(error))
    statuses = study.status()
    if format is Format.JSON:
        print_json({"study": str(study.folder), "problems": [status_record(each) for each in statuses]})
    else:
        for name in study.problems:
            if len(study.problems) > 1:
                typer.echo(f"\n{name}")
            if runs := study.runs(name):
                print_runs(runs, study.problems[name])
        if tally.left or tally.failed:
            print_status(statuses)
        for file in pictures:
            typer.echo(f"wrote {file}")
    if watch.exit_code is not None and tally.left:
        raise typer.Exit(watch.exit_code)
    if tally.failed:
        raise typer.Exit(1)


def _draw(study: Study) -> list[Path]:
    """Picture of each problem's best design, in derived/."""
    from sequence_search.report.figures import save_sequence_figure
    from sequence_search.study.files import locked, replacing
    from sequence_search.study.plan import DERIVED, LOCK_FILE

    pictures = []
    for name, problem in study.problems.items():
        best = min(study.runs(name), key=lambda each: each.loss, default=None)
        if best is None or best.sequence is None:
            continue
        file = study.folder / DERIVED / f"{name}.png"
        with locked(study.folder / LOCK_FILE, wait=True), replacing(file) as aside:
            save_sequence_figure(best.sequence, problem, aside, f"{name}: loss {best.loss:.6f}")
        pictures.append(file)
    return pictures


@app.command()
def status(
    study: StudyArgument,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show how a study stands, from its files alone, also while it runs."""
    from sequence_search.study.status import status_record, study_status

    with _bad_input():
        statuses = study_status(study)
    if format is Format.JSON:
        return print_json({"study": str(study), "problems": [status_record(each) for each in statuses]})
    print_status(statuses)


@app.command()
def table(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a study.")],
    format: Annotated[TableFormat, typer.Option("--format", help="How to print it.")] = TableFormat.TERMINAL,
) -> None:
    """Categories of a study's designs, as the paper's Tables V to VIII, beside its values.

    A problem's grid is searched once, for the optimum that success is measured by, and kept in derived/grid.
    """
    from sequence_search.report.study_tables import WRITERS, study_table
    from sequence_search.study.grids import grid_optimum
    from sequence_search.study.study import Study

    with _bad_input():
        study = Study.open(folder)
    tables = []
    with _study_errors(), watched(seeds=False) as watch:
        for name, problem in study.problems.items():
            optimum = grid_optimum(study.folder, problem, watch.monitor)
            if watch.exit_code is not None:
                raise typer.Exit(watch.exit_code)
            reference = None if optimum is None else optimum.sequence
            tables.append(study_table(problem, study.runs(name), reference))
    if format is not TableFormat.TERMINAL:
        return typer.echo(WRITERS[format](tables), nl=False)
    for number, each in enumerate(tables):
        typer.echo("\n" if number else "", nl=False)
        print_study_table(each)


@app.command()
def reproduce(
    only: Annotated[
        str | None, typer.Option(help="Conditions, as 1,2a,3b: 1; 2a, 2b, 2c, 2d; 3a, 3b. All if not given.")
    ] = None,
    strategy: Annotated[str, typer.Option(help="As for run.")] = "multistart",
    seeds: Annotated[
        int, typer.Option(min=1, max=100_000, help="Of each condition; the paper has 100.")
    ] = 100,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share this machine's cores.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder; the same command goes on with one.")] = Path(
        "reproduction"
    ),
) -> None:
    """Make the paper's results again: a study of its conditions, grids, tables, figures, and summary.md.

    1: max-signal (Table V); 2a, 2b: gm-wm-t2-w30, gm-wm (VI-a, b); 2c, 2d: gm-wm-t2-w20, -w50 (VII);
    3a, 3b: csf-null-w0.25, -w1 (VIII-a, b).
    """
    from sequence_search.reproduce import CONDITIONS, begin, derive, read_labels

    with _bad_input():
        names = read_labels(",".join(CONDITIONS) if only is None else only)
        study = begin(out, names, strategy, seeds)
    chosen = "" if only is None else f" --only {only}"
    command = f"sequence-search reproduce{chosen} --strategy {strategy} --seeds {seeds} --out {out}"
    tally = study.tally()
    with _study_errors(), watched(tally.done + tally.failed + tally.left, tally.done) as watch:
        tally = study.run(workers=workers, monitor=watch.monitor, on_outcome=watch.finished)
    if watch.exit_code is not None:
        raise typer.Exit(watch.exit_code)
    with _study_errors(), watched(seeds=False) as watch:
        file = derive(study, command, watch.monitor, lambda what: typer.echo(what, err=True))
    if file is None:
        raise typer.Exit(watch.exit_code or 1)
    typer.echo(f"wrote {file}")
    if tally.failed:
        raise typer.Exit(1)


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
    loaded = _load(problem)
    from sequence_search.search.grid import grid_search
    from sequence_search.study.grid_record import GRID_FILE, grid_record, save_grid

    with _bad_input():
        _check_folder(out, (GRID_FILE,), overwrite)
        state_file = None if out is None else out / "grid-state.json"
        with watched(seeds=False) as watch:
            result = grid_search(
                loaded, n_per_tissue=n_per_tissue, top=top, monitor=watch.monitor, state_file=state_file
            )
    if format is Format.JSON:
        print_json(grid_record(result))
    else:
        print_grid(result)
    if result.status == "interrupted":
        if out is not None:
            typer.echo("the same command goes on from here", err=True)
        raise typer.Exit(watch.exit_code or 1)
    if out is not None:
        with _bad_input():
            typer.echo(f"wrote {save_grid(result, out)}", err=format is Format.JSON)


@app.command()
def resume(
    study: StudyArgument,
    share: Annotated[
        str, typer.Option(metavar="I/N", help="Only the I-th of N fixed shares of the work, as 3/10.")
    ] = "1/1",
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Go on with a study from its folder; several processes may, on as many machines."""
    from sequence_search.study.slurm import read_share
    from sequence_search.study.study import Study

    with _bad_input():
        part = read_share(share)
        opened = Study.open(study)
    _run_study(opened, format, workers=workers, scheduler=scheduler, share=part)


@app.command()
def slurm(
    study: StudyArgument,
    array_cap: Annotated[int, typer.Option(min=1, help="The most tasks of the array job.")] = 100,
    time: Annotated[
        str, typer.Option(help="Wall time of each task, as SLURM reads it: 90 (minutes), 01:30:00, 2-12.")
    ] = "01:00:00",
    cpus_per_task: Annotated[int, typer.Option(min=1, help="Processor cores of each task.")] = 1,
    partition: Annotated[str | None, typer.Option(help="SLURM's default if not given.")] = None,
) -> None:
    """Write an sbatch script: an array job whose tasks each search a fixed share of a study."""
    from sequence_search.study.slurm import ArrayJob, write_script
    from sequence_search.study.study import Study

    with _bad_input():
        job = ArrayJob(array_cap, time, cpus_per_task, partition)
        script = write_script(Study.open(study), job)
    typer.echo(f"wrote {script}; submit it with: sbatch {shlex.quote(str(script))}")


@app.command()
def evaluate(
    problem: ProblemArgument,
    flip_deg: Annotated[list[float], typer.Option("--flip-deg", help="Flip angles, one for each pulse.")],
    phase_deg: Annotated[list[float], typer.Option("--phase-deg", help="Phases, one for each pulse.")],
    delay_ms: Annotated[
        list[float], typer.Option("--delay-ms", help="Time to the next pulse or the readout.")
    ],
    engine: EngineOption = "auto",
    figure: Annotated[Path | None, typer.Option(help="PNG or SVG file to draw the sequence in.")] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Evaluate a sequence, as --flip-deg 88 177 --phase-deg 0 180 --delay-ms 6.2 6.2."""
    loaded = _load(problem)
    from sequence_search.sequence import Sequence
    from sequence_search.study.record import evaluation_record

    with _bad_input():
        _check_engine(engine)
        sequence = Sequence.from_degrees_ms(flip_deg, phase_deg, delay_ms)
        loaded.search_space.check(sequence, loaded.name)
        if figure is not None and (figure.suffix not in (".png", ".svg") or figure.exists()):
            raise ValueError(f"--figure must be a new .png or .svg file, got {figure}")
    record = evaluation_record(loaded.evaluate(sequence, engine))
    if not math.isfinite(record["loss"]):
        typer.echo(f"error: the loss is {record['loss']} for {sequence}", err=True)
        raise typer.Exit(1)
    if figure is not None:
        from sequence_search.report.figures import save_sequence_figure

        with _bad_input():
            save_sequence_figure(sequence, loaded, figure, f"{loaded.name}: loss {record['loss']:.6f}")
    if format is Format.JSON:
        return print_json(record)
    typer.echo(str(sequence))
    rows = [["loss, over 1,024 voxels per tissue", f"{record['loss']:.6f}"]]
    rows += [[f"  {name} (weighted)", f"{value:.6f}"] for name, value in record["terms"].items()]
    rows += [[f"|Mxy| {tissue} (nominal)", f"{value:.4f}"] for tissue, value in record["signal"].items()]
    rows += [
        ["RF energy (rad²)", f"{record['rf_energy']:.4f}"],
        ["RF energy relative to 90°-180°", f"{100 * record['relative_rf_energy']:.1f} %"],
        ["time to readout (ms)", f"{record['time_to_readout_ms']:.4g}"],
    ]
    print_table(["quantity", "value"], rows)


def main() -> None:
    """Entry point."""
    app(args=repeat_flags(sys.argv[1:]))


def repeat_flags(arguments: list[str]) -> list[str]:
    """Write ``--flip-deg 88 177`` as ``--flip-deg=88 --flip-deg=177``, which click understands."""
    repeated: list[str] = []
    flag = ""
    for argument in arguments:
        if flag and is_number(argument):
            repeated.append(f"{flag}={argument}")
            continue
        flag = argument.split("=")[0]
        flag = flag if flag in NUMBER_LISTS else ""
        if argument != flag or not flag:
            repeated.append(argument)
    return repeated


def _load(name_or_path: str) -> Problem:
    from sequence_search.problem import Problem

    with _bad_input():
        return Problem.load(name_or_path)


@contextmanager
def _bad_input() -> Iterator[None]:
    """Turn errors about what was given into a message and exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        _refuse(str(error))


@contextmanager
def _study_errors() -> Iterator[None]:
    """Exit with 1 where a study's file cannot be written, with 2 where what was asked for cannot be."""
    from sequence_search.study.files import StorageError, StudyError

    try:
        yield
    except StorageError as error:
        typer.echo(
            f"error: {error.strerror}; nothing that is done is lost, the same command goes on", err=True
        )
        raise typer.Exit(1) from None
    except StudyError as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    typer.echo("\n".join(f"error: {line}" for line in message.splitlines()), err=True)
    raise typer.Exit(2)


def _options(strategy: str, schedule: str | None, steps: int | None) -> dict[str, Any]:
    """Options of the strategy that were given."""
    from sequence_search.search.proxyless import SCHEDULES

    options: dict[str, Any] = {}
    if schedule is not None:
        if strategy != "proxyless" or schedule not in SCHEDULES:
            raise ValueError(
                f"--schedule is {' or '.join(SCHEDULES)}, with --strategy proxyless; got '{schedule}'"
            )
        options |= SCHEDULES[schedule]
    return options if steps is None else options | {"steps": steps}


def _check_engine(engine: str) -> None:
    from sequence_search.simulate import ENGINE_NAMES

    if engine not in ENGINE_NAMES:
        raise ValueError(f"engine must be one of {', '.join(ENGINE_NAMES)}, got '{engine}'")


def _check_folder(folder: Path | None, files: tuple[str, ...], overwrite: bool) -> None:
    """Make the folder before the search, so that hours of it are not lost to a wrong path."""
    if folder is None:
        return
    present = [name for name in files if (folder / name).exists()]
    if present and not overwrite:
        raise ValueError(
            f"{folder} holds {', '.join(present)} already: choose another folder or pass --overwrite"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out {folder}: the folder cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--out {folder}: the folder cannot be written to")
