"""What is wrong with a value, told to Python in SI units, to the user of a file in its keys and units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any

# Of an SI unit, the one that files state instead, and how many of it make one.
FILE_UNITS = {"s": ("ms", 1e3), "rad": ("deg", 180 / math.pi), "m": ("mm", 1e3)}
_PLACE = re.compile(r"\{(\w+)(?::(\w*))?\}")


class Fault(ValueError):
    """A value that a type refuses.

    In the message `{t1}` is a field of the type, `{0}` the first of the values as text, and `{0:s}` the first
    as a number of seconds.
    """

    def __init__(self, message: str, *values: object) -> None:
        self.message, self.values = message, values
        super().__init__(self.told())

    def __reduce__(self) -> tuple[partial[Fault], tuple[()]]:
        """As it was made: it may come from another process."""
        return partial(Fault, self.message, *self.values), ()

    def told(self, keys: Mapping[str, str] | None = None) -> str:
        """In SI units; with `keys`, of a file by field, in theirs."""

        def word(place: re.Match[str]) -> str:
            name, unit = place.groups()
            if not name.isdigit():
                return (keys or {}).get(name, name)
            value = self.values[int(name)]
            if unit is None or not isinstance(value, int | float):
                return str(value)
            shown, factor = (unit, 1.0) if keys is None else FILE_UNITS.get(unit, (unit, 1.0))
            return f"{value * factor:.6g} {shown}".rstrip()

        return _PLACE.sub(word, self.message)


def number(name: str, value: object) -> float:
    """A number other than nan, as float; else a Fault. An empty name is of a key told beside the message."""
    what = f"{{{name}}} must be" if name else "must be"
    try:
        if isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
            return float(value)
    except OverflowError:
        raise Fault(f"{what} a number below 1e308, got a larger one") from None
    raise Fault(f"{what} a number, got {{0}}", repr(value))


def check_type(value: object, kind: type) -> None:
    """Refuse what is of another type, such as one of two arguments that were swapped.

    Raises
    ------
    TypeError
    """
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")


def tuple_of(kind: type, values: object) -> tuple[Any, ...]:
    """Values of one type as a tuple.

    Raises
    ------
    TypeError
        If one is of another type, or there is one that stands alone.
    """
    if not isinstance(values, list | tuple):
        raise TypeError(f"expected a tuple of {kind.__name__}, got {type(values).__name__}")
    for value in values:
        check_type(value, kind)
    return tuple(values)


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """A whole number from low to high, as int; else a Fault."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise Fault(f"{{{name}}} must be a whole number from {low} to {high}, got {{0}}", repr(value))
    return int(value)
