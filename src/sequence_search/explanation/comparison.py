"""A design beside the conventional sequence for the same objective, in signals, loss, energy and time."""

from __future__ import annotations

from dataclasses import dataclass, field

from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.explanation.conventional_draft import conventional_draft
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import of_one_tr
from sequence_search.strategies.played import played_as, simulator_of
from sequence_search.strategies.refine import polish


@dataclass(frozen=True, slots=True)
class Compared:
    """A sequence and what it achieves over the standard ensemble.

    Attributes
    ----------
    name : what it is
    mean, sd : of |Mxy| over each tissue's voxels, the mean over several readouts [a.u.]
    contrast : for each contrast term the difference of its tissues' mean |Mxy|, the first less the second; of
        a signed contrast the magnitude of the difference of their mean Mxy, and its name says so [a.u.]
    relative_rf_energy : relative to 90°-180° [1]
    time_to_readout : from the first pulse [s]
    """

    name: str
    sequence: Sequence
    loss: float
    mean: dict[str, float]
    sd: dict[str, float]
    contrast: dict[str, float]
    relative_rf_energy: float
    time_to_readout: float = field(metadata={"unit": "s"})


def compare(
    problem: Problem, sequence: Sequence, te: float | None, engine: str = "auto"
) -> tuple[Compared, ...]:
    """The design; the conventional sequence as in textbooks; and the same polished for the objective.

    The limits of a problem are the design's: the conventional sequence need not keep them. One with a layout
    has the kinds of the design, crushers and a spoiler where the problem has them, and its TR; where that
    holds no such sequence, the design stands alone.
    Where the objective has no conventional answer within the search space, it is 90°-180° of the design's TE
    [s], or the shortest.
    """
    space, conventional = problem.search_space, conventional_sequence(problem)
    name = "conventional sequence"
    if conventional is None or not is_allowed(problem, conventional):
        name = "plain spin echo"
        half = 1e3 * max((te or 0.0) / 2, space.min_rf_delay)
        conventional = Sequence.from_degrees_ms([90, 180], [0, 180], [half, half])
    fixed = of_one_tr(problem, sequence)
    proposed = conventional_draft(fixed, sequence, conventional)
    rows = {"this design": sequence}
    if proposed is not None:
        simulator = simulator_of(fixed, problem.voxels(), engine)
        _, polished = polish(simulator.loss_and_gradient, space, proposed)
        rows |= {name: proposed, f"{name}, polished": polished.turn_first_to_zero()}
        rows = {each: one if one is sequence else played_as(simulator, one) for each, one in rows.items()}
    return tuple(_achieved(problem, each, each_name, engine) for each_name, each in rows.items())


def is_allowed(problem: Problem, sequence: Sequence) -> bool:
    """Whether a sequence is within the search space."""
    try:
        problem.search_space.check(sequence, problem.name)
    except ValueError:
        return False
    return True


def _achieved(problem: Problem, sequence: Sequence, name: str, engine: str) -> Compared:
    voxels, evaluation = problem.voxels(), problem.evaluate(sequence, engine)
    signal = problem.simulator(voxels, engine, IN_REPORT).signal(sequence).reshape(sequence.n_readouts, -1)
    by_tissue = [signal[:, voxels.is_of((i,))] for i in range(len(problem.tissues))]
    names = [tissue.name for tissue in problem.tissues]
    means = [float(each.abs().mean()) for each in by_tissue]
    contrast = {}
    for term in problem.objective.terms:
        if term.kind.n_tissues == (2, 2):
            first, second = term.tissues or (0, 1)
            pair = f"{names[first]}-{names[second]}"
            if term.kind.of == "signal":
                contrast[f"signed {pair}"] = float(
                    (by_tissue[first].mean(1) - by_tissue[second].mean(1)).abs().mean()
                )
            else:
                contrast[pair] = means[first] - means[second]
    return Compared(
        name=name,
        sequence=sequence,
        loss=evaluation.loss,
        mean=dict(zip(names, means, strict=True)),
        sd={
            tissue: float(each.abs().mean(0).std(correction=0))
            for tissue, each in zip(names, by_tissue, strict=True)
        },
        contrast=contrast,
        relative_rf_energy=evaluation.relative_rf_energy,
        time_to_readout=evaluation.time_to_readout,
    )
