"""Two sentences of plain words on a design, from what was measured."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

from sequence_search.explanation.blocks import KEEPING, Block
from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.crossings import Crossing
from sequence_search.explanation.readout import COMPOSITE, Readout
from sequence_search.sequence import Sequence
from sequence_search.words import enumerated

SAME = 1e-3  # difference of losses, relative
NEAR_NULL = 0.2  # of M0 at the excitation, below which it is told when Mz crosses zero
SELECTED = 0.8  # of the part of Mz that is read of the tissue that gives most, below which it is told of each
RECOVERED = 0.1  # of M0, in the tissue that recovers most
MOST_TOLD = 4  # like pulses in a row that are told one by one
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven")


def two_sentences(
    sequence: Sequence,
    blocks: tuple[Block, ...],
    crossings: tuple[Crossing, ...],
    readout: Readout,
    compared: tuple[Compared, ...],
) -> tuple[str, str]:
    """What prepares and excites the magnetisation; what is read, beside the conventional sequence."""
    signals = _signals(compared)
    if readout.excitation is None:
        return "No pulse leaves signal at the readout.", f"{signals}."
    reading, acting = _reading(sequence, readout), without_idle(blocks)
    idle = tuple(i for block in blocks if block.kind == KEEPING for i in block.pulses)
    keeps = f"{flips_text(sequence, idle)} hardly change{'s' if len(idle) == 1 else ''} Mz" if idle else ""
    if not acting:
        aside = f" ({keeps})" if idle else ""
        return f"No pulse prepares the magnetisation{aside}: {reading}.", f"{signals}."
    aside = f"; {keeps}" if idle else ""
    return f"{_preparing(sequence, acting, crossings, readout)}{aside}.", f"Then {reading}; {signals}."


def structures(blocks: tuple[Block, ...], readout: Readout) -> tuple[str, ...]:
    """Names of the structures that a design holds, in the order of time."""
    names = ["double inversion"] if is_double_inversion(blocks) else []
    names += [block.kind for block in blocks if block.kind != KEEPING]
    return (*names, *([train_text(readout)] if readout.train else []), readout.kind)


def is_double_inversion(blocks: tuple[Block, ...]) -> bool:
    """Whether two blocks that invert are all that prepares, with some tissue that recovers between them."""
    acting = without_idle(blocks)
    if len(acting) != 2 or any(block.kind not in ("inversion", "composite inversion") for block in acting):
        return False
    first = acting[0]
    return max(first.mz_next[name] - first.mz_after[name] for name in first.mz_after) >= RECOVERED


def without_idle(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Blocks that change Mz, each waiting through those after it that do not."""
    acting: list[Block] = []
    for block in blocks:
        if block.kind != KEEPING:
            acting.append(block)
        elif acting:
            wait = acting[-1].wait + block.duration + block.wait
            acting[-1] = replace(acting[-1], wait=wait, mz_next=block.mz_next)
    return tuple(acting)


def train_text(readout: Readout) -> str:
    """As "CPMG train of three pulses"."""
    count = len(readout.refocusing)
    return f"{readout.train} train of {COUNTS[count] if count < len(COUNTS) else count} pulses"


def with_article(words: str) -> str:
    """As "an inversion", "a saturation"."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def flips_text(sequence: Sequence, pulses: tuple[int, ...]) -> str:
    """As "87°-177°-87°", of many alike as "8 × 130°"."""
    flips = [f"{math.degrees(abs(float(sequence.flip_angle[i]))):.0f}°" for i in pulses]
    runs = [(flip, len(list(alike))) for flip, alike in itertools.groupby(flips)]
    return "-".join(
        f"{count} × {flip}" if count > MOST_TOLD else "-".join([flip] * count) for flip, count in runs
    )


def time_text(seconds: float) -> str:
    """As "6.2 ms", "444 ms" or "2.605 s"."""
    milliseconds = abs(seconds) * 1e3
    return f"{milliseconds:.3g} ms" if milliseconds < 999.5 else f"{milliseconds / 1e3:.4g} s"


def signed(value: float, decimals: int = 2, plus: str = "") -> str:
    """A number with a true minus, and zero without any sign."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−") if value < 0 else plus + text


def by_name(values: Mapping[str, float]) -> str:
    """As "GM 0.84, WM 0.95 and CSF −0.02"."""
    return enumerated(f"{name} {signed(value)}" for name, value in values.items())


def _preparing(
    sequence: Sequence, blocks: tuple[Block, ...], crossings: tuple[Crossing, ...], readout: Readout
) -> str:
    text = block_text(sequence, blocks[0])
    for before, block in itertools.pairwise(blocks):
        text += f" and {time_text(before.wait)} later {block_text(sequence, block)}"
    verb, last = "leaves" if len(blocks) == 1 else "leave", blocks[-1]
    null = _null_text(crossings, last)
    is_excitation = readout.kind == COMPOSITE or readout.excitation == readout.pulses[0]
    pulse = "excitation" if is_excitation else "next pulse"
    if is_double_inversion(blocks):
        first_ti = blocks[0].wait + last.duration + last.wait
        text = f"a double inversion of TI {time_text(first_ti)} and {time_text(last.wait)}, {text},"
        verb = "leaves"
    return (
        f"{text[0].upper()}{text[1:]} {verb} Mz at {by_name(last.mz_after)} M0, which is"
        f" {by_name(last.mz_next)} at the {pulse} {time_text(last.wait)} later{null}"
    )


