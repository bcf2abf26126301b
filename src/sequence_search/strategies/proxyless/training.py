"""State and steps of a training of all seeds as one batch: weights, architecture, the voxels they see."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from sequence_search.problem.problem import Problem
from sequence_search.strategies.proxyless.scheduler import Scheduler
from sequence_search.strategies.result import Point
from sequence_search.voxels import Voxels, random_voxels

VOXEL_SEED = 0  # all seeds see the same stream of voxels, so that a seed does not depend on its neighbours


@dataclass(frozen=True, slots=True)
class Moments:
    """What SGD and Adam keep from step to step.

    Attributes
    ----------
    velocity : tuple of three tensors [seeds, layers, candidates]
        Of flip angle, phase and log idle time; none before the first step, or without momentum.
    mean, square : tensor [seeds, layers, candidates]
        Running means of the architecture's gradient and its square.
    n_steps : tensor []
        Architecture steps.
    """

    velocity: tuple[Tensor, ...]
    mean: Float[Tensor, "seeds layers candidates"]
    square: Float[Tensor, "seeds layers candidates"]
    n_steps: Float[Tensor, ""]


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Where the training of a batch of seeds stands.

    Attributes
    ----------
    seeds : tuple of int
    scheduler : Scheduler
    moments : Moments
    step : int
        Weight steps taken.
    n_batches, n_draws : int
        Batches of voxels and draws of operations used up.
    reasons : tuple of str or None [seeds]
        Why a seed failed.
    histories : tuple of tuple of Point [seeds]
    """

    seeds: tuple[int, ...]
    scheduler: Scheduler
    moments: Moments
    step: int
    n_batches: int
    n_draws: int
    reasons: tuple[str | None, ...]
    histories: tuple[tuple[Point, ...], ...]


def initial_state(seeds: tuple[int, ...], scheduler: Scheduler) -> TrainingState:
    """Before the first step."""
    zeros = torch.zeros_like(scheduler.architecture)
    moments = Moments((), zeros, zeros, torch.zeros(()))
    return TrainingState(seeds, scheduler, moments, 0, 0, 0, (None,) * len(seeds), ((),) * len(seeds))


def weight_step(
    problem: Problem,
    state: TrainingState,
    path: Int[Tensor, "seeds layers"],
    voxels: Voxels,
    engine: str,
    rate: float,
    momentum: float,
) -> tuple[TrainingState, Float[Tensor, " seeds"]]:
    """SGD on the drawn operations; the loss is that of each seed before it."""
    scheduler = state.scheduler
    weights = [
        part.clone().requires_grad_() for part in (scheduler.flip_angle, scheduler.phase, scheduler.log_idle)
    ]
    flip_angle, phase, log_idle = weights
    scheduler = replace(scheduler, flip_angle=flip_angle, phase=phase, log_idle=log_idle)
    drawn = scheduler.sequence(path)
    loss, gradient = problem.loss_and_gradient(voxels, engine)(drawn.detach())
    slopes = torch.autograd.grad(
        [drawn.flip_angle, drawn.phase, drawn.delay],
        weights,
        [gradient.flip_angle, gradient.phase, gradient.delay],
    )
    velocity: list[Tensor | None] = [part.clone() for part in state.moments.velocity] or [None] * 3
    with torch.no_grad():
        sgd(
            weights,
            list(slopes),
            velocity,
            lr=rate,
            momentum=momentum,
            weight_decay=0.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
    scheduler.constrain()
    kept = tuple(part for part in velocity if part is not None)
    scheduler = replace(
        scheduler, flip_angle=flip_angle.detach(), phase=phase.detach(), log_idle=log_idle.detach()
    )
    return replace(state, scheduler=scheduler, moments=replace(state.moments, velocity=kept)), loss


def adam_step(
    state: TrainingState,
    gradient: Float[Tensor, "seeds layers candidates"],
    *,
    rate: float,
    betas: tuple[float, float],
) -> TrainingState:
    """Adam on the architecture parameters."""
    architecture, moments = state.scheduler.architecture.clone(), state.moments
    mean, square, n_steps = moments.mean.clone(), moments.square.clone(), moments.n_steps.clone()
    adam(
        [architecture],
        [gradient],
        [mean],
        [square],
        [],
        [n_steps],
        lr=rate,
        beta1=betas[0],
        beta2=betas[1],
        eps=1e-8,
        weight_decay=0.0,
        amsgrad=False,
        maximize=False,
    )
    return replace(
        state,
        scheduler=replace(state.scheduler, architecture=architecture),
        moments=replace(moments, mean=mean, square=square, n_steps=n_steps),
    )


def silence_failures(state: TrainingState, loss: Float[Tensor, " seeds"]) -> TrainingState:
    """Record a seed whose loss or architecture is not finite, and silence it so that the others go on."""
    scheduler = state.scheduler
    broken = ~loss.isfinite() | scheduler.architecture.isnan().any(-1).any(-1)
    if not bool(broken.any()):
        return state
    reasons = list(state.reasons)
    for i in broken.nonzero()[:, 0].tolist():
        what = "gradient of the architecture" if loss[i].isfinite() else "loss"
        reasons[i] = reasons[i] or f"{what} is not finite at step {state.step}"

    def silent(part: Tensor, infinite: float = 0.0) -> Tensor:
        mended = part.nan_to_num(nan=0.0, posinf=0.0, neginf=infinite)
        return torch.where(broken[:, None, None], mended, part)

    return replace(
        state,
        reasons=tuple(reasons),
        scheduler=replace(
            scheduler,
            flip_angle=silent(scheduler.flip_angle),
            phase=silent(scheduler.phase),
            log_idle=silent(scheduler.log_idle),
            architecture=silent(scheduler.architecture, -math.inf),
        ),
    )


class VoxelStream:
    """Batches of random voxels, Sec. II.C: an epoch is one pass, without a last batch that is not full."""

    def __init__(self, problem: Problem, n_voxels: int, per_step: int) -> None:
        self._voxels = random_voxels(problem.tissues, problem.imaging, n_voxels, seed=VOXEL_SEED)
        self._per_step = per_step
        self._per_epoch = n_voxels // per_step
        self._generator = torch.Generator().manual_seed(VOXEL_SEED)
        self._epoch, self._order = -1, torch.empty(0)

    def batch(self, number: int) -> Voxels:
        """Voxels of a batch, counted from 0; an earlier epoch is drawn anew."""
        epoch, place = divmod(number, self._per_epoch)
        if epoch < self._epoch:
            self._generator.manual_seed(VOXEL_SEED)
            self._epoch = -1
        while self._epoch < epoch:
            self._order = torch.randperm(len(self._voxels), generator=self._generator)
            self._epoch += 1
        return self._voxels[self._order[place * self._per_step : (place + 1) * self._per_step]]
