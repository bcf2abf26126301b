"""Refinement by gradient that strategies share: batched descent and polishing to convergence."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from sequence_search.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


def random_sequences(space: SearchSpace, count: int, generator: torch.Generator) -> Sequence:
    """Sequences spread over the whole search space, [count, max_rf], without any knowledge of sequences.

    The number of pulses is uniform in 1 to max_rf, flip angles are uniform in the flip range, phases
    uniform, and delays log-uniform from the shortest delay to the longest initial wait.
    """
    shape = (count, space.max_rf)
    flip, phase, delay = torch.rand((3, *shape), generator=generator, dtype=torch.float64)
    low, high = space.flip_range
    longest = max([wait[1] for wait in space.wait_ranges], default=space.max_delay)
    ratio = max(longest / space.min_rf_delay, 1.0)
    n_rf = torch.randint(1, space.max_rf + 1, (count, 1), generator=generator)
    return Sequence(
        low + (high - low) * flip,
        math.pi * (2 * phase - 1),
        space.min_rf_delay * ratio**delay,
        torch.arange(space.max_rf) < n_rf,
    )


def descend(
    problem: Problem, start: Sequence, voxels: Voxels, *, engine: str, learning_rate: float
) -> Iterator[tuple[Float[Tensor, "batch"], Sequence]]:
    """Adam on flip angles, phases [rad] and log delays of a batch, endlessly; each step is yielded.

    Delays stay within the bounds of the search space.

    Yields
    ------
    loss : tensor [batch]
    sequence : Sequence [batch, n_rf]
        For which the loss holds.
    """
    space = problem.search_space
    log_delay = start.delay.clamp(min=space.min_rf_delay).log()
    parameters = [part.detach().clone() for part in (start.flip_angle, start.phase, log_delay)]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    while True:
        flip, phase, log_delay = parameters
        sequence = Sequence(flip.clone(), phase.clone(), log_delay.exp(), start.present)
        loss, gradient = problem.loss_and_gradient(sequence, voxels, engine)
        yield loss, sequence
        flip.grad, phase.grad = gradient.flip_angle, gradient.phase
        log_delay.grad = gradient.delay * sequence.delay  # chain rule of the logarithm
        optimizer.step()
        log_delay.clamp_(math.log(space.min_rf_delay), math.log(space.max_delay))


def polish(
    problem: Problem, sequence: Sequence, voxels: Voxels, *, engine: str, max_iterations: int = 200
) -> tuple[float, Sequence]:
    """Converge a single sequence by L-BFGS-B, on flip angles, phases and log delays within their bounds.

    Returns
    -------
    loss : float
    sequence : Sequence
    """
    single = sequence.detach().without_padding()
    space = problem.search_space
    n_rf = len(single.flip_angle)

    def unpack(x: Tensor) -> Sequence:
        return Sequence(x[:n_rf], x[n_rf : 2 * n_rf], x[2 * n_rf :].exp())

    def loss_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        point = unpack(torch.from_numpy(x))
        loss, gradient = problem.loss_and_gradient(point, voxels, engine)
        by_log_delay = gradient.delay * point.delay
        return float(loss), torch.cat([gradient.flip_angle, gradient.phase, by_log_delay]).numpy()

    log_delay = single.delay.clamp(space.min_rf_delay, space.max_delay).log()
    free = [(None, None)] * (2 * n_rf)
    bounds = free + [(math.log(space.min_rf_delay), math.log(space.max_delay))] * n_rf
    start = torch.cat([single.flip_angle, single.phase, log_delay]).numpy()
    result = minimize(
        loss_and_gradient,
        start,
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "ftol": 1e-12, "gtol": 1e-8},
    )
    return float(result.fun), unpack(torch.from_numpy(result.x))
