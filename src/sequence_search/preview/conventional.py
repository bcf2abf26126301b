"""The conventional sequence of a problem as an image needs it: of the problem's pulses, gradients and TR."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import minimize_scalar

from sequence_search.explanation.conventional import conventional_sequence, null_ti
from sequence_search.layout import HARD
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Hard, Kind, least_interval
from sequence_search.search_space import NO_GRADIENT
from sequence_search.sequence import Sequence


def conventional(problem: Problem) -> Sequence | None:
    """Conventional answer to a problem's objective, as it is repeated and read there; None if there is none.

    Of a problem with kinds of pulse, gradients or a repetition it is a spin echo with crushers, the shortest
    or with the TE of `conventional_sequence`; to null a tissue it follows an inversion and a spoiler, at the
    TI at which the nominal voxel of that tissue has the least signal.
    """
    plain = conventional_sequence(problem)
    if plain is None or not problem.has_layouts:
        return plain
    inverts = bool(plain.flip_angle[0] > math.radians(135))
    invert, excite, refocus = (
        _kind(problem, purpose) for purpose in ("inversion", "excitation", "refocusing")
    )
    crusher, spoiler = (
        name if name in problem.search_space.gradients else NO_GRADIENT for name in ("crusher", "spoiler")
    )
    gap = problem.search_space.crusher if crusher != NO_GRADIENT else 0.0
    half = max(
        0.0 if inverts else float(plain.delay[0]),
        problem.search_space.min_rf_delay,
        least_interval(_of(problem, excite), _of(problem, refocus), gap),
        least_interval(_of(problem, refocus), None, gap),
    )

    def played(ti: float) -> Sequence:
        before = [(180.0, 1e3 * ti, invert, spoiler)] if inverts else []
        pulses = [*before, (90.0, 1e3 * half, excite, crusher), (180.0, 1e3 * half, refocus, crusher)]
        flips, delays, kinds, gradients = zip(*pulses, strict=True)
        phases = [0.0] * (len(flips) - 1) + [90.0]
        bare = Sequence.from_degrees_ms(flips, phases, delays)
        return problem.played(bare, kinds=kinds, gradients=gradients, tr=_tr(problem))

    try:
        found = played(_null(problem, played) if inverts else 0.0)
        problem.check_sequence(found)
    except ValueError:  # it does not fit into the TR
        return None
    return found


def _null(problem: Problem, played: Callable[[float], Sequence]) -> float:
    """TI [s] at which the nominal voxel of the tissue that is to be nulled has the least signal."""
    index = next(term.tissues for term in problem.objective.terms if term.kind.name == "null") or (0,)
    voxels = problem.voxels(method="nominal").of_tissues(index[:1])
    simulator = problem.simulator(voxels, "configurations")  # no table over flip angles for one voxel
    highest = null_ti(problem.tissues[index[0]])
    # With a TR it is earlier: there is less to invert.
    found = minimize_scalar(
        lambda ti: float(simulator.signal(played(ti)).abs().mean()),
        bounds=(0.1 * highest, 1.02 * highest),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(found.x)


def _tr(problem: Problem) -> float | None:
    """The longest there may be, where it is searched."""
    low, high = problem.acquisition.tr_bounds
    return high if low < high else None


def _kind(problem: Problem, purpose: str) -> str:
    """Name of the kind of pulse that is meant for it: by its purpose, or its fixed flip angle."""
    names = problem.search_space.pulses
    stated = [name for name in names if getattr(problem.pulses.get(name), "purpose", None) == purpose]
    free = [name for name in names if name == HARD or problem.pulses[name].fixed_flip is None]
    fixed = [name for name in names if name not in free]
    return next(iter(stated + (fixed if purpose == "inversion" else []) + free + fixed))


def _of(problem: Problem, name: str) -> Kind:
    return problem.pulses[name] if name in problem.pulses else Hard()
