"""The command that says why a design works: explain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
    EngineOption,
    FlipOption,
    Format,
    FormatOption,
    GradientsOption,
    PhaseOption,
    ProblemOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    SourceArgument,
    TrOption,
)
from sequence_search.cli.checks import bad_input
from sequence_search.cli.given import Stated, given_design
from sequence_search.cli.printing import (
    TISSUES_PER_TABLE,
    flow,
    print_json,
    print_table,
    pulses_of,
    rounded,
    say,
)
from sequence_search.words import enumerated

if TYPE_CHECKING:
    from sequence_search.explanation.explanation import Explanation, Summary
    from sequence_search.explanation.phases import FreeTurn, Phases
    from sequence_search.explanation.readout import Readout

OFF_ECHO = 1e-4  # s, that is told
MOST_TOLD = 5  # pulses in a row that are told one by one


@app.command()
def explain(  # noqa: PLR0913, PLR0917 - three ways to name a sequence
    source: SourceArgument,
    flip_deg: FlipOption = None,
    phase_deg: PhaseOption = None,
    delay_ms: DelayOption = None,
    pulses: PulsesOption = None,
    gradients: GradientsOption = None,
    tr_ms: TrOption = None,
    sequence: SequenceOption = None,
    design: DesignOption = 1,
    seed: SeedOption = None,
    problem: ProblemOption = None,
    engine: EngineOption = "auto",
    format: FormatOption = Format.TABLE,
) -> None:
    """Say why a design works: what its blocks do, what each pulse buys, which phases matter."""
    from sequence_search.explanation.explanation import explain as explain_design

    with bad_input():
        stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
        loaded, played = given_design(source, stated, problem, seed, design)
        found = explain_design(loaded, played, engine=engine)
    if format is Format.JSON:
        return print_json(found.to_dict())
    say(flow(pulses_of(found.sequence)))
    say(f"{loaded.name}: {', '.join(found.summary.structures)}; loss {rounded(found.loss, 6)}\n")
    say(" ".join(found.sentences))
    print_blocks(found.summary)
    print_readout(found.summary.readout)
    print_pulses(found)
    print_parts(found)
    print_pathways(found)
    if found.phases is None:
        text = "No search of this problem proposes such a layout, so that nothing was polished and no phase"
        say(f"\n{text} examined: state pulses and gradients of the problem in place of it")
    else:
        print_phases(found.phases)
    print_compared(found.summary)


def _share(part: float, whole: float) -> str:
    """In percent of a loss, nothing of one of 0."""
    return rounded(100 * part / abs(whole), 1) if whole else ""


def print_blocks(summary: Summary) -> None:
    """What each block leaves of Mz, and when tissues cross zero."""
    tissues = list(summary.readout.mz_before)
    if summary.blocks:
        say("\nBlocks before the readout: mean Mz each leaves → brings to the next, in M0")
        say("(turn: Mz after it for Mz = 1 before, without relaxation)")
        for first in range(0, len(tissues), TISSUES_PER_TABLE):
            names = tissues[first : first + TISSUES_PER_TABLE]
            rows = [
                [
                    numbers(each.pulses),
                    each.kind,
                    f"{each.turn:.3f}",
                    *(f"{each.mz_after[name]:.2f} → {each.mz_next[name]:.2f}" for name in names),
                ]
                for each in summary.blocks
            ]
            print_table(["pulses", "block", "turn", *names], rows, flexible=1)
    if summary.crossings:
        say("\nMz crosses zero, in ms from the first pulse of the readout; after it: would, without it")
        rows = [
            [
                each.tissue,
                str(each.pulse + 1),
                *(_from_excitation(time) for time in (each.nominal, each.mean)),
            ]
            for each in summary.crossings
        ]
        print_table(["tissue", "recovering from pulse", "nominal voxel", "mean of voxels"], rows, flexible=0)


def print_readout(readout: Readout) -> None:
    """Phases of the refocusing pulses, and the mean |Mxy| measured at the echoes."""
    if not readout.refocusing or readout.kind == "composite excitation":
        return
    phases = [f"{math.degrees(phase):.0f}°" for phase in readout.refocusing_phases]
    phases = phases[:1] if len(set(phases)) == 1 else phases
    text = f"Refocusing by {numbers(readout.refocusing)}, {enumerated(phases)} from the excitation"
    if readout.echoes:
        times = enumerated(f"{1e3 * time:.1f}" for time in readout.echoes)
        signals = enumerated(f"{signal:.3f}" for signal in readout.echo_signal)
        what = "an echo" if len(readout.echoes) == 1 else "echoes"
        text += f": {what} {times} ms after it, of {signals} of the Mz before it, relaxation aside"
    say("")
    say(flow(text.split(" ")))


def print_pulses(found: Explanation) -> None:
    """What each pulse buys, and what is left without it."""
    if not found.pulses:
        return
    from sequence_search.explanation.phases import NOTICED
    from sequence_search.strategies.result import same_family

    say("\nWhat each pulse buys at most: the loss with it just left out, and with the rest polished again")
    rows, loss = [], found.pulses[0].loss_with
    if found.loss - loss > NOTICED * abs(loss):
        text = f"(the design polished as well: {rounded(loss, 6)}; what a pulse buys is counted from there)"
        say(flow(text.split(" ")))
    for each in found.pulses:
        row = [str(each.pulse + 1), f"{math.degrees(each.flip_angle):.1f}°", rounded(each.loss_left_out, 6)]
        if each.loss_without is None or each.buys is None:
            row += ["beyond the limits", "", ""]
        else:
            row += [rounded(each.loss_without, 6), rounded(each.buys, 6, "+"), _share(each.buys, loss)]
        rows.append(row)
    print_table(["pulse", "flip", "left out", "polished", "it buys", "of the loss (%)"], rows, flexible=0)
    beyond = [
        each.pulse
        for each in found.pulses
        if each.loss_without is not None and each.loss_left_out < each.loss_without - NOTICED * abs(loss)
    ]
    if beyond:
        say(f"just left out, {numbers(tuple(beyond))}: beyond the search space or the limits")
    left = [(each.pulse, each.sequence_without) for each in found.pulses if each.sequence_without is not None]
    while left:
        rest = left[0][1]
        alike = [pulse for pulse, other in left if same_family(rest, other)]
        left = [(pulse, other) for pulse, other in left if pulse not in alike]
        say(f"the rest without {numbers(tuple(alike), 'or')}:")
        say(flow(pulses_of(rest), 2) if len(rest.delay) else "  no pulse at all")


def print_parts(found: Explanation) -> None:
    """What each pulse and gradient of a layout buys, and what is left without it."""
    if not found.parts:
        return
    from sequence_search.explanation.phases import NOTICED

    say("\nWhat each part buys at most: the loss with it just left out, and with the rest polished again")
    whole = next(
        (
            each.polished - each.buys
            for each in found.parts
            if each.polished is not None and each.buys is not None
        ),
        None,
    )
    if whole is not None and found.loss - whole > NOTICED * abs(whole):
        text = f"(the design polished as well: {rounded(whole, 6)}; what a part buys is counted from there)"
        say(flow(text.split(" ")))
    rows = []
    for each in found.parts:
        row = [str(each), rounded(each.loss, 6), "", "", ""]
        if each.polished is not None and each.buys is not None:
            row[2:] = rounded(each.polished, 6), rounded(each.buys, 6, "+"), _share(each.buys, whole or 0.0)
        rows.append(row)
    print_table(["", "left out", "polished", "it buys", "of the loss (%)"], rows, flexible=0)
    for each in found.parts:
        if each.rest is not None:
            say(f"the rest without {each}:")
            say(flow(pulses_of(each.rest), 2))
        elif each.unpolished:
            say(flow(f"the rest without {each}: none, since {each.unpolished}".split(" ")))


def print_pathways(found: Explanation) -> None:
    """Where each tissue's magnetisation is at the readout, and what carries its signal."""
    if not found.tissues:
        return say("\nThe signal of so many pulses is a sum of too many pathways to tell them apart")
    say("\nWhere M0² is at the readout, nominal voxel (%)")
    rows = [
        [each.tissue, *(f"{abs(100 * share):.1f}" for share in shares)]
        for each in found.tissues
        for shares in [(each.signal, each.dephased, each.longitudinal, each.stored, each.relaxed)]
    ]
    print_table(["tissue", "signal", "dephased", "along z", "stored dephased", "relaxed"], rows, flexible=0)
    say("\nWhat carries the signal, in M0")
    width = 2 + max(len(each.tissue) for each in found.tissues)
    for each in found.tissues:
        if not each.carriers:
            say(flow(["nothing"], width, each.tissue))
        for number, carrier in enumerate(each.carriers):
            off = (
                f" (net dephasing of {1e3 * carrier.off_echo:.1f} ms)" if carrier.off_echo >= OFF_ECHO else ""
            )
            text = f"{carrier.part:+.3f} {carrier.words}{off}"
            say(flow(text.split(" "), width, "" if number else each.tissue))


