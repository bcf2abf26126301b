"""Which operations may follow those of the layers before, by what their kinds of pulse are for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.problem.problem import Problem
from sequence_search.pulses.uses import AFTER, ANY, BEFORE, EXCITES, REFOCUSES
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.proxyless.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Order:
    """Order of the operations of a path, waits among them, as `pulses.uses` says.

    Layer by layer two questions are open: whether the pulses so far can all stand before the excitation, and
    whether one of them can be it.

    Attributes
    ----------
    before, excites, after, refocuses : bool tensor [candidates]
        Whether each operation may stand before the excitation, be it, follow it, or refocus a train.
    layers : int
    has_head, has_tail : bool
        Whether pulses are given before or after, which may be for anything.
    n_refocusing : last layers whose pulses are those of a train; 0 if it is given
    """

    before: Bool[Tensor, " candidates"]
    excites: Bool[Tensor, " candidates"]
    after: Bool[Tensor, " candidates"]
    refocuses: Bool[Tensor, " candidates"]
    layers: int
    has_head: bool
    has_tail: bool
    n_refocusing: int

    def path(self, scores: Float[Tensor, "seeds layers candidates"]) -> Int[Tensor, "seeds layers"]:
        """Layer by layer the operation of the highest score of those that may stand there."""
        may, chosen = self._start(scores.shape[:1]), []
        for layer in range(self.layers):
            then = self._then(may, layer)
            fits = self._fits(then, layer)
            at = torch.where(fits, scores[:, layer], -torch.inf).argmax(-1, keepdim=True)
            may = then.gather(-2, at[..., None].expand(*at.shape, 2))[..., 0, :]
            chosen.append(at)
        return torch.cat(chosen, -1)

    def keeps(self, path: Int[Tensor, "*batch layers"]) -> Bool[Tensor, "*batch"]:
        """Whether each operation of a path may stand where it does."""
        may = self._start(path.shape[:-1])
        kept = torch.ones(path.shape[:-1], dtype=torch.bool)
        for layer in range(self.layers):
            at, then = path[..., layer, None], self._then(may, layer)
            kept &= self._fits(then, layer).gather(-1, at)[..., 0]
            may = then.gather(-2, at[..., None].expand(*at.shape, 2))[..., 0, :]
        return kept

    def _start(self, shape: torch.Size) -> Bool[Tensor, "*batch 2"]:
        return torch.tensor([True, self.has_head]).expand(*shape, 2)

    def _then(self, may: Bool[Tensor, "*batch 2"], layer: int) -> Bool[Tensor, "*batch candidates 2"]:
        """What is open after each operation of a layer."""
        not_yet, done = may[..., :1], may[..., 1:]
        if layer >= self.layers - self.n_refocusing:
            return torch.stack([torch.zeros_like(not_yet & self.before), done & self.refocuses], -1)
        return torch.stack([not_yet & self.before, (done & self.after) | (not_yet & self.excites)], -1)

    def _fits(
        self, then: Bool[Tensor, "*batch candidates 2"], layer: int
    ) -> Bool[Tensor, "*batch candidates"]:
        """Whether the excitation is there, or can still come."""
        to_come = self.layers - 1 - layer - self.n_refocusing
        return then[..., 1] | (then[..., 0] if to_come > 0 or self.has_tail else False)


def order_of(problem: Problem, scheduler: Scheduler) -> Order | None:
    """Order of the operations of a problem; None where each may stand anywhere."""
    playing = playing_of(problem)
    if playing is None or all(use == ANY for use in playing.uses):
        return None

    def fits(use: frozenset[str], wait: bool) -> Tensor:
        of_kinds = torch.tensor([bool(each & use) for each in playing.uses])
        return torch.where(scheduler.is_rf, of_kinds[scheduler.kind], wait)

    given, n_layers = problem.limits, scheduler.flip_angle.shape[1]
    return Order(
        before=fits(BEFORE, True),
        excites=fits(EXCITES, False),
        after=fits(AFTER, True),
        refocuses=fits(REFOCUSES, False),
        layers=n_layers,
        has_head=given.head is not None,
        has_tail=given.tail is not None,
        n_refocusing=0 if given.tail is not None else max(0, playing.acquisition.n_train - 1),
    )
