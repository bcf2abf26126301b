"""From the sequences that a strategy ends with to its result: cleaned, evaluated, checked on other voxels."""

from __future__ import annotations

import math

from sequence_search.problem import Problem
from sequence_search.search.base import Design, Meter, Point, Run, clean, failed, same_family
from sequence_search.search.refine import polish
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

CHECK_N_PER_TISSUE = 4096
CHECK_SEED = 1  # another scramble than that of the standard ensemble
# A design whose loss differs by more between the two ensembles is polished again on the larger.
LARGEST_MOVE = 0.01


class Finisher:
    """Turns found sequences into runs; made once for all seeds."""

    def __init__(self, problem: Problem, engine: str) -> None:
        self._problem = problem
        self._engine = engine
        self._check_voxels = problem.voxels(CHECK_N_PER_TISSUE, seed=CHECK_SEED)

    def finish(
        self,
        seed: int,
        found: list[Sequence],
        meter: Meter,
        *,
        seconds: float,
        history: tuple[Point, ...],
    ) -> Run:
        """Run of the distinct designs among the sequences found, best first."""
        cleaned = [clean(self._problem, sequence) for sequence in found]
        designs = [self._evaluate(sequence) for sequence in cleaned if len(sequence.flip_angle)]
        designs = sorted((one for one in designs if math.isfinite(one.loss)), key=lambda one: one.loss)
        families: list[Design] = []
        for design in designs:
            if not any(same_family(design.sequence, other.sequence) for other in families):
                families.append(design)
        if not families:
            reason = "the best sequence has no pulse above 3°: check the units and the objective's weights"
            if any(len(sequence.flip_angle) for sequence in cleaned):
                reason = "the loss is not finite on the standard ensemble"
            return failed(seed, reason, seconds, meter.evaluations, history)
        return Run(seed, meter.status, tuple(families), seconds, meter.evaluations, history, meter.reason)

    def _evaluate(self, sequence: Sequence) -> Design:
        evaluation = self._problem.evaluate(sequence, self._engine)
        check = self._loss(sequence, self._check_voxels)
        if abs(check - evaluation.loss) <= LARGEST_MOVE * abs(evaluation.loss) or not math.isfinite(check):
            return Design(sequence, evaluation, check, False)
        loss_and_gradient = self._problem.loss_and_gradient(self._check_voxels, self._engine)
        _, polished, _ = polish(loss_and_gradient, self._problem.search_space, sequence)
        again = clean(self._problem, polished)
        evaluation = self._problem.evaluate(again, self._engine)
        return Design(again, evaluation, self._loss(again, self._check_voxels), True)

    def _loss(self, sequence: Sequence, voxels: Voxels) -> float:
        return float(self._problem.loss(sequence, voxels, self._engine))
