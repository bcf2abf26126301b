"""Commands on what designs cost and risk: sensitivity, tradeoff."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
    EngineOption,
    FlipOption,
    Format,
    FormatOption,
    GradientsOption,
    OverwriteOption,
    PhaseOption,
    ProblemArgument,
    ProblemOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    SourceArgument,
    TrOption,
)
from sequence_search.cli.checks import bad_input, load, make_folder
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
from sequence_search.cli.progress import watched

if TYPE_CHECKING:
    from sequence_search.analysis.front import Front
    from sequence_search.analysis.sensitivity import Effect, Sensitivity, WorstVoxels
    from sequence_search.problem.problem import Problem

FRONT_FILE = "tradeoff.json"


@app.command()
def sensitivity(  # noqa: PLR0913, PLR0917 - three ways to name a sequence
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
    """Tell what small errors of a design's parameters change, and which voxels do worst."""
    from sequence_search.analysis import sensitivity as analysis
    from sequence_search.engines.by_name import check_engine

    with bad_input():
        check_engine(engine)
        stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
        loaded, played = given_design(source, stated, problem, seed, design)
        found = analysis.sensitivity(loaded, played, engine)
    if format is Format.JSON:
        return print_json({"problem": loaded.name, "sequence": played.to_dict()} | found.to_dict())
    say(flow(pulses_of(played)))
    say(
        f"loss {found.loss:.6f} over 1,024 voxels per tissue; how it changes, in % of it, and the mean |Mxy|"
        " of each tissue, in % of M0, where a parameter is lower or higher by an error:"
    )
    _print_effects(found, loaded)
    if found.worst:
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
    if effect.last_pulse is not None:
        of += f"-{effect.last_pulse}"
    if effect.parameter == "tr":
        return f"TR  {effect.error}"
    return f"{of}  {effect.parameter.removesuffix('_angle')} {effect.error}"


def _pair(change: tuple[float, float], whole: float) -> str:
    """As "-0.12 +0.34", in percent."""
    return " ".join(rounded(100 * part / whole, 2, "+") if whole else "" for part in change)


def _worst_words(each: WorstVoxels) -> list[str]:
    """As "least signal, 0.736 of M0 (all: 0.839): b1 below 0.835 (9 % of all)", what stays on a line."""
    words = f"{each.side} signal, {each.efficiency:.3f} of M0 (all: {each.of_all:.3f}):".split()
    if not each.traits:
        words.append("no property sets them apart")
    for number, trait in enumerate(each.traits, start=1):
        end = ";" if number < len(each.traits) else ""
        words += [*str(trait).split(), f"({100 * trait.share:.0f} % of all){end}"]
    return words


@app.command()
def tradeoff(  # noqa: PLR0913 - what to trade, the budget and the output
    problem: ProblemArgument,
    against: Annotated[
        str, typer.Option(help="rf_energy, time_to_readout, duration, rf_number, or a term of the objective.")
    ],
    points: Annotated[int, typer.Option(min=2, max=1000, help="The most points of the front.")] = 20,
    engine: EngineOption = "auto",
    max_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Wall time of the whole; then the front so far.")
    ] = None,
    max_evaluations: Annotated[
        float | None, typer.Option(min=1, help="Losses of single sequences; then the front so far.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for tradeoff.json, .png and .svg.")] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Find the Pareto front of a problem's loss against a cost."""
    loaded = load(problem)
    from sequence_search.analysis import tradeoff as analysis
    from sequence_search.analysis.costs import cost_of
    from sequence_search.engines.by_name import check_engine

    with bad_input():
        check_engine(engine)
        cost_of(loaded, against)
        if out is not None:
            make_folder(out, FRONT_FILE, overwrite)
        with watched() as watch:
            front = analysis.tradeoff(
                loaded,
                against,
                n_points=points,
                engine=engine,
                monitor=watch.monitor,
                max_seconds=max_seconds or math.inf,
                max_evaluations=max_evaluations or math.inf,
            )
    if format is Format.JSON:
        print_json(front.to_dict())
    else:
        _print_front(front)
    if out is not None:
        with bad_input():
            say(f"wrote {_save_front(front, out)}", err=format is Format.JSON)
    if front.status == "interrupted":
        raise typer.Exit(watch.exit_code or 1)


def _print_front(front: Front) -> None:
    """A row for each point, then the design at the knee."""
    knee = front.knee
    rows = [
        [
            f"{each.cost * front.cost.factor:.4g}",
            f"{each.loss:.6f}",
            "knee" if each is knee else "" if each.on_front else "beaten",
            each.kind,
        ]
        for each in front.points
    ]
    print_table([front.cost.axis, "loss", "", "design"], rows)
    say(f"\nloss over 1,024 voxels per tissue, of the objective without {front.cost.label}")
    say(f"first search, of the objective with its own weights: {front.verdict}")
    if front.reason is not None:
        say(front.reason)
    if knee is not None:
        say(f"knee, where the front lies furthest below the chord between its ends: loss {knee.loss:.6f} at")
        say(flow(pulses_of(knee.design.sequence), 2, ""))


def _save_front(front: Front, folder: Path) -> Path:
    """Write the front and its figure to the folder."""
    from sequence_search.report.drawing import save_figure
    from sequence_search.report.tradeoff import front_figure
    from sequence_search.storage import write_json

    write_json(folder / FRONT_FILE, front.to_dict())
    save_figure(front_figure(front), folder / Path(FRONT_FILE).stem)
    return folder / FRONT_FILE
