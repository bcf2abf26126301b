"""Parts of a sequence in which each pulse has one delay: up to a readout, and some pulses of it."""

from __future__ import annotations

from dataclasses import replace

import torch

from sequence_search.layout import Layout
from sequence_search.sequence import Sequence


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
