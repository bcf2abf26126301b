"""Errors of problem files: where the fault is, what was given, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sequence_search.checks import Fault

Tables = Mapping[str, type[BaseModel]]


class ProblemError(ValueError):
    """A problem that cannot be read or is none, with every fault on a line of its own."""


def nearest(word: str, known: list[str]) -> str:
    """Return ", did you mean 'x'?" for the nearest known word, else the list of what is known."""
    close = closest(word, known)
    return f", did you mean '{close}'?" if close else f"; known are {', '.join(known)}"


def closest(word: str, known: list[str]) -> str | None:
    """The nearest known word, or None if none is near."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return close[0] if close else None


def keys_of(table: type[BaseModel]) -> dict[str, str]:
    """Keys of a table of a file by field."""
    return {name: field.alias or name for name, field in table.model_fields.items()}


def explained(error: ValidationError, tables: Tables) -> list[str]:
    """One line for each fault; a key that is missing because it was misspelt is told once.

    `tables` are by the key at the top of the file; "" is the file itself.
    """
    faults = error.errors()
    unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
    meant = {(*beside, closest(str(key), _keys(beside, tables))) for *beside, key in unknown}
    return [
        _explain(fault, tables) for fault in faults if fault["type"] != "missing" or fault["loc"] not in meant
    ]


def _table(place: Sequence[int | str], tables: Tables) -> type[BaseModel]:
    names = (".".join(map(str, place[:depth])) for depth in (2, 1))
    return tables[next((name for name in names if name and name in tables), "")]


def _keys(place: Sequence[int | str], tables: Tables) -> list[str]:
    return list(keys_of(_table(place, tables)).values())


def _explain(fault: ErrorDetails, tables: Tables) -> str:
    """One fault as "key: what was wrong, given, right"."""
    keys = fault["loc"]
    where = ".".join(f"[{key + 1}]" if isinstance(key, int) else key for key in keys).replace(".[", "[")
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(keys[-1]), _keys(keys[:-1], tables))}"
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "value_error":
        error = fault["ctx"]["error"]
        message = error.told(keys_of(_table(keys, tables))) if isinstance(error, Fault) else str(error)
        return f"{where}: {message}" if where else message
    message = fault["msg"][0].lower() + fault["msg"][1:]
    if kind in ("tuple_type", "dict_type", "model_type"):
        message = f"must be a table, [{where}]"
        if where in ("objective", "category"):
            message = f"must be a list of tables, each [[{where}]]"
        elif kind == "tuple_type":
            message = f"must be a list of values in brackets, as [{given!r}]"
    return f"{where}: {message}, got {given!r}"
