"""The paper's algorithm: ProxylessNAS over layers of operations. Sequence Search, Sec. II.B, Fig. 3.

A sequence is a stack of `max_rf` layers. Each layer holds candidate operations, RF pulses and waits, whose
flip angle, phase and idle time are the weight parameters; its architecture parameters alpha give the
probability p = softmax(alpha) of each. Two steps alternate:

- weights: one operation a layer is drawn from p, and SGD steps the drawn operations' parameters;
- architecture: with the gates g of a drawn path, dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i).

Source: Cai, Zhu, Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sequence_search.problem.problem import Problem
from sequence_search.strategies.base import Meter, Settings, State
from sequence_search.strategies.proxyless.gates import (
    architecture_gradient,
    candidate_losses,
    gate_gradient,
    two_path_gradient,
)
from sequence_search.strategies.proxyless.scheduler import Draws, Scheduler, initial_scheduler
from sequence_search.strategies.proxyless.training_log import TrainingLog
from sequence_search.strategies.proxyless.voxel_stream import VoxelStream
from sequence_search.strategies.result import Run
from sequence_search.voxels import Voxels

# With fewer on average, a random batch may lack a tissue; with 20 each, once in 10^8 batches.
FEWEST_PER_TISSUE = 20

_FAST = {"steps": 20_000, "voxels_per_step": 250, "weight_rate": 0.05, "architecture_rate": 0.02}
# Options by name: "paper" is 1,000 epochs of 100 batches of 1,000 voxels; "exact" is ours, as long as "fast".
SCHEDULES: dict[str, dict[str, Any]] = {
    "paper": {},
    "fast": _FAST,
    "exact": {**_FAST, "gates": "exact", "warmup": 0.3, "polish": True},
}


@dataclass(frozen=True, slots=True)
class Proxyless:
    """Options of ProxylessNAS; defaults are the paper's values where it states them, else its source's.

    Attributes
    ----------
    steps : int
        Weight steps; the paper's 1,000 epochs of 100 batches are 100,000.
    n_voxels, voxels_per_step : int
        Random voxels, and those of one step.
    weight_rate : float
        Of SGD, on radians and log idle times.
    architecture_rate : float
        Of Adam.
    architecture_betas : (float, float)
        Of Adam.
    architecture_every : int
        Weight steps for each architecture step, which takes other voxels.
    momentum : float
        Of SGD; the paper names none, ProxylessNAS's default is 0.9.
    warmup : float
        Part of all steps before the first architecture step; the paper names none, ProxylessNAS trains
        weights alone for a third of its epochs.
    gates : str
        "full": all candidates of a layer enter an architecture step. "two": two drawn from p, whose
        total probability is kept. "exact": as "full", with each candidate's loss in place of dL/dg, which
        is the loss linearised at the drawn path; ours, not the paper's.
    architecture_sd : float
        Standard deviation of the initial architecture parameters.
    temperature : float
        p = softmax(alpha / temperature); above 1 it explores longer. Ours.
    polish : bool
        Converge the final design by a quasi-Newton method. Ours.
    """

    steps: int = 100_000
    n_voxels: int = 100_000
    voxels_per_step: int = 1_000
    weight_rate: float = 0.01
    architecture_rate: float = 0.001
    architecture_betas: tuple[float, float] = (0.0, 0.999)
    architecture_every: int = 5
    momentum: float = 0.0
    warmup: float = 0.0
    gates: Literal["full", "two", "exact"] = "full"
    architecture_sd: float = 0.001
    temperature: float = 1.0
    polish: bool = False

    def __post_init__(self) -> None:
        if (
            min(self.steps, self.voxels_per_step, self.architecture_every) < 1
            or self.n_voxels < self.voxels_per_step
        ):
            raise ValueError(
                "steps, voxels_per_step and architecture_every must be at least 1, and n_voxels at least "
                f"voxels_per_step, got {self}"
            )
        rates = (self.weight_rate, self.architecture_rate, self.architecture_sd)
        if not all(0 <= rate < math.inf for rate in rates):
            raise ValueError(
                f"weight_rate, architecture_rate and architecture_sd must be at least 0, got {rates}"
            )
        if not all(0 <= beta < 1 for beta in self.architecture_betas):
            betas = self.architecture_betas
            raise ValueError(f"architecture_betas must be at least 0 and below 1, got {betas}")
        if not (0 <= self.momentum < 1 and 0 <= self.warmup < 1):
            raise ValueError(
                f"momentum and warmup must be at least 0 and below 1, got {self.momentum} and {self.warmup}"
            )
        if self.gates not in ("full", "two", "exact"):
            raise ValueError(f"gates must be 'full', 'two' or 'exact', got {self.gates!r}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")

    def check(self, problem: Problem) -> None:
        """Refuse options that do not fit the problem.

        Raises
        ------
        ValueError
            With the option.
        """
        fewest, space = FEWEST_PER_TISSUE * len(problem.tissues), problem.search_space
        if self.voxels_per_step < fewest:
            raise ValueError(
                f"voxels_per_step must be at least {fewest} in '{problem.name}', got {self.voxels_per_step}"
            )
        if self.gates == "two" and space.rf_candidates + len(space.wait_ranges) < 2:
            raise ValueError("gates='two' needs at least two candidate operations a layer")

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """All seeds as one batch; options as `check` wants them."""
        seeds, space, meter = tuple(seeds), problem.search_space, Meter(settings)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        scheduler = initial_scheduler(space, generators, self.architecture_sd)
        weights = [scheduler.flip_angle, scheduler.phase, scheduler.log_idle]
        sgd = torch.optim.SGD(weights, lr=self.weight_rate, momentum=self.momentum)
        adam = torch.optim.Adam(
            [scheduler.architecture], lr=self.architecture_rate, betas=self.architecture_betas
        )
        stream = VoxelStream(problem, self.n_voxels, self.voxels_per_step)
        draws = Draws(generators, scheduler, self.temperature)
        log = TrainingLog(problem, seeds, scheduler, settings, steps=self.steps, polish=self.polish)
        training = _Training(scheduler, sgd, adam, stream, draws, log)
        taken = _resume(training, settings, meter)
        while taken < self.steps and not log.all_failed:
            loss = _weight_step(problem, scheduler, draws.path(), stream.batch(), settings.engine, sgd)
            meter.spend(1)
            if (taken + 1) % self.architecture_every == 0 and taken >= self.warmup * self.steps:
                _architecture_step(problem, scheduler, draws, stream.batch(), settings.engine, adam, self)
                meter.spend(scheduler.architecture[0].numel())
            taken += 1
            log.note(taken, loss, meter)
            if taken < self.steps and meter.must_end():
                break
            if settings.checkpoint.due():
                _save(training, taken, settings, meter)
        runs = log.runs(meter)
        if meter.interrupted:
            _save(training, taken, settings, meter)
        return runs


class _Training(NamedTuple):
    """All that changes from step to step."""

    scheduler: Scheduler
    sgd: torch.optim.Optimizer
    adam: torch.optim.Optimizer
    stream: VoxelStream
    draws: Draws
    log: TrainingLog

    def state(self) -> State:
        """Plain data from which `restore` makes the same training."""
        weights = ("flip_angle", "phase", "log_idle", "architecture")
        return {
            **{name: getattr(self.scheduler, name).detach().numpy() for name in weights},
            **_optimizer_state("sgd", self.sgd),
            **_optimizer_state("adam", self.adam),
            **self.stream.state(),
            **self.draws.state(),
            **self.log.state(),
        }

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Set everything to a state."""
        for name in ("flip_angle", "phase", "log_idle", "architecture"):
            getattr(self.scheduler, name).copy_(torch.from_numpy(state[name]))
        _restore_optimizer("sgd", self.sgd, state)
        _restore_optimizer("adam", self.adam, state)
        self.stream.restore(state)
        self.draws.restore(state)
        self.log.restore(state)


