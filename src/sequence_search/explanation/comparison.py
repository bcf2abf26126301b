"""A design beside the conventional sequence for the same objective, in signals, loss, energy and time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.conventional import (
    conventional_name,
    conventional_sequence,
    spin_echo,
)
from sequence_search.layout import Layout
from sequence_search.limits import CONVENTIONAL_RF_ENERGY
from sequence_search.objective import Prepared
from sequence_search.problem.problem import Problem
from sequence_search.sequence import SMALL_PULSE, Sequence
from sequence_search.strategies.drafting import draft_of, of_one_tr
from sequence_search.strategies.drafts import playing_of
from sequence_search.strategies.played import DraftSimulator, played_as
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
    as_given : whether it is the problem's own and stands without its polish, which would leave the limits
    """

    name: str
    sequence: Sequence
    loss: float
    mean: dict[str, float]
    sd: dict[str, float]
    contrast: dict[str, float]
    relative_rf_energy: float
    time_to_readout: float = field(metadata={"unit": "s"})
    as_given: bool = False


def compare(
    problem: Problem, sequence: Sequence, te: float | None, simulator: Simulator
) -> tuple[Compared, ...]:
    """The design; the conventional sequence as in textbooks; and the same polished for the objective.

    The limits of a problem are the design's: the conventional sequence need not keep them, but one that the
    problem gives is not polished where there are limits, which a polish would leave. One that the
    problem does not give has, with a layout, the kinds and the TR of the design; where that holds no such
    sequence, the design stands alone. Where a polish leaves no pulse that excites, since nothing beats doing
    nothing from there, there is no such row.
    Where the objective has no conventional answer within the search space, it is 90°-180° of the design's TE
    [s], or the shortest.

    Parameters
    ----------
    te : s
    simulator : of the problem over the standard ensemble, as `Problem.evaluate` has it
    """
    space, rows = problem.search_space, [_achieved(problem, sequence, "this design", simulator)]
    name, conventional = conventional_name(problem), conventional_sequence(problem, sequence)
    is_given = problem.conventional is not None
    if not is_given and (conventional is None or not is_allowed(problem, conventional)):
        name, conventional = "plain spin echo", spin_echo(problem, te or 0.0, sequence)
    if conventional is None:
        return tuple(rows)
    as_given = is_given and bool(problem.limits)
    rows.append(replace(_achieved(problem, conventional, name, simulator), as_given=as_given))
    if as_given:
        return tuple(rows)
    fixed = of_one_tr(problem, conventional)
    proposed, playing = draft_of(fixed, conventional), playing_of(fixed)
    if proposed is not None:
        drafts = simulator if playing is None else DraftSimulator(simulator, playing)
        space = space if playing is None else playing.narrowed(space)
        _, polished = polish(drafts.loss_and_gradient, space, proposed)
        single = played_as(drafts, polished.turn_first_to_zero())
        if _gives_signal(problem, single):
            rows.append(_achieved(problem, single, f"{name}, polished", simulator))
    return tuple(rows)


def is_allowed(problem: Problem, sequence: Sequence) -> bool:
    """Whether a sequence is within the search space."""
    try:
        problem.search_space.check(sequence, problem.name)
    except ValueError:
        return False
    return True


def _gives_signal(problem: Problem, single: Sequence) -> bool:
    """Whether a pulse is left besides those of fixed amplitude, which turn by 180°."""
    layout = single.layout or Layout.plain(len(single.flip_angle))
    fixed = {name for name, kind in problem.pulses.items() if kind.fixed_flip is not None}
    flips = zip(single.flip_angle.abs().tolist(), layout.kinds, strict=True)
    return any(flip >= SMALL_PULSE and name not in fixed for flip, name in flips)


def _achieved(problem: Problem, sequence: Sequence, name: str, simulator: Simulator) -> Compared:
    signal, voxels = simulator.signal(sequence), simulator.voxels
    loss = Prepared(problem.objective, voxels, problem.pulses).loss(
        signal, sequence, simulator.slopes(sequence)
    )
    by_readout = signal.reshape(sequence.n_readouts, -1)
    by_tissue = [by_readout[:, voxels.is_of((i,))] for i in range(len(problem.tissues))]
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
        loss=float(loss),
        mean=dict(zip(names, means, strict=True)),
        sd={
            tissue: float(each.abs().mean(0).std(correction=0))
            for tissue, each in zip(names, by_tissue, strict=True)
        },
        contrast=contrast,
        relative_rf_energy=float(sequence.rf_energy) / CONVENTIONAL_RF_ENERGY,
        time_to_readout=float(sequence.time_to_readout),
    )
