"""The command line's entry point."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sequence_search.cli.printing import is_number

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
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
