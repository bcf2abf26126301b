"""What of a design or protocol a scanner cannot play, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sequence_search.export.events import up
from sequence_search.export.protocol import Protocol
from sequence_search.pulses.kinds import Kind, is_multiple
from sequence_search.pulses.shapes import Slr
from sequence_search.system import System

KEPT = 1 + 1e-6  # a limit is, but for rounding


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
        kind = kinds[name]
        peak = kind.peak_b1_ut(flip)
        if peak > system.peak_b1_ut * KEPT:
            faults.append(
                f"pulse {number} ({name}) needs {peak:.4g} uT of {system.peak_b1_ut:g}:"
                f" {_fits(kind, peak, system)}"
            )
        if not is_multiple(kind.dwell, system.rf_raster):
            faults.append(
                f"pulses of kind '{name}' have steps of {1e6 * kind.dwell:g} us, which must be multiples of"
                f" {system.rf_raster_us:g} us (raster_ms)"
            )
        gradient = kind.slice_bandwidth / thickness
        if gradient > system.max_gradient * KEPT:
            least = 1e3 * kind.slice_bandwidth / system.max_gradient
            faults.append(
                f"the slice gradient of '{name}' is {1e3 * gradient / system.gamma:.4g} mT/m of"
                f" {system.max_gradient_mt_m:g}: the slice must be at least {least:.4g} mm (--slice-mm)"
            )
    return faults


def _fits(kind: Kind, peak: float, system: System) -> str:
    """What of a pulse with too large a B1 would fit."""
    if kind.fixed_flip is not None:
        most = system.peak_b1_ut * system.gamma_mhz_t
        return f"its amplitude is fixed, and peak_b1_hz must be at most {most:.4g}"
    least = up(kind.duration * peak / system.peak_b1_ut, 2 * system.tick)
    # An equiripple filter ends in spikes of one step, which a longer pulse of equal steps keeps.
    steps = ", with steps as much longer (raster_ms)" if isinstance(kind, Slr) else ""
    return f"its duration must be at least {1e3 * least:.6g} ms, got {1e3 * kind.duration:.6g}{steps}"


def check_readout(protocol: Protocol, system: System) -> list[str]:
    """Gradients and samples of the readouts."""
    if protocol.readout != "cartesian":
        return []
    n, faults = protocol.matrix[0], []
    gradient = protocol.bandwidth * n / protocol.fov[0]
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
