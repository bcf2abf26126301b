"""Words that depend on a number, or on how many there are."""

from __future__ import annotations

import math
from collections.abc import Iterable


def enumerated(words: Iterable[str]) -> str:
    """As "a", "a and b", "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """As "1 seed", "2 seeds", "9,662,301 points": for nouns whose plural ends in "s"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def decimals_of(value: float, digits: int, least: int, most: int = 12) -> int:
    """Decimals of a number: those that so many significant digits take, within `least` and `most`."""
    if not value or not math.isfinite(value):
        return least
    return min(max(least, digits - 1 - math.floor(math.log10(abs(value)))), most)


def bounds_text(low: float | None, high: float | None) -> str:
    """As "at most 40", "at least 2", "exactly 3", "20 to 40"; None is no bound, of which one at most is."""
    if low is None or high is None:
        return f"at most {high:.6g}" if low is None else f"at least {low:.6g}"
    return f"exactly {low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def time_text(seconds: float) -> str:
    """As "2:05:09", or "5:09"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
