"""How a sequence is repeated and read: repetition time, spoiling, a train of echoes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from sequence_search.checks import Fault, number, whole_number
from sequence_search.limits import Range
from sequence_search.search_space import ROUNDING
from sequence_search.sequence import Sequence
from sequence_search.words import counted

Spoiling = Literal["ideal", "unvaried"]
MOST_ECHOES = 64
LEAST_REST = 1e-4  # from the last readout of a search to the end of the repetition [s]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a sequence is repeated and read.

    Attributes
    ----------
    tr : float or Range
        Repetition time [s]; inf if it is played once, from equilibrium. In a range it is searched.
    spoiling : "ideal" or "unvaried"
        What is left of a repetition in the next: Mz alone, as if all that is transverse and all that a
        crusher has labelled were dephased anew; or what repetitions without phase encoding and RF spoiling
        leave, of which the last three are followed.
    echoes : int
        Readouts, one after each refocusing pulse of a train of equal spacing.
    echo_spacing : float, Range or None
        From echo to echo [s]; in a range it is searched. None: as the delays of the search space allow.
    readout : float
        Duration of each readout, half of it on either side of the moment at which it is read [s].
    free_refocusing : int
        Refocusing pulses of the train, from the first on, with flip angles and phases of their own; the next
        one is repeated to the end. At most one less than the echoes.

    Raises
    ------
    ValueError
        If a time is none or does not fit the others.
    """

    tr: float | Range = math.inf
    spoiling: Spoiling = "ideal"
    echoes: int = 1
    echo_spacing: float | Range | None = None
    readout: float = 0.0
    free_refocusing: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "tr", _time("tr", self.tr))
        object.__setattr__(self, "echoes", whole_number("echoes", self.echoes, 1, MOST_ECHOES))
        if self.spoiling not in get_args(Spoiling):
            known = " or ".join(map(repr, get_args(Spoiling)))
            raise Fault("{spoiling} must be " + known + ", got {0}", repr(self.spoiling))
        if self.spoiling != "ideal" and not self.is_repeated:
            raise Fault("{spoiling} '{0}' is of repetitions: state {tr}", self.spoiling)
        object.__setattr__(self, "readout", number("readout", self.readout))
        if not 0 <= self.readout < math.inf:
            raise Fault("{readout} must be at least 0 and finite, got {0:s}", self.readout)
        free = whole_number("free_refocusing", self.free_refocusing, 0, self.echoes - 1)
        object.__setattr__(self, "free_refocusing", free)
        if self.echo_spacing is not None:
            object.__setattr__(self, "echo_spacing", _time("echo_spacing", self.echo_spacing))
            if math.isinf(self.echo_spacing_bounds[1]):
                raise Fault("{echo_spacing} must be finite")
            if self.echoes == 1:
                raise Fault("{echo_spacing} is of a train: state {echoes} of 2 or more")

    @property
    def is_repeated(self) -> bool:
        """Whether it is played again and again, until its magnetisation no longer changes."""
        return self.tr != math.inf

    @property
    def n_train(self) -> int:
        """Last pulses of a design that stand for its train, the excitation among them; 0 without one."""
        return self.free_refocusing + 2 if self.echoes > 1 else 0

    def train_delays(self, half: float) -> list[float]:
        """Delays after the pulses that stand for the train, by half of its echo spacing [s]."""
        return [half, *[2 * half] * self.free_refocusing, half]

    @property
    def tr_bounds(self) -> tuple[float, float]:
        """Least and largest repetition time [s]; equal if it is not searched."""
        return _bounds(self.tr)

    @property
    def echo_spacing_bounds(self) -> tuple[float, float]:
        """Least and largest echo spacing [s]; 0 and inf if not stated."""
        return (0.0, math.inf) if self.echo_spacing is None else _bounds(self.echo_spacing)

    def check_sequence(self, sequence: Sequence, problem_name: str) -> None:
        """Raise a ValueError if a single sequence is not repeated or read as stated here."""
        low, high = (1e3 * bound for bound in self.tr_bounds)
        tr = 1e3 * float(sequence.tr)
        if not low * (1 - ROUNDING) <= tr <= high * (1 + ROUNDING):
            right = f"{low:.6g}" if low == high else f"from {low:.6g} to {high:.6g}"
            raise ValueError(
                f"the repetition time must be {right} ms (tr_ms), got {tr:.6g} in '{problem_name}'"
            )
        if sequence.n_readouts != self.echoes:
            has = counted(self.echoes, "readout")
            raise ValueError(
                f"a sequence must have {has} (echoes), got {sequence.n_readouts} in '{problem_name}'"
            )
        low, high = self.echo_spacing_bounds
        spacing = sequence.readout_times.diff()
        if ((spacing < low * (1 - ROUNDING)) | (spacing > high * (1 + ROUNDING))).any():
            raise ValueError(
                f"the echo spacing must be from {1e3 * low:.6g} to {1e3 * high:.6g} ms (echo_spacing_ms),"
                f" got {1e3 * float(spacing[0]):.6g} in '{problem_name}'"
            )


def _time(name: str, value: float | Range) -> float | Range:
    if isinstance(value, Range):
        if not (value.low and math.isfinite(value.high)):
            raise Fault(f"{{{name}}} must have both ends, low above 0 and high finite, to be searched")
        return value.low if value.low == value.high else value
    value = number(name, value)
    if value <= 0:
        raise Fault(f"{{{name}}} must be above 0, got {{0:s}}", value)
    return value


def _bounds(value: float | Range) -> tuple[float, float]:
    return (value.low, value.high) if isinstance(value, Range) else (value, value)