def block_text(sequence: Sequence, block: Block) -> str:
    """As "a T2-prepared inversion (87°-177°-87° over 258 ms)"."""
    text = f"{with_article(block.kind)} ({flips_text(sequence, block.pulses)}"
    if len(block.pulses) > 1:
        text += f" over {time_text(block.duration)}"
    if block.kind == "composite inversion":
        turn, single = signed(block.turn, 3), signed(block.turn_of_180, 3)
        text += f": Mz to {turn} on average over b0 and b1, one 180° pulse to {single}"
    elif "opposed" in block.kind or "partly" in block.kind:
        along, across = signed(block.along, plus="+"), signed(block.across, plus="+")
        text += f": {along} of Mz by way of z, {across} by way of the transverse plane before T2 decay"
    elif "composite" in block.kind:
        text += f": {signed(block.turn, plus='+')} ± {signed(block.turn_sd)} of Mz over b0 and b1,"
        text += f" one pulse of the same mean ± {signed(block.turn_sd_of_one)}"
    elif "partial" in block.kind:
        text += f": {signed(block.turn, plus='+')} of Mz"
    elif "selective" in block.kind:
        text += f": of Mz it leaves {by_name(block.mz_factor)}"
    return f"{text})"


def _null_text(crossings: tuple[Crossing, ...], last: Block) -> str:
    """When tissues that are near zero at the excitation cross it, by the mean over their voxels."""
    told = []
    for each in crossings:
        time = each.nominal if each.mean is None else each.mean
        if each.pulse >= last.pulses[-1] and abs(last.mz_next[each.tissue]) <= NEAR_NULL and time is not None:
            ms = round(1e3 * time)
            what, when = ("crossed", "before") if ms > 0 else ("would cross", "after")
            told.append(
                f"{each.tissue} {what} zero {abs(ms)} ms {when} it" if ms else f"{each.tissue} is at its zero"
            )
    return f" ({enumerated(told)})" if told else ""


def _reading(sequence: Sequence, readout: Readout) -> str:
    te, excitation = time_text(readout.te or 0.0), readout.excitation or 0
    if readout.kind == COMPOSITE:
        read = time_text(float(sequence.delay[-1]))
        text = f"{flips_text(sequence, readout.pulses)} excite together, with no pathway that carries half of"
        text += f" the signal and {te} in the transverse plane on average"
        return f"{text}, and the readout is {read} after the last{_selected(readout)}"
    early = tuple(i for i in readout.pulses if i < excitation)
    text = f"{flips_text(sequence, early)} with " if early else ""
    text += flips_text(sequence, (excitation,))
    refocusing = flips_text(sequence, readout.refocusing)
    if readout.train:
        kept, by_one = sum(readout.kept.values()) / len(readout.kept), readout.kept_by_one or 0.0
        text += (
            f" and {with_article(train_text(readout))} ({refocusing}) bring {100 * kept:.1f} % of Mz to the"
        )
        text += f" readout, relaxation aside, on average over b0 and b1 (90°-180°: {100 * by_one:.1f} %)"
    else:
        text += " excites"
        text += f" with {flips_text(sequence, readout.idle)} after it" if readout.idle else ""
        text += f", {refocusing} refocuses" if refocusing else ""
    if readout.storing:
        text += f", {flips_text(sequence, readout.storing)} stores for {time_text(readout.tm or 0.0)}"
    if readout.kind == "gradient echo":
        return f"{text}, and the free decay is read {te} later{_selected(readout)}"
    side = "after" if readout.off_echo > 0 else "before"
    at = f"{time_text(readout.off_echo)} {side}" if readout.off_echo else "at"
    return f"{text}, and the readout is {at} the {readout.kind} of TE {te}{_selected(readout)}"


def _selected(readout: Readout) -> str:
    """What the pulses that read bring of each tissue's Mz, where that is much less of one than of another."""
    if min(readout.kept.values()) >= SELECTED * max(readout.kept.values()):
        return ""
    return f", with {by_name(readout.kept)} of their Mz there, relaxation aside"


def _signals(compared: tuple[Compared, ...]) -> str:
    design, *others = compared
    text = f"|Mxy| is {by_name(design.mean)} on average"
    if not others:
        return text
    before, *after = (
        f"{flips_text(each.sequence, tuple(range(len(each.sequence.flip_angle))))},"
        f" {time_text(each.time_to_readout)}"
        for each in others
    )
    known, other = others[0].name, others[-1]
    # Within the brackets of a name, as "conventional sequence (FLAIR, TI 2.4 s)".
    name = f"the {known[:-1]}; {before})" if known.endswith(")") else f"the {known} ({before})"
    if after:
        name += f", polished for the same objective to {after[0]},"
    elif not other.as_given:
        name += ", of which a polish leaves no excitation,"
    theirs, ours = (signed(each.loss, 4) for each in (other, design))
    if theirs == ours or abs(design.loss - other.loss) <= SAME * abs(other.loss):
        return f"{text}, and {name} does the same"
    text += f"; {name} gives {by_name(other.mean)}"
    for pair, contrast in design.contrast.items():
        text += f", {pair} {signed(other.contrast[pair], 3)} in place of {signed(contrast, 3)}"
    loss = "a lower loss," if other.loss < design.loss else "a loss of"
    return f"{text}, and {loss} {theirs} in place of {ours}"
