"""The sequence of textbooks that a design stands beside: the problem's own, or one for its objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import torch
from scipy.optimize import minimize_scalar

from sequence_search.frame import Frame
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.problem.pulses_table import uses_of
from sequence_search.pulses.uses import AFTER, BEFORE, EXCITES
from sequence_search.search_space import GRADIENTS, NO_GRADIENT
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafting import of_one_tr
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played import DraftSimulator
from sequence_search.strategies.playing import Playing, playing_of
from sequence_search.structure import uses
from sequence_search.tissue import Tissue
from sequence_search.weighted_term import Term

CONVENTIONAL = "conventional sequence"


def conventional_sequence(problem: Problem, design: Sequence | None = None) -> Sequence | None:
    """The textbook's sequence of a problem, as it is played there; None if there is none.

    It is that of `[conventional]` if the problem has it. Else it is the answer to one criterion of the
    objective, the conventional rows of Tables V to VIII. A nulling term: 180°-90° with TI at the null of that
    tissue, read out as soon as a pulse allows. Else a contrast: a spin echo, 90°-180°, with the TE of the
    largest contrast. Else a signal term: the shortest spin echo. They give the paper's times: 12.4 ms (Table
    V), 54.2 ms (VI) and 2.78 s (VIII, 2.773 + 0.006 s). Of a contrast that names the tissue that is to be the
    brighter it is what makes it so, as it is played: that echo or the shortest, whichever shows it more, and
    where neither does an inversion recovery that nulls the other tissue, read as a spin echo, if that does.

    Of a problem with kinds of pulse, gradients or a repetition it is read as a spin echo in any case, with
    crushers, and an inversion is followed by a spoiler, if the problem has them; TI is where the nominal
    voxel has the least signal in the steady state. Delays are shortened to fit the repetition; None where
    even the shortest do not fit.

    Parameters
    ----------
    design : single Sequence, optional
        Whose kinds of pulse, TR and echo spacing it has, where they are not given. Without it they are by the
        purpose that the problem states, the longest and the TE's or shortest.
    """
    if problem.conventional is not None:
        return problem.conventional.sequence(problem.acquisition)
    index = _nulled(problem)
    if index is not None:
        return _inversion_recovery(problem, index, design)
    terms = {term.kind.name: term for term in reversed(problem.objective.terms) if not term.kind.own}
    if "contrast" in terms:
        return _of_contrast(problem, terms["contrast"], design)
    return spin_echo(problem, 0.0, design) if "signal" in terms else None


def conventional_name(problem: Problem) -> str:
    """As "conventional sequence (FLAIR, TI 2.4 s)"."""
    name = problem.conventional.name if problem.conventional is not None else ""
    return f"{CONVENTIONAL} ({name})" if name else CONVENTIONAL


def spin_echo(problem: Problem, te: float, design: Sequence | None = None) -> Sequence | None:
    """A spin echo of this TE [s] or the shortest, as a problem plays it; None if it does not fit the TR."""
    half = max(te / 2, problem.search_space.min_rf_delay)
    if not problem.has_layouts:
        return Sequence.from_degrees_ms([90, 180], [0, 180], [1e3 * half, 1e3 * half])
    try:
        return _player(problem, design)([90.0, 180.0], [half, half])
    except ValueError:  # more than fits the repetition
        return None


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


def _of_contrast(problem: Problem, term: Term, design: Sequence | None) -> Sequence | None:
    pair = term.tissues or (0, 1)
    te = contrast_te(*(problem.tissues[i] for i in pair))
    if term.brighter is None:
        return None if te is None else spin_echo(problem, te, design)
    (other,) = set(pair) - {term.brighter}
    signal, other_signal = _signal(problem, term.brighter), _signal(problem, other)

    def more(sequence: Sequence) -> float:
        return signal(sequence) - other_signal(sequence)

    echoes = [spin_echo(problem, each, design) for each in (te, 0.0) if each is not None]
    echo = max((each for each in echoes if each is not None), key=more, default=None)
    if echo is not None and more(echo) > 0:
        return echo
    nulled = _inversion_recovery(problem, other, design, echo=True)
    return nulled if nulled is not None and more(nulled) > 0 else echo


def _signal(problem: Problem, index: int) -> Callable[[Sequence], float]:
    """Function that gives |Mxy| of the nominal voxel of a tissue, the mean of the readouts."""
    voxels = problem.voxels(method="nominal").of_tissues((index,))
    # No table over flip angles for one voxel.
    simulator = problem.simulator(voxels, "configurations" if problem.has_layouts else "auto")
    return lambda sequence: float(simulator.signal(sequence).abs().mean())


def _nulled(problem: Problem) -> int | None:
    """The tissue that is to be nulled."""
    nulls = [term for term in problem.objective.terms if term.kind.name == "null"]
    return (nulls[0].tissues or (0,))[0] if nulls else None


def _inversion_recovery(
    problem: Problem, index: int, design: Sequence | None, echo: bool = False
) -> Sequence | None:
    tissue, shortest = problem.tissues[index], problem.search_space.min_rf_delay
    highest = null_ti(tissue)
    if not math.isfinite(highest):
        return None
    if not problem.has_layouts:
        n_rf, phases, delays = 3 if echo else 2, [0, 0, 180], [1e3 * highest, 1e3 * shortest, 1e3 * shortest]
        return Sequence.from_degrees_ms([180, 90, 180][:n_rf], phases[:n_rf], delays[:n_rf])
    play = _player(problem, design)

    def played(ti: float) -> Sequence:
        return play([180.0, 90.0, 180.0], [ti, shortest, shortest])

    try:
        return played(_least_signal(problem, index, played, highest))
    except ValueError:  # more than fits the repetition
        return None


def _least_signal(problem: Problem, index: int, played: Callable[[float], Sequence], highest: float) -> float:
    """TI [s] at which the nominal voxel of a tissue has the least signal."""
    signal = _signal(problem, index)
    # With a TR it is earlier: there is less to invert.
    found = minimize_scalar(
        lambda ti: signal(played(ti)),
        bounds=(0.1 * highest, 1.02 * highest),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(found.x)


def _player(problem: Problem, design: Sequence | None) -> Callable[[list[float], list[float]], Sequence]:
    """Function of flip angles [deg] and delays [s] of (an inversion and) a spin echo, that plays them.

    With kinds of pulse and gradients for what each is for; ValueError if even the shortest do not fit the TR.
    """
    low, high = problem.acquisition.tr_bounds
    fixed = replace(problem, acquisition=replace(problem.acquisition, tr=high)) if low < high else problem
    if design is not None:
        fixed = of_one_tr(problem, design)
    # It is shown whether or not its pulses are silent outside the slice, or those for refocusing excite.
    playing = replace(playing_of(fixed) or Playing(), unselective=frozenset(), refocusing=frozenset())
    simulator = DraftSimulator(fixed.simulator(fixed.voxels(method="nominal")), playing)
    known = problem.search_space.gradients
    spoiler, crusher = (name if name in known else NO_GRADIENT for name in ("spoiler", "crusher"))
    purposes = ["inversion", "excitation", "refocusing"]
    gradients = [float(GRADIENTS.index(name)) for name in (spoiler, crusher, crusher)]
    kinds = [float(playing.kinds.index(_kind(problem, playing, design, purpose))) for purpose in purposes]

    def play(flips: list[float], delays: list[float]) -> Sequence:
        count, delays = len(flips), list(delays)
        if design is not None and playing.acquisition.echoes > 1:
            delays[-2:] = [float(design.readout_times.diff()[0]) / 2] * 2
        plain = Sequence.from_degrees_ms(flips, [*[0] * (count - 1), 90], [1e3 * each for each in delays])
        none = torch.zeros_like(plain.delay)
        codes = {"kind": none.new_tensor(kinds[-count:]), "gradient": none.new_tensor(gradients[-count:])}
        bounds = {"shortest": none, "longest": none, "largest": none, "repetition": none - 1}
        draft = playing.with_train(Draft(**cast(Any, plain.columns() | codes | bounds)), Frame())
        return simulator.play(playing.bounded(draft))

    return play


def _kind(problem: Problem, playing: Playing, design: Sequence | None, purpose: str) -> str:
    """Name of the kind of pulse for a purpose: the design's, or by what the problem states."""
    if design is not None:
        layout = design.layout or Layout.plain(len(design.flip_angle))
        played = [*zip(uses(design), layout.kinds, strict=True)]
        # The last refocuses the echo; one before it may be of another kind, for what else it turns.
        for use, name in reversed(played) if purpose == "refocusing" else played:
            if use == purpose and name in playing.kinds:
                return name
    names, pulses = problem.search_space.pulses, problem.pulses
    stage = {"inversion": BEFORE, "excitation": EXCITES, "refocusing": AFTER}[purpose]
    uses_of_names = zip(names, uses_of(pulses, names), strict=True)
    names = tuple(name for name, may_be in uses_of_names if may_be & stage) or names
    stated = [
        name
        for name in names
        if name in pulses
        and (purpose in (pulses[name].use or ()) or getattr(pulses[name], "purpose", "") == purpose)
    ]
    fixed = [name for name in names if name in pulses and pulses[name].fixed_flip is not None]
    free = [name for name in names if name not in fixed]
    return [*stated, *(fixed if purpose == "inversion" else []), *free, *fixed][0]
