"""Black-box optimisers from outside on the same objective: CMA-ES (pycma) and Optuna's TPE.

They search flip angles, phases and log delays of `max_rf` pulses; pulses that come out below 3° are dropped
before the loss, so that the number of pulses is free for them too. No gradients, and no polish.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import numpy as np
import torch

from sequence_search import Problem, Sequence
from sequence_search.strategies.base import Meter

N_PER_TISSUE = 32  # as multistart's descent
POPULATION = 64


def cma_es(problem: Problem, seed: int, meter: Meter) -> Sequence:
    """CMA-ES from random starts, again and again until the meter says stop."""
    import cma

    loss = _vector_loss(problem, meter)
    rng = np.random.default_rng(seed)
    best, best_loss = None, math.inf
    while not meter.must_end():
        start = rng.random(3 * problem.search_space.max_rf)
        options = {
            "bounds": [0, 1],
            "popsize": POPULATION,
            "seed": int(rng.integers(1, 2**31)),
            "verbose": -9,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            strategy = cma.CMAEvolutionStrategy(start, 0.3, options)
            while not strategy.stop() and not meter.must_end():
                points = strategy.ask()
                values = loss(np.array(points))
                strategy.tell(points, values.tolist())
                if values.min() < best_loss:
                    best, best_loss = points[int(values.argmin())], float(values.min())
    if best is None:
        raise ValueError(f"CMA-ES met no finite loss in '{problem.name}'")
    return _decode(problem, np.asarray(best)[None])[0]


def tpe(problem: Problem, seed: int, meter: Meter) -> Sequence:
    """Optuna's tree-structured Parzen estimator, one trial after the other."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    loss = _vector_loss(problem, meter)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    names = [str(i) for i in range(3 * problem.search_space.max_rf)]
    while not study.trials or not meter.must_end():
        trial = study.ask()
        point = np.array([trial.suggest_float(name, 0, 1) for name in names])
        study.tell(trial, float(loss(point[None])[0]))
    best = np.array([study.best_params[name] for name in names])
    return _decode(problem, best[None])[0]


def _vector_loss(problem: Problem, meter: Meter) -> Callable[[np.ndarray], np.ndarray]:
    """Loss of points in the unit cube, [n_points, 3 max_rf]."""
    loss_and_gradient = problem.loss_and_gradient(problem.voxels(N_PER_TISSUE))

    def loss(points: np.ndarray) -> np.ndarray:
        meter.spend(len(points))
        return loss_and_gradient(_decode(problem, points).drop_small_pulses())[0].numpy()

    return loss


def _decode(problem: Problem, points: np.ndarray) -> Sequence:
    """Flip angles in the flip range, any phase, log-uniform delays within their bounds."""
    space = problem.search_space
    flip, phase, delay = torch.from_numpy(points).reshape(len(points), 3, -1).unbind(1)
    low, high = space.flip_range
    ratio = space.max_delay / space.min_rf_delay
    return Sequence(low + (high - low) * flip, 2 * math.pi * phase, space.min_rf_delay * ratio**delay)


PEERS = {"cma-es": ("cma", cma_es), "tpe": ("optuna", tpe)}
