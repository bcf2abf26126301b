"""The command line: each command parses, calls one library function and prints its result."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from sequence_search.problem import Problem
    from sequence_search.search.base import Monitor, Progress, SearchResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


ProblemArgument = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="Built-in name or path of a problem file.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
EngineOption = Annotated[str, typer.Option("--engine", help="auto, fused, pathways or isochromats.")]
# Options that take several numbers after one flag, which click knows only as a repeated flag.
NUMBER_LISTS = ("--flip-deg", "--phase-deg", "--delay-ms")
PLAIN_LINE_EVERY_S = 2.0


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
        return _print_json([{"name": problem.name, "title": problem.title} for problem in problems])
    _print_table(["problem", "title"], [[problem.name, problem.title] for problem in problems])


@app.command()
def show(problem: ProblemArgument, format: FormatOption = Format.TABLE) -> None:
    """Show tissues, imaging conditions, objective and search space of a problem."""
    loaded = _load(problem)
    if format is Format.JSON:
        return _print_json(loaded.to_dict())
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
            _print_json({"valid": False, "errors": str(error).splitlines()})
            raise typer.Exit(2) from None
        _refuse(str(error))
    if format is Format.JSON:
        return _print_json({"valid": True, "name": problem.name, "notes": problem.notes()})
    typer.echo(f"{file}: valid, problem '{problem.name}': {problem.title}")
    for note in problem.notes():
        typer.echo(f"note: {note}")


@app.command()
def run(  # noqa: PLR0913 - as many as the search has options
    problem: ProblemArgument,
    strategy: Annotated[str, typer.Option(help="multistart, or proxyless: the paper's.")] = "multistart",
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="Number of seeds.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="First seed.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for problem.toml, result.json and sequence.png.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Gradient steps; the strategy's own if not given.")
    ] = None,
    engine: EngineOption = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a result in the folder.")] = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Search for sequences that meet a problem's objective."""
    loaded = _load(problem)
    with _bad_input():
        _check_engine(engine)
        from sequence_search.search import make_strategy, search

        options = {} if steps is None else {"steps": steps}
        make_strategy(strategy, options)
        _check_folder(out, overwrite)
    from sequence_search.report.record import result_record, save_result

    for note in loaded.notes():
        typer.echo(f"note: {note}", err=True)
    with _watched() as monitor:
        result = search(
            loaded, strategy, range(seed, seed + seeds), engine=engine, monitor=monitor, **options
        )
    # Printed before it is saved: a full disk does not take the design along.
    if format is Format.JSON:
        _print_json(result_record(result, history=False))
    else:
        _print_runs(result)
    if out is not None:
        try:
            files = save_result(result, out)
        except OSError as error:
            typer.echo(f"error: the result could not be saved: {error}", err=True)
            raise typer.Exit(1) from None
        for file in files:
            typer.echo(f"wrote {file}", err=format is Format.JSON)
    elif format is Format.TABLE:
        typer.echo("not saved; --out FOLDER writes problem.toml, result.json and sequence.png")
    if any(each.status == "failed" for each in result.runs):
        raise typer.Exit(1)
    if any(each.status == "interrupted" for each in result.runs):
        raise typer.Exit(130)


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
    from sequence_search.report.record import evaluation_record
    from sequence_search.sequence import Sequence

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
        return _print_json(record)
    typer.echo(str(sequence))
    rows = [["loss, over 1,024 voxels per tissue", f"{record['loss']:.6f}"]]
    rows += [[f"  {name} (weighted)", f"{value:.6f}"] for name, value in record["terms"].items()]
    rows += [[f"|Mxy| {tissue} (nominal)", f"{value:.4f}"] for tissue, value in record["signal"].items()]
    rows += [
        ["RF energy (rad²)", f"{record['rf_energy']:.4f}"],
        ["RF energy relative to 90°-180°", f"{100 * record['relative_rf_energy']:.1f} %"],
        ["time to readout (ms)", f"{record['time_to_readout_ms']:.4g}"],
    ]
    _print_table(["quantity", "value"], rows)


def main() -> None:
    """Entry point."""
    app(args=repeat_flags(sys.argv[1:]))


