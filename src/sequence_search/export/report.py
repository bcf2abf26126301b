"""What an exported sequence asks of a scanner and of who lies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sequence_search.export.events import ROUNDING
from sequence_search.system import System


@dataclass(frozen=True, slots=True)
class Demand:
    """What a Pulseq sequence asks of a scanner.

    Attributes
    ----------
    duration : s
    peak_b1_ut : largest B1
    b1_rms_ut : root mean square of B1+ over the whole duration
    rf_energy : integral of the squared B1 [uT² s]; no SAR, which depends on the patient and the coil
    gradient_mt_m, slew_t_m_s : largest of any axis
    pns : largest stimulation of the SAFE model, relative to its limit; None without a model
    """

    duration: float
    peak_b1_ut: float
    b1_rms_ut: float
    rf_energy: float
    gradient_mt_m: float
    slew_t_m_s: float
    pns: float | None


def demand(sequence: Any, system: System) -> Demand:
    """Of a `pypulseq.Sequence`.

    Raises
    ------
    ValueError
        If the model of nerve stimulation cannot be read.
    """
    blocks = [sequence.get_block(number) for number in sequence.block_events]
    peak, energy, gradient, slew = 0.0, 0.0, 0.0, 0.0
    for block in blocks:
        if block.rf is not None:
            b1 = np.abs(block.rf.signal) / system.gamma_mhz_t
            peak = max(peak, float(b1.max()))
            energy += float(np.square(b1).sum()) * block.rf.shape_dur / len(b1)
        for each in (block.gx, block.gy, block.gz):
            if each is not None:
                gradient = max(gradient, abs(each.amplitude))
                slew = max(slew, abs(each.amplitude) / min(each.rise_time, each.fall_time))
    duration = float(sum(sequence.block_durations.values()))
    return Demand(
        duration=duration,
        peak_b1_ut=peak,
        b1_rms_ut=math.sqrt(energy / duration),
        rf_energy=energy,
        gradient_mt_m=1e3 * gradient / system.gamma,
        slew_t_m_s=slew / system.gamma,
        pns=_stimulation(sequence, system.pns_model) if system.pns_model else None,
    )


def excesses(needed: Demand, system: System) -> list[str]:
    """What of it is beyond the limits of a scanner, a sentence each; stimulation is for the user to judge."""
    return [
        f"{name} is {value:.4g} {unit} of {most:g}"
        for name, value, most, unit in (
            ("the peak B1", needed.peak_b1_ut, system.peak_b1_ut, "uT"),
            ("the largest gradient", needed.gradient_mt_m, system.max_gradient_mt_m, "mT/m"),
            ("the largest slew rate", needed.slew_t_m_s, system.max_slew_t_m_s, "T/m/s"),
        )
        if value > most * ROUNDING
    ]


def _stimulation(sequence: Any, model: str) -> float:
    """Largest norm over the axes of the last 10 s that have gradients, relative to the limit."""
    from pypulseq.utils.safe_pns_prediction import safe_example_hw

    if model != "example" and not Path(model).is_file():
        raise ValueError(f"pns_model: there is no file {model}")
    time, end = 0.0, 0.0
    for number, duration in sequence.block_durations.items():
        block = sequence.get_block(number)
        time += float(duration)
        if any(each is not None for each in (block.gx, block.gy, block.gz)):
            end = time
    if not end:
        return 0.0
    hardware = safe_example_hw() if model == "example" else model
    try:
        _, norm, _, _ = sequence.calculate_pns(hardware, time_range=[max(end - 10, 0), end], do_plots=False)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        lacks = f", it lacks {error}" if isinstance(error, KeyError) else ""
        raise ValueError(f"pns_model: {model} is no file of a gradient system{lacks}") from None
    return float(norm.max())
