"""Arguments and options that commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


class TableFormat(StrEnum):
    """How the tables of a study are printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"
    JSON = "json"


ProblemArgument = Annotated[
    str, typer.Argument(metavar="PROBLEM", help="Built-in name or path of a problem file.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]
WorkersOption = Annotated[int, typer.Option(min=1, help="Processes that share this machine's cores.")]
SchedulerOption = Annotated[
    str | None, typer.Option(help="Address or scheduler file of a Dask cluster, in place of --workers.")
]
# A design is given in numbers, or as one that a study found; see `cli.given`.
SourceArgument = Annotated[
    str, typer.Argument(metavar="PROBLEM|STUDY", help="Name or file of a problem, or folder of a study.")
]
FlipOption = Annotated[
    list[float] | None, typer.Option("--flip-deg", help="Flip angles, one for each pulse.")
]
PhaseOption = Annotated[list[float] | None, typer.Option("--phase-deg", help="Phases, one for each pulse.")]
DelayOption = Annotated[
    list[float] | None, typer.Option("--delay-ms", help="Time to the next pulse or the readout.")
]
PulsesOption = Annotated[
    str | None,
    typer.Option("--pulses", metavar="NAME,...", help="Kinds of pulse, one for each; hard if left out."),
]
GradientsOption = Annotated[
    str | None,
    typer.Option(
        "--gradients", metavar="NAME,...", help="none, crusher or spoiler after each pulse; none if left out."
    ),
]
TrOption = Annotated[
    float | None,
    typer.Option("--tr-ms", min=0, help="Repetition time, where that of the problem is a range."),
]
SequenceOption = Annotated[
    Path | None,
    typer.Option("--sequence", metavar="FILE", help="JSON or TOML file of a sequence, in place of numbers."),
]
DesignOption = Annotated[
    int, typer.Option(min=1, help="Of a study: number of the design, as `designs` lists them.")
]
SeedOption = Annotated[int | None, typer.Option(help="Of a study: the best seed if not given.")]
ProblemOption = Annotated[
    str | None, typer.Option("--problem", metavar="NAME", help="Which, of a study of several.")
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="auto, fused, pathways, isochromats, configurations.")
]
StrategyOption = Annotated[
    str,
    typer.Option("--strategy", help="multistart; proxyless, the paper's; evolution and random, baselines."),
]
ScheduleOption = Annotated[
    str | None,
    typer.Option(
        "--schedule", help="Of proxyless: paper, the default; fast; exact, ours, which succeeds more often."
    ),
]
NamedOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="NAME=VALUE", help="Of the strategy, such as gates=exact; once for each option."
    ),
]
