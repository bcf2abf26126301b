"""The command that shows a design on real anatomy: preview."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sequence_search.cli.app import app
from sequence_search.cli.arguments import (
    DelayOption,
    DesignOption,
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
    TrOption,
)
from sequence_search.cli.checks import bad_input, check_figure, check_free, voxel_size
from sequence_search.cli.given import Stated, given_design, sequence_of_file
from sequence_search.cli.printing import print_json, print_table, say

if TYPE_CHECKING:
    from sequence_search.preview import Anatomy, Image, Slice
    from sequence_search.problem.problem import Problem
    from sequence_search.sequence import Sequence

DESIGN = "this design"
DPI = 150


@app.command()
def preview(  # noqa: PLR0913, PLR0917 - two ways to name a sequence, the anatomy and the output
    source: SourceArgument,
    out: Annotated[Path, typer.Option(help="PNG, SVG or PDF file to draw in.")],
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
    beside: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON or TOML file of one more sequence.")
    ] = None,
    map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=FILE",
            help="NIfTI map of a tissue's fraction, or of T1, T2, T2prime (ms), PD, b0 (Hz) or b1.",
        ),
    ] = None,
    voxel_mm: Annotated[
        str | None, typer.Option(metavar="X,Y,Z", help="Larger voxels of tissue fractions, as 2 or 1,1,5.")
    ] = None,
    slices: Annotated[
        str | None, typer.Option(metavar="PLANE:MM,...", help="As axial:30,40 or axial:30|sagittal:0.")
    ] = None,
    snr: Annotated[
        float | None, typer.Option(min=0.001, help="Of --reference in this design; no noise without.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="TISSUE", help="Of --snr; the brightest if not given.")
    ] = None,
    fields: Annotated[bool, typer.Option("--fields", help="Show b0 and b1 too.")] = False,
    draw_seed: Annotated[int, typer.Option(min=0, help="Of b0, b1 and the noise.")] = 0,
    nifti: Annotated[
        Path | None, typer.Option(help="File for the whole volume of this design, .nii or .nii.gz.")
    ] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show what a design gives of real anatomy, beside the conventional sequence at one scale and noise."""
    from sequence_search.preview import image, preview_figure, write_nifti
    from sequence_search.preview.measures import noise
    from sequence_search.report.drawing import write_figure

    with bad_input():
        check_figure(out, overwrite, "--out")
        _check_nifti(nifti, overwrite)
        if reference is not None and snr is None:
            raise ValueError(f"--reference {reference} is of --snr, which is not given")
        stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
        loaded, played = given_design(source, stated, problem, seed, design)
        shown = {DESIGN: played} | _others(loaded, beside)
        anatomy = _anatomy(loaded, map or [], voxel_mm)
        at = _slices(slices, anatomy, max(each.n_readouts for each in shown.values()))
        images = {
            name: image(each, loaded, anatomy, slices=at, seed=draw_seed) for name, each in shown.items()
        }
        sigma, of = (0.0, "") if snr is None else noise(images[DESIGN], snr, reference)
        figure = preview_figure(images, at, sigma=sigma, seed=draw_seed, fields=fields, title=loaded.title)
        if nifti is not None:
            whole = image(played, loaded, anatomy, seed=draw_seed)
            write_nifti(nifti, whole.magnitude(sigma, draw_seed), anatomy.affine)
        write_figure(figure, out, DPI)
    if format is Format.JSON:
        return print_json({"problem": loaded.name, "sigma": sigma} | _record(shown, images))
    _print(images, sigma)
    if sigma:
        say(f"\nsigma {sigma:.4g}: {of} of {DESIGN} has an SNR of {snr:g}")
    for file in (out, nifti):
        if file is not None:
            say(f"wrote {file}")
    return None


def _check_nifti(file: Path | None, overwrite: bool) -> None:
    if file is None:
        return
    if not file.name.lower().endswith((".nii", ".nii.gz")):
        raise ValueError(f"--nifti must be a .nii or .nii.gz file, got {file}")
    check_free(file, overwrite, "--nifti")


def _others(problem: Problem, beside: Path | None) -> dict[str, Sequence]:
    """What is shown besides the design: the conventional sequence, and that of a file."""
    from sequence_search.explanation.conventional import conventional_name, conventional_sequence

    found = conventional_sequence(problem)
    if found is None:
        say(f"note: '{problem.name}' has no conventional sequence to compare with", err=True)
    others = {} if found is None else {conventional_name(problem): found}
    return (
        others if beside is None else others | {beside.name: sequence_of_file(problem, Stated(file=beside))}
    )


def _anatomy(problem: Problem, maps: list[str], voxel_mm: str | None) -> Anatomy:
    """Maps of the user's, or the template's; what stays dark is told."""
    from sequence_search.preview import icbm152, read_anatomy

    size = None if voxel_mm is None else voxel_size(voxel_mm)
    files = {}
    for text in maps:
        name, equals, file = text.partition("=")
        if not equals or not name or not file:
            raise ValueError(f"--map takes NAME=FILE, as GM=gm.nii.gz, got '{text}'")
        if name in files:
            raise ValueError(f"--map {name} is given twice")
        files[name] = Path(file)
    anatomy = read_anatomy(files, size) if files else icbm152(size or (1.0, 1.0, 1.0))
    for name in anatomy.check_tissues(problem):
        say(f"note: '{problem.name}' has no {name}, which stays dark", err=True)
    if anatomy.properties and "t2_prime" not in anatomy.properties:
        say("note: there is no map of T2prime: nothing dephases with a T2'", err=True)
    return anatomy


def _slices(text: str | None, anatomy: Anatomy, n_readouts: int) -> list[Slice]:
    """Those that were asked for, or three, or one of several readouts."""
    from sequence_search.preview import middle_slices, read_slices

    if text is not None:
        return read_slices(text, anatomy)
    return middle_slices(anatomy, 3 if n_readouts == 1 else 1)


def _record(shown: dict[str, Sequence], images: Mapping[str, Image]) -> dict[str, Any]:
    """Signals of tissues at each readout, by image."""
    from dataclasses import asdict

    from sequence_search.preview.measures import tissue_signals

    return {
        "images": {
            name: {
                "sequence": shown[name].to_dict(),
                "readouts": [
                    {
                        "time_ms": 1e3 * time,
                        "tissues": [asdict(each) for each in tissue_signals(one, readout)],
                    }
                    for readout, time in enumerate(one.times.tolist())
                ],
            }
            for name, one in images.items()
        }
    }


def _print(images: Mapping[str, Image], sigma: float) -> None:
    """A row for each image and tissue, then for each pair of tissues."""
    from sequence_search.preview.measures import contrasts, tissue_signals

    by_image = {name: tissue_signals(one) for name, one in images.items()}
    for head, rows in (
        (
            ["image", "tissue", "mean |signal|", "sd over the slices"],
            [
                [name, each.tissue, f"{each.mean:.4f}", f"{each.sd:.4f}"]
                for name, signals in by_image.items()
                for each in signals
            ],
        ),
        (
            ["image", "pair", "contrast", *(["CNR"] if sigma else [])],
            [
                [name, pair, f"{value:+.4f}", *([f"{abs(value) / sigma:.1f}"] if sigma else [])]
                for name, signals in by_image.items()
                for pair, value in contrasts(signals).items()
            ],
        ),
    ):
        if rows:
            print_table(head, rows, flexible=0)
            say()