def repeat_flags(arguments: list[str]) -> list[str]:
    """Write ``--flip-deg 88 177`` as ``--flip-deg=88 --flip-deg=177``, which click understands."""
    repeated: list[str] = []
    flag = ""
    for argument in arguments:
        if flag and _is_number(argument):
            repeated.append(f"{flag}={argument}")
            continue
        flag = argument.split("=")[0]
        flag = flag if flag in NUMBER_LISTS else ""
        if argument != flag or not flag:
            repeated.append(argument)
    return repeated


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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


def _refuse(message: str) -> NoReturn:
    typer.echo("\n".join(f"error: {line}" for line in message.splitlines()), err=True)
    raise typer.Exit(2)


def _check_engine(engine: str) -> None:
    from sequence_search.simulate import ENGINE_NAMES

    if engine not in ENGINE_NAMES:
        raise ValueError(f"engine must be one of {', '.join(ENGINE_NAMES)}, got '{engine}'")


def _check_folder(folder: Path | None, overwrite: bool) -> None:
    """Make the folder before the search, so that hours of it are not lost to a wrong path."""
    from sequence_search.report.record import RESULT_FILES

    if folder is None:
        return
    present = [name for name in RESULT_FILES if (folder / name).exists()]
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


@contextmanager
def _watched() -> Iterator[Monitor]:
    """Progress on stderr; Ctrl-C asks the search to stop with the best so far, a second one ends at once."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from sequence_search.search.base import Monitor

    console = Console(stderr=True)
    stopped = False

    def ask_to_stop(number: int, frame: object) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True
        console.print("stopping with the best so far; Ctrl-C again to end at once")

    before = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        if not console.is_terminal:
            yield Monitor(_plain_lines(), lambda: stopped)
            return
        columns = (
            TextColumn("seed {task.fields[seed]}"),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bar(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
            task = bar.add_task("", total=None, seed="")

            def show_progress(progress: Progress) -> None:
                bar.update(
                    task,
                    completed=progress.step,
                    total=progress.n_steps,
                    seed=progress.seed,
                    description=f"loss {progress.loss:.5g}  {progress.sequence}",
                )

            yield Monitor(show_progress, lambda: stopped)
    finally:
        signal.signal(signal.SIGINT, before)


def _plain_lines() -> Callable[[Progress], None]:
    """Progress as lines, one every few seconds and the last of each seed."""
    last = -PLAIN_LINE_EVERY_S

    def show_progress(progress: Progress) -> None:
        nonlocal last
        if progress.step < progress.n_steps and time.monotonic() - last < PLAIN_LINE_EVERY_S:
            return
        last = time.monotonic()
        where = f"seed {progress.seed}  step {progress.step}/{progress.n_steps}"
        typer.echo(f"{where}  loss {progress.loss:.5g}  {progress.sequence}", err=True)

    return show_progress


def _print_runs(result: SearchResult) -> None:
    """One row for each seed, the best sequence below."""
    rows = []
    for each in result.runs:
        loss = "" if each.evaluation is None else f"{each.loss:.6f}"
        what = each.reason if each.sequence is None else str(each.sequence)
        rows.append([str(each.seed), each.status, loss, f"{each.seconds:.1f}", what or ""])
    _print_table(["seed", "status", "loss", "seconds", "sequence"], rows)
    best = min(result.runs, key=lambda each: each.loss)
    if best.evaluation is not None:
        signals = ", ".join(f"{tissue} {value:.3f}" for tissue, value in best.evaluation.signal.items())
        typer.echo(f"best: seed {best.seed}, loss {best.loss:.6f} over 1,024 voxels per tissue")
        typer.echo(f"|Mxy| of the nominal voxel: {signals}")


def _print_json(content: object) -> None:
    typer.echo(json.dumps(_json_ready(content), indent=2, ensure_ascii=False, allow_nan=False))


def _json_ready(content: object) -> object:
    """Infinite numbers, which a T2' may be, as text: JSON has none."""
    if isinstance(content, dict):
        return {key: _json_ready(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_json_ready(value) for value in content]
    return str(content) if isinstance(content, float) and math.isinf(content) else content


def _print_table(columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column, cell in zip(table.columns, rows[0] if rows else [], strict=False):
        column.justify = "right" if _is_number(cell) else "left"
    for row in rows:
        table.add_row(*row)
    # Without a terminal a table is as wide as it needs to be: a log or a pipe has no width.
    console = Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=240)
    console.print(table)
