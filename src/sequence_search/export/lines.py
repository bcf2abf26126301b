"""Samples of each readout of an export, or of each line of k-space."""

from __future__ import annotations

from sequence_search.export.protocol import Protocol
from sequence_search.system import System
from sequence_search.timing import KEPT, Line, dwell_raster, few_samples, near, up

FID_DWELL, FID_SAMPLES = 5e-5, 1024  # s
# Part of the bandwidth by which another one that is played is told: of one that is stated, and of the
# default, whose 250 Hz are 244 of 128 samples on a raster of 2 us.
NOTED, NOTED_OF_DEFAULT = 0.02, 0.05


def line_of(protocol: Protocol, system: System) -> Line:
    """Samples of each readout, or of a line of it."""
    if protocol.is_image:
        n, dwell = protocol.matrix[0], _line_dwell(protocol, system)
        # Sample n / 2 is that of the centre of k-space, as a plain FFT takes it.
        return Line(n, dwell, -(n // 2 + 0.5) * dwell, 1 / (protocol.fov[0] * dwell))
    if protocol.readout == "fid":
        divisor, raster = system.adc_samples_divisor, dwell_raster(system)
        most = min(FID_SAMPLES, system.adc_samples_limit or FID_SAMPLES)
        return Line(max(most // divisor, 1) * divisor, max(near(FID_DWELL, raster), raster), 0.0)
    return few_samples(system)


def _line_dwell(protocol: Protocol, system: System) -> float:
    """Time of a sample of a line: the nearest on the raster, or the next where that is too short [s]."""
    raster = dwell_raster(system)
    asked = 1 / (protocol.pixel_bandwidth * protocol.matrix[0])
    nearest = max(near(asked, raster), raster)
    is_kept = 1 / (protocol.fov[0] * nearest) <= system.max_gradient * KEPT
    return nearest if is_kept else up(asked, raster)


def bandwidth_notes(protocol: Protocol, system: System) -> list[str]:
    """Where the bandwidth that is played is another than that asked for."""
    if not protocol.is_image:
        return []
    line, asked = line_of(protocol, system), protocol.pixel_bandwidth
    played = 1 / (line.n_samples * line.dwell)
    if abs(played / asked - 1) <= (NOTED if protocol.bandwidth else NOTED_OF_DEFAULT):
        return []
    return [
        f"the bandwidth is {played:.4g} Hz a pixel in place of {asked:.4g}: a sample takes"
        f" {1e6 * line.dwell:g} us, a multiple of {1e6 * dwell_raster(system):g} us"
    ]


def line_faults(protocol: Protocol, system: System) -> list[str]:
    """Gradients and samples of the readouts that a scanner cannot play."""
    if not protocol.is_image:
        return _sample_faults(protocol, system)
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


def _sample_faults(protocol: Protocol, system: System) -> list[str]:
    n, most = line_of(protocol, system).n_samples, system.adc_samples_limit
    if not most or n <= most:
        return []
    return [
        f"a readout of '{protocol.readout}' takes {n} samples or more, a multiple of adc_samples_divisor,"
        f" {system.adc_samples_divisor}, and adc_samples_limit is {most}"
    ]
