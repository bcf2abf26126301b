"""The command line's entry point."""

from __future__ import annotations

import sys
from itertools import takewhile
from typing import Annotated

import typer

from sequence_search.cli.printing import is_number, print_in_any_encoding, say

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
# Options that take several numbers after one flag, which click knows only as a repeated flag.
NUMBER_LISTS = ("--flip-deg", "--phase-deg", "--delay-ms")
THREE = "--voxel-mm"  # option of three numbers with commas, or with spaces


def _print_version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        say(f"sequence-search {version('sequence-search')}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Design MR pulse sequences by search over structure and parameters."""


def arrange(groups: dict[str, tuple[str, ...]]) -> None:
    """Put the commands in this order and these groups of the help."""
    commands = {
        each.name or each.callback.__name__: each for each in app.registered_commands if each.callback
    }
    app.registered_commands.clear()
    for group, names in groups.items():
        for name in names:
            commands[name].rich_help_panel = group
            app.registered_commands.append(commands[name])


def main() -> None:
    """Entry point."""
    print_in_any_encoding()
    app(args=repeat_flags(sys.argv[1:]), prog_name="sequence-search")


def repeat_flags(arguments: list[str]) -> list[str]:
    """Write ``--flip-deg 88 177`` or ``--flip-deg 88,177`` as click reads it: a flag for each number.

    And ``--voxel-mm 1 1 5`` as ``--voxel-mm=1,1,5``.
    """
    repeated: list[str] = []
    flag = ""
    for argument in _joined(arguments):
        name, _, value = argument.partition("=")
        is_flag = name in NUMBER_LISTS
        flag, text = (name, value) if is_flag else (flag, argument)
        numbers = [part.strip() for part in text.split(",") if part.strip()]
        found = [is_number(number) for number in numbers]
        if flag and (any(found) or not found):  # what is no number among them click refuses by its flag
            repeated += [f"{flag}={number}" for number in numbers]
            continue
        flag = flag if is_flag else ""
        repeated.append(argument)
    return repeated


def _joined(arguments: list[str]) -> list[str]:
    """Up to three numbers after an option that has commas between them, as one."""
    joined: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        values = list(takewhile(is_number, rest[:3])) if argument == THREE else []
        joined.append(f"{argument}={','.join(values)}" if values else argument)
        del rest[: len(values)]
    return joined
