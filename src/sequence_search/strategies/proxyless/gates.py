"""Gradients of the architecture parameters through the gates of a drawn path.

The signal is linear in the gates of a layer, S = sum_j g_j S_j, where S_j is the signal of the same sequence
with candidate j in that layer. Hence dL/dg_j = Re <dL/dS, S_j> plus the penalties' difference, and an
architecture step is one simulation of neighbouring sequences.

Source: Cai, Zhu, Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
ICLR 2019.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sequence_search.objective import Objective
from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.scheduler import Scheduler
from sequence_search.voxels import Voxels


def gate_gradient(
    problem: Problem, scheduler: Scheduler, path: Int[Tensor, "seeds layers"], voxels: Voxels, engine: str
) -> Float[Tensor, "seeds layers candidates"]:
    """dL/dg of every candidate of every layer at a drawn path, up to a constant in each layer."""
    _, layers, candidates = scheduler.architecture.shape
    with torch.no_grad():
        drawn = scheduler.sequence(path)
        others = scheduler.sequence(_neighbours(path, candidates))
        simulator = problem.simulator(voxels, engine)
        signal, candidate_signals = simulator.signal(drawn), simulator.signal(others)
    leaf = signal.requires_grad_()
    # The second part is zero: it keeps the graph whole where the objective is of the sequence alone.
    loss = problem.objective(leaf, drawn, voxels).sum() + 0.0 * leaf.abs().sum()
    (slope,) = torch.autograd.grad(loss, leaf)
    # Re <dL/dS, S_j>, as one product of real matrices for each seed.
    pairs = torch.view_as_real(candidate_signals).reshape(len(path), layers * candidates, -1)
    products = pairs @ torch.view_as_real(slope).reshape(len(path), -1, 1)
    through_signal = products.reshape(-1, layers, candidates)
    # Settings of the sequence alone add up over layers, so that their difference between neighbours is their
    # gate's gradient; terms of the signal, held fixed here, are a constant that the softmax cancels.
    terms = tuple(term for term in problem.objective.terms if term.kind.own or term.kind.of == "sequence")
    if not terms:
        return through_signal
    with torch.no_grad():
        # Magnitudes of all neighbours cost as much as half their simulation: only for terms that may look.
        blind = all(term.kind.of == "sequence" for term in terms)
        fixed = signal[..., :0] if blind else signal
        fixed = fixed[:, None, None, :].expand(*others.batch_shape, fixed.shape[-1])
        return through_signal + Objective(terms)(fixed, others, voxels)


def candidate_losses(
    problem: Problem, scheduler: Scheduler, path: Int[Tensor, "seeds layers"], voxels: Voxels, engine: str
) -> Float[Tensor, "seeds layers candidates"]:
    """Loss of the drawn path with one layer set to each of its candidates in turn.

    In place of dL/dg in `architecture_gradient` it gives the derivative of the expected loss itself.
    """
    with torch.no_grad():
        others = scheduler.sequence(_neighbours(path, scheduler.architecture.shape[-1]))
        loss, _ = problem.loss_and_gradient(voxels, engine)(others)
    return loss


def _neighbours(
    path: Int[Tensor, "seeds layers"], candidates: int
) -> Int[Tensor, "seeds layers candidates layers"]:
    """The path with one layer set to each of its candidates in turn."""
    layers = path.shape[-1]
    neighbours = path[:, None, None, :].repeat(1, layers, candidates, 1)
    for layer in range(layers):
        neighbours[:, layer, :, layer] = torch.arange(candidates)
    return neighbours


def architecture_gradient(
    architecture: Float[Tensor, "*shape candidates"],
    gate_gradient: Float[Tensor, "*shape candidates"],
    chosen: Int[Tensor, "*shape 2"] | None = None,
) -> Float[Tensor, "*shape candidates"]:
    """dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i), with p = softmax(alpha).

    If two candidates are chosen, over them with renormalised probabilities; zero elsewhere.
    """
    if chosen is not None:
        gradient = architecture_gradient(architecture.gather(-1, chosen), gate_gradient.gather(-1, chosen))
        return torch.zeros_like(architecture).scatter(-1, chosen, gradient)
    p = architecture.softmax(-1)
    weighted = torch.where(p > 0, gate_gradient * p, 0.0)
    return weighted - p * weighted.sum(-1, keepdim=True)
