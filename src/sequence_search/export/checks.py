"""What of a design or protocol a scanner cannot play, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.export.protocol import Protocol
from sequence_search.layout import HARD
from sequence_search.pulses.kinds import Kind
from sequence_search.sequence import Sequence
from sequence_search.system import System
from sequence_search.timing import kind_faults, peak_fault


def refuse(faults: Iterable[str], system: str) -> None:
    """Raise a ValueError with all faults in one sentence, if there are any."""
    told = list(dict.fromkeys(faults))
    if told:
        raise ValueError(f"cannot be played on {system}: {'; '.join(told)}")


def refuse_unused(sequence: Sequence, protocol: Protocol) -> None:
    """Raise a ValueError of what the protocol states and this design has no use for."""
    kinds = (HARD,) if sequence.layout is None else sequence.layout.kinds
    if protocol.hard_duration is not None and HARD not in kinds:
        raise ValueError("a duration of hard pulses (--hard-ms) needs some, and this design has none")
    if sequence.is_steady and protocol.tr is not None:
        raise ValueError(
            "a repetition time (--repeat-ms) is of a design that is played once, and this one has its own,"
            f" {1e3 * float(sequence.tr):.6g} ms"
        )
    if not sequence.is_steady and protocol.tr is not None and protocol.readout != "cartesian":
        raise ValueError(
            "a repetition time (--repeat-ms) goes with --readout cartesian, whose lines repeat a design that"
            f" is played once, got '{protocol.readout}'"
        )
    if not sequence.is_steady and protocol.dummies:
        raise ValueError("dummies (--dummies) are of a design that is repeated, and this one is played once")


def check_pulses(
    names: tuple[str, ...], flips: list[float], kinds: Mapping[str, Kind], thickness: float, system: System
) -> list[str]:
    """Peak B1, rasters and slice gradients of the pulses."""
    faults = []
    for number, (name, flip) in enumerate(zip(names, flips, strict=True), start=1):
        peak = peak_fault(f"pulse {number} ({name})", kinds[name], flip, system)
        faults += [peak] if peak else []
        faults += kind_faults(name, kinds[name], thickness, system)
    return faults
