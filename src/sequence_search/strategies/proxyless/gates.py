"""Gradients of the architecture parameters through the gates of a drawn path.

The signal is linear in the gates of a layer, S = sum_j g_j S_j, where S_j is the signal of the same sequence
with candidate j in that layer. Hence dL/dg_j = Re <dL/dS, S_j> plus the penalties' difference, and an
architecture step is one simulation of neighbouring sequences. The gradient after a layer's pulse is a choice
with gates of its own.

Source: Cai, Zhu, Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.objective import Objective, Prepared
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.played import by_layout
from sequence_search.strategies.proxyless.order import order_of
from sequence_search.strategies.proxyless.scheduler import Scheduler, proposed
from sequence_search.strategies.proxyless.stream import AnySimulator
from sequence_search.voxels import Voxels


def gate_gradient(
    problem: Problem,
    scheduler: Scheduler,
    path: Int[Tensor, "seeds choices"],
    simulator: AnySimulator,
    price: LossFunction | None = None,
    among: Int[Tensor, "seeds choices two"] | None = None,
) -> Float[Tensor, "seeds choices most"]:
    """dL/dg of every candidate that may be drawn at a drawn path, up to a constant in each choice.

    To that is added what missing a limit costs each, if anything. If `among` some, of these alone.
    """
    voxels = simulator.voxels
    with torch.no_grad():
        others = _others(scheduler, path, among)
        paths = _around(path, others)
        around = proposed(problem, scheduler, paths)
        drawn = around[:, 0]
        signal = simulator.signal(drawn)
        slope = _slope(problem, voxels, by_layout(simulator, drawn), signal)
        products = simulator.signal_products(around, slope).flatten()
        # Settings of the sequence alone add up over layers, so that their difference between neighbours is
        # their gate's gradient; terms of the signal, held fixed, are a constant that the softmax cancels.
        terms = tuple(each for each in problem.objective.terms if each.kind.own or each.kind.of == "sequence")
        # Magnitudes of all neighbours cost as much as half their simulation: only for terms that may look.
        seen = signal if any(each.kind.own for each in terms) else signal[:, :0]
        prepared = Prepared(Objective(terms), voxels, problem.pulses)
        gradient, seed = torch.full_like(products, math.inf), torch.arange(len(path))
        seed = seed.repeat_interleave(around.batch_shape[1])
        for rows, played in by_layout(simulator, around):
            gradient[rows] = products[rows]
            if terms:
                gradient[rows] += prepared.loss(_by_readout(seen[seed[rows]], played), played)
        values = _allowed(problem, scheduler, paths, gradient.reshape(around.batch_shape))
        if price is not None:
            values = values + price(around)[0]
    return _of_all(values, path, others)


def _slope(
    problem: Problem, voxels: Voxels, drawn: Iterable[tuple[np.ndarray, Sequence]], signal: Tensor
) -> Tensor:
    """dL/dS of the signal [seeds, n_signals] of what was drawn, 0 of what cannot be played."""
    prepared, slope = Prepared(problem.objective, voxels, problem.pulses), torch.zeros_like(signal)
    for rows, played in drawn:
        leaf = _by_readout(signal[rows], played).requires_grad_()
        with torch.enable_grad():
            loss = prepared.loss(leaf, played).sum()
        if loss.requires_grad:  # not of an objective of the sequence alone
            (by_signal,) = torch.autograd.grad(loss, leaf, materialize_grads=True)
            slope[rows] = by_signal.flatten(1)
    return slope


def candidate_losses(
    problem: Problem,
    scheduler: Scheduler,
    path: Int[Tensor, "seeds choices"],
    simulator: AnySimulator,
    price: LossFunction | None = None,
    among: Int[Tensor, "seeds choices two"] | None = None,
) -> Float[Tensor, "seeds choices most"]:
    """Loss of the drawn path with one choice set to each of its candidates in turn.

    In place of dL/dg in `architecture_gradient` it gives the derivative of the expected loss itself.
    If `among` some, of these alone.
    """
    with torch.no_grad():
        others = _others(scheduler, path, among)
        paths = _around(path, others)
        around = proposed(problem, scheduler, paths)
        loss, _ = simulator.loss_and_gradient(around)
        values = _allowed(problem, scheduler, paths, loss)
        if price is not None:
            values = values + price(around)[0]
    return _of_all(values, path, others)


def _allowed(
    problem: Problem,
    scheduler: Scheduler,
    paths: Int[Tensor, "seeds neighbours choices"],
    values: Float[Tensor, "seeds neighbours"],
) -> Float[Tensor, "seeds neighbours"]:
    """Values of paths, infinite where a kind of pulse stands where it may not."""
    order = order_of(problem, scheduler)
    if order is None:
        return values
    return torch.where(order.keeps(paths[..., : order.layers]), values, math.inf)


def _by_readout(signal: Tensor, played: Sequence) -> Tensor:
    """Signals [batch, n_signals] as an objective takes them, see `Prepared.parts`."""
    count, number = signal.shape[1], played.n_readouts
    return signal.reshape(len(signal), number, count // number) if number > 1 else signal


def _others(
    scheduler: Scheduler,
    path: Int[Tensor, "seeds choices"],
    among: Int[Tensor, "seeds choices two"] | None,
) -> Bool[Tensor, "seeds choices most"]:
    """Candidates that may be drawn but were not, as many for each seed."""
    most = scheduler.architecture.shape[-1]
    others = scheduler.allowed & (torch.arange(most) != path[..., None])
    return others if among is None else others & torch.zeros_like(others).scatter(-1, among, True)


def _around(
    path: Int[Tensor, "seeds choices"], others: Bool[Tensor, "seeds choices most"]
) -> Int[Tensor, "seeds neighbours choices"]:
    """The path, then with one choice set to each other candidate in turn."""
    seed, choice, candidate = others.nonzero().unbind(-1)
    neighbours = path[seed]
    neighbours[torch.arange(len(choice)), choice] = candidate
    return torch.cat([path[:, None], neighbours.reshape(len(path), -1, path.shape[-1])], 1)


def _of_all(
    values: Float[Tensor, "seeds neighbours"],
    path: Int[Tensor, "seeds choices"],
    others: Bool[Tensor, "seeds choices most"],
) -> Float[Tensor, "seeds choices most"]:
    """Values of what is `_around` a path by candidate; the largest of its choice where there is none.

    That is of what cannot be played, as pulses that do not fit into the repetition, or may not be drawn or
    stand there.
    """
    every = values.new_full(others.shape, math.inf)
    every[others] = values[:, 1:].flatten()
    every.scatter_(-1, path[..., None], values[:, :1, None].expand(-1, path.shape[-1], -1))
    largest = torch.where(every.isinf(), -math.inf, every).amax(-1, keepdim=True)
    return torch.where(every.isinf(), largest.nan_to_num(neginf=0.0), every)


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
