"""What a problem may state but looks like a mistake; wrong units above all."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sequence_search.acquisition import Acquisition
from sequence_search.checks import FILE_UNITS
from sequence_search.limits import Limits, Range
from sequence_search.objective import Objective
from sequence_search.problem.errors import keys_of
from sequence_search.problem.schema import TABLES
from sequence_search.pulses.kinds import REPHASER, Kind, Shaped
from sequence_search.pulses.shapes import Slr
from sequence_search.search_space import NO_GRADIENT, SearchSpace
from sequence_search.tissue import Distribution, Imaging, Normal, Tissue
from sequence_search.voxels import clipped_share

NEGLIGIBLE_SHARE = 1e-6
MOST_B1_UT = 30.0
SMALL_SHARE = 0.01  # of the 128 voxels per tissue of a polish


# Range of a quantity in its SI unit beyond which a mistake is likelier than a wish; what it would be.
LIKELY = {
    "m0": (1e-3, 200.0, ""),
    "t1": (0.02, 20.0, "s"),
    "t2": (3e-4, 10.0, "s"),
    "t2_prime": (5e-4, 60.0, "s"),
    "b1": (0.2, 3.0, ""),
    "b0": (-3e3, 3e3, "Hz"),
    "spread": (0.0, 3e3, "Hz"),
    "min_rf_delay": (2e-4, 10.0, "s"),
    "max_delay": (2e-2, 100.0, "s"),
    "flip_range": (math.radians(13), 2 * math.pi, "rad"),
    "max_flip": (math.radians(13), 8 * math.pi, "rad"),
    "time_to_readout": (5e-3, 60.0, "s"),
    "te": (1e-3, 2.0, "s"),
    "ti": (1e-2, 20.0, "s"),
    "relative_rf_energy": (1e-2, 100.0, ""),
    "tr": (1e-3, 60.0, "s"),
    "echo_spacing": (1e-3, 1.0, "s"),
    "readout": (0.0, 0.2, "s"),
    "crusher": (0.0, 3e-2, "s"),
    "duration": (2e-5, 5e-2, "s"),
    "rephaser": (0.0, 1e-2, "s"),
    "peak_b1": (20.0, 5e3, "Hz"),
    "bandwidth": (50.0, 5e4, "Hz"),
}
IF_LOW = {"s": "seconds given for milliseconds?", "rad": "radians given for degrees?"}


def notes(
    tissues: tuple[Tissue, ...],
    imaging: Imaging,
    objective: Objective,
    space: SearchSpace,
    limits: Limits,
    pulses: Mapping[str, Kind],
    acquisition: Acquisition,
) -> list[str]:
    """A line each."""
    found = [note for tissue in tissues for note in _unlikely("tissues", tissue, f" of {tissue.name}")]
    found += _unlikely("imaging", imaging) + _unlikely("search_space", space)
    found += _unlikely("limits", limits, " of the limits") + _unlikely("sequence", acquisition)
    admitted = limits.admitted(space)
    known = set(admitted.pulses)
    if space.crusher and set(admitted.gradients) == {NO_GRADIENT}:
        found.append("crusher_ms is of crushers and spoilers, and there are none: state gradients")
    found += [note for name, kind in pulses.items() for note in _of_pulse(name, kind, known)]
    found += [note for name, kind in pulses.items() for note in _of_offset(name, kind, tissues)]
    found += [
        f"{100 * share:.2g} % of the draws of {name} in {tissue.name} fall below 1 % of the mean"
        " and are clipped"
        for tissue in tissues
        for name, share in clipped_share(tissue).items()
        if share > NEGLIGIBLE_SHARE
    ]
    found += [
        f"T2 of {tissue.name} is shorter than min_rf_delay_ms: hardly any of its signal is left to read"
        for tissue in tissues
        if tissue.t2.centre < space.min_rf_delay
    ]
    if space.flip_range[1] < math.pi and math.isinf(space.max_flip):
        found.append(
            f"flip_range_deg ends at {math.degrees(space.flip_range[1]):g} and holds for the start only:"
            " max_flip_deg is the bound of every flip angle"
        )
    found += [
        f"worst_share {term.worst_share:g} of term '{term.name}' is of hardly a voxel in a hundred:"
        " a search sees too few of them"
        for term in objective.terms
        if term.worst_share < SMALL_SHARE
    ]
    wanted = any(each.mean is not None and each.mean.low for each in limits.signal)
    if not wanted and all(term.kind.of == "sequence" for term in objective.terms):
        found.append("no term of the objective is of the signal: doing nothing is best")
    return found


def _of_pulse(name: str, kind: Kind, known: set[str]) -> list[str]:
    found = _unlikely("pulses", kind, f" of pulse {name}")
    if name not in known:
        found.append(f"pulse {name} is not among the pulses of the search space")
    if isinstance(kind, Shaped) and not kind.slice and kind.rephaser != REPHASER:
        found.append(f"rephaser_ms of pulse {name} is of a slice, and it selects none: state slice = true")
    if isinstance(kind, Slr) and kind.purpose in ("refocusing", "inversion") and kind.use is None:
        found.append(
            f"pulse {name} is designed for {kind.purpose}, and a search may excite by it: state its use"
        )
    peak = kind.peak_b1_ut(math.pi / 2)
    if MOST_B1_UT < peak < math.inf:
        found.append(
            f"pulse {name} takes {peak:.3g} uT for 90°, beyond the {MOST_B1_UT:g} uT of most body coils"
        )
    return found


def _of_offset(name: str, kind: Kind, tissues: tuple[Tissue, ...]) -> list[str]:
    frequencies = {tissue.name: tissue.b0.centre for tissue in tissues}
    apart = kind.frequency(np.array([*frequencies.values()]), 0.0)
    if not kind.offset or kind.rotation(math.pi / 2, 1.0, apart).angle.max() > math.pi / 4:
        return []
    told = ", ".join(f"{tissue} is at {frequency:g}" for tissue, frequency in frequencies.items())
    return [f"pulse {name} is at {kind.offset:g} Hz, where it turns no tissue by half of 90°: {told}"]


def _unlikely(
    table: str, owner: Tissue | Imaging | SearchSpace | Limits | Kind | Acquisition, of: str = ""
) -> list[str]:
    found = []
    for name, key in keys_of(TABLES[table]).items():
        if name not in LIKELY:
            continue
        low, high, si = LIKELY[name]
        unit, factor = FILE_UNITS.get(si, (si, 1.0))
        for end in _ends(getattr(owner, name, None)):
            if not low <= end <= high and not math.isinf(end):
                is_low = abs(end) < abs(low)
                hint = IF_LOW.get(si, "is it meant so small?") if is_low else "is it meant so large?"
                found.append(f"{key}{of} is {end * factor:.4g} {unit}".rstrip() + f": {hint}")
                break
    return found


def _ends(value: Distribution | Range | float | tuple[float, float] | None) -> tuple[float, ...]:
    """The values to judge: of a normal distribution the mean and one sd beyond, of a range its end."""
    match value:
        case None:
            return ()
        case Normal():
            return (value.mean, value.mean + value.sd)
        case tuple():
            return value[1:]
        case int() | float():
            return (value,)
        case Range(low=0):
            return (value.high,)
        case _:
            return (value.low, value.high)
