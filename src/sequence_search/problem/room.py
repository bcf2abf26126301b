"""Room between neighbours, pulses and readouts, by what is played about their centres."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sequence_search.acquisition import Acquisition
from sequence_search.layout import HARD
from sequence_search.pulses.kinds import Kind

READOUT = ""  # in place of the name of a kind of pulse
AT_END = 0  # number of the spoiler that ends a repetition

# Least time between the centres of two neighbours [s]: kinds of pulse or `READOUT`, units of the crusher
# between, and the number of the spoiler there, 1 of the first of a repetition, `AT_END` of that at its end.
Least = Callable[[str, str, int, int | None], float]


@dataclass(frozen=True, slots=True)
class Room:
    """What neighbours take, whatever the scanner.

    Attributes
    ----------
    sides : from the centre of a pulse of each kind, and of `READOUT`, to whatever else is played [s]
    crusher : time of a unit of the crusher, or of a spoiler [s]
    """

    sides: Mapping[str, float]
    crusher: float

    def gradients(self, moment: int) -> float:
        """Time of so many units of the crusher, of either sign [s]."""
        return abs(moment) * self.crusher

    def least(self, first: str, second: str, moment: int = 0, spoiler: int | None = None) -> float:
        """Least time from centre to centre [s], see `Least`; the spoiler at the end takes none."""
        units = abs(moment) + bool(spoiler)
        return self.sides[first] + self.sides[second] + self.gradients(units)


def room_of(pulses: Mapping[str, Kind], crusher: float, acquisition: Acquisition, hard: float = 0.0) -> Room:
    """Of a problem; an instantaneous pulse takes as little as stated on either side [s]."""
    sides = {name: kind.side for name, kind in pulses.items()}
    return Room({HARD: hard, READOUT: acquisition.readout / 2, **sides}, crusher)


def least_half(least: Least, excitation: str, refocusing: str, moment: int) -> float:
    """Least half of the echo spacing of a train, with a crusher on each side of each echo or none [s]."""
    pairs = ((excitation, refocusing), (refocusing, READOUT), (READOUT, refocusing))
    return max(least(*pair, moment, None) for pair in pairs)
