"""State and steps of a training of all seeds as one batch: weights and architecture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.scheduler import Scheduler, proposed
from sequence_search.strategies.proxyless.stream import AnySimulator
from sequence_search.strategies.result import Point


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where the training of a batch of seeds stands."""

    seeds: tuple[int, ...]
    scheduler: Scheduler
    reasons: tuple[str | None, ...]  # why a seed failed
    histories: tuple[tuple[Point, ...], ...]
    velocity: tuple[Tensor, ...]  # what SGD keeps of the weights of the scheduler
    mean: Float[Tensor, "seeds choices most"]  # what Adam keeps of the architecture's gradient
    square: Float[Tensor, "seeds choices most"]  # and of its square
    step: int = 0
    n_architecture: int = 0  # architecture steps taken
    n_batches: int = 0  # of voxels used up
    n_draws: int = 0  # of operations used up
    logged: tuple[int, ...] = ()  # steps at which the probabilities of all candidates were kept
    probabilities: tuple[Tensor, ...] = ()  # of these [n_logged] of [seeds, choices, most]


def initial_state(seeds: tuple[int, ...], scheduler: Scheduler) -> TrainingState:
    """Before the first step."""
    zeros = torch.zeros_like(scheduler.architecture)
    still = tuple(torch.zeros_like(part) for part in scheduler.weights)
    nothing = (None,) * len(seeds), ((),) * len(seeds)
    return TrainingState(seeds, scheduler, *nothing, still, zeros, zeros)


def weight_step(
    problem: Problem,
    state: TrainingState,
    path: Int[Tensor, "seeds choices"],
    simulator: AnySimulator,
    rate: float,
    momentum: float,
    price: LossFunction | None = None,
) -> tuple[TrainingState, Float[Tensor, " seeds"]]:
    """SGD on the drawn operations, w - rate v with v = momentum v + dL/dw; the loss is that before it.

    To that is added the price of what misses a limit, if there are any.
    """
    scheduler = state.scheduler
    weights = [part.detach().requires_grad_() for part in scheduler.weights]
    drawn = proposed(problem, scheduler.with_weights(weights), path)
    loss, gradient = simulator.loss_and_gradient(drawn.detach())
    by = gradient.columns()
    if price is not None:
        missed, more = price(drawn.detach())
        loss, by = loss + missed, {name: part + more.columns()[name] for name, part in by.items()}
    names = [name for name, part in drawn.columns().items() if part.requires_grad]
    slopes = torch.autograd.grad(
        [drawn.columns()[name] for name in names],
        weights,
        [by[name] for name in names],
        materialize_grads=True,  # of what no path has, as a repetition time that is not searched
    )
    pairs = zip(state.velocity, slopes, strict=True)
    velocity = tuple(momentum * before + slope if momentum else slope for before, slope in pairs)
    pairs = zip(weights, velocity, strict=True)
    stepped = scheduler.with_weights([part.detach().add(change, alpha=-rate) for part, change in pairs])
    stepped.constrain()
    return replace(state, scheduler=stepped, velocity=velocity), loss


def adam_step(
    state: TrainingState,
    gradient: Float[Tensor, "seeds choices most"],
    *,
    rate: float,
    betas: tuple[float, float],
) -> TrainingState:
    """Adam on the architecture parameters (Kingma and Ba, ICLR 2015, Algorithm 1)."""
    number = state.n_architecture + 1
    mean = state.mean.lerp(gradient, 1 - betas[0])
    square = (betas[1] * state.square).addcmul(gradient, gradient, value=1 - betas[1])
    spread = square.sqrt() / (1 - betas[1] ** number) ** 0.5 + 1e-8
    size = rate / (1 - betas[0] ** number)
    architecture = state.scheduler.architecture.addcdiv(mean, spread, value=-size)
    scheduler = replace(state.scheduler, architecture=architecture)
    return replace(state, scheduler=scheduler, mean=mean, square=square, n_architecture=number)


def silence_failures(
    state: TrainingState, loss: Float[Tensor, " seeds"], *, may_be_inf: bool = False
) -> TrainingState:
    """Record a seed whose loss or architecture is not finite, and silence it so that the others go on.

    The loss of what cannot be played is infinite: then it `may_be_inf`.
    """
    scheduler = state.scheduler
    lost = loss.isnan() if may_be_inf else ~loss.isfinite()
    broken = lost | scheduler.architecture.isnan().any(-1).any(-1)
    if not bool(broken.any()):
        return state
    reasons = list(state.reasons)
    for i in broken.nonzero()[:, 0].tolist():
        what = "gradient of the architecture" if loss[i].isfinite() else "loss"
        reasons[i] = reasons[i] or f"{what} is not finite at step {state.step}"

    def silent(part: Tensor, infinite: float = 0.0) -> Tensor:
        mended = part.nan_to_num(nan=0.0, posinf=0.0, neginf=infinite)
        return torch.where(broken[:, None, None], mended, part)

    scheduler = scheduler.with_weights([silent(part) for part in scheduler.weights])
    scheduler = replace(scheduler, architecture=silent(scheduler.architecture, -math.inf))
    return replace(state, reasons=tuple(reasons), scheduler=scheduler)
