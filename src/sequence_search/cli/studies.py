"""Commands on studies: status, resume, slurm."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import Format, FormatOption, SchedulerOption, StudyArgument, WorkersOption
from sequence_search.cli.checks import bad_input, study_errors
from sequence_search.cli.printing import print_documents, print_json, say
from sequence_search.cli.progress import watched
from sequence_search.cli.results import explained, print_runs, print_status

if TYPE_CHECKING:
    from sequence_search.study.study import Study


def run_study(study: Study, format: Format, *, until_sure: bool = False, **where: Any) -> None:
    """Run what is left, and with `until_sure` more seeds until they agree; print and draw what is done."""
    with study_errors():
        while True:
            with watched(study) as watch:
                tally = study.run(monitor=watch.monitor, on_outcome=watch.finished, **where)
            before = study
            if not until_sure or tally.left or tally.failed or (study := study.extended()) is before:
                break
    if format is Format.JSON:
        records = study.records()
        print_documents(
            [explained(r, study.runs(r["problem"]), study.problems[r["problem"]]) for r in records]
        )
    else:
        for name in study.problems:
            runs = study.runs(name)
            if runs and len(study.problems) > 1:
                say(f"\n{name}")
            if runs:
                print_runs(runs, study.problems[name])
        if tally.left or tally.failed:
            print_status(study.status())
    with study_errors():
        _draw(study, err=format is Format.JSON)
    if watch.exit_code is not None and tally.left:
        raise typer.Exit(watch.exit_code)
    if tally.failed:
        raise typer.Exit(1)


def _draw(study: Study, err: bool) -> None:
    """Picture of each problem's best design, in derived/; told on stderr if `err`."""
    from sequence_search.report.figures import design_title, save_sequence_figure
    from sequence_search.storage import locked, replacing
    from sequence_search.strategies.result import best_run
    from sequence_search.study.plan import DERIVED, LOCK_FILE

    for name, problem in study.problems.items():
        file = study.folder / DERIVED / f"{name}.png"
        with locked(study.folder / LOCK_FILE, wait=True):
            best = best_run(study.runs(name))
            if best is None:
                continue
            design = best.families[0]
            with replacing(file) as aside:
                title = design_title(name, design.evaluation)
                save_sequence_figure(design.sequence, problem, aside, title)
        say(f"\nwrote {file}", err=err)


@app.command()
def status(study: StudyArgument, format: FormatOption = Format.TABLE) -> None:
    """Show how a study stands, from its files alone, also while it runs."""
    from sequence_search.storage import SCHEMA_VERSION
    from sequence_search.study.plan import read_plan
    from sequence_search.study.status import status_record, study_status

    with bad_input():
        statuses = study_status(study, read_plan(study))
    if format is Format.JSON:
        return print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "study": str(study),
                "problems": [status_record(each) for each in statuses],
            }
        )
    print_status(statuses)


@app.command()
def resume(
    study: StudyArgument,
    share: Annotated[
        str, typer.Option(metavar="I/N", help="Only the I-th of N fixed shares of the work, as 3/10.")
    ] = "1/1",
    workers: WorkersOption = 1,
    scheduler: SchedulerOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Go on with a study from its folder; several processes may, on as many machines."""
    from sequence_search.study.slurm import read_share
    from sequence_search.study.study import Study

    with bad_input():
        part = read_share(share)
        opened = Study.open(study)
    run_study(opened, format, workers=workers, scheduler=scheduler, share=part)


@app.command()
def slurm(
    study: StudyArgument,
    array_cap: Annotated[int, typer.Option(min=1, help="The most tasks of the array job.")] = 100,
    time: Annotated[
        str, typer.Option(help="Wall time of each task, as SLURM reads it: 90 (minutes), 01:30:00, 2-12.")
    ] = "01:00:00",
    cpus_per_task: Annotated[int, typer.Option(min=1, help="Processor cores of each task.")] = 1,
    partition: Annotated[str | None, typer.Option(help="SLURM's default if not given.")] = None,
) -> None:
    """Write an sbatch script: an array job whose tasks each search a fixed share of a study."""
    from sequence_search.study.slurm import ArrayJob, write_script
    from sequence_search.study.study import Study

    with bad_input():
        job = ArrayJob(array_cap, time, cpus_per_task, partition)
        script = write_script(Study.open(study), job)
    say(f"wrote {script}; submit it with: sbatch {shlex.quote(str(script))}")
