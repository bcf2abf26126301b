"""An engine as steps: what it does with a state of its own, and a sequence played by them, whole or cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.sequence import Sequence


@runtime_checkable
class Steps(Protocol):
    """What an engine in torch does with a state of its own, for its voxels; all times in s, angles in rad."""

    def start(self, delay: Tensor, mz: float | Tensor = 1.0) -> Any:
        """State before the first pulse of a batch with delays [batch, n_rf], with Mz = mz."""

    def pulse(self, state: Any, flip_angle: Tensor, phase: Tensor) -> Any:
        """State after a pulse [batch]."""

    def wait(self, state: Any, delay: Tensor) -> Any:
        """State after a delay [batch]."""

    def crush(self, state: Any, moment: int) -> Any:
        """State after a gradient of whole cycles over the voxel."""

    def read(self, state: Any) -> tuple[Tensor, Tensor]:
        """Mxy and Mz [batch, n_voxels], in units of M0."""


def play(engine: Steps, sequence: Sequence, mz: float | Tensor = 1.0) -> tuple[Tensor, Tensor]:
    """Mxy and Mz at the readout of a batch [batch, n_rf] without padding, by the steps of an engine."""
    state = engine.start(sequence.delay, mz)
    for flip_angle, phase, delay in zip(
        *(part.unbind(-1) for part in (sequence.flip_angle, sequence.phase, sequence.delay)), strict=True
    ):
        state = engine.wait(engine.pulse(state, flip_angle, phase), delay)
    return engine.read(state)


def cut(sequence: Sequence, times: Float[Tensor, " n_times"]) -> Sequence:
    """Batch [n_times] of a single sequence without padding, read at each time [s] from the first pulse.

    What is not yet played is padding; beyond the readout the last delay goes on.
    """
    # Not the end less the delay, which rounding can put after the time of the pulse.
    start = torch.cat([torch.zeros_like(sequence.delay[:1]), sequence.delay.cumsum(-1)[:-1]])
    since = times[:, None] - start
    until_next = torch.cat([torch.minimum(sequence.delay, since)[:, :-1], since[:, -1:]], -1)
    played = since >= 0
    repeated = sequence.map(lambda part: part.expand(played.shape))
    return replace(repeated, delay=torch.where(played, until_next, 0.0), present=played)
