"""Commands that judge designs: sensitivity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
    EngineOption,
    FlipOption,
    Format,
    FormatOption,
    PhaseOption,
    ProblemOption,
    SeedOption,
    SourceArgument,
)
from sequence_search.cli.checks import bad_input
from sequence_search.cli.given import given_design
from sequence_search.cli.printing import flow, print_json, print_table, pulses, say

if TYPE_CHECKING:
    from sequence_search.analysis.sensitivity import Effect, Sensitivity, WorstVoxels
    from sequence_search.problem.problem import Problem

TISSUES_PER_TABLE = 3  # so that it fits 80 columns


@app.command()
def sensitivity(  # noqa: PLR0913 - two ways to name a sequence
    source: SourceArgument,
    flip_deg: FlipOption = None,
    phase_deg: PhaseOption = None,
    delay_ms: DelayOption = None,
    design: DesignOption = 1,
    seed: SeedOption = None,
    problem: ProblemOption = None,
    engine: EngineOption = "auto",
    format: FormatOption = Format.TABLE,
) -> None:
    """Tell what small errors of a design's parameters change, and which voxels do worst."""
    from sequence_search.analysis import sensitivity as analysis
    from sequence_search.engines.simulator import check_engine

    with bad_input():
        check_engine(engine)
        loaded, sequence = given_design(source, (flip_deg, phase_deg, delay_ms), problem, seed, design)
        found = analysis.sensitivity(loaded, sequence, engine)
    if format is Format.JSON:
        return print_json({"problem": loaded.name, "sequence": sequence.to_dict()} | found.to_dict())
    say(flow(pulses(sequence)))
    say(
        f"loss {found.loss:.6f} over 1,024 voxels per tissue; how it changes, in % of it, and the mean |Mxy|"
        " of each tissue, in % of M0, where a parameter is lower or higher by an error:"
    )
    _print_effects(found, loaded)
    say("\nthe worst 1 % of 4,096 voxels of each tissue, where they cost most first:")
    width = 2 + max((len(each.tissue) for each in found.worst), default=0)
    for each in found.worst:
        say(flow(_worst_words(each), width, each.tissue))


def _print_effects(found: Sensitivity, problem: Problem) -> None:
    """A row for each error, with the changes of the loss and of the signals of three tissues at a time."""
    m0 = {tissue.name: tissue.m0.centre for tissue in problem.tissues}
    for first in range(0, len(m0), TISSUES_PER_TABLE):
        shown = list(m0)[first : first + TISSUES_PER_TABLE]
        rows = []
        for effect in found.effects:
            signals = (_pair(effect.signal[name], m0[name]) for name in shown)
            rows.append([_error_words(effect), _pair(effect.loss, abs(found.loss)), *signals])
        say()
        print_table(["pulse, error", "loss", *shown], rows, flexible=0)


def _error_words(effect: Effect) -> str:
    of = "all" if effect.pulse is None else str(effect.pulse)
    return f"{of}  {effect.parameter.removesuffix('_angle')} {effect.error}"


def _pair(change: tuple[float, float], whole: float) -> str:
    """As "-0.12 +0.34", in percent."""
    return " ".join(f"{round(100 * part / whole, 2) + 0.0:+.2f}" if whole else "" for part in change)


def _worst_words(each: WorstVoxels) -> list[str]:
    """As "least signal, 0.736 of M0 (all: 0.839): b1 below 0.835 (9 % of all)", what stays on a line."""
    words = f"{each.side} signal, {each.efficiency:.3f} of M0 (all: {each.of_all:.3f}):".split()
    if not each.traits:
        words.append("no property sets them apart")
    for number, trait in enumerate(each.traits, start=1):
        end = ";" if number < len(each.traits) else ""
        words += [*str(trait).split(), f"({100 * trait.share:.0f} % of all){end}"]
    return words
