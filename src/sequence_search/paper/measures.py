"""What a row of Tables V to VIII states of its designs: values in the paper's units, means and deviations."""

from __future__ import annotations

import math

import numpy as np

from sequence_search.classify import CategoryRule, phase_statistics, standardized
from sequence_search.objective import TERMS
from sequence_search.paper.values import PaperRow, Stat
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.structure import Structure, find_structure

# By quantity: signals and contrast in units of M0, energy in percent of that of 90°-180°, times in ms, angles
# in degrees; one number, one for each pulse, or none.
Values = dict[str, tuple[float, ...]]


def measure(problem: Problem, sequence: Sequence, evaluation: Evaluation) -> Values:
    """Values of a single sequence by quantity, with phases as the paper standardises them."""
    standard = standardized(sequence)
    values: Values = {f"signal:{tissue}": (signal,) for tissue, signal in evaluation.signal.items()}
    pair = contrast_tissues(problem)
    if pair is not None:
        values["contrast"] = (evaluation.signal[pair[0]] - evaluation.signal[pair[1]],)
    # Of a sequence with a layout no pathway is found, thus neither TI nor a refocusing phase.
    found = Structure() if standard.layout is not None else find_structure(standard)
    return values | {
        "rf_energy": (100 * evaluation.relative_rf_energy,),
        "time": (1e3 * evaluation.time_to_readout,),
        "flips": tuple(math.degrees(flip) for flip in standard.flip_angle.tolist()),
        "phase": tuple(math.degrees(phase) for phase in found.refocusing_phases[:1]),
        "ti": () if found.ti is None else (1e3 * found.ti,),
    }


def contrast_tissues(problem: Problem) -> tuple[str, str] | None:
    """Names of the two tissues of the first contrast term; None if there is no such term."""
    for term in problem.objective.terms:
        if term.kind is TERMS["contrast"]:
            first, second = term.tissues or (0, 1)
            return problem.tissues[first].name, problem.tissues[second].name
    return None


def summarize(designs: list[Values], rule: CategoryRule | None) -> dict[str, tuple[Stat, ...]]:
    """Mean and standard deviation over designs by quantity.

    Those of phases are circular. Flip angles are of all pulses if the designs have equally many, else of the
    last ones, which the rule names. Without a rule, as of Others, there is no flip angle or phase to average.
    """
    if not designs:
        return {}
    stats: dict[str, tuple[Stat, ...]] = {
        key: (_stat([values[key][0] for values in designs]),)
        for key in designs[0]
        if key not in ("flips", "phase", "ti")
    }
    if rule is None:
        return stats
    flips = [values["flips"] for values in designs]
    if len({len(each) for each in flips}) > 1:
        flips = [each[-len(rule.flips) :] for each in flips]
    stats["flips"] = tuple(_stat(list(column)) for column in zip(*flips, strict=True))
    phases = [math.radians(phase) for values in designs for phase in values["phase"]]
    if phases:
        mean, sd = phase_statistics(phases)
        stats["phase"] = (Stat(math.degrees(mean), math.degrees(sd)),)
    return stats


def single(values: Values) -> dict[str, tuple[Stat, ...]]:
    """Values of one sequence, without deviations."""
    return {key: tuple(Stat(number) for number in numbers) for key, numbers in values.items()}


def published(row: PaperRow | None) -> dict[str, tuple[Stat, ...]]:
    """What the paper prints in a row, by quantity."""
    if row is None:
        return {}
    named = {
        "occurrence": row.occurrence_percent,
        **{f"signal:{tissue}": stat for tissue, stat in row.signal.items()},
        "contrast": row.contrast,
        "rf_energy": row.rf_energy_percent,
        "time": row.time_ms,
        "ti": row.ti_ms,
        "phase": row.refocusing_phase_deg,
    }
    return {key: (stat,) for key, stat in named.items() if stat is not None} | {"flips": row.flips_deg}


def _stat(values: list[float]) -> Stat:
    return Stat(float(np.mean(values)), float(np.std(values)))
