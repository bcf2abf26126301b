"""The sequence scheduler: layers of candidate operations with parameters. Sec. II.B and Fig. 3.

Beyond the paper a layer has pulses of several kinds among its operations, and a second choice of its own: the
gradient played after its pulse. The two are drawn apart, since what a gradient is worth is learnt together
for all pulses of a layer, and a layer costs the sum of their candidates, not the product.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.frame import Frame
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import (
    FIXED,
    NO_BOUND,
    NONE,
    Draft,
    gradient_codes,
)
from sequence_search.strategies.held import delays_held
from sequence_search.strategies.playing import Playing, playing_of

IDLE_OFFSET_MS = 0.001  # added before the logarithm of idle times, Sec. II.B
Waits = Literal["log", "linear", "middle"]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Weight and architecture parameters of all seeds."""

    flip_angle: Float[Tensor, "seeds layers candidates"]  # rad; unused for waits, as the phase
    phase: Float[Tensor, "seeds layers candidates"]  # rad
    log_idle: Float[Tensor, "seeds layers candidates"]  # log(idle time in ms + 0.001)
    log_tr: Float[
        Tensor, "seeds one one"
    ]  # log of the repetition time over the shortest, where it is searched
    # alpha of the operation of each layer, then of the gradient after each; -inf where a candidate is not
    # allowed, as waits in the first layer
    architecture: Float[Tensor, "seeds choices most"]
    is_rf: Bool[Tensor, " candidates"]
    kind: Int[Tensor, " candidates"]  # place of the pulse's kind in `search_space.pulses`; unused for waits
    gradients: Int[Tensor, " gradients"]  # codes of those to choose from
    min_rf_delay: float  # s
    max_delay: float  # s
    max_flip: Float[Tensor, " candidates"]  # rad
    log_tr_range: float = 0.0  # largest of log_tr; 0 where the repetition time is not searched

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Flip angle, phase, log idle time and log repetition time."""
        return self.flip_angle, self.phase, self.log_idle, self.log_tr

    def with_weights(self, weights: list[Tensor]) -> Scheduler:
        """The same scheduler with other weight parameters."""
        flip_angle, phase, log_idle, log_tr = weights
        return replace(self, flip_angle=flip_angle, phase=phase, log_idle=log_idle, log_tr=log_tr)

    @property
    def exists(self) -> Bool[Tensor, "choices most"]:
        """Which candidates there are: a layer has as many operations as gradients only by chance."""
        layers, n_operations = self.flip_angle.shape[1:]
        n_choices, most = self.architecture.shape[1:]
        counts = [n_operations] * layers + [len(self.gradients)] * (n_choices - layers)
        return torch.arange(most) < torch.tensor(counts)[:, None]

    @property
    def allowed(self) -> Bool[Tensor, "choices most"]:
        """Which candidates may be drawn, of every seed: not waits in the first layer."""
        return self.architecture[0] > -math.inf

    def sequence(
        self,
        path: Int[Tensor, "seeds *neighbours choices"],
        playing: Playing | None = None,
        frame: Frame | None = None,
    ) -> Sequence:
        """Sequences [seeds, *neighbours] of the candidates with these indices, differentiable.

        Drafts where more is played than pulses; between the pulses of a frame, if any are given.
        """
        operation, gradient = path.tensor_split((self.flip_angle.shape[1],), dim=-1)
        shape = operation.shape
        flat = operation.reshape(shape[0], -1, shape[-1]).transpose(1, 2)
        parts = [part.gather(-1, flat) for part in (self.flip_angle, self.phase, idle_time(self.log_idle))]
        flip, phase, delay = (part.transpose(1, 2).reshape(shape) for part in parts)
        is_rf, columns = self.is_rf[operation], {"flip_angle": flip, "phase": phase, "delay": delay}
        if playing is not None:
            none = torch.zeros_like(delay)
            columns["kind"] = self.kind[operation].to(delay)
            columns["gradient"] = self.gradients[gradient].to(delay) if gradient.shape[-1] else none
            columns |= {"shortest": none, "longest": none + NO_BOUND, "largest": none}
            columns["repetition"] = self._repetition(delay)
        if frame:
            is_rf, columns = _within(frame, is_rf, columns)
        merged = (Sequence if playing is None else Draft).from_events(is_rf, **columns)
        if playing is None:
            bounded = replace(merged, delay=merged.delay.clamp(max=self.max_delay))
            return frame.hold(bounded) if frame else bounded
        bounded = playing.bounded(merged)
        if frame:
            bounded = delays_held(bounded, frame)
        # Idle times go on beyond what has to fit in, so that a step moves them whatever that is.
        delay = merged.delay + bounded.shortest - self.min_rf_delay
        delay = delay.minimum(bounded.longest).clamp(max=self.max_delay)
        return replace(
            bounded, delay=torch.where(frame.is_fixed(bounded), bounded.delay, delay) if frame else delay
        )

    def _repetition(self, delay: Float[Tensor, "seeds *neighbours layers"]) -> Tensor:
        """Place of the repetition time between its bounds, of all layers alike."""
        if not self.log_tr_range:
            return torch.full_like(delay, FIXED)
        place = self.log_tr / self.log_tr_range
        return place.reshape(-1, *[1] * (delay.ndim - 1)).expand(delay.shape)

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep the idle time after a pulse at its minimum or above, Sec. II.B, and the others in bounds."""
        least = torch.where(self.is_rf, math.log(self.min_rf_delay * 1e3 + IDLE_OFFSET_MS), -math.inf)
        self.log_idle.clamp_(min=least)
        self.flip_angle.clamp_(-self.max_flip, self.max_flip)
        self.log_tr.clamp_(0.0, self.log_tr_range)


