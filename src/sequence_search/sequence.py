"""What is played: RF pulses and the delays after them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.batch import Batch
from sequence_search.columns import (
    COLUMNS,
    Column,
    check_layout,
    check_same_layout,
    check_shapes,
    is_plain,
    packed,
    padded,
    read_columns,
    readout_multiples,
    without_pulses,
    write_columns,
)
from sequence_search.layout import HARD, Layout, Multiples
from sequence_search.layout_record import read_layout, write_layout
from sequence_search.phases import second_not_negative, turned_to_zero
from sequence_search.sequence_text import layout_text, plain_text
from sequence_search.shown import Shown

SMALL_PULSE = math.radians(3)  # Sec. II.E: pulses below 3° are removed before evaluation
NO_PULSE = math.radians(0.05)  # which is stated as 0.0°; an Ernst angle can be below 3°


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sequence(Shown, Batch):
    """A batch of RF pulse sequences; a wait lengthens the delay of the pulse before it.

    `COLUMNS` lists what each pulse has. Every operation goes through it, so that one more column, in a
    subclass, is kept by all of them.

    Attributes
    ----------
    flip_angle, phase : tensor [*batch, n_rf], rad
    delay : tensor [*batch, n_rf], s
        From the centre of pulse i to the centre of pulse i+1, or to the readout for the last. With a layout
        [*batch, n_delay]: what these intervals are made of, see `intervals`.
    present : bool tensor [*batch, n_rf] or None
        False marks the padding at the end of a batch of sequences with different numbers of pulses: neither
        rotation nor delay. None: all present, as always with a layout.
    layout : Layout or None
        What all of the batch play around these numbers. None: hard pulses, free delays, one readout at the
        end, no gradient, no repetition; a layout that says just this becomes None.

    Raises
    ------
    ValueError
        If the shapes differ or are not those of the layout, or an absent pulse stands before one that is
        present.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = COLUMNS

    flip_angle: Float[Tensor, "*batch n_rf"]
    phase: Float[Tensor, "*batch n_rf"]
    delay: Float[Tensor, "*batch n_delay"]
    present: Bool[Tensor, "*batch n_rf"] | None = None
    layout: Layout | None = None

    def __post_init__(self) -> None:
        if self.layout is None:
            check_shapes(self.columns(), self.present)
            return
        if self.present is not None:
            raise ValueError("a sequence with a layout has no absent pulses: present must be None")
        check_layout(self.COLUMNS, self.columns(), self.layout)
        if is_plain(self.layout):
            object.__setattr__(self, "layout", None)

    @classmethod
    def from_degrees_ms(
        cls,
        flip_deg: Any,
        phase_deg: Any,
        delay_ms: Any,
        *,
        layout: Layout | None = None,
        dtype: torch.dtype = torch.float64,
        **more: Any,
    ) -> Sequence:
        """One sequence, or a batch of equal pulse number, from lists, arrays or tensors [*batch, n_rf].

        In degrees, and milliseconds that are not negative, with a layout [*batch, n_delay]; `more` are the
        columns of a subclass.

        Raises
        ------
        TypeError
            If a column is not one of the class.
        ValueError
            If the shapes do not fit, a number is not finite or a delay is negative.
        """
        given = {"flip_deg": flip_deg, "phase_deg": phase_deg, "delay_ms": delay_ms, **more}
        if unknown := given.keys() - {column.file_name for column in cls.COLUMNS}:
            raise TypeError(f"{cls.__name__} has no column {', '.join(sorted(unknown))}")
        return cls(**read_columns(cls.COLUMNS, given, layout, dtype), layout=layout)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sequence:
        """Read what `to_dict` wrote; ValueError if its keys or values are not those of a sequence."""
        expected = {column.file_name for column in cls.COLUMNS}
        columns = dict(data)
        layout = read_layout(columns.pop("layout")) if "layout" in columns else None
        if set(columns) != expected:
            raise ValueError(f"a sequence has the keys {sorted(expected)}, got {sorted(data)}")
        return cls.from_degrees_ms(**columns, layout=layout)

    def to_dict(self) -> dict[str, Any]:
        """Plain degrees and milliseconds of a single sequence, for JSON; ValueError if this is a batch.

        With a layout there is one key more, "layout", see `layout_record`.
        """
        written: dict[str, Any] = write_columns(self.COLUMNS, self.without_padding().columns())
        return written if self.layout is None else written | {"layout": write_layout(self.layout)}

    @classmethod
    def from_events(
        cls, is_pulse: Bool[Tensor, "*batch events"], **columns: Float[Tensor, "*batch events"]
    ) -> Sequence:
        """Sequence of the events that are pulses, from all columns by name, in SI units; differentiable.

        The delay of any other event goes to the pulse before it. Time before the first pulse is dropped,
        because nothing was excited yet.
        """
        parts, present = packed(cls.COLUMNS, is_pulse, columns)
        return cls(**dict[str, Any](parts), present=None if bool(present.all()) else present)

    @staticmethod
    def stack(sequences: list[Sequence]) -> Sequence:
        """Batch of one or more single sequences [n_sequences, n_rf] of one layout, padded to the longest.

        It is of the class of the sequences.

        Raises
        ------
        ValueError
            If there is none, one is a batch, or they differ in their layout.
        """
        if not sequences or any(s.flip_angle.ndim != 1 for s in sequences):
            raise ValueError("stack needs at least one sequence, and single ones: index a batch first")
        sequences = [s.without_padding() for s in sequences]
        check_same_layout(s.layout for s in sequences)
        first = sequences[0]
        parts, present = padded(first.COLUMNS, [s.columns() for s in sequences])
        return type(first)(**parts, present=None if bool(present.all()) else present, layout=first.layout)

    @property
    def n_rf(self) -> Int[Tensor, "*batch"]:
        """Number of pulses, the RF number loss of Sec. II.D."""
        return self._mask().sum(-1)

    @property
    def rf_energy(self) -> Float[Tensor, "*batch"]:
        """Sum of squared flip angles [rad²], the RF energy loss of Sec. II.D."""
        return torch.where(self._mask(), self.flip_angle, 0.0).square().sum(-1)

    @property
    def intervals(self) -> Float[Tensor, "*batch n_rf"]:
        """Time [s] from the centre of each pulse to that of the next, after the last to the end."""
        return self.delay if self.layout is None else self._times(self.layout.multiples)

    @property
    def readout_times(self) -> Float[Tensor, "*batch n_readouts"]:
        """Time from the first pulse to each readout [s]."""
        if self.layout is None:
            return torch.where(self._mask(), self.delay, 0.0).sum(-1, keepdim=True)
        return self._times(readout_multiples(self.layout))

    @property
    def time_to_readout(self) -> Float[Tensor, "*batch"]:
        """Time from the first pulse to the last readout [s]."""
        return self.readout_times.amax(-1)

    @property
    def counts_to_readout(self) -> Float[Tensor, "*batch n_delay"]:
        """How often the time to the last readout contains each delay: its derivative."""
        if self.layout is None:
            return self._mask().to(self.delay.dtype)
        last = self.readout_times.argmax(-1)
        return self.delay.new_tensor(readout_multiples(self.layout))[last]

    @property
    def n_readouts(self) -> int:
        """Number of readouts; signals of more than one have a dimension for them."""
        return 1 if self.layout is None else len(self.layout.readouts)

    @property
    def is_steady(self) -> bool:
        """Whether it is repeated, so that it has a TR."""
        return self.layout is not None and self.layout.steady

    @property
    def tr(self) -> Float[Tensor, "*batch"]:
        """Time of one repetition [s]; inf of a sequence that is played once."""
        return self.intervals.sum(-1) if self.is_steady else self.delay.new_full(self.batch_shape, math.inf)

    @property
    def duration(self) -> Float[Tensor, "*batch"]:
        """Time that the sequence takes [s]: the TR, or the time to the last readout if it is played once."""
        return self.tr if self.is_steady else self.time_to_readout

    def repeat(self, n: int) -> Sequence:
        """The last n repetitions of a steady sequence, with the same pulses and delays, as `Layout.repeat`.

        Raises
        ------
        ValueError
            If it is played once, so that nothing says when it starts again.
        """
        if self.layout is None:
            raise ValueError("only a sequence with a steady layout has a next repetition, got one without")
        tiled = {c.name: torch.cat([getattr(self, c.name)] * n, -1) for c in self.COLUMNS if not c.adds}
        return self._replace(**tiled, layout=self.layout.repeat(n))

    def drop_small_pulses(self) -> Sequence:
        """Remove pulses with a flip angle below 3°, as in Sec. II.E before evaluation; see `from_events`.

        With a layout only hard ones, and only where no gradient or readout is lost: see `layout_merge`.

        Raises
        ------
        ValueError
            If those of a batch with a layout have different small pulses, so that no layout would be that
            of all.
        """
        keep = self._mask() & (self.flip_angle.abs() >= SMALL_PULSE)
        if self.layout is None:
            return self.from_events(keep, **self._zero_padded())
        # One of a fixed amplitude turns whatever its flip angle, and the name of a kind does not tell.
        keep = keep | torch.tensor([kind != HARD for kind in self.layout.kinds], device=keep.device)
        if not keep.any():
            return self._replace(layout=None, **{n: p[..., :0] for n, p in self.columns().items()})
        parts, layout = without_pulses(self.COLUMNS, self.columns(), self.layout, keep)
        return self._replace(**parts, layout=layout)

    def turn_first_to_zero(self) -> Sequence:
        """The same sequence with positive flip angles, first phase 0, and all phases within (-180°, 180°].

        A negative flip angle is the rotation by a positive one with the phase turned by 180°; a common phase
        turns the signal of every voxel alike. So does one of all pulses from a spoiler on, the first of which
        has phase 0 too. Pulses of fixed amplitude, which take no sign, are to have a positive one, as
        problems want it.
        """
        phase = turned_to_zero(self.flip_angle, self.phase, self.layout)
        return replace(self, flip_angle=self.flip_angle.abs(), phase=phase)

    def standardize_phases(self) -> Sequence:
        """First phase 0, all within (-180°, 180°], second not negative: the three steps of Sec. II.E.

        Of a layout, whose phases begin anew behind each spoiler, the first that is neither 0 nor 180° counts.

        Negating all phases mirrors the response in b0, so that magnitudes averaged over a b0 range symmetric
        about 0 are kept, and others are not: for tables and categories.
        """
        turned = self.turn_first_to_zero()
        return replace(turned, phase=second_not_negative(turned.phase, self.layout))

    def _times(self, rows: Iterable[Multiples]) -> Float[Tensor, "*batch n_rows"]:
        """Sums of delays [s], each with the multiples of a row."""
        return self.delay @ self.delay.new_tensor(rows).mT

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
        written = self.to_dict()
        plain = written["flip_deg"], written["phase_deg"], written["delay_ms"]
        return plain_text(*plain) if self.layout is None else layout_text(*plain, self.layout)
