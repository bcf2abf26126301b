"""Errors of problem files: where the fault is, what was given, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sequence_search.checks import Fault

Tables = Mapping[str, type[BaseModel]]


class ProblemError(ValueError):
    """A problem that cannot be read or is none, with every fault on a line of its own."""


def nearest(word: str, known: list[str]) -> str:
    """Return ", did you mean 'x'?" for the nearest known word, else the list of what is known."""
    close = _closest(word, known)
    return f", did you mean '{close}'?" if close else f"; known are {', '.join(known)}"


def keys_of(table: type[BaseModel]) -> dict[str, str]:
    """Keys of a table of a file by field."""
    return {name: field.alias or name for name, field in table.model_fields.items()}


def explained(error: ValidationError, tables: Tables) -> list[str]:
    """One line for each fault; a key that is missing because it was misspelt is told once.

    Parameters
    ----------
    error : ValidationError
    tables : mapping of str to type of BaseModel
        By the key at the top of the file; "" is the file itself.
    """
    faults = error.errors()
    meant = set()
    for fault in faults:
        if fault["type"] == "extra_forbidden":
            closest = _closest(str(fault["loc"][-1]), _keys_beside(fault["loc"], tables))
            meant.add((*fault["loc"][:-1], closest))
    return [
        _explain(fault, tables) for fault in faults if fault["type"] != "missing" or fault["loc"] not in meant
    ]


def _closest(word: str, known: list[str]) -> str | None:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return close[0] if close else None


def _keys_beside(keys: tuple[int | str, ...], tables: Tables) -> list[str]:
    return list(keys_of(tables[str(keys[0]) if len(keys) > 1 else ""]).values())


def _explain(fault: ErrorDetails, tables: Tables) -> str:
    """One fault as "key: what was wrong, given, right"."""
    keys = fault["loc"]
    where = ".".join(f"[{key + 1}]" if isinstance(key, int) else key for key in keys).replace(".[", "[")
    kind, given = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(keys[-1]), _keys_beside(keys, tables))}"
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "value_error":
        message = _told(fault["ctx"]["error"], tables[str(keys[0]) if keys and keys[0] in tables else ""])
        return f"{where}: {message}" if where else message
    if kind in ("tuple_type", "dict_type", "model_type"):
        return f"{where}: must be {_shape(where, kind, given)}, got {given!r}"
    return f"{where}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {given!r}"


def _told(error: Any, table: type[BaseModel]) -> str:
    return error.told(keys_of(table)) if isinstance(error, Fault) else str(error)


def _shape(where: str, kind: str, given: Any) -> str:
    if where in ("objective", "category"):
        return f"a list of tables, each [[{where}]]"
    return f"a list of values in brackets, as [{given!r}]" if kind == "tuple_type" else f"a table, [{where}]"
