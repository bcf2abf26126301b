"""The sequence that a textbook answers an objective with: the conventional rows of Tables V to VIII."""

from __future__ import annotations

import math

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.tissue import Tissue


def conventional_sequence(problem: Problem) -> Sequence | None:
    """Single-criterion answer to the problem's objective; None where there is no textbook one.

    A nulling term: 180°-90° with TI at the null of that tissue, read out as soon as a pulse allows. Else a
    contrast: a spin echo, 90°-180°, with the TE of the largest contrast. Else a signal term: the shortest
    spin echo.

    They give the paper's times: 12.4 ms (Table V), 54.2 ms (VI) and 2.78 s (VIII, 2.773 + 0.006 s).
    """
    shortest = problem.search_space.min_rf_delay
    terms = {term.kind.name: term.tissues for term in reversed(problem.objective.terms) if not term.kind.own}
    if "null" in terms:
        tissues = terms["null"] or range(len(problem.tissues))
        ti = null_ti(problem.tissues[tissues[0]], problem.acquisition.tr_bounds[0])
        if not math.isfinite(ti):
            return None
        return Sequence.from_degrees_ms([180, 90], [0, 0], [1e3 * ti, 1e3 * shortest])
    te: float | None = 0.0 if "signal" in terms else None
    if "contrast" in terms:
        te = contrast_te(*(problem.tissues[i] for i in terms["contrast"] or (0, 1)))
    if te is None:
        return None
    half = max(te / 2, shortest)
    return Sequence.from_degrees_ms([90, 180], [0, 180], [1e3 * half, 1e3 * half])


def null_ti(tissue: Tissue, tr: float = math.inf) -> float:
    """TI at which Mz = M0 (1 - 2 exp(-TI/T1) + exp(-TR/T1)) of an inverted tissue is zero [s].

    T1 ln 2 where TR is infinite; the readout, at which Mz begins anew, counts as a 90° at its TI.
    """
    t1 = tissue.t1.centre
    return t1 * (math.log(2) - math.log1p(math.exp(-tr / t1)))


def contrast_te(first: Tissue, second: Tissue) -> float | None:
    """TE at which the difference of two spin echoes, M0 exp(-TE/T2), is largest after TE = 0 [s].

    There (M0/T2) exp(-TE/T2) is equal for both. None if they never are, as with equal T2.
    """
    slopes = [tissue.m0.centre / tissue.t2.centre for tissue in (first, second)]
    rates = [1 / tissue.t2.centre for tissue in (first, second)]
    if rates[0] == rates[1] or min(slopes) <= 0:
        return None
    te = math.log(slopes[1] / slopes[0]) / (rates[1] - rates[0])
    return te if te > 0 else None
