"""A layout as plain data for JSON, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sequence_search.layout import SPOILER, Layout, Readout

KEYS = tuple(field.name for field in fields(Layout))
READOUT_KEYS = tuple(field.name for field in fields(Readout))


def write_layout(layout: Layout) -> dict[str, Any]:
    """Fields of a layout and of its readouts by name, tuples as lists; pulses are counted from 0."""
    return {
        "multiples": [list(row) for row in layout.multiples],
        "gradients": list(layout.gradients),
        "kinds": list(layout.kinds),
        "readouts": [asdict(one) | {"multiples": list(one.multiples)} for one in layout.readouts],
        "steady": layout.steady,
    }


def read_layout(data: object) -> Layout:
    """Layout of what `write_layout` wrote.

    Raises
    ------
    ValueError
        If a key or value is not that of a layout; the message names it.
    """
    given = _table("a layout", data, KEYS)
    if type(given["steady"]) is not bool:
        raise ValueError(f"steady of a layout must be true or false, got {given['steady']!r}")
    return Layout(
        multiples=tuple(_whole_numbers("multiples", row) for row in _list("multiples", given["multiples"])),
        gradients=tuple(_gradient(each) for each in _list("gradients", given["gradients"])),
        kinds=tuple(_kind(each) for each in _list("kinds", given["kinds"])),
        readouts=tuple(_readout(each) for each in _list("readouts", given["readouts"])),
        steady=given["steady"],
    )


def _readout(data: object) -> Readout:
    given = _table("a readout of a layout", data, READOUT_KEYS)
    pulse, gradient = (_whole_number(f"{key} of a readout", given[key]) for key in ("pulse", "gradient"))
    return Readout(pulse, _whole_numbers("multiples of a readout", given["multiples"]), gradient)


def _table(what: str, data: object, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(keys):
        got = sorted(data) if isinstance(data, dict) else repr(data)
        raise ValueError(f"{what} has the keys {list(keys)}, got {got}")
    return data


def _list(what: str, data: object) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise ValueError(f"{what} of a layout must be a list, got {data!r}")
    return list(data)


def _whole_numbers(what: str, data: object) -> tuple[int, ...]:
    return tuple(_whole_number(what, each) for each in _list(what, data))


def _whole_number(what: str, data: object) -> int:
    if type(data) is not int:
        raise ValueError(f"{what} of a layout must be whole numbers, got {data!r}")
    return data


def _gradient(data: object) -> Any:
    if data != SPOILER and type(data) is not int:
        raise ValueError(f'gradients of a layout must be whole numbers or "{SPOILER}", got {data!r}')
    return data


def _kind(data: object) -> str:
    if not isinstance(data, str) or not data.strip():
        raise ValueError(f"kinds of a layout must be names of kinds of pulse, got {data!r}")
    return data
