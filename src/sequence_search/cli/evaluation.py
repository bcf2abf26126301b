"""Commands on designs: designs, evaluate."""

from __future__ import annotations

import math
from pathlib import Path
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
    OverwriteOption,
    PhaseOption,
    ProblemOption,
    SeedOption,
    SourceArgument,
    StudyArgument,
)
from sequence_search.cli.checks import bad_input, check_figure
from sequence_search.cli.given import given_design, study_runs
from sequence_search.cli.printing import flow, print_documents, print_json, print_table, pulses, say
from sequence_search.cli.results import explained, print_designs, print_wishes

if TYPE_CHECKING:
    from sequence_search.sequence import Sequence
    from sequence_search.strategies.result import Run

MOST_DRAWN = 40
FigureOption = Annotated[Path | None, typer.Option(help="PNG, SVG or PDF file to draw in.")]


@app.command()
def designs(
    study: StudyArgument,
    problem: ProblemOption = None,
    all_seeds: Annotated[bool, typer.Option("--all", help="Of every seed, not of the best alone.")] = False,
    figure: FigureOption = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """List what a study found: the designs of each problem's best seed, numbered."""
    from sequence_search.strategies.result import best_run

    with bad_input():
        check_figure(figure, overwrite)
        opened, found = study_runs(study, problem)
        for name, runs in found.items():
            best = best_run(runs)
            if best is None:
                raise ValueError(f"{study} has no design of '{name}' yet: sequence-search status {study}")
            found[name] = [run for run in runs if run.families] if all_seeds else [best]
        if figure is not None:
            _draw_designs(found, figure)
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
    if figure is not None:
        say(f"\nwrote {figure}")


@app.command()
def evaluate(  # noqa: PLR0913, PLR0917 - two ways to name a sequence
    source: SourceArgument,
    flip_deg: FlipOption = None,
    phase_deg: PhaseOption = None,
    delay_ms: DelayOption = None,
    design: DesignOption = 1,
    seed: SeedOption = None,
    problem: ProblemOption = None,
    engine: EngineOption = "auto",
    figure: FigureOption = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Evaluate a sequence, as --flip-deg 88 177 --phase-deg 0 180 --delay-ms 6.2 6.2, or a study's design."""
    from sequence_search.engines.simulator import check_engine

    with bad_input():
        check_engine(engine)
        check_figure(figure, overwrite)
        loaded, sequence = given_design(source, (flip_deg, phase_deg, delay_ms), problem, seed, design)
        evaluation = loaded.evaluate(sequence, engine)
    if not math.isfinite(evaluation.loss):
        say(f"error: the loss is {evaluation.loss} for {sequence}", err=True)
        raise typer.Exit(1)
    if figure is not None:
        from sequence_search.report.figures import design_title, save_sequence_figure

        with bad_input():
            save_sequence_figure(sequence, loaded, figure, design_title(loaded.name, evaluation))
    from sequence_search.strategies.record import evaluation_record

    record = evaluation_record(evaluation)
    if format is Format.JSON:
        return print_json({"problem": loaded.name, "sequence": sequence.to_dict()} | record)
    _print_evaluation(sequence, record)
    print_wishes(evaluation, "found")


def _print_evaluation(sequence: Sequence, record: dict[str, Any]) -> None:
    say(flow(pulses(sequence)))
    rows = [
        ["loss, over 1,024 voxels per tissue", f"{record['loss']:.6f}"],
        *([f"  {name} (weighted)", f"{value:.6f}"] for name, value in record["terms"].items()),
        *([f"|Mxy| {tissue} (nominal)", f"{value:.4f}"] for tissue, value in record["signal"].items()),
        ["RF energy (rad²)", f"{record['rf_energy']:.4f}"],
        ["RF energy relative to 90°-180°", f"{100 * record['relative_rf_energy']:.1f} %"],
        ["time to readout (ms)", f"{record['time_to_readout_ms']:.4g}"],
    ]
    print_table(["quantity", "value"], rows, flexible=0)


def _draw_designs(found: dict[str, list[Run]], file: Path) -> None:
    """Diagrams of all that are listed."""
    from sequence_search.report.drawing import write_figure
    from sequence_search.report.figures import design_title, designs_figure

    if len(found) > 1:
        raise ValueError(f"--figure is of one problem: pass --problem, one of {', '.join(found)}")
    ((name, runs),) = found.items()
    drawn = {
        f"{number} of seed {run.seed}, {design_title(name, each.evaluation)}": each.sequence
        for run in runs
        for number, each in enumerate(run.families, start=1)
    }
    if len(drawn) > MOST_DRAWN:
        raise ValueError(f"--figure draws at most {MOST_DRAWN} designs, got {len(drawn)}: leave out --all")
    write_figure(designs_figure(drawn.values(), drawn), file, dpi=200)
