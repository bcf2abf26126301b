"""What is wrong with a value, told to Python in SI units, to the user of a file in its keys and units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real

# Of an SI unit, the one that files state instead, and how many of it make one.
FILE_UNITS = {"s": ("ms", 1e3), "rad": ("deg", 180 / math.pi)}
_PLACE = re.compile(r"\{(\w+)(?::(\w*))?\}")


class Fault(ValueError):
    """A value that a type refuses.

    Parameters
    ----------
    message : str
        In it `{t1}` is a field of the type, or the text of that name in `values`; `{given:s}` is the number
        `given` of `values`, which is in seconds.
    **values : number or str
    """

    def __init__(self, message: str, **values: object) -> None:
        self.message, self.values = message, values
        super().__init__(self.told())

    def __reduce__(self) -> tuple[partial[Fault], tuple[()]]:
        """As it was made: it may come from another process."""
        return partial(Fault, self.message, **self.values), ()

    def told(self, keys: Mapping[str, str] | None = None) -> str:
        """In SI units; with `keys`, of a file by field, in theirs."""

        def word(place: re.Match[str]) -> str:
            name, unit = place.groups()
            if unit is None:
                return str(self.values[name]) if name in self.values else (keys or {}).get(name, name)
            value = self.values[name]
            if not isinstance(value, int | float):
                return repr(value)
            shown, factor = (unit, 1.0) if keys is None else FILE_UNITS.get(unit, (unit, 1.0))
            return f"{value * factor:.6g} {shown}".rstrip()

        return _PLACE.sub(word, self.message)


def number(name: str, value: object) -> float:
    """A number other than nan, as float; an empty name is that of a key that is told beside the message.

    Raises
    ------
    Fault
        If it is none.
    """
    what = f"{{{name}}} must be" if name else "must be"
    try:
        if isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
            return float(value)
    except OverflowError:
        raise Fault(f"{what} a number below 1e308, got a larger one") from None
    raise Fault(f"{what} a number, got {{given}}", given=repr(value))


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """A whole number from low to high, as int.

    Raises
    ------
    Fault
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise Fault(
            f"{{{name}}} must be a whole number from {low} to {high}, got {{given}}", given=repr(value)
        )
    return int(value)
