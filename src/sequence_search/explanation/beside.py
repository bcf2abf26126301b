"""A design beside the conventional sequence, in words."""

from __future__ import annotations

import math

from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.wording import by_name, flips_text, signed, time_text
from sequence_search.structure import same_structure

SAME = 1e-3  # difference of losses, relative
SMALL_SIGNAL = 0.15  # of all tissues, below which it is told to a thousandth
OTHER_ENERGY = math.log(1.2)  # of RF, from which it is told


def signals_text(compared: tuple[Compared, ...]) -> str:
    """What a design gives, beside the conventional sequence as it is given and polished."""
    design, *others = compared
    decimals = 3 if max(design.mean.values()) < SMALL_SIGNAL else 2
    text = f"|Mxy| is {by_name(design.mean, decimals)} on average"
    text += " over the echoes" if design.sequence.n_readouts > 1 else ""
    if not others:
        return text
    known, *polished = others
    # Within the brackets of a name, as "conventional sequence (FLAIR, TI 2.4 s)".
    name = f"{known.name[:-1]}; " if known.name.endswith(")") else f"{known.name} ("
    name = f"the {name}{_short(known)})"
    if _as_good(known, design):
        return f"{text}, as with {name}"
    text += f"; {name} gives {by_name(known.mean, decimals)}"
    for pair, mine in design.contrast.items():
        text += f", {pair} {signed(known.contrast[pair], 3)} in place of {signed(mine, 3)}"
    text += f", and a loss of {signed(known.loss, 4)} in place of {signed(design.loss, 4)}"
    ratio = known.relative_rf_energy / (design.relative_rf_energy or math.inf)
    text += f", with {ratio:.2g} times the RF energy" if abs(math.log(ratio or 1.0)) > OTHER_ENERGY else ""
    if not polished:
        return f"{text}, {known.unpolished}" if known.unpolished else text
    (tuned,) = polished
    by = f"polished for the same objective to {_short(tuned)}"
    if _as_good(tuned, design):
        same = same_structure(tuned.sequence, design.sequence)
        return f"{text}; {by}, it {'becomes this design' if same else 'is as good'}"
    better = "a lower one" if tuned.loss < design.loss else "one"
    return f"{text}; {by}, it has {better} of {signed(tuned.loss, 4)}"


def _as_good(one: Compared, other: Compared) -> bool:
    return abs(one.loss - other.loss) <= SAME * abs(other.loss)


def _short(each: Compared) -> str:
    """As "90°-180°, 12.4 ms"."""
    flips = flips_text(each.sequence, tuple(range(len(each.sequence.flip_angle))))
    return f"{flips}, {time_text(each.time_to_readout)}"
