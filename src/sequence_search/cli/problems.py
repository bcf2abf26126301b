"""Commands on problems: list, show, init, validate."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import Format, FormatOption, ProblemArgument
from sequence_search.cli.checks import bad_input, load, refuse
from sequence_search.cli.printing import print_json, print_table, say


@app.command("list")
def list_problems(format: FormatOption = Format.TABLE) -> None:
    """List the built-in problems, those of the paper and of the clinic, and templates for one's own."""
    from sequence_search.problem.library import builtin_problems, clinic_problems, templates, title

    groups = {"paper": builtin_problems(), "clinic": clinic_problems()}
    rows = [(group, name, title(name)) for group, names in groups.items() for name in names]
    if format is Format.JSON:
        return print_json([dict(zip(("group", "name", "title"), row, strict=True)) for row in rows])
    for group in groups:
        print_table([group, "title"], [[name, text] for of, name, text in rows if of == group])
        say()
    say(f"templates, for sequence-search init: {', '.join(templates())}")


@app.command()
def show(problem: ProblemArgument, format: FormatOption = Format.TABLE) -> None:
    """Show tissues, imaging conditions, objective and search space of a problem."""
    loaded = load(problem)
    if format is Format.JSON:
        return print_json(loaded.to_dict())
    print(loaded.to_toml())


@app.command()
def init(
    names: Annotated[
        list[str], typer.Argument(metavar="[PROBLEM] FILE", help="What to begin with, and the file to write.")
    ],
    origin: Annotated[
        str | None,
        typer.Option("--from", "--like", metavar="PROBLEM", help="A template, a built-in name or a file."),
    ] = None,
) -> None:
    """Write a problem file to edit, with a comment at each key."""
    from sequence_search.problem.library import is_shipped, templates
    from sequence_search.problem.template import template

    *stated, name = names
    begin_with = [*stated, *([] if origin is None else [origin])] or [*templates(), "max-signal"][:1]
    file = Path(name)
    with bad_input():
        if len(begin_with) > 1:
            raise ValueError(f"init takes one problem to begin with, got {', '.join(begin_with)}")
        if is_shipped(name):
            raise ValueError(f"{name} is what a file can begin with: name the file, as {name}.toml, after it")
        text = template(begin_with[0])
        try:
            with file.open("x", encoding="utf-8") as handle:
                handle.write(text)
        except FileExistsError:
            raise ValueError(f"{file} exists already, and is left as it is") from None
        except OSError as error:
            raise ValueError(f"{file} cannot be written: {error.strerror}") from None
    then = f"sequence-search validate {quote(str(file))}"
    say(f"wrote {file}, which begins with {begin_with[0]}; edit it, then: {then}")


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
    title = "" if problem.title == problem.name else f": {problem.title}"
    say(f"{file}: valid, problem '{problem.name}'{title}")
    for note in problem.notes():
        say(f"note: {note}")
