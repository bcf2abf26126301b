"""The paper's algorithm: ProxylessNAS over layers of operations. Sequence Search, Sec. II.B, Fig. 3.

A sequence is a stack of `max_rf` layers. Each layer holds candidate operations, RF pulses and waits, whose
flip angle, phase and idle time are the weight parameters; its architecture parameters alpha give the
probability p = softmax(alpha) of each. Two steps alternate:

- weights: one operation a layer is drawn from p, and SGD steps the drawn operations' parameters;
- architecture: with the gates g of a drawn path, dL/dalpha_i = sum_j dL/dg_j p_j (delta_ij - p_i).

Where a problem lets pulses be of several kinds, these are candidates of one layer; where it allows gradients,
each layer has a second choice, the one after its pulse; the pulses of the last layers are those of a train.

Source: Cai, Zhu, Han, "ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware",
ICLR 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from jaxtyping import Int
from torch import Tensor

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Progress
from sequence_search.strategies.drive import Strategy
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.played import played_as
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.proxyless.ending import N_LIKELY, Ending, operations_of
from sequence_search.strategies.proxyless.gates import (
    architecture_gradient,
    candidate_losses,
    gate_gradient,
)
from sequence_search.strategies.proxyless.order import order_of
from sequence_search.strategies.proxyless.scheduler import (
    Draws,
    Scheduler,
    Waits,
    initial_scheduler,
    proposed,
)
from sequence_search.strategies.proxyless.stream import AnySimulator, Spins, VoxelStream
from sequence_search.strategies.proxyless.training import (
    TrainingState,
    adam_step,
    initial_state,
    silence_failures,
    weight_step,
)
from sequence_search.strategies.result import Point, Run, failed

# With fewer on average, a random batch may lack a tissue; with 20 each, once in 10^8 batches.
FEWEST_PER_TISSUE = 20

_FAST = {"steps": 20_000, "voxels_per_step": 250, "weight_rate": 0.05, "architecture_rate": 0.02}
Gates = Literal["full", "two", "exact"]
N_PROGRESS = 200  # progress reports and history points of a run
LOGGED_EVERY = 4  # of these points, the probabilities of all operations are kept


@dataclass(frozen=True, slots=True)
class Proxyless(Strategy):
    """Options of ProxylessNAS; defaults are the paper's values where it states them, else its source's."""

    # A step of 50 seeds of the fast schedule costs twice one of 8. More workers than batches are of no use:
    # the paper's 100 seeds are two.
    batch_size: ClassVar[int] = 50
    # "paper" is 1,000 epochs of 100 batches of 1,000 voxels; "exact" is ours, as long as "fast".
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "paper": {},
        "fast": _FAST,
        "exact": {**_FAST, "gates": "exact", "warmup": 0.3, "polish": True},
    }

    steps: int = 100_000  # weight steps: the paper's 1,000 epochs of 100 batches
    n_voxels: int = 100_000  # random ones
    voxels_per_step: int = 1_000
    weight_rate: float = 0.01  # of SGD, on radians and log idle times
    architecture_rate: float = 0.001  # of Adam
    architecture_betas: tuple[float, float] = (0.0, 0.999)  # of Adam
    architecture_every: int = 5  # weight steps for each architecture step, which takes other voxels
    momentum: float = 0.0  # of SGD; the paper names none, ProxylessNAS's default is 0.9
    # Part of all steps before the first architecture step; the paper names none, ProxylessNAS trains weights
    # alone for a third of its epochs.
    warmup: float = 0.0
    # "full": all candidates of a layer enter an architecture step. "two": two drawn from p, whose total
    # probability is kept. "exact": as "full", with each candidate's loss in place of dL/dg, which is the loss
    # linearised at the drawn path; ours, not the paper's.
    gates: Gates = "full"
    # An architecture step takes the path, voxels and parameters of its weight step, not those after it.
    joint: bool = False
    # The mean of a voxel's spins: exact, or as of 256 drawn anew in each step, see `engines.scattered`.
    spins: Spins = "exact"
    initial_waits: Waits = "log"  # where in their ranges, see `initial_scheduler`
    architecture_sd: float = 0.001  # of the initial architecture parameters
    temperature: float = 1.0  # p = softmax(alpha / temperature): above 1 it explores longer. Ours
    polish: bool = False  # converge the final design by a quasi-Newton method. Ours

    def __post_init__(self) -> None:
        least = min(self.steps, self.voxels_per_step, self.architecture_every)
        if least < 1 or self.n_voxels < self.voxels_per_step:
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
        for name, kind in (("gates", Gates), ("spins", Spins), ("initial_waits", Waits)):
            if (given := getattr(self, name)) not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {given!r}")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, got {self.temperature}")

    def check(self, problem: Problem) -> None:
        """Refuse options that do not fit the problem, with a ValueError that names the option."""
        fewest = FEWEST_PER_TISSUE * len(problem.tissues)
        if self.voxels_per_step < fewest:
            raise ValueError(
                f"voxels_per_step must be at least {fewest} in '{problem.name}', got {self.voxels_per_step}"
            )
        if self.spins != "exact" and (playing_of(problem) is not None or problem.objective.estimated):
            raise ValueError(
                f"spins must be 'exact' in '{problem.name}', got {self.spins!r}: random spins have no "
                "gradients, kinds of pulse, repetition or estimates"
            )

    def prepare(self, problem: Problem, engine: str) -> Training:
        """Random voxels, and what the seeds share."""
        return Training(problem, engine, self)


class Drawn(NamedTuple):
    """What a step is of: operations, two candidates of each choice if the gates are of two, and voxels."""

    path: Int[Tensor, "seeds choices"]
    chosen: Int[Tensor, "seeds choices two"] | None
    simulator: AnySimulator
    price: LossFunction | None


class Training:
    """ProxylessNAS of a batch of seeds: a `Search`."""

    def __init__(self, problem: Problem, engine: str, options: Proxyless) -> None:
        self._problem, self._engine, self._options = problem, engine, options
        self._stream = VoxelStream(problem, options.n_voxels, options.voxels_per_step)
        self._every = max(1, options.steps // N_PROGRESS)
        self._finisher = Finisher(problem, engine)
        self._limited, self._playing = self._finisher.limited, self._finisher.limited.playing
        self._ending = Ending(problem, engine, self._limited)
        self._shown = self._ending.shown

    def init(self, seeds: tuple[int, ...]) -> TrainingState:
        """Initial parameters of all seeds, each from its own generator, which then draws operations."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        space, sd = self._limited.free_space, self._options.architecture_sd
        has_tail = self._problem.limits.tail is not None
        scheduler = initial_scheduler(
            space, generators, sd, self._playing, has_tail=has_tail, waits=self._options.initial_waits
        )
        self._order = order_of(self._problem, scheduler)
        shape = scheduler.architecture.shape[1:]
        self._draws = Draws(generators, shape, self._options.temperature, self._likeliest)
        return initial_state(seeds, scheduler)

    def is_over(self, state: TrainingState) -> bool:
        """Whether all steps are taken, or no seed is left."""
        return state.step == self._options.steps or all(state.reasons)

    def step(self, state: TrainingState, meter: Meter) -> TrainingState:
        """Take a weight step and, every few, an architecture step, on other voxels if not `joint`."""
        options, before, taken = self._options, state.scheduler, state.step + 1
        due = taken % options.architecture_every == 0 and taken - 1 >= options.warmup * options.steps
        state, drawn = self._drawn(replace(state, step=taken), of_gates=due and options.joint)
        rates = options.weight_rate, options.momentum
        state, loss = weight_step(self._problem, state, drawn.path, drawn.simulator, *rates, drawn.price)
        meter.spend(1)
        if due:
            if not options.joint:
                before = state.scheduler
                state, drawn = self._drawn(state, of_gates=True)
            state = self._architecture_step(state, before, drawn)
            meter.spend(int(before.exists.sum()) if drawn.chosen is None else drawn.chosen[0].numel())
        state = silence_failures(state, loss, may_be_inf=self._playing is not None)
        return self._recorded(state, meter) if self._is_reported(state) else state

    def progress(self, state: TrainingState) -> Progress | None:
        """Design of the best seed, now and then."""
        if not self._is_reported(state):
            return None
        losses = [past[-1].loss for past in state.histories]
        best = min(range(len(losses)), key=lambda i: (math.isnan(losses[i]), losses[i]))
        n_alive = sum(reason is None for reason in state.reasons)
        note = f"best of {n_alive} seeds" if n_alive > 1 else ""
        if math.isnan(losses[best]):
            return None
        sequence = played_as(self._shown, self._designs(state)[best])
        return Progress(state.seeds[best], state.step, self._options.steps, losses[best], sequence, note)

    def finish(self, state: TrainingState, meter: Meter) -> list[Run]:
        """The run of each seed, its design the likeliest operation of each layer."""
        batch, n_seeds = self._designs(state), len(state.seeds)
        designs = [batch[i].without_padding() for i in range(n_seeds)]
        if (self._options.polish or self._problem.limits) and not meter.must_end():
            numbers = range(state.n_draws, state.n_draws + N_LIKELY)
            paths = [self._draws.path(number, state.scheduler.architecture) for number in numbers]
            likely = proposed(self._problem, state.scheduler, torch.stack(paths, 1))
            lost = [reason is not None for reason in state.reasons]
            only_within = not self._options.polish
            designs = self._ending.polished(designs, likely, lost, meter, only_within=only_within)
        runs = []
        for row, (seed, reason, past, design) in enumerate(
            zip(state.seeds, state.reasons, state.histories, designs, strict=True)
        ):
            why = reason or self._ending.why_unplayable(design)
            if why is None:
                run = self._finisher.finish(seed, [design], meter, history=past, n_seeds=n_seeds)
            else:
                run = failed(seed, why, meter.seconds / n_seeds, meter.evaluations, past)
            runs.append(replace(run, operations=operations_of(self._problem, state, row)))
        return runs

    def _is_reported(self, state: TrainingState) -> bool:
        due = (state.step - 1) % self._every == 0 or state.step == self._options.steps
        return due and not all(state.reasons)

    def _recorded(self, state: TrainingState, meter: Meter) -> TrainingState:
        """With the loss of every seed's design in its history."""
        loss = self._shown.loss(self._designs(state))
        loss = torch.where(loss.isinf(), math.nan, loss)
        seconds = meter.seconds / len(state.seeds)
        histories = tuple(
            (*past, Point(state.step, math.nan if reason else value, meter.evaluations, seconds))
            for past, reason, value in zip(state.histories, state.reasons, loss.tolist(), strict=True)
        )
        state = replace(state, histories=histories)
        if len(histories[0]) % LOGGED_EVERY != 1 and state.step < self._options.steps:
            return state
        scaled = state.scheduler.architecture / self._options.temperature
        probabilities = (*state.probabilities, scaled.softmax(-1).float())
        return replace(state, logged=(*state.logged, state.step), probabilities=probabilities)

    def _drawn(self, state: TrainingState, *, of_gates: bool) -> tuple[TrainingState, Drawn]:
        """Next operations and voxels; the operations of two of each choice, if the gates are of two."""
        options, architecture, number = self._options, state.scheduler.architecture, state.n_draws
        chosen = None
        if of_gates and options.gates == "two":
            chosen, number = self._draws.two(number, architecture), number + 1
        path = self._draws.path(number, architecture, among=chosen)
        simulator = self._stream.simulator(state.n_batches, self._engine, options.spins)
        drawn = Drawn(path, chosen, simulator, self._limited.price_of(simulator.voxels))
        return replace(state, n_batches=state.n_batches + 1, n_draws=number + 1), drawn

    def _architecture_step(self, state: TrainingState, scheduler: Scheduler, drawn: Drawn) -> TrainingState:
        """Adam on the architecture parameters, over all candidates or over two of each layer."""
        options, chosen = self._options, drawn.chosen
        architecture, temperature = scheduler.architecture, options.temperature
        of_candidates = candidate_losses if options.gates == "exact" else gate_gradient
        slopes = of_candidates(self._problem, scheduler, drawn.path, drawn.simulator, drawn.price, chosen)
        gradient = architecture_gradient(architecture / temperature, slopes, chosen) / temperature
        state = adam_step(state, gradient, rate=options.architecture_rate, betas=options.architecture_betas)
        if chosen is None:
            return state
        # Adam's momentum would move the others too: only the two change, and their total probability is kept.
        before, stepped = (
            part.gather(-1, chosen) / temperature for part in (architecture, state.scheduler.architecture)
        )
        change = before.logsumexp(-1, keepdim=True) - stepped.logsumexp(-1, keepdim=True)
        kept = architecture.scatter(-1, chosen, temperature * (stepped + change))
        return replace(state, scheduler=replace(state.scheduler, architecture=kept))

    def _designs(self, state: TrainingState) -> Sequence:
        """The likeliest candidate of each choice, [seeds]."""
        path = self._likeliest(state.scheduler.architecture)
        return proposed(self._problem, state.scheduler, path)

    def _likeliest(self, scores: Tensor) -> Tensor:
        """Path of the highest scores [seeds, choices], of operations by what may stand where."""
        if self._order is None:
            return scores.argmax(-1)
        layers = self._order.layers
        operations = scores[:, :layers, : len(self._order.before)]
        return torch.cat([self._order.path(operations), scores[:, layers:].argmax(-1)], -1)
