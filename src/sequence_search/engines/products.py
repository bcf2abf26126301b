"""Products of signals with what is given for each: the derivative of a loss by what a signal is linear in."""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def products_of(
    signals: Complex[Tensor, "rows *batch n_signals"], given: Complex[Tensor, "rows n_signals"]
) -> Float[Tensor, " rows *batch"]:
    """Sums of Re(conj(given) signal), as one product of real matrices for each row."""
    rows, n_signals = given.shape
    n_each = math.prod(signals.shape[1:-1])
    pairs = torch.view_as_real(signals.resolve_conj()).reshape(rows, n_each, 2 * n_signals)
    product = pairs @ torch.view_as_real(given.resolve_conj()).reshape(rows, 2 * n_signals, 1)
    return product.reshape(signals.shape[:-1])


def check_given(given: Tensor, batch: tuple[int, ...], n_signals: int) -> None:
    """Refuse numbers that are not [rows, n_signals] of sequences [rows, *batch]."""
    if given.shape != (*batch[:1], n_signals):
        raise ValueError(
            f"of sequences {tuple(batch)} with {n_signals} signals each must be given"
            f" {[*batch[:1], n_signals]} numbers, got {list(given.shape)}"
        )
