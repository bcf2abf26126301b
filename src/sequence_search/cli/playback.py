"""Commands on Pulseq files that somebody else wrote: check, import."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import Format, FormatOption
from sequence_search.cli.checks import bad_input, load
from sequence_search.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from sequence_search.playback.score import Played, Score
    from sequence_search.problem.problem import Problem

SeqArgument = Annotated[Path, typer.Argument(metavar="FILE.seq", help="Pulseq file.")]
SizeOption = Annotated[
    tuple[float, float, float] | None,
    typer.Option("--voxel-mm", metavar="X Y Z", help="Size of a voxel, where the file does not tell it."),
]
FieldOption = Annotated[
    float | None, typer.Option("--b0-tesla", min=0, help="Field of the scanner, for offsets in ppm.")
]


@app.command()
def check(
    file: SeqArgument,
    problem: Annotated[str, typer.Option("--problem", metavar="PROBLEM", help="Name or file of a problem.")],
    voxel_mm: SizeOption = None,
    b0_tesla: FieldOption = None,
    n_per_tissue: Annotated[int, typer.Option(min=1, help="Voxels of each tissue.")] = 64,
    format: FormatOption = Format.TABLE,
) -> None:
    """What a Pulseq file scores in a problem, played as it is."""
    loaded = load(problem)
    with bad_input():
        from sequence_search.playback.facts import facts, how_played
        from sequence_search.playback.score import play

        played = play(file, loaded, n_per_tissue=n_per_tissue, size=metres(voxel_mm), field=b0_tesla)
        beside = _conventional(loaded, n_per_tissue)
    found = facts(played)
    if format is Format.JSON:
        return print_json(
            {
                "file": str(file),
                "problem": loaded.name,
                "facts": asdict(found),
                "played": how_played(played),
                "score": asdict(played.score),
                "conventional": None if beside is None else asdict(beside),
                "sequence": played.bare.sequence.to_dict(),
            }
        )
    for line in how_played(played):
        say(line)
    rows = [
        ["duration (s)", f"{found.duration:.6g}"],
        ["TR (ms)", "played once" if found.tr is None else f"{1e3 * found.tr:.6g}"],
        ["TE (ms)", ", ".join(f"{1e3 * te:.4g}" for te in found.te)],
        ["RF energy (rad²)", f"{found.rf_energy:.4f}"],
        ["peak B1 (uT)", f"{found.peak_b1_ut:.4g}"],
        ["B1+rms (uT)", f"{found.rms_b1_ut:.4g}"],
    ]
    print_table(["quantity", "value"], rows, flexible=1)
    say(f"\nIn '{loaded.name}', over {n_per_tissue} voxels per tissue")
    _print_scores(played, beside)


def metres(size: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
    """Sizes in mm as m; ValueError if one is not above 0."""
    if size is None:
        return None
    if not all(0 < each < 1e4 for each in size):
        raise ValueError(f"--voxel-mm needs three numbers above 0, got {size}")
    x, y, z = (each / 1e3 for each in size)
    return x, y, z


def _conventional(problem: Problem, n_per_tissue: int) -> Score | None:
    """The textbook's answer to the problem over the same voxels, if there is one of its kind."""
    from sequence_search.explanation.conventional import conventional_sequence
    from sequence_search.playback.score import score_signal

    sequence = None if problem.has_layouts else conventional_sequence(problem)
    if sequence is None:
        return None
    voxels = problem.voxels(n_per_tissue)
    signal = problem.simulator(voxels).signal(sequence)[None]
    return score_signal(signal, problem, voxels, sequence, problem.pulses)


def _print_scores(played: Played, beside: Score | None) -> None:
    score = played.score
    rows = [
        *(
            [f"mean |Mxy| {name}", score.signal[name], beside and beside.signal[name]]
            for name in score.signal
        ),
        *([f"{name} (weighted)", score.terms[name], beside and beside.terms[name]] for name in score.terms),
        ["loss", score.loss, beside and beside.loss],
    ]
    heads = ["quantity", "file"] if beside is None else ["quantity", "file", "conventional"]
    lines: list[list[Any]] = [[row[0], *(f"{cell:.5f}" for cell in row[1 : len(heads)])] for row in rows]
    print_table(heads, lines, flexible=0)
    if len(score.readouts) > 1:
        say("\nmean |Mxy| at each readout")
        names = list(score.signal)
        each = [
            [str(number), *(f"{row[name]:.4f}" for name in names)]
            for number, row in enumerate(score.readouts, start=1)
        ]
        print_table(["readout", *names], each, flexible=0)
