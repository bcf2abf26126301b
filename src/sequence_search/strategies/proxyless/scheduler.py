"""The sequence scheduler: layers of candidate operations with parameters. Sec. II.B and Fig. 3."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

IDLE_OFFSET_MS = 0.001  # added before the logarithm of idle times, Sec. II.B


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Weight and architecture parameters of all seeds."""

    flip_angle: Float[Tensor, "seeds layers candidates"]  # rad; unused for waits, as the phase
    phase: Float[Tensor, "seeds layers candidates"]  # rad
    log_idle: Float[Tensor, "seeds layers candidates"]  # log(idle time in ms + 0.001)
    # alpha; -inf where a candidate is not allowed, as waits in the first layer
    architecture: Float[Tensor, "seeds layers candidates"]
    is_rf: Bool[Tensor, " candidates"]
    min_rf_delay: float  # s
    max_delay: float  # s
    max_flip: float  # rad

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Flip angle, phase and log idle time."""
        return self.flip_angle, self.phase, self.log_idle

    def with_weights(self, weights: list[Tensor]) -> Scheduler:
        """The same scheduler with other weight parameters."""
        return replace(self, flip_angle=weights[0], phase=weights[1], log_idle=weights[2])

    def sequence(self, path: Int[Tensor, "seeds *neighbours layers"]) -> Sequence:
        """Sequences [seeds, *neighbours] of the operations with these indices, differentiable."""
        shape = path.shape
        flat = path.reshape(shape[0], -1, shape[-1]).transpose(1, 2)
        parts = [part.gather(-1, flat) for part in (self.flip_angle, self.phase, idle_time(self.log_idle))]
        flip, phase, delay = (part.transpose(1, 2).reshape(shape) for part in parts)
        merged = Sequence.from_events(self.is_rf[path], flip_angle=flip, phase=phase, delay=delay)
        return replace(merged, delay=merged.delay.clamp(max=self.max_delay))

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep the idle time after a pulse at its minimum or above, Sec. II.B, and flip angles in bounds."""
        least = torch.where(self.is_rf, math.log(self.min_rf_delay * 1e3 + IDLE_OFFSET_MS), -math.inf)
        self.log_idle.clamp_(min=least)
        self.flip_angle.clamp_(-self.max_flip, self.max_flip)


def idle_time(log_idle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Idle time [s] of log(t_ms + 0.001), not negative."""
    return (log_idle.exp() - IDLE_OFFSET_MS).clamp(min=0) / 1e3


def initial_scheduler(
    space: SearchSpace, generators: list[torch.Generator], architecture_sd: float
) -> Scheduler:
    """Initial parameters as in Sec. II.B: compartments of flip angle, random phases, log-spaced waits."""
    n_waits = len(space.wait_ranges)
    shape = (space.max_rf, space.rf_candidates + n_waits)
    uniform = torch.stack([torch.rand((3, *shape), generator=g, dtype=torch.float64) for g in generators], 1)
    normal = torch.stack([torch.randn(shape, generator=g, dtype=torch.float64) for g in generators])
    is_rf = torch.arange(shape[1]) < space.rf_candidates
    compartment = torch.arange(shape[1]).clamp(max=space.rf_candidates - 1) / space.rf_candidates
    low, high = space.flip_range
    flip = low + (high - low) * (compartment + uniform[0] / space.rf_candidates)
    phase = math.pi * (2 * uniform[1] - 1)
    ranges = [(space.min_rf_delay, space.min_rf_delay)] * space.rf_candidates + list(space.wait_ranges)
    start, end = (torch.tensor(ranges, dtype=torch.float64) * 1e3).log().unbind(-1)
    idle_ms = (start + (end - start) * uniform[2]).exp()
    architecture = architecture_sd * normal
    architecture[:, 0, ~is_rf] = -math.inf
    bounds = space.min_rf_delay, space.max_delay, space.max_flip
    return Scheduler(flip, phase, (idle_ms + IDLE_OFFSET_MS).log(), architecture, is_rf, *bounds)


class Draws:
    """Operations drawn from softmax(alpha), with the randomness of each seed from its own generator."""

    BLOCK = 256  # draws fetched at a time: a call for each seed and step would dominate a step

    def __init__(
        self, generators: list[torch.Generator], shape: torch.Size, temperature: float = 1.0
    ) -> None:
        self._generators = generators
        self._start = [generator.get_state() for generator in generators]
        self._shape = shape  # [layers, candidates]
        self._temperature = temperature
        self._number, self._block = -1, torch.empty(0)

    def path(
        self,
        number: int,
        architecture: Float[Tensor, "seeds layers candidates"],
        among: Int[Tensor, "seeds layers two"] | None = None,
    ) -> Int[Tensor, "seeds layers"]:
        """One operation a layer; if `among` some, by their renormalised probabilities.

        Each number of a draw, counted from 0, has its own randomness.
        """
        noisy = self._noisy(number, architecture)
        if among is None:
            return noisy.argmax(-1)
        return among.gather(-1, noisy.gather(-1, among).argmax(-1, keepdim=True))[..., 0]

    def two(
        self, number: int, architecture: Float[Tensor, "seeds layers candidates"]
    ) -> Int[Tensor, "seeds layers 2"]:
        """Two different operations a layer."""
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
