"""The paper's and the user's categories of designs, by flip angles and phases, and what counts as success."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sequence_search.checks import Fault
from sequence_search.phases import wrap
from sequence_search.sequence import Sequence
from sequence_search.structure import describe

OTHERS = "Others"
TOLERANCE = math.radians(20)  # Tables II and III, of flip angles and of the refocusing phase
SUCCESS_MARGIN = 0.05  # Sec. II.E: successful designs lie within 5 % of the grid optimum
# A criterion stated in degrees and met exactly must not fail by the rounding of a conversion.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """Structure that the designs of a category share. Sequence Search, Tables II and III, Sec. II.E.2.

    Attributes
    ----------
    flips, flip_tolerance : tuple of float and float, rad
        Flip angles of the last pulses of the sequence, in their order, and by how much each may differ.
    early_below : earlier pulses are allowed below this flip angle [rad]; None: no earlier pulse
    n_rf : numbers of pulses allowed, earlier ones counted; None: any
    refocusing_phases, phase_tolerance : tuple of float or None and float, rad
        The phase of the last pulse relative to the one before it must be so near to one of these, up to sign.
        None: any phase.
    ti_above : the first pulse of `flips` must precede the next by more [s]; None: by any time
    """

    name: str
    flips: tuple[float, ...]
    flip_tolerance: float = TOLERANCE
    early_below: float | None = None
    n_rf: tuple[int, ...] | None = None
    refocusing_phases: tuple[float, ...] | None = None
    phase_tolerance: float = TOLERANCE
    ti_above: float | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name == OTHERS:
            raise Fault("{name} must not be empty or 'Others', which is what no category covers")
        if not self.flips or not all(0 <= flip <= 2 * math.pi + ROUNDING for flip in self.flips):
            degrees = [round(math.degrees(flip), 9) for flip in self.flips]
            raise Fault("{flips} must be at least one angle within 0° to 360°, got {0}", degrees)
        for key in ("flip_tolerance", "phase_tolerance"):
            if not 0 <= getattr(self, key) <= math.pi + ROUNDING:
                raise Fault(f"{{{key}}} must lie within 0° to 180°, got {{0:rad}}", getattr(self, key))
        n_flips = len(self.flips)
        if self.n_rf is not None and not self.n_rf:
            raise Fault("{n_rf} must be at least one number of pulses, got an empty list")
        if self.n_rf is not None and not all(n_rf >= n_flips for n_rf in self.n_rf):
            raise Fault(f"{{n_rf}} must be at least the {n_flips} of {{flips}}, got {list(self.n_rf)}")
        for key in ("refocusing_phases", "ti_above"):
            if getattr(self, key) is not None and n_flips < 2:
                raise Fault(f"{{{key}}} needs {{flips}} of two pulses or more, got {n_flips}")


def classify(sequence: Sequence, rules: Iterable[CategoryRule]) -> str:
    """Name of the first rule that a single sequence satisfies, or "Others". Sequence Search, Sec. II.E.

    Pulses below 3° are dropped and phases standardised beforehand.
    """
    standard = standardized(sequence)
    return next((rule.name for rule in rules if satisfies(standard, rule)), OTHERS)


def category_text(sequence: Sequence, rules: Iterable[CategoryRule]) -> str:
    """Category of a single sequence; of one of Others, and without rules, its structure in words."""
    name = classify(sequence, rules)
    return describe(sequence) if name == OTHERS else name


def satisfies(sequence: Sequence, rule: CategoryRule) -> bool:
    """Whether a single standardised sequence has the structure of a rule; a tolerance includes its end."""
    single = sequence.without_padding()
    flips, phases, delays = (part.tolist() for part in (single.flip_angle, single.phase, single.intervals))
    n_last = len(rule.flips)
    early, last = flips[:-n_last], flips[-n_last:]
    if len(last) < n_last or (rule.n_rf is not None and len(flips) not in rule.n_rf):
        return False
    differences = [abs(flip - wanted) for flip, wanted in zip(last, rule.flips, strict=True)]
    if max(differences) > rule.flip_tolerance + ROUNDING:
        return False
    if any(rule.early_below is None or flip >= rule.early_below - ROUNDING for flip in early):
        return False
    if rule.ti_above is not None and delays[-n_last] <= rule.ti_above:
        return False
    if rule.refocusing_phases is None:
        return True
    phase = abs(wrap(phases[-1] - phases[-2]))
    allowed = rule.phase_tolerance + ROUNDING
    return any(abs(phase - abs(wrap(wanted))) <= allowed for wanted in rule.refocusing_phases)


def succeeds(loss: float, reference: float) -> bool:
    """Whether a loss is within 5 % of the reference, the grid optimum. Sequence Search, Sec. II.E.

    Both without the RF number term: with it the published three-RF design of experiment 1 would not count.
    The 5 % are of the magnitude, so that the bound of a negative loss lies above it too.
    """
    return loss <= reference + SUCCESS_MARGIN * abs(reference)


def phase_statistics(phases: Iterable[float]) -> tuple[float, float]:
    """Mean within [-pi/2, 3 pi/2) and standard deviation of phases [rad]. Sequence Search, Sec. II.E.

    The mean is circular, the deviation that of the differences from it within (-pi, pi]. Phases clustered at
    ±180° are so continuous, as when 360° are added to the negative ones; phases on both sides of 0° keep
    their signs.

    Raises
    ------
    ValueError
        If there is no phase.
    """
    values = np.asarray(list(phases), dtype=np.float64)
    if not values.size:
        raise ValueError("the statistics of phases need at least one phase, got none")
    mean = float(np.angle(np.exp(1j * values).mean()))
    deviation = math.sqrt(np.square(wrap(values - mean)).mean())
    return (mean + math.pi / 2) % (2 * math.pi) - math.pi / 2, deviation


def standardized(sequence: Sequence) -> Sequence:
    """A single sequence without pulses below 3° and with standardised phases. Sequence Search, Sec. II.E."""
    return sequence.detach().drop_small_pulses().standardize_phases().without_padding()
