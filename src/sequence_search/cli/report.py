"""The command that writes a page to look at: report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
    FlipOption,
    GradientsOption,
    OverwriteOption,
    PhaseOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    TrOption,
)
from sequence_search.cli.checks import bad_input, check_free, load
from sequence_search.cli.given import Stated, given_design, refuse_of_study, study_runs
from sequence_search.cli.printing import say
from sequence_search.cli.progress import watched

if TYPE_CHECKING:
    from sequence_search.analysis.front import Front
    from sequence_search.problem.problem import Problem
    from sequence_search.strategies.result import SearchResult


@app.command()
def report(  # noqa: PLR0913, PLR0917 - two ways to name a sequence
    source: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|RESULT|PROBLEM",
            help="Folder of a study, .json file of a result, or name or file of a problem.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="HTML file to write.")],
    playground: Annotated[
        bool, typer.Option("--playground", help="One sequence to play with, without a study too.")
    ] = False,
    flip_deg: FlipOption = None,
    phase_deg: PhaseOption = None,
    delay_ms: DelayOption = None,
    pulses: PulsesOption = None,
    gradients: GradientsOption = None,
    tr_ms: TrOption = None,
    sequence: SequenceOption = None,
    design: DesignOption = 1,
    seed: SeedOption = None,
    problem: Annotated[
        str | None,
        typer.Option("--problem", metavar="NAME", help="Which, of a study of several; or file, of a RESULT."),
    ] = None,
    tradeoff: Annotated[
        str | None,
        typer.Option(metavar="COST", help="Also search the front against it, as `tradeoff --against`."),
    ] = None,
    max_seconds: Annotated[
        float, typer.Option(min=0.001, help="Wall time of --tradeoff; then the front so far.")
    ] = 120.0,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a page that stands alone: what a search found, or a sequence to play with.

    A RESULT is a file of what `run` or `designs` prints with --format json.
    """
    stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
    with bad_input():
        _check_page(out, overwrite)
        if playground:
            page = _playground(source, stated, problem, seed, design)
        elif stated.parts or stated.file is not None:
            raise ValueError("a report is of a study: for a sequence that is stated pass --playground")
        elif seed is not None or design != 1:
            raise ValueError("--seed and --design are of --playground: a report is of all designs")
        else:
            page = _report(source, problem, tradeoff, max_seconds)
        from sequence_search.storage import write_bytes

        write_bytes(out, page.encode("utf-8"))
    say(f"wrote {out}")


def _playground(source: str, stated: Stated, problem: str | None, seed: int | None, design: int) -> str:
    """Of a design that is given, or of the conventional sequence of a problem."""
    from sequence_search.page.playground import first_sequence
    from sequence_search.page.playground import playground as make_page

    if Path(source).is_dir() or stated.parts or stated.file is not None:
        loaded, played = given_design(source, stated, problem, seed, design)
    else:
        refuse_of_study(problem, seed, design)
        loaded = load(source)
        played = first_sequence(loaded)
    return make_page(loaded, played, _problem_name(source, loaded.name))


def _report(source: str, problem: str | None, against: str | None, max_seconds: float) -> str:
    """Of a study's problem, the only one or the one that is named, or of a file of a result."""
    from sequence_search.page.report import report as make_page
    from sequence_search.page.study import study_page

    if Path(source).is_dir():
        study, found = study_runs(Path(source), problem)
        if len(found) > 1:
            raise ValueError(f"{source} has several problems: pass --problem, one of {', '.join(found)}")
        (name,) = found
        front = _front(study.problems[name], against, max_seconds)
        return study_page(study, name, front=front, brain=True)
    if not source.endswith(".json"):
        raise ValueError(
            f"{source} is no folder of a study and no .json file of a result; for a problem pass --playground"
        )
    result, made_with = _read(Path(source), problem)
    front = _front(result.problem, against, max_seconds)
    return make_page(result, source=problem, made_with=made_with, front=front, brain=True)


def _read(file: Path, problem: str | None) -> tuple[SearchResult, dict[str, Any]]:
    """Result of a file, and with what it was made."""
    from sequence_search.problem.problem import Problem
    from sequence_search.strategies.record import read_result

    advice = "must be what `run` or `designs` prints of one problem with --format json"
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        loaded = Problem.load(problem or record["problem"])
        made_with = {key: record[key] for key in ("versions", "device")}
        return read_result(record, loaded), made_with
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{file} {advice}, got {type(error).__name__}: {error}") from None
    except ValueError as error:
        hint = "" if problem else "; name the file of its problem with --problem"
        raise ValueError(f"{file}: {error}{hint}") from None


def _front(problem: Problem, against: str | None, max_seconds: float) -> Front | None:
    """Front against a cost, if one is asked for."""
    if against is None:
        return None
    from sequence_search.analysis.tradeoff import tradeoff

    with watched() as watch:
        return tradeoff(problem, against, monitor=watch.monitor, max_seconds=max_seconds)


def _problem_name(source: str, name: str) -> str:
    """What names the problem on the command line; of a study the file that its page holds as text."""
    from sequence_search.page.study import problem_source

    return problem_source(name) if Path(source).is_dir() else source


def _check_page(out: Path, overwrite: bool) -> None:
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out must be a .html file, got {out}")
    check_free(out, overwrite, "--out")
