"""Commands on problems: list, show, init, validate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import Format, FormatOption, ProblemArgument
from sequence_search.cli.checks import bad_input, load, refuse
from sequence_search.cli.printing import print_as_is, print_json, print_table, say


@app.command("list")
def list_problems(format: FormatOption = Format.TABLE) -> None:
    """List the built-in problems."""
    from sequence_search.problem.library import builtin_problems
    from sequence_search.problem.problem import Problem

    problems = [Problem.load(name) for name in builtin_problems()]
    if format is Format.JSON:
        return print_json([{"name": problem.name, "title": problem.title} for problem in problems])
    print_table(["problem", "title"], [[problem.name, problem.title] for problem in problems])


@app.command()
def show(problem: ProblemArgument, format: FormatOption = Format.TABLE) -> None:
    """Show tissues, imaging conditions, objective and search space of a problem."""
    loaded = load(problem)
    if format is Format.JSON:
        return print_json(loaded.to_dict())
    print_as_is(loaded.to_toml())


@app.command()
def init(problem: ProblemArgument, file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Copy a problem to a file, to edit it."""
    from sequence_search.problem.library import problem_text

    with bad_input():
        text = problem_text(problem)
        try:
            with file.open("x", encoding="utf-8") as handle:
                handle.write(text)
        except FileExistsError:
            raise ValueError(f"{file} exists already, and is left as it is") from None
        except OSError as error:
            raise ValueError(f"{file} cannot be written: {error.strerror}") from None
    say(f"wrote {file}; try: sequence-search validate {file}")


@app.command()
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Problem file or built-in name.")],
    format: FormatOption = Format.TABLE,
) -> None:
    """Check a problem file."""
    from sequence_search.problem.errors import ProblemError
    from sequence_search.problem.problem import Problem

    try:
        problem = Problem.load(file)
    except ProblemError as error:
        if format is Format.JSON:
            print_json({"valid": False, "errors": str(error).splitlines()})
            raise typer.Exit(2) from None
        refuse(str(error))
    if format is Format.JSON:
        return print_json({"valid": True, "name": problem.name, "notes": problem.notes()})
    say(f"{file}: valid, problem '{problem.name}': {problem.title}")
    for note in problem.notes():
        say(f"note: {note}")
