"""Two sentences of plain words on a design, from what was measured."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

from sequence_search.explanation.beside import signals_text
from sequence_search.explanation.blocks import KEEPING, Block
from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.crossings import Crossing
from sequence_search.explanation.readout import COMPOSITE, Readout
from sequence_search.explanation.wording import (
    by_name,
    count_text,
    flips_text,
    plural,
    signed,
    small_by_name,
    time_text,
    train_flips_text,
    with_article,
)
from sequence_search.sections import up_to_readout
from sequence_search.sequence import Sequence
from sequence_search.words import enumerated

AT_ZERO = "at zero there"
NEAR_NULL = 0.2  # of M0 at the excitation, below which it is told when Mz crosses zero
SELECTED = 0.8  # of the part of Mz that is read of the tissue that gives most, below which it is told of each
RECOVERED = 0.1  # of M0, in the tissue that recovers most
MOST_BLOCKS = 3  # before the readout that are told one by one
STIMULATES = math.radians(150)  # refocusing below it leaves a quarter of the amplitude to other pathways


def two_sentences(
    sequence: Sequence,
    blocks: tuple[Block, ...],
    crossings: tuple[Crossing, ...],
    readout: Readout,
    compared: tuple[Compared, ...],
    place: str = "",
) -> tuple[str, str]:
    """What prepares and excites the magnetisation; what is read, beside the conventional sequence.

    Parameters
    ----------
    place : where Mz is told, as "in the middle of the slice"
    """
    signals = signals_text(compared)
    if readout.excitation is None:
        return "No pulse leaves signal at the readout.", f"{signals[0].upper()}{signals[1:]}."
    reading, acting = _reading(up_to_readout(sequence), readout), without_idle(blocks)
    idle = tuple(i for block in blocks if block.kind == KEEPING for i in block.pulses)
    keeps = f"{flips_text(sequence, idle)} hardly change{'s' if len(idle) == 1 else ''} Mz" if idle else ""
    if not acting:
        first = "No pulse prepares the magnetisation"
        if sequence.is_steady:
            where = f" {place}" if place else ""
            first += f", which{where} is {by_name(readout.mz_before)} M0 in the steady state of TR"
            first += f" {time_text(float(sequence.tr))}"
        return f"{first}{f' ({keeps})' if idle else ''}: {reading}.", f"{signals}."
    first = _preparing(sequence, acting, crossings, readout)
    first = f"{place}, {first}" if place else first
    aside = f"; {keeps}" if idle else ""
    return f"{first[0].upper()}{first[1:]}{aside}.", f"Then {reading}; {signals}."


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
            acting[-1] = replace(acting[-1], wait=wait, mz_next=block.mz_next, mz_next_rms=block.mz_next_rms)
    return tuple(acting)


def train_text(readout: Readout) -> str:
    """As "CPMG train of three pulses"."""
    return f"{readout.train} train of {count_text(len(readout.refocusing))} pulses"


def _preparing(
    sequence: Sequence, blocks: tuple[Block, ...], crossings: tuple[Crossing, ...], readout: Readout
) -> str:
    verb, last = "leaves" if len(blocks) == 1 else "leave", blocks[-1]
    if len(blocks) > MOST_BLOCKS:
        verb = "together leave"
        text, null = _together(sequence, blocks), f" (rms over voxels {small_by_name(last.mz_next_rms)})"
    else:
        text, null = block_text(sequence, blocks[0]), _null_text(crossings, last)
        for before, block in itertools.pairwise(blocks):
            text += f" and {time_text(before.wait)} later {block_text(sequence, block)}"
    is_excitation = readout.kind == COMPOSITE or readout.excitation == readout.pulses[0]
    pulse = "excitation" if is_excitation else "next pulse"
    if is_double_inversion(blocks):
        first_ti = blocks[0].wait + last.duration + last.wait
        text = f"a double inversion of TI {time_text(first_ti)} and {time_text(last.wait)}, {text},"
        verb = "leaves"
    return (
        f"{text} {verb} Mz at {by_name(last.mz_after)} M0, which is"
        f" {by_name(last.mz_next)} at the {pulse} {time_text(last.wait)} later{null}"
    )


def _together(sequence: Sequence, blocks: tuple[Block, ...]) -> str:
    """As "four pulses (90°-60°-90°-170° over 230 ms), two saturations, ... and an inversion,"."""
    pulses = tuple(i for block in blocks for i in block.pulses)
    duration = sum(block.duration + block.wait for block in blocks) - blocks[-1].wait
    kinds = Counter(block.kind for block in blocks)
    parts = enumerated(
        with_article(kind) if count == 1 else f"{count_text(count)} {plural(kind)}"
        for kind, count in kinds.most_common()
    )
    number, flips = count_text(len(pulses)), flips_text(sequence, pulses)
    return f"{number} pulses ({flips} over {time_text(duration)}), {parts},"


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
    """When tissues that are near zero at the excitation cross it, each once, by the mean over its voxels."""
    crossed: dict[str, float] = {}
    for pick in ("nominal", "mean"):
        crossed |= {
            each.tissue: getattr(each, pick)
            for each in crossings
            if each.pulse >= last.pulses[-1] and getattr(each, pick) is not None
        }
    told: dict[str, list[tuple[str, str]]] = {}
    for tissue, time in crossed.items():
        if abs(last.mz_next[tissue]) <= NEAR_NULL:
            ms = round(1e3 * time)
            side = "crosses zero {} before it" if ms > 0 else "would cross zero {} after it"
            told.setdefault(side if ms else AT_ZERO, []).append((tissue, f"{abs(ms)} ms"))
    parts = []
    for side, found in told.items():
        (first, when), *others = found
        if side == AT_ZERO:
            parts.append(f"{enumerated(name for name, _ in found)} {'are' if others else 'is'} {side}")
        else:
            times = enumerated([when, *(f"{name} {time}" for name, time in others)])
            parts.append(f"{first} {side.format(times)}")
    return f" ({'; '.join(parts)})" if parts else ""


def _reading(sequence: Sequence, readout: Readout) -> str:
    te, excitation = time_text(readout.te or 0.0), readout.excitation or 0
    if readout.kind == COMPOSITE:
        read = time_text(float(sequence.delay[-1]))
        return f"{_composite(sequence, readout)}, and the readout is {read} after the last pulse"
    early = tuple(i for i in readout.pulses if i < excitation)
    text = f"{flips_text(sequence, early)} and " if early else ""
    text += flips_text(sequence, (excitation,))
    refocusing = flips_text(sequence, readout.refocusing)
    if readout.train:
        refocusing = train_flips_text(sequence, readout.refocusing)
        is_small = min(float(sequence.flip_angle[i].abs()) for i in readout.refocusing) < STIMULATES
        refocusing += ", with stimulated echoes" if readout.readouts > 1 and is_small else ""
        text += f" and {with_article(train_text(readout))} ({refocusing}) bring {_kept_text(readout)}"
    else:
        text += " together excite" if early else " excites"
        text += f" with {flips_text(sequence, readout.idle)} after it" if readout.idle else ""
        text += f", {refocusing} refocus{'es' if len(readout.refocusing) == 1 else ''}" if refocusing else ""
    if readout.storing:
        text += f", {flips_text(sequence, readout.storing)} stores for {time_text(readout.tm or 0.0)}"
    if readout.kind == "gradient echo":
        return f"{text}, and the free decay is read {te} later{_selected(readout)}"
    if readout.readouts > 1:
        return f"{text}, the last at {te}{_selected(readout)}"
    side = "after" if readout.off_echo > 0 else "before"
    at = f"{time_text(readout.off_echo)} {side}" if readout.off_echo else "at"
    return f"{text}, and the readout is {at} the {readout.kind} of TE {te}{_selected(readout)}"


def _kept_text(readout: Readout) -> str:
    """As "98.1 % of Mz to the readout, relaxation aside, on average over b0 and b1 (90°-180°: 95.2 %)"."""
    aside = "relaxation aside, on average over b0 and b1"
    if readout.readouts > 1:
        where = f"{count_text(readout.readouts)} echoes that are read"
        of_180 = readout.echo_signal_of_180
        beside = f" (of 90° and 180°: {_range_text(of_180)})" if of_180 else ""
        return f"{_range_text(readout.echo_signal)} of Mz to the {where}, {aside}{beside}"
    kept = sum(readout.kept.values()) / len(readout.kept)
    by_one = f"(90°-180°: {100 * (readout.kept_by_one or 0.0):.1f} %)"
    return f"{100 * kept:.1f} % of Mz to the readout, {aside} {by_one}"


def _range_text(parts: tuple[float, ...]) -> str:
    """As "54 to 75 %" or "100 %"."""
    least, most = (f"{100 * each:.0f}" for each in (min(parts), max(parts)))
    return f"{most} %" if least == most else f"{least} to {most} %"


def _composite(sequence: Sequence, readout: Readout) -> str:
    """What pulses that excite together bring: of tissues of different frequency, or over b0 and b1."""
    text = f"{flips_text(sequence, readout.pulses)} excite together"
    if _selected(readout) and len(set(readout.gained.values())) > 1:
        least, *_, most = sorted(readout.kept, key=readout.kept.__getitem__)
        gained = enumerated(
            f"{name} {enumerated(f'{signed(math.degrees(each), 0)}°' for each in phases)}"
            for name, phases in readout.gained.items()
        )
        text += f"; between them the phase against the pulses grows by {gained}, so that the flips add up for"
        text += f" {most} and cancel for {least} ({by_name(readout.kept)} of Mz, relaxation aside)"
        return text
    kept = sum(readout.kept.values()) / len(readout.kept)
    text += f", {time_text(readout.te or 0.0)} in the transverse plane on average, and bring"
    text += f" {kept:.3f} ± {readout.kept_sd:.3f} of Mz to the readout over b0 and b1, relaxation aside"
    return f"{text} (one 90° pulse: {readout.kept_by_one or 0.0:.3f} ± {readout.sd_by_one or 0.0:.3f})"


def _selected(readout: Readout) -> str:
    """What the pulses that read bring of each tissue's Mz, where that is much less of one than of another."""
    if min(readout.kept.values()) >= SELECTED * max(readout.kept.values()):
        return ""
    return f", with {by_name(readout.kept)} of their Mz there, relaxation aside"
