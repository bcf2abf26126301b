"""A design beside the conventional sequence for the same objective, in signals, loss, energy and time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.conventional import (
    conventional_name,
    conventional_sequence,
    spin_echo,
)
from sequence_search.explanation.pulses import N_PER_TISSUE, polished_ends, varied
from sequence_search.layout import Layout
from sequence_search.limits import CONVENTIONAL_RF_ENERGY
from sequence_search.objective import Prepared
from sequence_search.problem.problem import Problem
from sequence_search.sequence import NO_PULSE, Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.drafting import near_draft, of_one_tr
from sequence_search.strategies.finish import NOT_STANDING
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import DraftSimulator, played_as
from sequence_search.strategies.result import CLOSE

N_STARTS = 48  # variants of a conventional sequence that is behind a design
NOT_PROPOSED = "no search of the problem proposes it"


@dataclass(frozen=True, slots=True)
class Compared:
    """A sequence and what it achieves over the standard ensemble.

    Attributes
    ----------
    name : what it is
    terms : value of each term of the objective, times its weight; they add up to the loss
    mean, sd : of |Mxy| over each tissue's voxels, the mean over several readouts [a.u.]
    contrast : for each contrast term the difference of its tissues' mean |Mxy|, the first less the second; of
        a signed contrast the magnitude of the difference of their mean Mxy, and its name says so [a.u.]; the
        tissue that is to be the brighter first, if one is
    relative_rf_energy : relative to 90°-180° [1]
    time_to_readout : from the first pulse [s]
    unpolished : why a conventional sequence stands without its polish, or empty
    """

    name: str
    sequence: Sequence
    loss: float
    terms: dict[str, float]
    mean: dict[str, float]
    sd: dict[str, float]
    contrast: dict[str, float]
    relative_rf_energy: float
    time_to_readout: float = field(metadata={"unit": "s"})
    unpolished: str = ""


def compare(
    problem: Problem, sequence: Sequence, te: float | None, simulator: Simulator
) -> tuple[Compared, ...]:
    """The design; the conventional sequence as in textbooks; and the same polished for the objective.

    The polish keeps the structure, with its flip angles, phases and delays within the search space and the
    limits of the problem, pulses that are given as they are, and what is read is excited and refocused by
    pulses that are for it; the sequence of textbooks need not be within.
    One that the problem does not give has, with a layout, the kinds and the TR of the design; where that
    holds no such sequence, the design stands alone. Where a polish gets nowhere, as it leaves no pulse that
    excites since nothing beats doing nothing from there, there is no such row.
    Where the objective has no conventional answer within the search space, it is 90°-180° of the design's TE
    [s], or the shortest.

    Parameters
    ----------
    te : s
    simulator : of the problem over the standard ensemble, as `Problem.evaluate` has it
    """
    rows = [_achieved(problem, sequence, "this design", simulator)]
    name, conventional = conventional_name(problem), conventional_sequence(problem, sequence)
    is_given = problem.conventional is not None
    if not is_given and (conventional is None or not is_allowed(problem, conventional)):
        name, conventional = "plain spin echo", spin_echo(problem, te or 0.0, sequence)
    if conventional is None:
        return tuple(rows)
    polished, unpolished = _polished(problem, conventional, simulator, rows[0].loss)
    rows.append(replace(_achieved(problem, conventional, name, simulator), unpolished=unpolished))
    if polished is not None:
        rows.append(_achieved(problem, polished, f"{name}, polished", simulator))
    return tuple(rows)


def _polished(
    problem: Problem, conventional: Sequence, simulator: Simulator, loss: float
) -> tuple[Sequence | None, str]:
    """A single sequence polished within the limits of a problem, or None and why not.

    Where that leaves it behind a loss it is polished from variants of its flip angles and phases as well: of
    symmetric phases a gradient does not tell in which direction others are better.
    """
    fixed = of_one_tr(problem, conventional)
    limited, proposed = Limited(fixed, simulator.engine), near_draft(fixed, conventional)
    if proposed is None:
        return None, NOT_PROPOSED
    drafts = simulator if limited.playing is None else DraftSimulator(simulator, limited.playing)
    found = [limited.polish(drafts.loss_and_gradient, proposed, Meter(Settings()))]
    if found[0][0] > loss + CLOSE * abs(loss) or not limited.may_stand(found[0][1]):
        given = limited.frame.is_fixed(proposed)
        starts = varied(proposed.map(lambda column: column.repeat(N_STARTS, 1)), given)
        starts = starts if limited.playing is None else limited.playing.bounded(starts)
        few = limited.descent_loss(problem.voxels(N_PER_TISSUE))()
        ends = polished_ends(starts, few, drafts.loss_and_gradient, limited)
        found += [(float(drafts.loss(end)), end) for end in ends]
    within = [each for each in found if math.isfinite(each[0])]
    standing = [each for each in within if limited.may_stand(each[1])]
    if not standing:
        return None, NOT_STANDING if within else "it does not come within the limits"
    _, best = min(standing, key=lambda each: each[0])
    single, frame = played_as(drafts, best).turn_first_to_zero(), problem.limits.frame
    if single.layout != conventional.layout:
        return None, NOT_PROPOSED
    if not (frame.keeps(single, "head") and frame.keeps(single, "tail")):
        return None, "it has other pulses than the problem gives"
    if not _gives_signal(problem, single):
        return None, "a polish leaves no excitation of it"
    return single, ""


def is_allowed(problem: Problem, sequence: Sequence) -> bool:
    """Whether a sequence is within the search space."""
    try:
        problem.limits.admitted(problem.search_space).check(sequence, problem.name)
    except ValueError:
        return False
    return True


def _gives_signal(problem: Problem, single: Sequence) -> bool:
    """Whether a pulse is left besides those of fixed amplitude, which turn by 180°."""
    layout = single.layout or Layout.plain(len(single.flip_angle))
    fixed = {name for name, kind in problem.pulses.items() if kind.fixed_flip is not None}
    flips = zip(single.flip_angle.abs().tolist(), layout.kinds, strict=True)
    return any(flip >= NO_PULSE and name not in fixed for flip, name in flips)


def _achieved(problem: Problem, sequence: Sequence, name: str, simulator: Simulator) -> Compared:
    signal, voxels = simulator.signal(sequence), simulator.voxels
    prepared = Prepared(problem.objective, voxels, problem.pulses)
    parts = prepared.parts(signal, sequence, simulator.slopes(sequence))
    terms = {name: float(part) for name, part in parts.items()}
    by_readout = signal.reshape(sequence.n_readouts, -1)
    by_tissue = [by_readout[:, voxels.is_of((i,))] for i in range(len(problem.tissues))]
    names = [tissue.name for tissue in problem.tissues]
    means = [float(each.abs().mean()) for each in by_tissue]
    contrast = {}
    for term in problem.objective.terms:
        if term.kind.n_tissues == (2, 2):
            first, second = term.tissues or (0, 1)
            if term.brighter == second:
                first, second = second, first
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
        loss=sum(terms.values()),
        terms=terms,
        mean=dict(zip(names, means, strict=True)),
        sd={
            tissue: float(each.abs().mean(0).std(correction=0))
            for tissue, each in zip(names, by_tissue, strict=True)
        },
        contrast=contrast,
        relative_rf_energy=float(sequence.rf_energy) / CONVENTIONAL_RF_ENERGY,
        time_to_readout=float(sequence.time_to_readout),
    )
