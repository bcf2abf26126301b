"""The end of a training: designs polished and brought within limits, and how likely each operation was."""

from __future__ import annotations

import math
from typing import cast

import torch

from sequence_search.engines.simulator import LossFunction
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.search_space import GRADIENTS
from sequence_search.sequence import Sequence
from sequence_search.sequence_text import duration
from sequence_search.strategies.base import Meter
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.operations import DIGITS, Choice, Operations
from sequence_search.strategies.played import simulator_of
from sequence_search.strategies.proxyless.scheduler import Scheduler, idle_time
from sequence_search.strategies.proxyless.training import TrainingState

SHOWN_N_PER_TISSUE = 64
POLISH_N_PER_TISSUE = 128
# Where a polish does not bring the likeliest operations within the limits: paths drawn, and those tried.
N_LIKELY, N_TRIED = 32, 3


class Ending:
    """What makes the designs of a training those that it returns.

    Attributes
    ----------
    shown : simulator over the voxels of progress and histories
    """

    def __init__(self, problem: Problem, engine: str, limited: Limited) -> None:
        self._problem, self._engine, self._limited = problem, engine, limited
        self._voxels = problem.voxels(SHOWN_N_PER_TISSUE)
        self.shown = simulator_of(problem, self._voxels, engine)

    def why_unplayable(self, design: Sequence) -> str | None:
        """Why a single design can not be played, if it can not."""
        if self._limited.playing is None or self.shown.loss(design).isfinite():
            return None
        return "the likeliest pulses and gradients may not fit into the repetition or the echo spacing"

    def polished(
        self, designs: list[Sequence], likely: Sequence, lost: list[bool], meter: Meter, *, only_within: bool
    ) -> list[Sequence]:
        """Designs of all seeds polished, whatever their evaluations, as long as there is time.

        Parameters
        ----------
        likely : [seeds, n], sequences drawn by the probabilities of each seed
        lost : seeds that failed, which stay as they are
        only_within : whether those alone are polished that miss a limit
        """
        voxels = self._problem.voxels(POLISH_N_PER_TISSUE)
        fine = simulator_of(self._problem, voxels, self._engine).loss_and_gradient
        timed, found = meter.timed(), list(designs)
        for row, design in enumerate(designs):
            if lost[row] or timed.status != "done" or self.why_unplayable(design):
                continue
            if self._limited.missed([design])[0] > ALLOWED:
                found[row] = self._within(fine, design, likely[row], timed)
            elif not only_within:
                found[row] = self._limited.polish(fine, design, timed)[1]
        if timed.status != "done":
            meter.must_end()
        return found

    def _within(self, fine: LossFunction, design: Sequence, likely: Sequence, meter: Meter) -> Sequence:
        """A design brought within the limits, or else the best that can be of the others [n]."""
        price = cast(LossFunction, self._limited.price_of(self._voxels))
        cost = self.shown.loss(likely) + price(likely)[0]
        best = [likely[at].without_padding() for at in cost.argsort().tolist() if cost[at].isfinite()]
        for each in [design, *best[:N_TRIED]]:
            loss, within = self._limited.polish(fine, each, meter)
            if math.isfinite(loss):
                return within
        return design


def operations_of(problem: Problem, state: TrainingState, row: int) -> Operations | None:
    """Probabilities of all operations of one seed, with the parameters that they ended with."""
    if not state.logged:
        return None
    layers, n_operations = state.scheduler.flip_angle.shape[1:]
    every = torch.stack([part[row] for part in state.probabilities], 1).double().round(decimals=DIGITS)
    gradients = [GRADIENTS[code] for code in state.scheduler.gradients.tolist()]
    choices = []
    for number, over_time in enumerate(every):
        layer, names = number % layers, gradients
        if number < layers:
            names = [_name(problem, state.scheduler, row, layer, place) for place in range(n_operations)]
        name = f"{'layer' if number < layers else 'gradient'} {layer + 1}"
        probability = tuple(tuple(each) for each in over_time[:, : len(names)].tolist())
        choices.append(Choice(name, tuple(names), probability))
    return Operations(state.logged, tuple(choices))


def _name(problem: Problem, scheduler: Scheduler, row: int, layer: int, place: int) -> str:
    """Of an operation, as "excite 88°" or "wait 6.2 ms"; of kinds only where there are several."""
    if not scheduler.is_rf[place]:
        return f"wait {duration(1e3 * float(idle_time(scheduler.log_idle[row, layer, place])))}"
    kinds = problem.search_space.pulses
    name = kinds[int(scheduler.kind[place])]
    kind = problem.pulses.get(name)
    if kind is not None and kind.fixed_flip is not None:
        return name
    flip = f"{math.degrees(abs(float(scheduler.flip_angle[row, layer, place]))):.0f}°"
    return flip if len(kinds) == 1 else f"{name} {flip}"
