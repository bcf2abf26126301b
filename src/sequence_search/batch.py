"""Numbers of pulse trains in columns, with the same operations on all: indices, shapes, padding, equality."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.columns import Column
from sequence_search.layout import Layout

T = TypeVar("T", bound="Batch")


class Batch:
    """A batch of pulse trains, or a single one; a dataclass whose fields are its columns, and those below.

    Every operation goes through `COLUMNS`, so that one more column, in a subclass, is kept by all of them.
    """

    __slots__ = ()

    COLUMNS: ClassVar[tuple[Column, ...]]

    flip_angle: Float[Tensor, "*batch n_rf"]
    present: Bool[Tensor, "*batch n_rf"] | None
    layout: Layout | None

    def columns(self) -> dict[str, Tensor]:
        """Each column's tensor by its name, of delays [*batch, n_delay], else [*batch, n_rf]."""
        return {column.name: getattr(self, column.name) for column in self.COLUMNS}

    def with_columns(self: T, columns: Mapping[str, Tensor]) -> T:
        """The same sequences with other numbers, of one or more columns by name."""
        return self._replace(**columns)

    def map(self: T, change: Callable[[Tensor], Tensor]) -> T:
        """The same change of every column and of `present`: an index, a shape, a device, not the numbers."""
        present = None if self.present is None else change(self.present).to(torch.bool)
        changed = {name: change(part) for name, part in self.columns().items()}
        return self._replace(**changed, present=present)

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch; empty for a single sequence."""
        return self.flip_angle.shape[:-1]

    def __getitem__(self: T, index: Any) -> T:
        """Part of the batch; the pulses of a sequence are not indexed."""
        if not self.batch_shape:
            message = "a single sequence has no batch to index; its pulses are in flip_angle, phase, delay"
            raise IndexError(message)
        places = torch.arange(self.batch_shape.numel(), device=self.flip_angle.device)
        rows = places.reshape(self.batch_shape)[index]
        return self.flat().map(lambda part: part[rows])

    def flat(self: T) -> T:
        """The same sequences with one batch dimension."""
        count = self.batch_shape.numel()
        return self.map(lambda part: part.reshape(count, part.shape[-1]))

    def by_pulse_number(self: T) -> Iterator[tuple[Int[Tensor, " rows"], T]]:
        """Rows of a flat batch with one number of pulses, and these without padding, number by number.

        With a layout they are all of one number.
        """
        if self.layout is not None:
            yield torch.arange(len(self.flip_angle), device=self.flip_angle.device), self
            return
        n_rf = self._mask().sum(-1)
        for count in n_rf.unique().tolist():
            rows = (n_rf == count).nonzero()[:, 0]
            unpadded = self._replace(present=None) if self.present is not None else self
            yield rows, unpadded.map(lambda part, rows=rows, count=count: part[rows, :count])  # type: ignore[misc]

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Copy on another device or in another dtype, as `torch.Tensor.to`."""
        return self.map(lambda part: part.to(*args, **kwargs))

    def detach(self: T) -> T:
        """Copy without gradient history."""
        return self.map(lambda part: part.detach())

    def without_padding(self: T) -> T:
        """Single sequence without absent pulses; ValueError if this is a batch."""
        if self.batch_shape:
            shape = tuple(self.batch_shape)
            raise ValueError(f"expected a single sequence, got a batch {shape}: index it first")
        if self.present is None:
            return self
        count = int(self.present.sum())
        return self._replace(present=None).map(lambda part: part[:count])

    def _replace(self: T, **changes: Any) -> T:
        """Copy with other columns, presence or layout."""
        return cast(T, replace(cast(Any, self), **changes))

    def _mask(self) -> Bool[Tensor, "*batch n_rf"]:
        return torch.ones_like(self.flip_angle, dtype=torch.bool) if self.present is None else self.present

    def _zero_padded(self) -> dict[str, Tensor]:
        mask = self.present
        return {n: p if mask is None else torch.where(mask, p, 0.0) for n, p in self.columns().items()}

    def __eq__(self, other: object) -> bool:
        """Whether both are the same sequences, number by number; padding counts by its place."""
        if type(other) is not type(self) or other.layout != self.layout:
            return False
        if not torch.equal(self._mask(), other._mask()):
            return False
        pairs = zip(self._zero_padded().values(), other._zero_padded().values(), strict=True)
        return all(mine.shape == theirs.shape and bool((mine == theirs).all()) for mine, theirs in pairs)

    def __hash__(self) -> int:
        numbers = [part.detach().cpu().double() + 0.0 for part in self._zero_padded().values()]
        return hash((self.flip_angle.shape, self.layout, *(part.numpy().tobytes() for part in numbers)))


def refuse_layout(sequence: Batch, what: str) -> None:
    """Refuse a sequence with a layout where nothing right can be said of it.

    Raises
    ------
    ValueError
        "`what` needs a sequence without a layout".
    """
    if sequence.layout is not None:
        raise ValueError(f"{what} needs a sequence without a layout, got {sequence!r}")
