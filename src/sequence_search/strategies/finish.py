"""From the sequences that a strategy ends with to its result: cleaned, evaluated, checked on other voxels."""

from __future__ import annotations

import math

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter
from sequence_search.strategies.refine import polish
from sequence_search.strategies.result import Design, Point, Run, clean, failed, same_family

CHECK_N_PER_TISSUE = 4096
CHECK_SEED, REPOLISH_SEED = 1, 2  # other scrambles than that of the standard ensemble
# A design whose loss differs by more between the two ensembles is polished again on a third, as large.
LARGEST_MOVE = 0.01


class Finisher:
    """Turns found sequences into runs; made once for all seeds."""

    def __init__(self, problem: Problem, engine: str) -> None:
        self._problem = problem
        self._engine = engine
        self._check_voxels = problem.voxels(CHECK_N_PER_TISSUE, seed=CHECK_SEED)

    def finish(
        self, seed: int, found: list[Sequence], meter: Meter, *, history: tuple[Point, ...], n_seeds: int = 1
    ) -> Run:
        """Run of the distinct designs among the sequences found, best first.

        Parameters
        ----------
        n_seeds : int
            Seeds that ran as one batch and share the meter's time.
        """
        cleaned = [one for one in (clean(self._problem, each) for each in found) if len(one.flip_angle)]
        evaluated = [(one, self._problem.evaluate(one, self._engine)) for one in cleaned]
        evaluated = [pair for pair in evaluated if math.isfinite(pair[1].loss)]
        families: list[Sequence] = []
        for sequence, _ in sorted(evaluated, key=lambda pair: pair[1].loss):
            if not any(same_family(sequence, other) for other in families):
                families.append(sequence)
        designs = sorted((self._check(one, meter) for one in families), key=lambda design: design.loss)
        seconds = meter.seconds / n_seeds
        if not designs:
            reason = "the best sequence has no pulse above 3°: check the units and the objective's weights"
            if cleaned:
                reason = "the loss is not finite on the standard ensemble"
            return failed(seed, reason, seconds, meter.evaluations, history)
        return Run(seed, meter.status, tuple(designs), seconds, meter.evaluations, history, meter.reason)

    def _check(self, sequence: Sequence, meter: Meter) -> Design:
        """The design, or a better one where its loss does not hold on other voxels."""
        design = self.design(sequence)
        if abs(design.check_loss - design.loss) <= LARGEST_MOVE * abs(design.loss) or meter.must_end():
            return design
        voxels = self._problem.voxels(CHECK_N_PER_TISSUE, seed=REPOLISH_SEED)
        loss_and_gradient = self._problem.loss_and_gradient(voxels, self._engine)
        _, polished = polish(loss_and_gradient, self._problem.search_space, sequence, meter=meter)
        again = clean(self._problem, polished)
        if not len(again.flip_angle):
            return design
        repolished = self.design(again, repolished=True)
        return repolished if repolished.check_loss < design.check_loss else design

    def design(self, sequence: Sequence, *, repolished: bool = False) -> Design:
        """What a single sequence achieves, over both ensembles."""
        check = float(self._problem.loss(sequence, self._check_voxels, self._engine))
        return Design(sequence, self._problem.evaluate(sequence, self._engine), check, repolished)
