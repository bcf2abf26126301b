"""What is played: RF pulses and the delays after them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Angle = TypeVar("Angle", float, np.ndarray, Tensor)

SMALL_PULSE = math.radians(3)  # Sec. II.E: pulses below 3° are removed before evaluation


class Column(NamedTuple):
    """One number of each pulse: attribute of `Sequence`, key in files, from the unit there to SI and back.

    `least` is the smallest value allowed. With `adds`, what a pulse that is taken out has goes to the pulse
    before it. `padding` stands where a pulse is absent.
    """

    name: str
    file_name: str
    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor], Tensor]
    least: float = -math.inf
    adds: bool = False
    padding: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sequence:
    """A batch of RF pulse sequences; a wait lengthens the delay of the pulse before it.

    `COLUMNS` lists what each pulse has. Every operation goes through it, so that one more column, in a
    subclass, is kept by all of them.

    Attributes
    ----------
    flip_angle, phase : tensor [*batch, n_rf], rad
    delay : tensor [*batch, n_rf], s
        From the centre of pulse i to the centre of pulse i+1, or to the readout for the last.
    present : bool tensor [*batch, n_rf] or None
        False marks the padding at the end of a batch of sequences with different numbers of pulses: neither
        rotation nor delay. None: all present.

    Raises
    ------
    ValueError
        If the shapes differ, or an absent pulse stands before one that is present.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("flip_angle", "flip_deg", torch.deg2rad, torch.rad2deg),
        Column("phase", "phase_deg", torch.deg2rad, torch.rad2deg),
        Column("delay", "delay_ms", lambda ms: ms / 1e3, lambda s: s * 1e3, least=0.0, adds=True),
    )

    flip_angle: Float[Tensor, "*batch n_rf"]
    phase: Float[Tensor, "*batch n_rf"]
    delay: Float[Tensor, "*batch n_rf"]
    present: Bool[Tensor, "*batch n_rf"] | None = None

    def __post_init__(self) -> None:
        shape, present = self.delay.shape, self.present
        parts = [getattr(self, column.name) for column in self.COLUMNS]
        parts += [] if present is None else [present]
        if not shape or any(part.shape != shape for part in parts):
            names, shapes = ", ".join(self.columns()), ", ".join(str(tuple(part.shape)) for part in parts)
            raise ValueError(f"{names} and present must share one shape [*batch, n_rf], got {shapes}")
        if self.present is not None and bool((self.present[..., 1:] > self.present[..., :-1]).any()):
            raise ValueError("absent pulses must stand at the end; see Sequence.from_events")

    @classmethod
    def from_degrees_ms(
        cls, flip_deg: Any, phase_deg: Any, delay_ms: Any, *, dtype: torch.dtype = torch.float64, **more: Any
    ) -> Sequence:
        """One sequence, or a batch of equal pulse number, from lists, arrays or tensors [*batch, n_rf].

        In degrees, and milliseconds that are not negative; `more` are the columns of a subclass.

        Raises
        ------
        TypeError
            If a column is not one of the class.
        ValueError
            If the shapes differ, a number is not finite or a delay is negative.
        """
        given = {"flip_deg": flip_deg, "phase_deg": phase_deg, "delay_ms": delay_ms, **more}
        if unknown := given.keys() - {column.file_name for column in cls.COLUMNS}:
            raise TypeError(f"{cls.__name__} has no column {', '.join(sorted(unknown))}")
        parts = {name: torch.as_tensor(part, dtype=dtype) for name, part in given.items()}
        if len({part.shape for part in parts.values()}) > 1:
            counts = ", ".join(str(part.shape[-1:].numel()) for part in parts.values())
            *names, last = parts
            raise ValueError(f"{', '.join(names)} and {last} need one number for each pulse, got {counts}")
        for column in cls.COLUMNS:
            part = parts[column.file_name]
            if not torch.isfinite(part).all():
                raise ValueError(f"{column.file_name} must be finite, got {part.tolist()}")
            if (part < column.least).any():
                raise ValueError(f"{column.file_name} must be at least {column.least:g}, got {part.tolist()}")
        return cls(**{column.name: column.read(parts[column.file_name]) for column in cls.COLUMNS})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sequence:
        """Read what `to_dict` wrote; ValueError if its keys or values are not those of a sequence."""
        expected = {column.file_name for column in cls.COLUMNS}
        if set(data) != expected:
            raise ValueError(f"a sequence has the keys {sorted(expected)}, got {sorted(data)}")
        return cls.from_degrees_ms(**data)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain degrees and milliseconds of a single sequence, for JSON; ValueError if this is a batch."""
        single = self.without_padding()
        # Twelve digits undo the rounding of the conversion: 6.2 ms reads 6.2, not 6.200000000000001.
        return {
            c.file_name: [float(f"{value:.12g}") for value in c.write(getattr(single, c.name)).tolist()]
            for c in self.COLUMNS
        }

    @classmethod
    def from_events(
        cls, is_pulse: Bool[Tensor, "*batch events"], **columns: Float[Tensor, "*batch events"]
    ) -> Sequence:
        """Sequence of the events that are pulses, from all columns by name, in SI units; differentiable.

        The delay of any other event goes to the pulse before it. Time before the first pulse is dropped,
        because nothing was excited yet.
        """
        count = is_pulse.sum(-1, keepdim=True)
        n_rf = int(count.max()) if count.numel() else 0
        # Pulse number of each event, 1-based; events before the first pulse land in slot 0, cut off below.
        slot, present = is_pulse.cumsum(-1), torch.arange(n_rf, device=count.device) < count

        def packed(column: Column) -> Tensor:
            part = columns[column.name]
            kept = part if column.adds else torch.where(is_pulse, part, 0.0)
            slots = part.new_zeros((*part.shape[:-1], n_rf + 1)).scatter_add(-1, slot, kept)
            return torch.where(present, slots[..., 1:], column.padding)

        return cls(
            **{column.name: packed(column) for column in cls.COLUMNS},
            present=None if bool(present.all()) else present,
        )

    @classmethod
    def stack(cls, sequences: list[Sequence]) -> Sequence:
        """Batch of one or more single sequences [n_sequences, n_rf], padded to the longest."""
        if not sequences or any(s.flip_angle.ndim != 1 for s in sequences):
            raise ValueError("stack needs at least one sequence, and single ones: index a batch first")
        sequences = [s.without_padding() for s in sequences]
        counts = torch.tensor([len(s.delay) for s in sequences], device=sequences[0].delay.device)
        pad = torch.nn.utils.rnn.pad_sequence
        padded = {
            c.name: pad([getattr(s, c.name) for s in sequences], batch_first=True, padding_value=c.padding)
            for c in cls.COLUMNS
        }
        present = torch.arange(int(counts.max()), device=counts.device) < counts[:, None]
        return cls(**padded, present=None if bool(present.all()) else present)

    def columns(self) -> dict[str, Float[Tensor, "*batch n_rf"]]:
        """Each column's tensor by its name."""
        return {column.name: getattr(self, column.name) for column in self.COLUMNS}

    def map(self, change: Callable[[Tensor], Tensor]) -> Sequence:
        """The same change of every column and of `present`: an index, a shape, a device, not the numbers."""
        present = None if self.present is None else change(self.present).to(torch.bool)
        return replace(self, **{name: change(part) for name, part in self.columns().items()}, present=present)

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch; empty for a single sequence."""
        return self.flip_angle.shape[:-1]

    @property
    def n_rf(self) -> Int[Tensor, "*batch"]:
        """Number of pulses, the RF number loss of Sec. II.D."""
        return self._mask().sum(-1)

    @property
    def rf_energy(self) -> Float[Tensor, "*batch"]:
        """Sum of squared flip angles [rad²], the RF energy loss of Sec. II.D."""
        return torch.where(self._mask(), self.flip_angle, 0.0).square().sum(-1)

    @property
    def time_to_readout(self) -> Float[Tensor, "*batch"]:
        """Time from the first pulse to the readout [s]."""
        return torch.where(self._mask(), self.delay, 0.0).sum(-1)

    def __getitem__(self, index: Any) -> Sequence:
        """Part of the batch; the pulses of a sequence are not indexed."""
        if not self.batch_shape:
            message = "a single sequence has no batch to index; its pulses are in flip_angle, phase, delay"
            raise IndexError(message)
        places = torch.arange(self.batch_shape.numel(), device=self.delay.device)
        rows = places.reshape(self.batch_shape)[index]
        return self.flat().map(lambda part: part[rows])

    def flat(self) -> Sequence:
        """The same sequences with one batch dimension."""
        shape = (self.batch_shape.numel(), self.delay.shape[-1])
        return self.map(lambda part: part.reshape(shape))

    def by_pulse_number(self) -> Iterator[tuple[Int[Tensor, " rows"], Sequence]]:
        """Rows of a flat batch with one number of pulses, and these without padding, number by number."""
        n_rf = self.n_rf
        for count in n_rf.unique().tolist():
            rows = (n_rf == count).nonzero()[:, 0]
            unpadded = replace(self, present=None) if self.present is not None else self
            yield rows, unpadded.map(lambda part, rows=rows, count=count: part[rows, :count])  # type: ignore[misc]

    def to(self, *args: Any, **kwargs: Any) -> Sequence:
        """Copy on another device or in another dtype, as `torch.Tensor.to`."""
        return self.map(lambda part: part.to(*args, **kwargs))

    def detach(self) -> Sequence:
        """Copy without gradient history."""
        return self.map(lambda part: part.detach())

    def without_padding(self) -> Sequence:
        """Single sequence without absent pulses; ValueError if this is a batch."""
        if self.batch_shape:
            shape = tuple(self.batch_shape)
            raise ValueError(f"expected a single sequence, got a batch {shape}: index it first")
        if self.present is None:
            return self
        count = int(self.present.sum())
        return replace(self, present=None).map(lambda part: part[:count])

    def drop_small_pulses(self) -> Sequence:
        """Remove pulses with a flip angle below 3°, as in Sec. II.E before evaluation; see `from_events`."""
        keep = self._mask() & (self.flip_angle.abs() >= SMALL_PULSE)
        return self.from_events(keep, **self._zero_padded())

    def turn_first_to_zero(self) -> Sequence:
        """The same sequence with positive flip angles, first phase 0, and all phases within (-180°, 180°].

        A negative flip angle is the rotation by a positive one with the phase turned by 180°; a common phase
        turns the signal of every voxel alike.
        """
        turned = torch.where(self.flip_angle < 0, self.phase + math.pi, self.phase)
        return replace(self, flip_angle=self.flip_angle.abs(), phase=wrap(turned - turned[..., :1]))

    def standardize_phases(self) -> Sequence:
        """First phase 0, all within (-180°, 180°], second not negative: the three steps of Sec. II.E.

        Negating all phases mirrors the response in b0, so that magnitudes averaged over a b0 range symmetric
        about 0 are kept, and others are not: for tables and categories.
        """
        turned = self.turn_first_to_zero()
        second = turned.phase[..., 1:2]
        if second.shape[-1] == 0:
            return turned
        return replace(turned, phase=torch.where(second < 0, wrap(-turned.phase), turned.phase))

    def _mask(self) -> Bool[Tensor, "*batch n_rf"]:
        return torch.ones_like(self.flip_angle, dtype=torch.bool) if self.present is None else self.present

    def _zero_padded(self) -> dict[str, Tensor]:
        mask = self._mask()
        return {name: torch.where(mask, part, 0.0) for name, part in self.columns().items()}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same sequences, number by number; padding counts by its place."""
        if type(other) is not type(self) or other.delay.shape != self.delay.shape:
            return False
        if not torch.equal(self._mask(), other._mask()):
            return False
        pairs = zip(self._zero_padded().values(), other._zero_padded().values(), strict=True)
        return all(bool((mine == theirs).all()) for mine, theirs in pairs)

    def __hash__(self) -> int:
        numbers = [part.detach().cpu().double() + 0.0 for part in self._zero_padded().values()]
        return hash((self.delay.shape, *(part.numpy().tobytes() for part in numbers)))

    def __repr__(self) -> str:
        """Return the form of `str` in a line; of a batch its shape and the first."""
        if not self.batch_shape:
            return f"<{type(self).__name__} {self}>"
        first = f", first {self.flat()[0]}" if self.batch_shape.numel() else ""
        return f"<{type(self).__name__} batch {tuple(self.batch_shape)}{first}>"

    def __str__(self) -> str:
        """As ``88.4°(0°) –6.2 ms– 176.7°(180°) –6.2 ms– readout``; one line for each of a batch."""
        if self.batch_shape:
            return "\n".join(str(self[i]) for i in range(self.batch_shape[0]))
        plain = self.to_dict()
        pulses = zip(plain["flip_deg"], plain["phase_deg"], plain["delay_ms"], strict=True)
        words = [f"{_short(flip, 1)}°({_short(phase, 0)}°) –{_duration(ms)}–" for flip, phase, ms in pulses]
        return " ".join([*words, "readout"])


def wrap(angle: Angle) -> Angle:
    """Angle in (-pi, pi]; a number, a tensor or an array."""
    return math.pi - (math.pi - angle) % (2 * math.pi)


def _short(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _duration(delay_ms: float) -> str:
    return f"{_short(delay_ms, 1)} ms" if delay_ms < 999.95 else f"{_short(delay_ms / 1e3, 3)} s"
