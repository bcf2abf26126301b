"""What each pulse and delay of a sequence has: its name, its key and unit in files, its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sequence_search.layout import Layout, Multiples
from sequence_search.layout_merge import without_pulse


class Column(NamedTuple):
    """One number of each pulse: attribute of `Sequence`, key in files, from the unit there to SI and back.

    `least` is the smallest value allowed. With `adds`, what a pulse that is taken out has goes to the pulse
    before it; with a layout there is one number for each of its delays. `padding` stands where a pulse is
    absent.
    """

    name: str
    file_name: str
    read: Callable[[Tensor], Tensor]
    write: Callable[[Tensor], Tensor]
    least: float = -math.inf
    adds: bool = False
    padding: float = 0.0


COLUMNS = (
    Column("flip_angle", "flip_deg", torch.deg2rad, torch.rad2deg),
    Column("phase", "phase_deg", torch.deg2rad, torch.rad2deg),
    Column("delay", "delay_ms", lambda ms: ms / 1e3, lambda s: s * 1e3, least=0.0, adds=True),
)


def read_columns(
    columns: Sequence[Column], given: Mapping[str, Any], layout: Layout | None, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Columns in SI units by name, from those of a file by their names there.

    Raises
    ------
    ValueError
        If the shapes differ or are not those of the layout, a number is not finite or a delay is negative.
    """
    parts = {name: torch.as_tensor(part, dtype=dtype) for name, part in given.items()}
    if layout is not None:
        check_layout([c._replace(name=c.file_name) for c in columns], parts, layout)
    elif len({part.shape for part in parts.values()}) > 1:
        counts = ", ".join(str(part.shape[-1:].numel()) for part in parts.values())
        *names, last = parts
        raise ValueError(f"{', '.join(names)} and {last} need one number for each pulse, got {counts}")
    for column in columns:
        part = parts[column.file_name]
        if not torch.isfinite(part).all():
            raise ValueError(f"{column.file_name} must be finite, got {part.tolist()}")
        if (part < column.least).any():
            raise ValueError(f"{column.file_name} must be at least {column.least:g}, got {part.tolist()}")
    return {column.name: column.read(parts[column.file_name]) for column in columns}


def write_columns(columns: Iterable[Column], given: Mapping[str, Tensor]) -> dict[str, list[float]]:
    """Columns of a single sequence in the units of a file, by their names there."""
    # Twelve digits undo the rounding of the conversion: 6.2 ms reads 6.2, not 6.200000000000001.
    return {c.file_name: [float(f"{v:.12g}") for v in c.write(given[c.name]).tolist()] for c in columns}


def check_shapes(parts: Mapping[str, Tensor], present: Tensor | None) -> None:
    """Refuse columns of different shapes, and absent pulses before one that is present.

    Raises
    ------
    ValueError
    """
    given = [*parts.values()] if present is None else [*parts.values(), present]
    shape = given[-1].shape
    if not shape or any(part.shape != shape for part in given):
        names, shapes = ", ".join(parts), ", ".join(str(tuple(part.shape)) for part in given)
        raise ValueError(f"{names} and present must share one shape [*batch, n_rf], got {shapes}")
    if present is not None and bool((present[..., 1:] > present[..., :-1]).any()):
        raise ValueError("absent pulses must stand at the end; see Sequence.from_events")


def check_layout(columns: Sequence[Column], parts: Mapping[str, Tensor], layout: Layout) -> None:
    """Refuse columns that have not the batch of all and the number of pulses, or delays, of the layout.

    Raises
    ------
    ValueError
    """
    shapes = [tuple(parts[column.name].shape) for column in columns]
    widths = [layout.n_delay if column.adds else layout.n_rf for column in columns]
    if shapes != [(*shapes[0][:-1], width) for width in widths]:
        wanted = (f"{c.name} [*batch, {width}]" for c, width in zip(columns, widths, strict=True))
        raise ValueError(
            f"with a layout of {layout.n_rf} pulses and {layout.n_delay} delays there must be"
            f" {', '.join(wanted)}, got {', '.join(map(str, shapes))}"
        )


@cache
def is_plain(layout: Layout) -> bool:
    """As `Layout.is_plain`, which takes as long as all else of a new sequence."""
    return layout.is_plain


def readout_multiples(layout: Layout) -> tuple[Multiples, ...]:
    """Time from the first pulse to each readout, in delays."""
    return tuple(
        tuple(map(sum, zip(*layout.multiples[: one.pulse], one.multiples, strict=True)))
        for one in layout.readouts
    )


