"""Commands on Pulseq files that somebody else wrote: check, import."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import Format, FormatOption, OverwriteOption
from sequence_search.cli.checks import bad_input, check_free, load, voxel_size
from sequence_search.cli.printing import flow, print_json, print_table, pulses_of, say

if TYPE_CHECKING:
    from sequence_search.playback.design import Imported
    from sequence_search.playback.score import Played, Score
    from sequence_search.problem.problem import Problem

SeqArgument = Annotated[Path, typer.Argument(metavar="FILE.seq", help="Pulseq file.")]
SizeOption = Annotated[
    str | None,
    typer.Option("--voxel-mm", metavar="X,Y,Z", help="Size of a voxel, where the file does not tell it."),
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


@app.command(name="import")
def import_(
    file: SeqArgument,
    out: Annotated[
        Path | None, typer.Option(help="JSON or TOML file to write the design to, for --sequence.")
    ] = None,
    problem: Annotated[
        str | None,
        typer.Option("--problem", metavar="PROBLEM", help="To name its kinds of pulse, and to compare in."),
    ] = None,
    problem_out: Annotated[
        Path | None,
        typer.Option(help="File to write that problem to, with the kinds of pulse of the design."),
    ] = None,
    voxel_mm: SizeOption = None,
    b0_tesla: FieldOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Make a design of a Pulseq file, to be evaluated, compared or searched from."""
    loaded = None if problem is None else load(problem)
    with bad_input():
        from sequence_search.playback.comparison import compare
        from sequence_search.playback.design import import_seq, problem_with
        from sequence_search.playback.facts import how_played

        _check_out(out, (".json", ".toml"), "--out", overwrite)
        _check_out(problem_out, (".toml",), "--problem-out", overwrite)
        if problem_out is not None and loaded is None:
            raise ValueError("--problem-out needs --problem: which problem the kinds of pulse are added to")
        size = metres(voxel_mm)
        found = import_seq(file, kinds=None if loaded is None else loaded.pulses, size=size, field=b0_tesla)
        wider = loaded and problem_with(loaded, found)
        compared = wider and compare(file, found.sequence, wider, size=size, field=b0_tesla)
    say(flow(pulses_of(found.sequence)))
    if found.kinds:
        print_table(["kind of pulse", "shape", "duration (ms)", "peak B1 (uT)"], _kinds(found), flexible=0)
    for note in found.notes:
        say(f"Note: {note}.")
    if compared:
        say(f"\nIn '{problem}', the file as it is played, and the design")
        say(how_played(compared.played)[0])
        print_table(["quantity", "file", "design", "difference"], compared.rows(), flexible=0)
    with bad_input():
        _write(found, out, wider, problem_out)


def _kinds(found: Imported) -> list[list[str]]:
    """A row for each kind of pulse, with its largest B1."""
    from sequence_search.pulses.shapes import shape_name

    layout, flips = found.sequence.layout, found.sequence.flip_angle.tolist()
    rows = []
    for name, kind in found.kinds.items():
        mine = [flip for its, flip in zip(layout.kinds if layout else (), flips, strict=True) if its == name]
        peak = max(map(kind.peak_b1_ut, mine))
        rows.append([name, shape_name(kind), f"{1e3 * kind.duration:.5g}", f"{peak:.4g}"])
    return rows


def _check_out(file: Path | None, suffixes: tuple[str, ...], option: str, overwrite: bool) -> None:
    """Refuse a file of another kind, in no folder, or that is there already."""
    if file is None:
        return
    if file.suffix.lower() not in suffixes:
        raise ValueError(f"{option} must be a {' or '.join(suffixes)} file, got {file}")
    check_free(file, overwrite, option)


def _write(found: Imported, out: Path | None, problem: Problem | None, problem_out: Path | None) -> None:
    """The design, and the problem that has its kinds of pulse."""
    from sequence_search.problem.library import inline, toml_text
    from sequence_search.problem.writing import write_pulse
    from sequence_search.storage import json_text, write_bytes

    if out is not None:
        pulses = {name: write_pulse(kind) for name, kind in found.kinds.items()}
        whole = {"sequence": found.sequence.to_dict()} | ({"pulses": pulses} if pulses else {})
        text = toml_text(whole) if out.suffix.lower() == ".toml" else json_text(whole)
        write_bytes(out, f"{text}\n".encode())
        say(f"wrote {out}")
    if problem is not None and problem_out is not None:
        write_bytes(problem_out, f"{toml_text(inline(problem.to_dict()))}\n".encode())
        say(f"wrote {problem_out}")


def metres(text: str | None) -> tuple[float, float, float] | None:
    """Size of a voxel in mm as m; ValueError if it is none."""
    if text is None:
        return None
    x, y, z = (each / 1e3 for each in voxel_size(text))
    return x, y, z


def _conventional(problem: Problem, n_per_tissue: int) -> Score | None:
    """The textbook's answer to the problem over the same voxels, if there is one of its kind."""
    from sequence_search.explanation.conventional import conventional_sequence
    from sequence_search.playback.score import score_design

    given = problem.conventional is not None or not problem.has_layouts
    sequence = conventional_sequence(problem) if given else None
    return None if sequence is None else score_design(sequence, problem, problem.voxels(n_per_tissue))


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
