"""A design beside the conventional sequence, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.wording import (
    MOST_DECIMALS,
    count_text,
    flips_text,
    signed,
    small_by_name,
    time_text,
)
from sequence_search.structure import same_structure
from sequence_search.words import decimals_of

SAME = 1e-3  # difference of losses, relative
DARK = 0.01  # mean |Mxy| of a tissue, below which it is told to three digits
SMALL_SIGNAL = 0.15  # of all tissues, below which it is told to a thousandth
OTHER_ENERGY = math.log(1.2)  # of RF, from which it is told
EXPONENTS = 10  # from which two digits could be written with an exponent
MOST_FLIPS = 5  # of one sequence beside another, above which their number is told


def signals_text(compared: tuple[Compared, ...]) -> str:
    """What a design gives, beside the conventional sequence as it is given and polished."""
    design, *others = compared
    decimals = 3 if max(design.mean.values()) < SMALL_SIGNAL else 2
    text = f"|Mxy| is {small_by_name(design.mean, decimals)} on average"
    text += " over the echoes" if design.sequence.n_readouts > 1 else ""
    if not others:
        return text
    known, *polished = others
    # Within the brackets of a name, as "conventional sequence (FLAIR, TI 2.4 s)".
    name = f"{known.name[:-1]}; " if known.name.endswith(")") else f"{known.name} ("
    name = f"the {name}{_short(known)})"
    if _as_good(known, design):
        return f"{text}, as with {name}"
    text += f"; {name} gives {small_by_name(known.mean, decimals)}"
    for pair, mine in design.contrast.items():
        text += f", {pair} {signed(known.contrast[pair], 3)} in place of {signed(mine, 3)}"
    text += f", and a loss of {_loss(known)} in place of {_loss(design)}"
    ratio = known.relative_rf_energy / (design.relative_rf_energy or math.inf)
    times = f"{ratio:.0f}" if ratio >= EXPONENTS else f"{ratio:.2g}"
    text += f", with {times} times the RF energy" if abs(math.log(ratio or 1.0)) > OTHER_ENERGY else ""
    if not polished:
        return f"{text}; not polished, since {known.unpolished}" if known.unpolished else text
    (tuned,) = polished
    by = f"polished for the same objective to {_short(tuned)}"
    if _as_good(tuned, design):
        same = same_structure(tuned.sequence, design.sequence)
        return f"{text}; {by}, it {'becomes this design' if same else 'is as good'}"
    better = "a lower one" if tuned.loss < design.loss else "one"
    return f"{text}; {by}, it has {better} of {_loss(tuned)}"


def signal_texts(tissue: str, compared: Iterable[Compared]) -> list[str]:
    """Of each as "0.412 ± 0.020", of three digits where a mean is small, all of the same decimals."""
    pairs = [(each.mean[tissue], each.sd[tissue]) for each in compared]
    decimals = max(decimals_of(mean, 3, 3, MOST_DECIMALS) if mean < DARK else 3 for mean, _ in pairs)
    return [f"{mean:.{decimals}f} ± {sd:.{decimals}f}" for mean, sd in pairs]


def _as_good(one: Compared, other: Compared) -> bool:
    return abs(one.loss - other.loss) <= SAME * abs(other.loss)


def _loss(each: Compared) -> str:
    """Of four decimals, more where it is small."""
    return signed(each.loss, decimals_of(each.loss, 2, 4))


def _short(each: Compared) -> str:
    """As "90°-180°, 12.4 ms"; of many flip angles "8 pulses, 631 ms"."""
    count = len(each.sequence.flip_angle)
    flips = flips_text(each.sequence, tuple(range(count)))
    flips = flips if len(flips.split("-")) <= MOST_FLIPS else f"{count_text(count)} pulses"
    return f"{flips}, {time_text(each.time_to_readout)}"
