"""Words that depend on a number, or on how many there are."""

from __future__ import annotations

from collections.abc import Iterable


def enumerated(words: Iterable[str]) -> str:
    """As "a", "a and b", "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """As "1 seed", "2 seeds", "9,662,301 points": for nouns whose plural ends in "s"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def time_text(seconds: float) -> str:
    """As "2:05:09", or "5:09"."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
