"""Refinement by gradient that strategies share: batched descent and polishing to convergence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from torch import Tensor

from sequence_search.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

# A clock below this part of the time to readout counts as refocused.
REFOCUSED = 1e-4
POLISH_ROUNDS = 4


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
    loss_and_gradient = problem.loss_and_gradient(voxels, engine)
    while True:
        flip, phase, log_delay = parameters
        sequence = Sequence(flip.clone(), phase.clone(), log_delay.exp(), start.present)
        loss, gradient = loss_and_gradient(sequence)
        yield loss, sequence
        flip.grad, phase.grad = gradient.flip_angle, gradient.phase
        log_delay.grad = gradient.delay * sequence.delay  # chain rule of the logarithm
        optimizer.step()
        log_delay.clamp_(math.log(space.min_rf_delay), math.log(space.max_delay))


def polish(
    problem: Problem, sequence: Sequence, voxels: Voxels, *, engine: str, max_iterations: int = 200
) -> tuple[float, Sequence]:
    """Converge a single sequence, on flip angles, phases and log delays within their bounds.

    L-BFGS-B stalls where a pathway refocuses: there the loss has a kink in the delays, and optima like to
    sit in it. So it takes turns with SLSQP along the kinks reached, with the delays held to refocus.

    Returns
    -------
    loss : float
    sequence : Sequence
    """
    single = sequence.detach().without_padding()
    space = problem.search_space
    n_rf = len(single.flip_angle)

    def unpack(x: np.ndarray) -> Sequence:
        flip, phase, log_delay = torch.from_numpy(x).reshape(3, n_rf)
        return Sequence(flip, phase, log_delay.exp())

    loss_and_slopes = problem.loss_and_gradient(voxels, engine)

    def loss_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        point = unpack(x)
        loss, gradient = loss_and_slopes(point)
        by_log_delay = gradient.delay * point.delay
        return float(loss), torch.cat([gradient.flip_angle, gradient.phase, by_log_delay]).numpy()

    limits = (math.log(space.min_rf_delay), math.log(space.max_delay))
    minimize_within = partial(
        minimize, loss_and_gradient, jac=True, bounds=[(None, None)] * (2 * n_rf) + [limits] * n_rf
    )
    log_delay = single.delay.clamp(space.min_rf_delay, space.max_delay).log()
    x = torch.cat([single.flip_angle, single.phase, log_delay]).numpy()
    reached = float("inf")
    for _ in range(POLISH_ROUNDS):
        options = {"maxiter": max_iterations, "ftol": 1e-12, "gtol": 1e-8}
        before = reached
        smooth = minimize_within(x, method="L-BFGS-B", options=options)
        x, reached = smooth.x, float(smooth.fun)
        echoes = refocused_clocks(np.exp(x[2 * n_rf :]))
        if len(echoes):
            along = minimize_within(
                x,
                method="SLSQP",
                constraints=_keep_refocused(echoes, n_rf),
                options={"maxiter": max_iterations, "ftol": 1e-13},
            )
            if along.fun < reached:
                x, reached = along.x, float(along.fun)
        if not len(echoes) or before - reached < 1e-9 * abs(reached):
            break
    return reached, unpack(x)


def refocused_clocks(delay: Float[np.ndarray, "n_rf"]) -> Float[np.ndarray, "echoes n_rf"]:
    """Independent clocks m of pathways that refocus, m · delay = 0; each m is +1, -1 or 0, the last +1.

    Parameters
    ----------
    delay : array [n_rf], s
    """
    chosen: list[np.ndarray] = []
    for signs in itertools.product((-1.0, 0.0, 1.0), repeat=len(delay) - 1):
        clock = np.array([*signs, 1.0])
        if abs(clock @ delay) > REFOCUSED * delay.sum():
            continue
        if np.linalg.matrix_rank(np.array([*chosen, clock])) > len(chosen):
            chosen.append(clock)
    return np.array(chosen).reshape(-1, len(delay))


def _keep_refocused(echoes: np.ndarray, n_rf: int) -> dict[str, Any]:
    """SLSQP's constraint that the pathways stay refocused, as part of the whole time."""

    def clocks(x: np.ndarray) -> np.ndarray:
        delay = np.exp(x[2 * n_rf :])
        return np.asarray(echoes @ delay)

    def jacobian(x: np.ndarray) -> np.ndarray:
        free = np.zeros((len(echoes), 2 * n_rf))
        return np.hstack([free, echoes * np.exp(x[2 * n_rf :])])

    return {"type": "eq", "fun": clocks, "jac": jacobian}
