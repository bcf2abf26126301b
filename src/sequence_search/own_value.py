"""The value of an objective term of the user's own, checked."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

Magnitude = Float[Tensor, "*batch n_voxels"]  # of the signal, in the unit of m0
Loss = Float[Tensor, "*batch"]
TermFunction = Callable[[Magnitude, Sequence, Voxels], Loss]


class TermError(ValueError):
    """A term of the user's own that raised, or returned what is no loss; the message names the term."""


def own_value(
    name: str, function: TermFunction, given: Tensor, sequence: Sequence, voxels: Voxels
) -> Float[Tensor, "*batch"]:
    """Value of a user's function, from sequences of one pulse number at a time, so that none sees padding.

    Raises
    ------
    TermError
    """
    if sequence.present is None or not sequence.present.numel():
        return _call_own(name, function, given, sequence, voxels)
    rows = given.reshape(-1, given.shape[-1])
    groups = list(sequence.flat().by_pulse_number())
    values = torch.cat(
        [_call_own(name, function, rows[places], unpadded, voxels) for places, unpadded in groups]
    )
    return values[torch.cat([places for places, _ in groups]).argsort()].reshape(sequence.batch_shape)


def _call_own(name: str, function: TermFunction, given: Tensor, sequence: Sequence, voxels: Voxels) -> Tensor:
    shape = tuple(sequence.batch_shape)
    try:
        value = function(given, sequence, voxels)
    except Exception as error:
        what, n_rf = f"{type(error).__name__}: {error}", sequence.delay.shape[-1]
        raise TermError(
            f"term '{name}' raised {what} (for a batch {shape} of sequences of {n_rf} pulses)"
        ) from error
    if not isinstance(value, Tensor) or value.shape != sequence.batch_shape or value.is_complex():
        got = f"a {type(value).__name__}"
        if isinstance(value, Tensor):
            got = f"a {'complex ' * value.is_complex()}tensor {tuple(value.shape)}"
        raise TermError(
            f"term '{name}' must return a torch tensor {shape}, a loss for each sequence, got {got}"
        )
    return value
