"""The textbook's sequence of a task, which stands beside the designs for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault, number
from sequence_search.limits import FixedPulses, Limits
from sequence_search.problem.playable import as_played, check_playable
from sequence_search.pulses.kinds import Kind
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence


@dataclass(frozen=True, slots=True)
class Conventional:
    """The textbook's sequence of a task. It affects no search, and no design's loss.

    Attributes
    ----------
    flip_angle, phase, delay, pulses, gradients
        As of `FixedPulses`. Of a train of echoes the last pulse stands for all refocusing pulses.
    tr : float or None
        Repetition time [s], where that of the problem is a range.
    name : as "FLAIR, TI 2.4 s"
    source : where its numbers are from

    Raises
    ------
    ValueError
        If the counts differ or a number is none.
    """

    flip_angle: tuple[float, ...]
    phase: tuple[float, ...]
    delay: tuple[float, ...]
    pulses: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()
    tr: float | None = None
    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        given = FixedPulses(self.flip_angle, self.phase, self.delay, self.pulses, self.gradients)
        for name in ("flip_angle", "phase", "delay", "pulses", "gradients"):
            object.__setattr__(self, name, getattr(given, name))
        if min(self.delay) < 0:
            raise Fault("{delay} must not be negative, got {0:s}", min(self.delay))
        if self.tr is not None:
            object.__setattr__(self, "tr", number("tr", self.tr))

    def sequence(self, acquisition: Acquisition) -> Sequence:
        """As it is repeated and read; ValueError if it cannot be."""
        given = FixedPulses(self.flip_angle, self.phase, self.delay).sequence
        return as_played(given, acquisition, kinds=self.pulses, gradients=self.gradients, tr=self.tr)

    def check(
        self, acquisition: Acquisition, pulses: Mapping[str, Kind], space: SearchSpace, problem_name: str
    ) -> None:
        """Refuse what cannot be played in a problem of this name.

        Raises
        ------
        ValueError
        """
        try:
            check_playable(self.sequence(acquisition), pulses, space.crusher, acquisition, problem_name)
        except ValueError as error:
            raise Fault("conventional: {0}", error) from None

    def notes(
        self, acquisition: Acquisition, space: SearchSpace, limits: Limits, problem_name: str
    ) -> list[str]:
        """Say what a search may not propose of it: a line, or none."""
        sequence = self.sequence(acquisition)
        for bounds in (limits.admitted(space).check, acquisition.check_sequence):
            try:
                bounds(sequence, problem_name)
            except ValueError as error:
                return [f"the conventional sequence is outside the search space: {error}"]
        return []
