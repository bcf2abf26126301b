"""Command on Pulseq files: export."""

from __future__ import annotations

import math
from dataclasses import asdict
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
    ProblemOption,
    PulsesOption,
    SeedOption,
    SequenceOption,
    SourceArgument,
    TrOption,
)
from sequence_search.cli.checks import bad_input, numbers
from sequence_search.cli.given import Stated, given_design
from sequence_search.cli.printing import print_table, say
from sequence_search.extras import imported
from sequence_search.words import counted

if TYPE_CHECKING:
    from sequence_search.export.loop import FileFormat
    from sequence_search.export.report import Demand
    from sequence_search.system import System

FORMATS = ("1.5", "1.4.1")


@app.command()
def export(  # noqa: PLR0913, PLR0917 - a design, a scanner and a protocol
    source: SourceArgument,
    seq: Annotated[Path, typer.Option("--seq", metavar="FILE", help="Pulseq file to write, .seq.")],
    system: Annotated[
        str | None,
        typer.Option(
            help="Scanner: a name, as siemens-prisma, or a TOML file; that of the problem if not given."
        ),
    ] = None,
    readout: Annotated[str, typer.Option(help="none, fid, cartesian or epi.")] = "none",
    fov_mm: Annotated[str | None, typer.Option(metavar="X,Y[,Z]", help="Field of view.")] = None,
    matrix: Annotated[str | None, typer.Option(metavar="X,Y[,Z]", help="Samples and lines.")] = None,
    slice_mm: Annotated[
        float | None,
        typer.Option(help="Thickness of the slice; that of the problem, or 5, or a 3D slab, if not given."),
    ] = None,
    bandwidth_hz: Annotated[
        float | None, typer.Option(help="Of a pixel; 250, or 1500 of epi, if not given.")
    ] = None,
    turbo: Annotated[
        bool, typer.Option("--turbo", help="Each readout of a train is a line of one image.")
    ] = False,
    dummies: Annotated[
        int | None, typer.Option(help="Repetitions before the first that is read; five T1 if not given.")
    ] = None,
    repeat_ms: Annotated[
        float | None,
        typer.Option(
            help="From one playing to the next of a design that is played once; five T1 if not given."
        ),
    ] = None,
    hard_ms: Annotated[
        float | None, typer.Option(help="Duration of pulses that are instantaneous in the design.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="Of the file: 1.5 or 1.4.1.")] = "1.5",
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
    bound: Annotated[
        float, typer.Option(min=0, help="Of the mean |Mxy| of a tissue, file as it is played less design.")
    ] = 0.02,
    accept: Annotated[bool, typer.Option("--accept", help="Write the file whatever the difference.")] = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write a design as a Pulseq file that a scanner can play, played back and compared with the design."""
    with bad_input():
        _check(seq, file_format, overwrite)
        imported("pypulseq", "pulseq", "export")
        from sequence_search.export.build import exported
        from sequence_search.export.checks import refuse
        from sequence_search.export.loop import write_checked, write_seq
        from sequence_search.export.protocol import protocol_of, system_for
        from sequence_search.export.report import demand, excesses
        from sequence_search.storage import write_json

        stated = Stated(flip_deg, phase_deg, delay_ms, pulses, gradients, tr_ms, sequence)
        loaded, given = given_design(source, stated, problem, seed, design)
        limits = system_for(loaded, system)
        protocol = protocol_of(
            {
                "readout": readout,
                "fov_mm": _extents("--fov-mm", fov_mm),
                "matrix": _extents("--matrix", matrix),
                "slice_mm": slice_mm,
                "bandwidth_hz": bandwidth_hz,
                "turbo": turbo,
                "dummies": dummies,
                "repeat_ms": repeat_ms,
                "hard_ms": hard_ms,
            },
            loaded,
        )
        found, notes = exported(given, loaded, system=limits, protocol=protocol)
        needed = demand(found, limits)
        refuse(excesses(needed, limits), limits.name)
        version: FileFormat = "1.5" if file_format == "1.5" else "1.4.1"
        record: dict[str, Any] = {"scanner": limits.name, "demand": asdict(needed), "notes": notes}
        compared = None
        if readout == "fid":  # its samples begin where the design reads
            write_seq(found, seq, version)
        else:
            most = math.inf if accept else bound
            compared = write_checked(
                found, seq, given, loaded, protocol=protocol, file_format=version, bound=most
            )
            record |= compared.to_dict() | {"file": seq.name}
        write_json(seq.with_suffix(".json"), record)
    _print(needed, limits, len(found.block_events))
    for note in notes:
        say(f"Note: {note}.")
    if compared is not None:
        say("\nThe file as it is played, and its design")
        print_table(["quantity", "file", "design", "difference"], compared.rows(), flexible=0)
    say(f"\nwrote {seq} and {seq.with_suffix('.json')}")


def _check(seq: Path, file_format: str, overwrite: bool) -> None:
    if seq.suffix != ".seq":
        raise ValueError(f"--seq must be a .seq file, got {seq}")
    if not seq.parent.is_dir():
        raise ValueError(f"--seq {seq}: there is no folder {seq.parent}")
    for file in (seq, seq.with_suffix(".json")):
        if file.exists() and not overwrite:
            raise ValueError(f"--seq {seq}: {file} exists already: choose another name or pass --overwrite")
    if file_format not in FORMATS:
        raise ValueError(f"--format is 1.5 or 1.4.1, got '{file_format}'")


def _extents(option: str, text: str | None) -> tuple[float, ...] | None:
    return None if text is None else numbers(option, text, "two numbers or, in 3D, three, with commas")


def _print(needed: Demand, system: System, n_blocks: int) -> None:
    say(f"{counted(n_blocks, 'block')} for {system.name}, {needed.duration:.6g} s")
    rows: list[list[Any]] = [
        ["peak B1 (uT)", f"{needed.peak_b1_ut:.4g}", f"{system.peak_b1_ut:g}"],
        ["B1+rms (uT)", f"{needed.b1_rms_ut:.4g}", ""],
        ["RF energy (uT² s)", f"{needed.rf_energy:.4g}", ""],
        ["gradient (mT/m)", f"{needed.gradient_mt_m:.4g}", f"{system.max_gradient_mt_m:g}"],
        ["slew rate (T/m/s)", f"{needed.slew_t_m_s:.4g}", f"{system.max_slew_t_m_s:g}"],
    ]
    if needed.pns is not None:
        rows.append(["nerve stimulation, SAFE model (%)", f"{100 * needed.pns:.3g}", "100"])
    print_table(["quantity", "value", "limit"], rows, flexible=0)
    if needed.pns is None:
        say("No model of nerve stimulation: state pns_model in a system file.")
