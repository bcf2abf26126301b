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

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sequence_search.problem import Problem
from sequence_search.search.base import (
    Meter,
    Point,
    Progress,
    Run,
    Settings,
    State,
    failed,
    points,
)
from sequence_search.search.finish import Finisher
from sequence_search.search.gates import (
    architecture_gradient,
    candidate_losses,
    gate_gradient,
    two_path_gradient,
)
from sequence_search.search.refine import polish
from sequence_search.search.scheduler import Draws, Scheduler, initial_scheduler
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels, random_voxels

N_PROGRESS = 200  # progress reports and history points of a run
PROGRESS_N_PER_TISSUE = 64
POLISH_N_PER_TISSUE = 128
# With fewer on average, a random batch may lack a tissue; with 20 each, once in 10^8 batches.
FEWEST_PER_TISSUE = 20
VOXEL_SEED = 0  # all seeds see the same stream of voxels, so that a seed does not depend on its neighbours


# Options by name: "paper" is 1,000 epochs of 100 batches of 1,000 voxels.
SCHEDULES: dict[str, dict[str, Any]] = {
    "paper": {},
    "fast": {"steps": 20_000, "voxels_per_step": 250, "weight_rate": 0.05, "architecture_rate": 0.02},
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
        if not (0 <= self.momentum < 1 and 0 <= self.warmup < 1):
            raise ValueError(
                f"momentum and warmup must be at least 0 and below 1, got {self.momentum} and {self.warmup}"
            )
        if self.gates not in ("full", "two", "exact"):
            raise ValueError(f"gates must be 'full', 'two' or 'exact', got {self.gates!r}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")

    def run(self, problem: Problem, seeds: Iterable[int], settings: Settings) -> list[Run]:
        """All seeds as one batch."""
        seeds, space, meter = tuple(seeds), problem.search_space, Meter(settings)
        fewest = FEWEST_PER_TISSUE * len(problem.tissues)
        if self.voxels_per_step < fewest:
            raise ValueError(f"voxels_per_step must be at least {fewest}, got {self.voxels_per_step}")
        if self.gates == "two" and space.rf_candidates + len(space.wait_ranges) < 2:
            raise ValueError("gates='two' needs at least two candidate operations a layer")
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        scheduler = initial_scheduler(space, generators, self.architecture_sd)
        weights = [scheduler.flip_angle, scheduler.phase, scheduler.log_idle]
        sgd = torch.optim.SGD(weights, lr=self.weight_rate, momentum=self.momentum)
        adam = torch.optim.Adam(
            [scheduler.architecture], lr=self.architecture_rate, betas=self.architecture_betas
        )
        stream = _VoxelStream(problem, self.n_voxels, self.voxels_per_step)
        draws = Draws(generators, scheduler, self.temperature)
        log = _Log(problem, seeds, scheduler, settings, self)
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
    stream: _VoxelStream
    draws: Draws
    log: _Log

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
) -> Float[Tensor, "seeds"]:
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


