"""The closed loop: a file is written, read back and played, and kept if it gives what its design does."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from sequence_search.export.protocol import Protocol
from sequence_search.playback.comparison import Comparison, compare
from sequence_search.playback.events import PulseqError
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.storage import replacing

FileFormat = Literal["1.5", "1.4.1"]
BOUND = 0.02  # of the mean |Mxy| of a tissue [a.u.]
N_PER_TISSUE = 16  # voxels that are played


def write_seq(sequence: Any, path: Path, file_format: FileFormat = "1.5") -> None:
    """Write a `pypulseq.Sequence` whole or not at all, in a version of the format.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    with replacing(path) as aside:
        _write(sequence, aside, file_format)


def write_checked(
    sequence: Any,
    path: Path,
    design: Sequence,
    problem: Problem,
    *,
    protocol: Protocol,
    file_format: FileFormat = "1.5",
    bound: float = BOUND,
) -> Comparison:
    """Write the file of a design, as `write_seq`, if what it gives is near enough to the design.

    It is read back and played on spins, every event as it stands there, over voxels of the problem.

    Parameters
    ----------
    sequence : pypulseq.Sequence
    bound : of the mean |Mxy| of each tissue at each readout [a.u.]

    Raises
    ------
    ValueError
        If it differs by more than the bound, or has one repetition of a design that is repeated.
    StorageError
        If the file cannot be written.
    """
    if _is_alone(design, protocol):
        raise ValueError(
            "a single repetition cannot be compared with a design that is repeated (tr_ms): leave --dummies"
            " out, or let it be at least 1"
        )
    with replacing(path) as aside:
        _write(sequence, aside, file_format)
        try:
            found = compare(aside, design, problem, n_per_tissue=N_PER_TISSUE, size=protocol.compared)
        except PulseqError as error:  # it knows the file by the name that it has for now
            raise PulseqError(str(error).replace(str(aside), str(path))) from None
        if not found.largest <= bound:
            raise ValueError(
                f"{path.name} as it would be played differs from its design by {found.largest:.3g} in the"
                f" mean |Mxy| of a tissue, more than {bound:g}: pass --accept to write it and its comparison"
            )
    file = replace(found.played.file, name=str(path))
    return replace(found, played=replace(found.played, file=file))


def _is_alone(design: Sequence, protocol: Protocol) -> bool:
    """Whether it is one repetition of a design that is repeated."""
    n_y, n_z = protocol.lines
    at_once = design.n_readouts if protocol.turbo else 1
    return design.is_steady and protocol.dummies == 0 and n_y * n_z <= at_once


def _write(sequence: Any, path: Path, file_format: FileFormat) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pypulseq warns of a faulty timing, and writes
        sequence.write(str(path), v141_compat=file_format == "1.4.1")
