"""The command that writes a page to look at: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
    FlipOption,
    GradientsOption,
    OverwriteOption,
    PhaseOption,
    ProblemOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    SourceArgument,
    TrOption,
)
from sequence_search.cli.checks import bad_input, check_free, load
from sequence_search.cli.given import Stated, given_design, study_runs
from sequence_search.cli.printing import say


@app.command()
def report(  # noqa: PLR0913, PLR0917 - two ways to name a sequence
    source: SourceArgument,
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
    problem: ProblemOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a page that stands alone: what a study found, or a sequence to play with."""
    stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
    with bad_input():
        _check_page(out, overwrite)
        if playground:
            page = _playground(source, stated, problem, seed, design)
        elif stated.parts or stated.file is not None:
            raise ValueError("a report is of a study: for a sequence that is stated pass --playground")
        else:
            page = _report(source, problem)
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
        loaded = load(source)
        played = first_sequence(loaded)
    return make_page(loaded, played, _problem_name(source, loaded.name))


def _report(source: str, problem: str | None) -> str:
    """Of a study's problem, the only one or the one that is named."""
    from sequence_search.page.study import study_page

    if not Path(source).is_dir():
        raise ValueError(f"{source} is no folder of a study; for a problem pass --playground")
    study, found = study_runs(Path(source), problem)
    if len(found) > 1:
        raise ValueError(f"{source} has several problems: pass --problem, one of {', '.join(found)}")
    (name,) = found
    return study_page(study, name)


def _problem_name(source: str, name: str) -> str:
    """What names the problem on the command line; of a study the file that its page holds as text."""
    from sequence_search.page.study import problem_source

    return problem_source(name) if Path(source).is_dir() else source


def _check_page(out: Path, overwrite: bool) -> None:
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out must be a .html file, got {out}")
    check_free(out, overwrite, "--out")
