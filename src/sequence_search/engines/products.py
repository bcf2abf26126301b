"""Products of signals with what is given for each: the derivative of a loss by what a signal is linear in."""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def products_of(
    signals: Complex[Tensor, "rows *batch n_signals"], given: Complex[Tensor, "rows n_signals"]
) -> Float[Tensor, " rows *batch"]:
    """Sums of Re(conj(given) signal), as one product of real matrices for each row."""
    pairs = torch.view_as_real(signals.resolve_conj()).flatten(-2).flatten(1, -2)
    product = pairs @ torch.view_as_real(given.resolve_conj()).reshape(len(given), -1, 1)
    return product.reshape(signals.shape[:-1])