def idle_time(log_idle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Idle time [s] of log(t_ms + 0.001), not negative."""
    return (log_idle.exp() - IDLE_OFFSET_MS).clamp(min=0) / 1e3


def _within(
    frame: Frame, is_rf: Bool[Tensor, "*batch layers"], columns: dict[str, Tensor]
) -> tuple[Bool[Tensor, "*batch events"], dict[str, Tensor]]:
    """Events with the given pulses before and after those of the layers, at their repetition time."""

    def around(name: str, part: Tensor) -> Tensor:
        given = [None if each is None else getattr(each, name) for each in (frame.head, frame.tail)]
        if name == "repetition":
            given = [
                None if each is None else part[..., :1].expand(*part.shape[:-1], len(each)) for each in given
            ]
        head, tail = (part[..., :0] if each is None else each.expand(*part.shape[:-1], -1) for each in given)
        return torch.cat([head, part, tail], -1)

    every = {name: around(name, part) for name, part in columns.items()}
    counts = [0 if each is None else len(each.delay) for each in (frame.head, frame.tail)]
    head, tail = (is_rf.new_ones((*is_rf.shape[:-1], count)) for count in counts)
    return torch.cat([head, is_rf, tail], -1), every


def proposed(
    problem: Problem, scheduler: Scheduler, path: Int[Tensor, "seeds *neighbours choices"]
) -> Sequence:
    """What a search of a problem proposes for paths, with the pulses that are given."""
    playing, limits = playing_of(problem), problem.limits
    frame = limits.frame if playing is None else playing.frame(limits)
    return scheduler.sequence(path, playing, frame)


def initial_scheduler(
    space: SearchSpace,
    generators: list[torch.Generator],
    architecture_sd: float,
    playing: Playing | None = None,
    *,
    has_tail: bool = False,
    waits: Waits = "log",
) -> Scheduler:
    """Initial parameters as in Sec. II.B: compartments of flip angle, random phases, log-spaced waits.

    Waits are drawn evenly over their ranges, in the logarithm ("log") or in time ("linear"), or are the
    "middle" of the logarithms.

    There are as many operations of each kind of pulse as compartments; one of a kind of fixed amplitude.
    """
    played, layers = playing or Playing(), space.max_rf
    fixed = played.fixed[: len(space.pulses)]  # others are of given pulses alone
    counts = [1 if flip is not None else space.rf_candidates for flip in fixed]
    every = [*counts, *[1] * len(space.wait_ranges)]
    kind, part, n_parts = torch.tensor(
        [(at, each, count) for at, count in enumerate(every) for each in range(count)]
    ).unbind(-1)
    is_rf = kind < len(counts)
    gradients = torch.tensor(sorted({NONE, *gradient_codes(space)}))
    n_gradients = len(gradients) if len(gradients) > 1 else 0
    shape = (layers, len(kind))
    choices = (layers * (2 if n_gradients else 1), max(len(kind), n_gradients))
    uniform = torch.stack([torch.rand((3, *shape), generator=g, dtype=torch.float64) for g in generators], 1)
    normal = torch.stack([torch.randn(choices, generator=g, dtype=torch.float64) for g in generators])
    low, high = space.flip_range
    flip = low + (high - low) * (part / n_parts + uniform[0] / n_parts)
    phase = math.pi * (2 * uniform[1] - 1)
    ranges = [(space.min_rf_delay, space.min_rf_delay)] * sum(counts) + list(space.wait_ranges)
    start, end = (torch.tensor(ranges, dtype=torch.float64) * 1e3).log().unbind(-1)
    place = torch.full_like(uniform[2], 0.5) if waits == "middle" else uniform[2]
    idle_ms = (start + (end - start) * place).exp()
    if waits == "linear":
        idle_ms = start.exp().lerp(end.exp(), place)
    log_idle = (idle_ms + IDLE_OFFSET_MS).log()
    kind, log_tr_range = torch.where(is_rf, kind, 0), math.log(played.tr_ratio)
    max_flip = torch.full(kind.shape, space.max_flip, dtype=torch.float64)
    if played.largest:
        max_flip = max_flip.minimum(max_flip.new_tensor(played.largest)[kind])
    architecture, bounds = architecture_sd * normal, (space.min_rf_delay, space.max_delay, max_flip)
    log_tr = torch.zeros((len(generators), 1, 1), dtype=torch.float64)
    if log_tr_range:
        log_tr = log_tr_range * torch.stack(
            [torch.rand((1, 1), generator=g, dtype=torch.float64) for g in generators]
        )
    scheduler = Scheduler(
        flip, phase, log_idle, log_tr, architecture, is_rf, kind, gradients, *bounds, log_tr_range
    )
    architecture.masked_fill_(~scheduler.exists, -math.inf)
    # A train stands at the end, if none is given: operations of the last layers are its refocusing pulses.
    n_refocusing = 0 if has_tail else max(0, played.acquisition.n_train - 1)
    of_pulses = [0, *range(layers - n_refocusing, layers)]
    architecture[:, of_pulses, sum(counts) :] = -math.inf
    return scheduler


class Draws:
    """Operations drawn from softmax(alpha), with the randomness of each seed from its own generator."""

    BLOCK = 256  # draws fetched at a time: a call for each seed and step would dominate a step

    def __init__(
        self,
        generators: list[torch.Generator],
        shape: torch.Size,
        temperature: float = 1.0,
        likeliest: Callable[[Tensor], Tensor] = lambda scores: scores.argmax(-1),
    ) -> None:
        self._generators = generators
        self._start = [generator.get_state() for generator in generators]
        self._shape = shape  # [choices, most]
        self._temperature = temperature
        self._likeliest = likeliest  # path of scores
        self._number, self._block = -1, torch.empty(0)

    def path(
        self,
        number: int,
        architecture: Float[Tensor, "seeds choices most"],
        among: Int[Tensor, "seeds choices two"] | None = None,
    ) -> Int[Tensor, "seeds choices"]:
        """One candidate of each choice; if `among` some, by their renormalised probabilities.

        Each number of a draw, counted from 0, has its own randomness.
        """
        noisy = self._noisy(number, architecture)
        if among is None:
            return self._likeliest(noisy)
        return among.gather(-1, noisy.gather(-1, among).argmax(-1, keepdim=True))[..., 0]

    def two(
        self, number: int, architecture: Float[Tensor, "seeds choices most"]
    ) -> Int[Tensor, "seeds choices 2"]:
        """Two different candidates of each choice."""
        return self._noisy(number, architecture).topk(2, dim=-1).indices

    def _noisy(self, number: int, architecture: Tensor) -> Tensor:
        """Alpha / temperature with Gumbel noise: the largest are draws from its softmax, each once."""
        uniform = self._uniform(number).clamp(min=torch.finfo(torch.float64).tiny)
        return architecture / self._temperature - (-uniform.log()).log()

    def _uniform(self, number: int) -> Tensor:
        """Random numbers of a draw; for one of an earlier block they are drawn anew from the start."""
        block, place = divmod(number, self.BLOCK)
        if block < self._number:
            for generator, start in zip(self._generators, self._start, strict=True):
                generator.set_state(start)
            self._number = -1
        while self._number < block:
            shape = (self.BLOCK, *self._shape)
            draws = [torch.rand(shape, generator=each, dtype=torch.float64) for each in self._generators]
            self._block = torch.stack(draws, 1)
            self._number += 1
        return self._block[place]