def _resume(training: _Training, settings: Settings, meter: Meter) -> int:
    """Steps taken before, after setting everything to the checkpoint."""
    state = settings.checkpoint.load()
    if state is None:
        return 0
    training.restore(state)
    meter.resume(state["evaluations"], state["seconds"])
    return int(state["step"])


def _save(training: _Training, step: int, settings: Settings, meter: Meter) -> None:
    """Keep where the training stands after so many steps."""
    spent = {"step": step, "evaluations": meter.evaluations, "seconds": meter.seconds}
    settings.checkpoint.save(training.state() | spent)


def _optimizer_state(name: str, optimizer: torch.optim.Optimizer) -> State:
    """Its tensors, by parameter number and key; what is not there yet is left out."""
    return {
        f"{name}.{number}.{key}": value.numpy()
        for number, of_parameter in optimizer.state_dict()["state"].items()
        for key, value in of_parameter.items()
        if value is not None
    }


def _restore_optimizer(name: str, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Inverse of `_optimizer_state`."""
    by_number: dict[int, dict[str, Tensor]] = {}
    for path, value in state.items():
        owner, *rest = path.split(".")
        if owner == name:
            by_number.setdefault(int(rest[0]), {})[rest[1]] = torch.from_numpy(value.copy())
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": by_number, "param_groups": groups})


def _weight_step(
    problem: Problem,
    scheduler: Scheduler,
    path: Int[Tensor, "seeds layers"],
    voxels: Voxels,
    engine: str,
    sgd: torch.optim.Optimizer,
) -> Float[Tensor, " seeds"]:
    """SGD on the drawn operations; returns the loss of each seed."""
    sgd.zero_grad()
    drawn = scheduler.sequence(path)
    loss, gradient = problem.loss_and_gradient(voxels, engine)(drawn.detach())
    torch.autograd.backward(
        [drawn.flip_angle, drawn.phase, drawn.delay], [gradient.flip_angle, gradient.phase, gradient.delay]
    )
    sgd.step()
    scheduler.constrain()
    return loss


def _architecture_step(
    problem: Problem,
    scheduler: Scheduler,
    draws: Draws,
    voxels: Voxels,
    engine: str,
    adam: torch.optim.Optimizer,
    options: Proxyless,
) -> None:
    """Adam on the architecture parameters."""
    architecture, temperature = scheduler.architecture, options.temperature
    if options.gates != "two":
        of_candidates = gate_gradient if options.gates == "full" else candidate_losses
        gradient = of_candidates(problem, scheduler, draws.path(), voxels, engine)
        architecture.grad = architecture_gradient(architecture.detach() / temperature, gradient) / temperature
        adam.step()
        return
    chosen = draws.two()
    gradient = gate_gradient(problem, scheduler, draws.path(among=chosen), voxels, engine)
    kept = architecture.detach().clone()
    architecture.grad = two_path_gradient(kept / temperature, gradient, chosen) / temperature
    adam.step()
    with torch.no_grad():
        # Adam's momentum would move the others too: only the two change, and their total probability is kept.
        before, stepped = (part.gather(-1, chosen) / temperature for part in (kept, architecture))
        change = before.logsumexp(-1, keepdim=True) - stepped.logsumexp(-1, keepdim=True)
        architecture.copy_(kept.scatter(-1, chosen, temperature * (stepped + change)))
