"""Words that depend on a number."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """As "1 seed", "2 seeds", "9,662,301 points": for nouns whose plural ends in "s"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
