"""The gradient of a function of a sequence by autograd, as a sequence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.sequence import Sequence


def by_autograd(
    function: Callable[[Sequence], Float[Tensor, "*batch"]], sequence: Sequence
) -> tuple[Float[Tensor, "*batch"], Sequence]:
    """Value [*batch] of a function of sequences [*batch, n_rf], and its derivatives by their columns."""
    leaves = sequence.detach()
    for part in leaves.columns().values():
        part.requires_grad_()
    with torch.enable_grad():
        value = function(leaves)
        # A column that the function does not depend on has no gradient of its own.
        total = value.sum() + 0.0 * sum(part.sum() for part in leaves.columns().values())
    slopes = torch.autograd.grad(total, list(leaves.columns().values()))
    return value.detach(), leaves.with_columns(dict(zip(leaves.columns(), slopes, strict=True)))
