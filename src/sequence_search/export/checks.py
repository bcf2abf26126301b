"""What of a design or protocol a scanner cannot play, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.export.protocol import Protocol
from sequence_search.pulses.kinds import Kind
from sequence_search.system import System
from sequence_search.timing import KEPT, kind_faults, peak_fault


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


def check_readout(protocol: Protocol, system: System) -> list[str]:
    """Gradients and samples of the readouts."""
    if not protocol.is_image:
        return []
    n, faults = protocol.matrix[0], []
    gradient = protocol.pixel_bandwidth * n / protocol.fov[0]
    if gradient > system.max_gradient * KEPT:
        most = system.max_gradient * protocol.fov[0] / n
        faults.append(
            f"the readout gradient is {1e3 * gradient / system.gamma:.4g} mT/m of"
            f" {system.max_gradient_mt_m:g}: the bandwidth must be at most {most:.4g} Hz a pixel"
            " (--bandwidth-hz)"
        )
    if n % system.adc_samples_divisor:
        faults.append(
            f"a line must have a multiple of {system.adc_samples_divisor} samples, got {n} (--matrix)"
        )
    if system.adc_samples_limit and n > system.adc_samples_limit:
        faults.append(f"a line must have at most {system.adc_samples_limit} samples, got {n} (--matrix)")
    return faults