class _Log:
    """What is known of each seed on the way: failures, history, progress; its run in the end."""

    def __init__(
        self,
        problem: Problem,
        seeds: tuple[int, ...],
        scheduler: Scheduler,
        settings: Settings,
        options: Proxyless,
    ) -> None:
        self._problem, self._seeds, self._scheduler = problem, seeds, scheduler
        self._settings, self._steps, self._polish = settings, options.steps, options.polish
        self._every = max(1, options.steps // N_PROGRESS)
        self._reasons: list[str | None] = [None] * len(seeds)
        self._histories: list[list[Point]] = [[] for _ in seeds]
        self._voxels = problem.voxels(PROGRESS_N_PER_TISSUE)

    def state(self) -> State:
        """Reasons of failure and histories."""
        return {"reasons": list(self._reasons), "histories": np.array(self._histories, np.float64)}

    def restore(self, state: State) -> None:
        """Inverse of `state`."""
        self._reasons = list(state["reasons"])
        self._histories = [list(points(table)) for table in state["histories"]]

    @property
    def all_failed(self) -> bool:
        """Whether no seed is left."""
        return all(self._reasons)

    def note(self, step: int, loss: Float[Tensor, "seeds"], meter: Meter) -> None:
        """Look for failures, and report now and then; `step` counts from 1."""
        self._note_failures(step, loss)
        if not self.all_failed and ((step - 1) % self._every == 0 or step == self._steps):
            self._report(step, meter)

    def runs(self, meter: Meter) -> list[Run]:
        """The run of each seed, its design the likeliest operation of each layer."""
        finisher = Finisher(self._problem, self._settings.engine)
        batch = self._designs()
        designs = [batch[i].without_padding() for i in range(len(self._seeds))]
        if self._polish and not meter.must_end():
            voxels = self._problem.voxels(POLISH_N_PER_TISSUE)
            fine = self._problem.loss_and_gradient(voxels, self._settings.engine)
            # All or none, whatever the budget: a seed does not depend on its place among the others.
            space, unlimited = self._problem.search_space, meter.without_budget()
            designs = [
                design if reason else polish(fine, space, design, meter=unlimited)[1]
                for design, reason in zip(designs, self._reasons, strict=True)
            ]
            if unlimited.must_end():
                meter.must_end()
        runs = []
        for seed, reason, past, design in zip(
            self._seeds, self._reasons, self._histories, designs, strict=True
        ):
            history, n_seeds = tuple(past), len(self._seeds)
            if reason is None:
                runs.append(finisher.finish(seed, [design], meter, history=history, n_seeds=n_seeds))
            else:
                runs.append(failed(seed, reason, meter.seconds / n_seeds, meter.evaluations, history))
        return runs

    def _designs(self) -> Sequence:
        return self._scheduler.sequence(self._scheduler.architecture.argmax(-1)).detach()

    def _note_failures(self, step: int, loss: Float[Tensor, "seeds"]) -> None:
        """Record a seed whose loss or architecture is not finite, and silence it so that the others go on."""
        scheduler = self._scheduler
        broken = ~loss.isfinite() | scheduler.architecture.detach().isnan().any(-1).any(-1)
        if not bool(broken.any()):
            return
        for i in broken.nonzero()[:, 0].tolist():
            what = "gradient of the architecture" if loss[i].isfinite() else "loss"
            self._reasons[i] = self._reasons[i] or f"{what} is not finite at step {step}"
            with torch.no_grad():
                for part in (scheduler.flip_angle, scheduler.phase, scheduler.log_idle):
                    part[i].nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
                scheduler.architecture[i].nan_to_num_(nan=0.0, neginf=-math.inf)

    def _report(self, step: int, meter: Meter) -> None:
        """History of every seed's design; progress of the best one alive."""
        designs = self._designs()
        loss = self._problem.loss(designs, self._voxels, self._settings.engine)
        loss = torch.where(torch.tensor([reason is None for reason in self._reasons]), loss, math.nan)
        for past, value in zip(self._histories, loss.tolist(), strict=True):
            past.append(Point(step, value, meter.evaluations, meter.seconds / len(self._seeds)))
        best = int(loss.nan_to_num(nan=math.inf).argmin())
        self._settings.monitor.on_progress(
            Progress(self._seeds[best], step, self._steps, float(loss[best]), designs[best])
        )


class _VoxelStream:
    """Batches of the random voxels in random order, one pass an epoch."""

    def __init__(self, problem: Problem, n_voxels: int, per_step: int) -> None:
        self._voxels = random_voxels(problem.tissues, problem.imaging, n_voxels, seed=VOXEL_SEED)
        self._generator = torch.Generator().manual_seed(VOXEL_SEED)
        self._per_step = per_step
        self._order = torch.empty(0, dtype=torch.int64)

    def state(self) -> State:
        """Generator, and what is left of the epoch's order."""
        generator = self._generator.get_state().numpy()
        return {"stream.generator": generator, "stream.order": self._order.numpy()}

    def restore(self, state: State) -> None:
        """Inverse of `state`."""
        self._generator.set_state(torch.from_numpy(state["stream.generator"].copy()))
        self._order = torch.from_numpy(state["stream.order"].copy())

    def batch(self) -> Voxels:
        """Voxels of the next step."""
        if len(self._order) < self._per_step:
            self._order = torch.randperm(len(self._voxels), generator=self._generator)
        chosen, self._order = self._order[: self._per_step], self._order[self._per_step :]
        return self._voxels[chosen]
