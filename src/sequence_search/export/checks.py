"""What of a design or protocol a scanner cannot play, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.pulses.kinds import Kind
from sequence_search.system import System
from sequence_search.timing import kind_faults, peak_fault


def refuse(faults: Iterable[str], system: str) -> None:
    """Raise a ValueError with all faults in one sentence, if there are any."""
    told = list(dict.fromkeys(faults))
    if told:
        raise ValueError(f"cannot be played on {system}: {'; '.join(told)}")


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
