"""Parts of a sequence in which each pulse has one delay, and such a part with its equal delays tied again."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from sequence_search.layout import Layout, Multiples
from sequence_search.sequence import Sequence

SAME = 1e-12  # of a delay, relative: rounding


def up_to_readout(sequence: Sequence, readout: int | None = None) -> Sequence:
    """A single sequence up to one of its readouts, played once, with one delay after each pulse.

    Its layout has the kinds and gradients that are played until then. One without a layout is as it is.

    Parameters
    ----------
    readout : int, optional
        Place in `layout.readouts`, that of the latest if not given.
    """
    layout = sequence.layout
    if layout is None:
        return sequence
    read = layout.readouts[int(sequence.readout_times.argmax()) if readout is None else readout]
    n_rf = read.pulse + 1
    last = sequence.delay @ sequence.delay.new_tensor(read.multiples)
    return replace(
        sequence,
        flip_angle=sequence.flip_angle[:n_rf],
        phase=sequence.phase[:n_rf],
        delay=torch.cat([sequence.intervals[: read.pulse], last[None]]),
        layout=Layout.plain(
            n_rf, gradients=(*layout.gradients[: read.pulse], read.gradient), kinds=layout.kinds[:n_rf]
        ),
    )


def section(sequence: Sequence, pulses: range) -> Sequence:
    """Pulses in a row, with their delays, of a single sequence with one delay after each pulse."""
    rows = slice(pulses.start, pulses.stop)
    layout = sequence.layout
    if layout is not None and len(pulses):
        layout = Layout.plain(len(pulses), gradients=layout.gradients[rows], kinds=layout.kinds[rows])
    columns = {name: part[rows] for name, part in sequence.columns().items()}
    return replace(sequence, layout=layout if len(pulses) else None, **columns)


def tied(sequence: Sequence) -> Sequence:
    """A single sequence with one delay after each pulse, in which whole multiples of a delay are that delay.

    It is played alike; but of a train of echoes states that are equal are then known to be, of which there
    are else too many to follow. One without a layout is as it is.
    """
    layout = sequence.layout
    if layout is None:
        return sequence
    delays, own = sequence.delay.tolist(), list[float]()
    for delay in sorted(delays):
        if not any(_multiple(delay, each) for each in own):
            own.append(delay)
    rows = tuple(_row(delay, own) for delay in delays)
    readouts = (replace(layout.readouts[0], multiples=rows[-1]),)
    return replace(
        sequence,
        delay=sequence.delay.new_tensor(own),
        layout=replace(layout, multiples=rows, readouts=readouts),
    )


def _row(delay: float, own: list[float]) -> Multiples:
    row = [0] * len(own)
    place = next(at for at, each in enumerate(own) if _multiple(delay, each))
    row[place] = _multiple(delay, own[place])
    return tuple(row)


def _multiple(delay: float, of: float) -> int:
    """How often one delay contains another, 0 if not wholly."""
    if not of:
        return int(not delay)
    count = round(delay / of)
    return count if abs(delay - count * of) <= SAME * delay else 0


def n_apart(sequence: Sequence) -> Int[Tensor, "*batch"]:
    """Number of pulses; the last ones of a train, one before each readout, count as one if they are alike."""
    angles = torch.stack([sequence.flip_angle, sequence.phase])[..., -sequence.n_readouts :]
    alike = (angles == angles[..., -1:]).all(0).flip(-1).cumprod(-1).sum(-1)
    return sequence.n_rf if sequence.n_readouts == 1 else sequence.n_rf - alike + 1