def latest_readout(
    layout: Layout, delay: Float[np.ndarray, "batch n_delay"]
) -> Float[np.ndarray, "batch n_delay"]:
    """How often the time to the last readout of each sequence contains each delay [s]: its derivative.

    Which one is last may depend on the delays.
    """
    return latest_of(np.array(readout_multiples(layout), float), delay)


def latest_of(
    multiples: Float[np.ndarray, "n_readouts n_delay"], delay: Float[np.ndarray, "batch n_delay"]
) -> Float[np.ndarray, "batch n_delay"]:
    """As `latest_readout`, of these times to the readouts in delays."""
    return np.asarray(multiples.take((delay @ multiples.T).argmax(1), 0))


def check_same_layout(layouts: Iterable[Layout | None]) -> None:
    """Refuse layouts that differ.

    Raises
    ------
    ValueError
        With the first field in which one differs from the first.
    """
    first, *others = layouts
    for other in others:
        if other != first:
            n_rf = (first or other or Layout.plain(1)).n_rf
            one, another = (_fields(layout or Layout.plain(n_rf)) for layout in (first, other))
            name = next(name for name in one if one[name] != another[name])
            told = f"{name} {one[name]} and {another[name]}"
            raise ValueError(
                f"stack needs sequences of one layout, got {told}: stack those of each by themselves"
            )


def _fields(layout: Layout) -> dict[str, Any]:
    return {field.name: getattr(layout, field.name) for field in fields(layout)}


def padded(
    columns: Iterable[Column], given: Sequence[Mapping[str, Tensor]]
) -> tuple[dict[str, Float[Tensor, "n_sequences longest"]], Bool[Tensor, "n_sequences n_rf"]]:
    """Columns of single sequences as one batch, by name, padded to the longest, and which are present."""
    pad = torch.nn.utils.rnn.pad_sequence
    parts = {
        c.name: pad([each[c.name] for each in given], batch_first=True, padding_value=c.padding)
        for c in columns
    }
    counts = torch.tensor([len(each["flip_angle"]) for each in given], device=parts["flip_angle"].device)
    return parts, torch.arange(int(counts.max()), device=counts.device) < counts[:, None]


def packed(
    columns: Iterable[Column],
    is_pulse: Bool[Tensor, "*batch events"],
    given: Mapping[str, Float[Tensor, "*batch events"]],
) -> tuple[dict[str, Float[Tensor, "*batch n_rf"]], Bool[Tensor, "*batch n_rf"]]:
    """Columns of the events that are pulses, by name, and which of them are present; differentiable.

    What a column `adds` at any other event goes to the pulse before it.
    """
    count = is_pulse.sum(-1, keepdim=True)
    n_rf = int(count.max()) if count.numel() else 0
    # Pulse number of each event, 1-based; events before the first pulse land in slot 0, cut off below.
    slot, present = is_pulse.cumsum(-1), torch.arange(n_rf, device=count.device) < count

    def of_pulses(column: Column) -> Tensor:
        part = given[column.name]
        kept = part if column.adds else torch.where(is_pulse, part, 0.0)
        slots = part.new_zeros((*part.shape[:-1], n_rf + 1)).scatter_add(-1, slot, kept)
        return torch.where(present, slots[..., 1:], column.padding)

    return {column.name: of_pulses(column) for column in columns}, present


def without_pulses(
    columns: Iterable[Column], given: Mapping[str, Tensor], layout: Layout, keep: Bool[Tensor, "*batch n_rf"]
) -> tuple[dict[str, Tensor], Layout]:
    """Columns by name and layout without pulses that do nothing, where `without_pulse` says that they may go.

    Raises
    ------
    ValueError
        If these are not the same in all of the batch, so that no layout would be that of all.
    """
    rows = keep.reshape(-1, layout.n_rf)
    if bool((rows != rows[:1]).any()):
        raise ValueError("the sequences of a batch with a layout must have the same small pulses")
    parts = dict(given)
    for pulse in (~rows[0]).nonzero()[:, 0].flip(0).tolist():
        left = without_pulse(layout, pulse)
        if left is not None:
            kept = [place for place in range(layout.n_rf) if place != pulse]
            layout, groups = left
            for column in columns:
                part = parts[column.name]
                delays = [part[..., list(group)].sum(-1) for group in groups] if column.adds else []
                parts[column.name] = torch.stack(delays, -1) if column.adds else part[..., kept]
    return parts, layout
