"""Numbers of an explanation in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from sequence_search.sequence import Sequence
from sequence_search.words import decimals_of, enumerated

MOST_DECIMALS = 7  # of a signal or of Mz, in M0
MOST_TOLD = 4  # like pulses in a row that are told one by one
SMALL_FLIP = 29.95  # degrees, below which a flip angle is told to a tenth
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven")


def count_text(count: int) -> str:
    """As "two" or "16"."""
    return COUNTS[count] if count < len(COUNTS) else str(count)


def with_article(words: str) -> str:
    """As "an inversion", "a saturation"."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def plural(kind: str) -> str:
    """As "inversions", "inversions opposed by a T2 preparation"."""
    noun, opposed, other = kind.partition(" opposed ")
    return f"{noun}s{opposed}{other}"


def flips_text(sequence: Sequence, pulses: tuple[int, ...]) -> str:
    """As "87°-177°-87°", "10.5°", of many alike as "8 × 130°"."""
    degrees = [math.degrees(abs(float(sequence.flip_angle[i]))) for i in pulses]
    flips = [f"{each:.{int(each < SMALL_FLIP)}f}".removesuffix(".0") + "°" for each in degrees]
    runs = [(flip, len(list(alike))) for flip, alike in itertools.groupby(flips)]
    return "-".join(
        f"{count} × {flip}" if count > MOST_TOLD else "-".join([flip] * count) for flip, count in runs
    )


def train_flips_text(sequence: Sequence, pulses: tuple[int, ...]) -> str:
    """As "138°-101°, then 6 × 96°" of a train whose first pulses differ from the others."""
    flips = [flips_text(sequence, (pulse,)) for pulse in pulses]
    count = sum(1 for _ in itertools.takewhile(lambda flip: flip == flips[-1], reversed(flips)))
    if count in {1, len(flips)}:
        return flips_text(sequence, pulses)
    return f"{flips_text(sequence, pulses[:-count])}, then {flips_text(sequence, pulses[-count:])}"


def time_text(seconds: float) -> str:
    """As "6.2 ms", "444 ms" or "2.605 s"."""
    milliseconds = abs(seconds) * 1e3
    return f"{milliseconds:.3g} ms" if milliseconds < 999.5 else f"{milliseconds / 1e3:.4g} s"


def signed(value: float, decimals: int = 2, plus: str = "") -> str:
    """A number with a true minus, and zero without any sign."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−") if value < 0 else plus + text


def by_name(values: Mapping[str, float], decimals: int = 2) -> str:
    """As "GM 0.84, WM 0.95 and CSF −0.02"."""
    return enumerated(f"{name} {signed(value, decimals)}" for name, value in values.items())


def small_by_name(values: Mapping[str, float], decimals: int = 2) -> str:
    """As "GM 0.42 and CSF 0.0043": of what is small two digits, which tell it from nothing."""
    decimals_each = {name: decimals_of(each, 2, decimals, MOST_DECIMALS) for name, each in values.items()}
    return enumerated(f"{name} {signed(each, decimals_each[name])}" for name, each in values.items())
