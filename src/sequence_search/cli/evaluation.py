"""Commands on designs: designs, evaluate."""

from __future__ import annotations

import math
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

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
    ProblemOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    SourceArgument,
    StudyArgument,
    TrOption,
)
from sequence_search.cli.checks import bad_input, check_figure
from sequence_search.cli.figures import draw_designs, draw_operations
from sequence_search.cli.given import Stated, given_design, study_runs
from sequence_search.cli.printing import (
    TISSUES_PER_TABLE,
    flow,
    print_documents,
    print_json,
    print_table,
    pulses_of,
    say,
)
from sequence_search.cli.results import explained, print_designs, print_wishes

if TYPE_CHECKING:
    from sequence_search.problem.evaluation import Evaluation
    from sequence_search.problem.problem import Problem
    from sequence_search.sequence import Sequence

STATED_OF_PLACES = 3e-4  # of M0, by which docs/physics.md says that 8 places miss a spin echo of sincs
FigureOption = Annotated[Path | None, typer.Option(help="PNG, SVG or PDF file to draw in.")]


@app.command()
def designs(
    study: StudyArgument,
    problem: ProblemOption = None,
    all_seeds: Annotated[bool, typer.Option("--all", help="Of every seed, not of the best alone.")] = False,
    figure: FigureOption = None,
    operations: Annotated[
        Path | None,
        typer.Option(help="File to draw in how likely each operation of proxyless was, of the best seed."),
    ] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """List what a study found: the designs of each problem's best seed, numbered."""
    from sequence_search.strategies.result import best_run

    with bad_input():
        check_figure(figure, overwrite)
        check_figure(operations, overwrite, "--operations")
        opened, found = study_runs(study, problem)
        if operations is not None:
            draw_operations(found, study, operations)
        for name, runs in found.items():
            best = best_run(runs)
            if best is None:
                raise ValueError(
                    f"{study} has no design of '{name}' yet: sequence-search status {quote(str(study))}"
                )
            found[name] = [run for run in runs if run.families] if all_seeds else [best]
        if figure is not None:
            draw_designs(found, {name: each.pulses for name, each in opened.problems.items()}, figure)
    if format is Format.JSON:
        records = [each for each in opened.records() if each["problem"] in found]
        for each in records:
            listed = {run.seed for run in found[each["problem"]]}
            each["runs"] = [run for run in each["runs"] if run["seed"] in listed]
        return print_documents(
            [explained(each, found[each["problem"]], opened.problems[each["problem"]]) for each in records]
        )
    for name, runs in found.items():
        if len(found) > 1:
            say(f"\n{name}")
        print_designs(runs, opened.problems[name])
    for file in (figure, operations):
        if file is not None:
            say(f"\nwrote {file}")


@app.command()
def evaluate(  # noqa: PLR0913, PLR0917 - two ways to name a sequence
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
    figure: FigureOption = None,
    phase_graph: Annotated[
        Path | None, typer.Option(help="File to draw in which states carry the signal of a tissue.")
    ] = None,
    tissue: Annotated[
        str | None, typer.Option(help="Of --phase-graph; the first of the problem if not given.")
    ] = None,
    slice_profile: Annotated[
        Path | None, typer.Option(help="File to draw in what happens across the slice.")
    ] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Evaluate a sequence, as --flip-deg 88 177 --phase-deg 0 180 --delay-ms 6.2 6.2, or a study's design."""
    from sequence_search.engines.by_name import check_engine

    with bad_input():
        check_engine(engine)
        files = {"--figure": figure, "--phase-graph": phase_graph, "--slice-profile": slice_profile}
        for option, file in files.items():
            check_figure(file, overwrite, option)
        if tissue is not None and phase_graph is None:
            raise ValueError(f"--tissue {tissue} is of --phase-graph, which is not given")
        stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
        is_drawn = any(files.values())
        loaded, played = given_design(source, stated, problem, seed, design, may_be_empty=not is_drawn)
        evaluation = loaded.evaluate(played, engine)
    if not math.isfinite(evaluation.loss):
        say(f"error: the loss is {evaluation.loss} for {played}", err=True)
        raise typer.Exit(1)
    if is_drawn:
        with bad_input():
            _draw(loaded, played, evaluation, files, tissue)
    from sequence_search.strategies.record import evaluation_record

    record = evaluation_record(evaluation)
    with bad_input():
        record |= _of_layout(loaded, played, engine)
    if format is Format.JSON:
        return print_json({"problem": loaded.name, "sequence": played.to_dict()} | record)
    _print_evaluation(played, record)
    print_wishes(evaluation, "found")


def _draw(
    problem: Problem,
    sequence: Sequence,
    evaluation: Evaluation,
    files: dict[str, Path | None],
    tissue: str | None,
) -> None:
    """Figures of a sequence, in the file of each option that has one."""
    from sequence_search.report.drawing import write_figure
    from sequence_search.report.figures import design_title, sequence_figure
    from sequence_search.report.phase_graph import phase_graph_figure
    from sequence_search.report.slice_profile import slice_profile_figure

    title = design_title(problem.name, evaluation)
    draw = {
        "--figure": lambda: sequence_figure(sequence, problem, title),
        "--phase-graph": lambda: phase_graph_figure(sequence, problem, tissue),
        "--slice-profile": lambda: slice_profile_figure(sequence, problem),
    }
    figures = {file: draw[option]() for option, file in files.items() if file is not None}
    for file, figure in figures.items():
        write_figure(figure, file, dpi=200)


def _of_layout(problem: Problem, sequence: Sequence, engine: str) -> dict[str, Any]:
    """What a sequence with a layout has besides: its TR, each readout, and what unvaried repetitions give."""
    from sequence_search.layout import HARD
    from sequence_search.outside import is_silent_outside, unselective
    from sequence_search.pulses.slices import IN_REPORT, selects_slice

    layout = sequence.layout
    if layout is None:
        return {}
    names = [tissue.name for tissue in problem.tissues]
    nominal = problem.simulator(problem.voxels(method="nominal"), engine, IN_REPORT)
    times = (1e3 * sequence.readout_times).tolist()
    signals = nominal.signal(sequence).abs().reshape(len(times), -1).tolist()
    readouts = [
        {"time_ms": time, "signal": dict(zip(names, signal, strict=True))}
        for time, signal in zip(times, signals, strict=True)
    ]
    record: dict[str, Any] = {"tr_ms": 1e3 * float(sequence.tr), "readouts": readouts}
    if selects_slice(layout.kinds, problem.pulses):
        record["places"] = _of_places(problem, sequence, engine)
    outside = unselective((HARD, *problem.search_space.pulses, *layout.kinds), problem.pulses)
    if outside:
        record["silent_outside"] = is_silent_outside(layout, outside)
    if problem.acquisition.spoiling == "unvaried":
        signal, more = (part.abs().reshape(len(times), -1) for part in nominal.unvaried_signal(sequence))
        columns = zip(names, signal.mean(0).tolist(), more.amax(0).tolist(), strict=True)
        record["unvaried"] = {name: {"signal": its, "difference": more} for name, its, more in columns}
    return record


def _of_places(problem: Problem, sequence: Sequence, engine: str) -> dict[str, Any]:
    """Places across the slice, what as few as in a search give, and by how much either misses |Mxy|."""
    from sequence_search.pulses.slices import IN_REPORT, IN_SEARCH

    voxels = problem.voxels(method="nominal")
    few, many, more = (
        problem.simulator(voxels, engine, n_places).signal(sequence).abs() / voxels.m0
        for n_places in (IN_SEARCH, IN_REPORT, 2 * IN_REPORT)
    )
    return {
        "number": IN_REPORT,
        "error": float((many - more).abs().max()),
        "in_search": {
            "number": IN_SEARCH,
            "error": float((few - more).abs().max()),
            "loss": float(problem.simulator(problem.voxels(), engine, IN_SEARCH).loss(sequence)),
        },
    }


def _print_places(places: dict[str, Any]) -> None:
    few = places["in_search"]
    say(
        f"\nAcross the slice: {places['number']} places. A search takes {few['number']}, which give a loss of"
        f" {few['loss']:.6f}."
    )
    if max(places["error"], few["error"]) > STATED_OF_PLACES:
        say(
            f"|Mxy| of the nominal voxel is off by up to {few['error']:.1g} M0 with {few['number']} places,"
            f" and {places['error']:.1g} with {places['number']}; of a spin echo of sincs, by"
            f" {STATED_OF_PLACES:.0e}."
        )


def _print_evaluation(sequence: Sequence, record: dict[str, Any]) -> None:
    say(flow(pulses_of(sequence)))
    rows = [
        ["loss, over 1,024 voxels per tissue", f"{record['loss']:.6f}"],
        *([f"  {name} (weighted)", f"{value:.6f}"] for name, value in record["terms"].items()),
        *([f"|Mxy| {tissue} (nominal)", f"{value:.4f}"] for tissue, value in record["signal"].items()),
        ["RF energy (rad²)", f"{record['rf_energy']:.4f}"],
        ["RF energy relative to 90°-180°", f"{100 * record['relative_rf_energy']:.1f} %"],
        ["time to readout (ms)", f"{record['time_to_readout_ms']:.4g}"],
    ]
    if sequence.is_steady:
        rows.append(["TR (ms)", f"{record['tr_ms']:.6g}"])
    print_table(["quantity", "value"], rows, flexible=0)
    if len(record.get("readouts", ())) > 1:
        _print_readouts(record["readouts"])
    if "places" in record:
        _print_places(record["places"])
    if not record.get("silent_outside", True):
        say(
            "\nNot of the slice alone: what pulses that select none excite outside of it is not dephased at"
            " the readout. A scanner reads it too, and a search does not propose it."
        )
    if "unvaried" in record:
        say("\nPlayed alike each time, with crushers that do not vary: |Mxy| of the nominal voxel")
        say("(difference: of a repetition more that is followed, at most)")
        lines = [
            [name, f"{record['signal'][name]:.4f}", f"{each['signal']:.4f}", f"{each['difference']:.1g}"]
            for name, each in record["unvaried"].items()
        ]
        print_table(["tissue", "spoiled ideally", "played alike", "difference"], lines, flexible=0)


def _print_readouts(readouts: list[dict[str, Any]]) -> None:
    say("\n|Mxy| of the nominal voxel at each readout")
    names = list(readouts[0]["signal"])
    for first in range(0, len(names), TISSUES_PER_TABLE):
        columns = names[first : first + TISSUES_PER_TABLE]
        rows = [
            [str(number), f"{each['time_ms']:.5g}", *(f"{each['signal'][name]:.4f}" for name in columns)]
            for number, each in enumerate(readouts, start=1)
        ]
        print_table(["readout", "time (ms)", *columns], rows, flexible=0)
