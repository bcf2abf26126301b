"""What a sequence plays around its numbers: gradients, kinds of pulse, tied delays, readouts, repetition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

HARD = "hard"
SPOILER: Literal["spoiler"] = "spoiler"

Gradient = int | Literal["spoiler"]
Multiples = tuple[int, ...]  # of each delay of the sequence


@dataclass(frozen=True, slots=True)
class Readout:
    """A moment at which the signal is read.

    Attributes
    ----------
    pulse : int
        It follows this pulse, counted from 0.
    multiples : tuple of int [n_delay]
        Time from the centre of that pulse, in delays of the sequence.
    gradient : int
        Crusher moment played since that pulse, in units of the crusher.
    """

    pulse: int
    multiples: Multiples
    gradient: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The structure of a sequence: a plain value, which a search proposes.

    The interval after a pulse, from its centre to that of the next, takes a whole number of each delay of
    the sequence; so delays that are one and the same, as in a train of echoes, are one number. A crusher
    dephases by whole cycles over the voxel, so that only what is refocused gives a signal; what a spoiler
    dephases nothing refocuses.

    Attributes
    ----------
    multiples : tuple [n_rf] of tuple of int [n_delay]
        What the interval after each pulse takes of each delay; of the last pulse, up to the last readout, or,
        if `steady`, up to the end of the repetition.
    gradients : tuple of int or "spoiler" [n_rf]
        Crusher moment of each interval, in units of the crusher; of the last pulse, as far as `multiples`.
    kinds : tuple of str [n_rf]
        Name of the kind of each pulse.
    readouts : tuple of Readout, one or more, in their order
    steady : bool
        Whether the sequence is repeated until its magnetisation no longer changes, with what is transverse at
        the end of the repetition spoiled.

    Raises
    ------
    ValueError
        If the counts differ, a multiple or moment is negative, a delay is in no interval, an interval is
        empty, or a readout stands outside the interval after its pulse.
    """

    multiples: tuple[Multiples, ...]
    gradients: tuple[Gradient, ...]
    kinds: tuple[str, ...]
    readouts: tuple[Readout, ...]
    steady: bool = False

    def __post_init__(self) -> None:
        n_rf, n_delay = self.n_rf, self.n_delay
        if not n_rf or len(self.gradients) != n_rf or len(self.kinds) != n_rf:
            counts = f"{n_rf}, {len(self.gradients)} and {len(self.kinds)}"
            raise ValueError(f"a layout needs one interval, gradient and kind for each pulse, got {counts}")
        if not self.readouts:
            raise ValueError("a layout needs a readout")
        rows = [*self.multiples, *(readout.multiples for readout in self.readouts)]
        if any(len(row) != n_delay or min(row, default=0) < 0 for row in rows):
            raise ValueError(f"each interval and readout needs {n_delay} multiples of at least 0, got {rows}")
        if any(not any(row) for row in self.multiples) or not all(
            map(any, zip(*self.multiples, strict=True))
        ):
            raise ValueError(f"each interval needs a delay, and each delay an interval, got {self.multiples}")
        moments = [m for m in self.gradients if m != SPOILER] + [r.gradient for r in self.readouts]
        if any(not isinstance(moment, int) or moment < 0 for moment in moments):
            raise ValueError(
                f'a gradient is a whole number of at least 0 or "{SPOILER}", got {self.gradients}'
            )
        for number, readout in enumerate(self.readouts, start=1):
            if not 0 <= readout.pulse < n_rf:
                raise ValueError(f"readout {number} follows pulse {readout.pulse}, of pulses 0 to {n_rf - 1}")
            interval = self.multiples[readout.pulse]
            if any(mine > whole for mine, whole in zip(readout.multiples, interval, strict=True)):
                raise ValueError(
                    f"readout {number} stands outside the interval after pulse {readout.pulse}:"
                    f" {readout.multiples} of {interval}"
                )

    @property
    def n_rf(self) -> int:
        """Number of pulses."""
        return len(self.multiples)

    @property
    def n_delay(self) -> int:
        """Number of delays of the sequence, some of which may stand in several intervals."""
        return len(self.multiples[0]) if self.multiples else 0

    @property
    def is_plain(self) -> bool:
        """Whether it is that of a sequence without a layout."""
        played = self.steady or any(self.gradients) or len(self.readouts) > 1
        return not played and self == Layout.plain(self.n_rf)

    def moment_at(self, pulse: int, delay: list[float], time: float) -> float:
        """Crusher moment some time [s] after a pulse, in a straight line between readouts and pulses.

        Nothing of a spoiler, which is played just before the next pulse; delays [n_delay] in s.
        """
        own = [each for each in self.readouts if each.pulse == pulse]
        read = [(np.dot(each.multiples, delay), each.gradient) for each in own]
        times, moments = zip((0.0, 0), *sorted(read), strict=True)
        gradient = self.gradients[pulse]
        end = moments[-1] if gradient == SPOILER else gradient
        return float(np.interp(time, (*times, np.dot(self.multiples[pulse], delay)), (*moments, end)))

    @classmethod
    def plain(
        cls,
        n_rf: int,
        *,
        gradients: Iterable[Gradient] = (),
        kinds: Iterable[str] = (),
        steady: bool = False,
    ) -> Layout:
        """All delays free and one readout at the end; if `steady` a last delay goes on to the end of the TR.

        Gradients and kinds are none and "hard" if not given; the last gradient is played before the readout.
        """
        gradients = tuple(gradients) or (0,) * n_rf
        rows = [_one_of(n_rf + steady, at) for at in range(n_rf)]
        at_end = gradients[-1]
        readout = Readout(n_rf - 1, rows[-1], 0 if at_end == SPOILER else at_end)
        if steady:
            rows[-1] = _sum(rows[-1], _one_of(n_rf + 1, n_rf))
        return cls(tuple(rows), gradients, tuple(kinds) or (HARD,) * n_rf, (readout,), steady)

    @classmethod
    def train(
        cls,
        n_echoes: int,
        *,
        before: Iterable[Gradient] = (),
        crusher: int = 0,
        kinds: Iterable[str] = (),
        steady: bool = False,
    ) -> Layout:
        """A train of echoes of one spacing, each read, after pulses with delays of their own.

        The delays are those of the pulses before, half the echo spacing, and if `steady` what is left of the
        repetition after the last echo.

        Parameters
        ----------
        n_echoes : int, at least 1
        before : iterable of int or "spoiler"
            Gradient after each pulse that stands before the excitation.
        crusher : int
            Moment on each side of each refocusing pulse.
        """
        before = tuple(before)
        n_before, n_delay = len(before), len(before) + 1 + steady
        half = _one_of(n_delay, n_before)
        rows = [_one_of(n_delay, at) for at in range(n_before)]
        rows += [half, *[_sum(half, half)] * (n_echoes - 1), half]
        if steady:
            rows[-1] = _sum(half, _one_of(n_delay, n_delay - 1))
        gradients = (*before, crusher, *[2 * crusher] * (n_echoes - 1), crusher)
        readouts = tuple(Readout(n_before + 1 + echo, half, crusher) for echo in range(n_echoes))
        return cls(tuple(rows), gradients, tuple(kinds) or (HARD,) * len(rows), readouts, steady)

    def repeat(self, n: int) -> Layout:
        """The same played n times, what is transverse spoiled after each, with the readouts of the last time.

        Parameters
        ----------
        n : int
            At least 1; pulses are those of each repetition in turn, delays as before.

        Raises
        ------
        ValueError
            If it is not steady, so that nothing says when it starts again.
        """
        if not self.steady:
            raise ValueError("only a steady layout has a next repetition")
        first = (n - 1) * self.n_rf
        return Layout(
            self.multiples * n,
            (*self.gradients[:-1], SPOILER) * n,
            self.kinds * n,
            tuple(Readout(first + one.pulse, one.multiples, one.gradient) for one in self.readouts),
            steady=True,
        )


def _one_of(n_delay: int, at: int) -> Multiples:
    return tuple(int(place == at) for place in range(n_delay))


def _sum(first: Multiples, second: Multiples) -> Multiples:
    return tuple(one + other for one, other in zip(first, second, strict=True))
