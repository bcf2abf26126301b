"""Loss and gradient of a batch of sequences over fixed voxels, by the fastest way that serves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.engines import fused
from sequence_search.engines.kernel.objective import Encoding, arrange_objective
from sequence_search.engines.kernel.run import loss as kernel_loss
from sequence_search.engines.simulator import prepare
from sequence_search.objective import (
    TERMS,
    Objective,
    TermFunction,
    contrast_loss,
    null_loss,
    rf_energy,
    rf_number,
    signal_loss,
    time_to_readout,
)
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

LossFunction = Callable[[Sequence], tuple[Tensor, Sequence]]


def make_loss(objective: Objective, voxels: Voxels, engine: str = "auto") -> LossFunction:
    """Prepare the objective over the voxels, once for many sequences.

    Parameters
    ----------
    objective : Objective
        Of standard terms it runs in one pass of the compiled kernel, without autograd; terms of the
        user's own go through autograd.
    voxels : Voxels
    engine : str
        As for `simulate`.

    Returns
    -------
    callable (sequence [*batch, n_rf]) -> (loss [*batch], gradient)
        The gradient is a Sequence of the derivatives by flip angle and phase [1/rad] and delay [1/s].

    Raises
    ------
    ValueError
        If there is no voxel of a tissue that a term needs, or a contrast is not between two tissues.
    """
    for term in objective.terms:
        for tissue in term.tissues or ():
            if not (voxels.tissue == tissue).any():
                raise ValueError(f"term '{term.name}' needs voxels of tissue {tissue}, and there are none")
        if term.function is contrast_loss:
            chosen = voxels.tissue if term.tissues is None else voxels.tissue[voxels.is_of(term.tissues)]
            n_tissues = len(chosen.unique())
            if n_tissues != 2:
                raise ValueError(f"term '{term.name}' needs voxels of exactly two tissues, got {n_tissues}")
    if engine in ("auto", "fused") and is_standard(objective) and voxels.b1.device.type == "cpu":
        return _kernel_loss(objective, voxels, engine)
    return _autograd_loss(objective, voxels, engine)


def _autograd_loss(objective: Objective, voxels: Voxels, engine: str) -> LossFunction:
    signal = prepare(voxels, engine)

    def loss_and_gradient(sequence: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        leaves = [
            part.detach().requires_grad_() for part in (sequence.flip_angle, sequence.phase, sequence.delay)
        ]
        free = Sequence(leaves[0], leaves[1], leaves[2], sequence.present)
        loss = objective(signal(free), free, voxels)
        # A part that the objective does not depend on has no gradient of its own.
        total = loss.sum() + 0.0 * sum(leaf.sum() for leaf in leaves)
        flip, phase, delay = torch.autograd.grad(total, leaves)
        return loss.detach(), Sequence(flip, phase, delay, sequence.present)

    return loss_and_gradient


def _kernel_loss(objective: Objective, voxels: Voxels, engine: str) -> LossFunction:
    blocks = fused.arrange(voxels, voxels.tissue)
    terms = arrange_objective(blocks, encode(objective, voxels))
    fallback = _autograd_loss(objective, voxels, engine)

    def loss_and_gradient(sequence: Sequence) -> tuple[Float[Tensor, "*batch"], Sequence]:
        flip, phase, delay = sequence.flip_angle, sequence.phase, sequence.delay
        if not (fused.is_packed(sequence) and fused.can_run(sequence, voxels)):
            return fallback(sequence)
        shape = flip.shape
        by_row = (-1, shape[-1]) if shape[-1] else (shape[:-1].numel(), 0)
        sequences = (
            fused.as_numpy(flip).reshape(by_row),
            fused.as_numpy(phase).reshape(by_row),
            fused.as_numpy(delay).reshape(by_row),
        )
        n_rf = fused.pulse_numbers(sequence)
        loss, gradient = kernel_loss(sequences, n_rf, blocks, terms, torch.get_num_threads())
        by_flip, by_phase, by_delay = (
            slope.to(part.dtype)
            for slope, part in zip(torch.from_numpy(gradient).unbind(1), (flip, phase, delay), strict=True)
        )
        return (
            torch.from_numpy(loss).to(torch.promote_types(delay.dtype, voxels.m0.dtype)).reshape(shape[:-1]),
            Sequence(
                by_flip.reshape(shape), by_phase.reshape(shape), by_delay.reshape(shape), sequence.present
            ),
        )

    return loss_and_gradient


def encode(objective: Objective, voxels: Voxels) -> Encoding:
    """Write standard terms as factors of |S| and |S|², contrasts of tissue means, and penalties.

    Parameters
    ----------
    objective : Objective
        Of the terms in `TERMS` only.
    voxels : Voxels
        On the CPU.
    """
    weight, m0 = (part.detach().numpy().astype(np.float64) for part in (voxels.weight, voxels.m0))
    tissue = voxels.tissue.numpy()
    linear, square, mean = np.zeros_like(m0), np.zeros_like(m0), np.zeros_like(m0)
    constant = 0.0
    contrasts: list[tuple[int, int, float]] = []
    penalties: dict[TermFunction, float] = {rf_energy: 0.0, rf_number: 0.0, time_to_readout: 0.0}
    for index in np.unique(tissue):
        chosen = tissue == index
        mean[chosen] = weight[chosen] / weight[chosen].sum()
    for term in objective.terms:
        chosen = np.ones_like(m0, bool) if term.tissues is None else np.isin(tissue, term.tissues)
        part = term.weight * weight * chosen / weight[chosen].sum()
        if term.function is signal_loss:
            # (M0 - |S|)² = M0² - 2 M0 |S| + |S|²
            constant += float((part * m0**2).sum())
            linear -= 2 * part * m0
            square += part
        elif term.function is null_loss:
            square += part
        elif term.function is contrast_loss:
            first, second = np.unique(tissue[chosen]).tolist()
            contrasts.append((int(first), int(second), term.weight))
        else:
            penalties[term.function] += term.weight
    return Encoding(
        linear,
        square,
        mean,
        tissue,
        constant,
        pairs=np.array([contrast[:2] for contrast in contrasts], np.int64).reshape(-1, 2),
        contrast_weight=np.array([contrast[2] for contrast in contrasts], np.float64),
        signed=np.zeros(len(contrasts), np.bool_),
        penalties=np.array([penalties[rf_energy], penalties[rf_number], penalties[time_to_readout]]),
    )


def is_standard(objective: Objective) -> bool:
    """Whether every term is one of `TERMS`, none a Python function of the user's own."""
    return all(term.function in TERMS.values() for term in objective.terms)