def print_phases(phases: Phases) -> None:
    """Which phases matter, and the simplest form."""
    n_free = 1 + len(phases.free)
    n_rf = len(phases.rounded_to)  # those of a train count as one
    matter = "combination matters" if n_rf - n_free == 1 else "independent combinations matter"
    say(f"\nPhases: of {n_rf} phases {n_rf - n_free} {matter}; the loss changes, relative, by")
    say(flow(f"{phases.common:.0e} if all turn alike".split(" "), 2))
    say(flow(f"{phases.mirrored:.0e} if all are negated, which mirrors the response in b0".split(" "), 2))
    for each in phases.free:
        say(flow(f"{each.change:.0e} or less if {turn_words(each)}".split(" "), 2))
    loss = rounded(phases.simplest_loss, 6)
    say(f"The simplest form that the loss, {loss}, does not notice by more than 1e-4:")
    say(flow(pulses_of(phases.simplest), 2))
    for step in (90, 45, 0):
        places = tuple(i for i, of in enumerate(phases.rounded_to) if of == step)
        if places:
            to = f"rounded to a multiple of {step}°" if step else "not rounded"
            say(flow(f"phase of {numbers(places)}: {to}".split(" "), 2))


def print_compared(summary: Summary) -> None:
    """The design beside the conventional sequence."""
    from sequence_search.explanation.beside import signal_texts

    first, *_ = compared = summary.compared
    say("\nBeside the conventional sequence: |Mxy|, mean ± standard deviation over the voxels")
    rows = [["loss", *(rounded(each.loss, 6) for each in compared)]]
    rows += [[name, *signal_texts(name, compared)] for name in first.mean]
    rows += [[pair, *(f"{each.contrast[pair]:.3f}" for each in compared)] for pair in first.contrast]
    rows += [["RF energy (%)", *(f"{100 * each.relative_rf_energy:.1f}" for each in compared)]]
    rows += [["time (ms)", *(f"{1e3 * each.time_to_readout:.4g}" for each in compared)]]
    heads = [
        "polished" if each.name.endswith(", polished") else each.name.split(" (")[0] for each in compared
    ]
    print_table(["", *heads], rows, flexible=0)
    for each in compared[1:]:
        say(f"{each.name}:")
        say(flow(pulses_of(each.sequence), 2))


def turn_words(turn: FreeTurn) -> str:
    """As "pulses 4 and 5 turn alike", "pulse 2 turns, and pulse 3 by twice that"."""
    by = {
        multiple: [i for i, each in enumerate(turn.turns) if each == multiple]
        for multiple in turn.turns
        if multiple
    }
    parts = []
    for multiple, which in by.items():
        how = {1: "", 2: " twice as far", -1: " the other way", -2: " twice as far the other way"}[multiple]
        what = "pulses {} turn alike" if len(which) > 1 else "pulse {} turns"
        parts.append(what.format(enumerated(str(i + 1) for i in which)) + how)
    return enumerated(parts)


def numbers(places: tuple[int, ...], last: str = "and") -> str:
    """Pulses counted from 0 as people count them: "2", "1 and 2", "1, 3 or 4", "2 to 17"."""
    if len(places) > MOST_TOLD and places == tuple(range(places[0], places[-1] + 1)):
        return f"{places[0] + 1} to {places[-1] + 1}"
    return enumerated(str(place + 1) for place in places).replace(" and ", f" {last} ")


def _from_excitation(time: float | None) -> str:
    if time is None:
        return "never"
    return f"{1e3 * abs(time):.1f} {'before' if time >= 0 else 'after'}"
