"""Tasks whose optimum has a closed form: the textbook's sequence, and what a search finds, are that."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import fsolve, minimize, minimize_scalar

from closed_forms import (
    Form,
    bound_of_t2,
    crossing,
    ideal,
    null_after_inversion,
    recovered,
    spoiled,
    two_echoes,
    without_relaxation,
)
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.problem.problem import Problem
from sequence_search.strategies import search
from sequence_search.tissue import Uniform

DEGREES, PART_OF_TIME = 2, 0.03  # what textbook and design may be off by
SPOILED = (
    "spgr-ernst",
    "spgr-ernst-7t",
    "spgr-contrast",
    "saturation-recovery",
    "ir-null",
    "kidney-ir",
    "dir",
)
FAT = ("fat-1-1", "fat-1-2-1")
ECHOES = ("inner-ear",)  # crushed spin echoes, averaged over b1 and tissues
IDEAL = ("se-t1", "se-pd", "se-t2", "cartilage")  # slice-selective in the file; here of ideal pulses
TWO_POINT = "t2-map-two-point"


def form_of(name):
    problem = Problem.load(name)
    return Form(
        ideal(problem) if name in IDEAL else problem,
        n_echo=int(name in ECHOES + IDEAL),
        precesses=name in FAT,
    )


def tissues_of(problem):
    """(M0, T1, T2) of each by name."""
    return {
        each.name: tuple(getattr(each, name).centre for name in ("m0", "t1", "t2"))
        for each in problem.tissues
    }


def found_by_search(problem):
    best = search(problem, max_seconds=60.0, progress=False).best.sequence.turn_first_to_zero()
    return best.flip_angle.numpy(), best.phase.numpy(), best.delay.numpy()


def check_alike(flips, delays, expected_flips, expected_delays):
    """To 2° and 3 %; what follows the readout is no delay of the closed form."""
    assert np.rad2deg(flips) == pytest.approx(np.rad2deg(expected_flips), abs=DEGREES)
    assert delays[: len(expected_delays)] == pytest.approx(expected_delays, rel=PART_OF_TIME)


@pytest.mark.parametrize("name", SPOILED + FAT + ECHOES + IDEAL)
def test_the_simulated_loss_is_that_of_the_closed_form(name):
    form = form_of(name)
    known = form.problem.conventional
    expected = form.loss(known.flip_angle, known.phase, known.delay)
    assert form.problem.evaluate(conventional_sequence(form.problem)).loss == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SPOILED, *FAT, *IDEAL])
def test_a_search_finds_the_optimum_of_the_closed_form(name):
    form = form_of(name)
    flips, phases, delays = form.best()
    found = found_by_search(form.problem)
    check_alike(found[0], found[2], flips, delays)
    if form.precesses:
        off = np.rad2deg(found[1] - phases)
        assert (off + 180) % 360 - 180 == pytest.approx(0, abs=DEGREES)


def ernst_angle(problem):
    ((_, t1, _),) = tissues_of(problem).values()
    return [math.acos(math.exp(-problem.acquisition.tr / t1))], problem.conventional.delay


def least_loss(problem):
    flips, _, delays = form_of(problem.name).best()
    return flips, delays


def saturation(problem):
    """dS/dt = M0 / T1 exp(-TE/T2) exp(-t/T1) alike in both."""
    te = problem.conventional.delay[-1]
    both = [(m0 / t1 * math.exp(-te / t2), t1) for m0, t1, t2 in tissues_of(problem).values()]
    return [math.pi / 2] * 2, [crossing(*both), te]


def null_of(tissue):
    def find(problem):
        flips, delays = list(problem.conventional.flip_angle), list(problem.conventional.delay)
        longest = delays.index(max(delays))
        delays[longest] = null_after_inversion(tissues_of(problem)[tissue][1], problem.acquisition.tr)
        return flips, delays

    return find


def two_nulls(problem):
    """The TI at which the 90° finds Mz of WM and CSF at 0, as it was after the last 90°."""
    known = problem.conventional
    both = [tissues_of(problem)[name][1] for name in ("WM", "CSF")]

    def mz(times):
        found = []
        for t1 in both:
            start = recovered(0.0, t1, problem.acquisition.tr - sum(times))
            found.append(recovered(-recovered(-start, t1, times[0]), t1, times[1]))
        return found

    return known.flip_angle, [*fsolve(mz, known.delay[:2], xtol=1e-12), known.delay[2]]


def contrast_te(problem):
    """90°-180° of both signals most apart: M0 (1 - 2 exp(-(TR - TE/2)/T1) + exp(-TR/T1)) exp(-TE/T2)."""
    both = tissues_of(problem).values()

    def difference(half):
        echo = {"tr": problem.acquisition.tr, "n_echo": 1}
        one, other = (spoiled(each, (math.pi / 2, math.pi), (half, half), **echo) for each in both)
        return -abs(one - other)

    half = minimize_scalar(difference, bounds=(0.015, 0.15), method="bounded").x
    return problem.conventional.flip_angle, (half, half)


def two_points(problem):
    """cos(flip) = exp(-TR/T1), as two 180° leave Mz; x T2 apart, x (1 + 2 exp(2x)) = 1 + exp(2x)."""
    ((_, t1, t2),) = tissues_of(problem).values()
    (x,) = fsolve(lambda x: x * (1 + 2 * np.exp(2 * x)) - 1 - np.exp(2 * x), 0.5)
    return [math.acos(math.exp(-problem.acquisition.tr / t1)), math.pi], [x * t2 / 2] * 2


def binomial(*parts):
    """90° in all, in these parts, 1/(2 df) apart."""

    def find(problem):
        (shift,) = (each.b0.centre for each in problem.tissues if each.name == "fat")
        flips = math.pi / 2 * np.array(parts) / sum(parts)
        return flips, [*[1 / abs(2 * shift)] * (len(parts) - 1), problem.conventional.delay[-1]]

    return find


TEXTBOOK = {
    "spgr-ernst": ernst_angle,
    "spgr-ernst-7t": ernst_angle,
    "spgr-contrast": least_loss,
    "saturation-recovery": saturation,
    "kidney-ir": least_loss,
    "ir-null": null_of("GM"),
    "stir": null_of("fat"),
    "composite-inversion": null_of("CSF"),
    "flair-0.55t": null_of("CSF"),
    "flair": null_of("CSF"),
    "dir": two_nulls,
    "inner-ear": least_loss,
    "se-t2": contrast_te,
    "cartilage": contrast_te,
    TWO_POINT: two_points,
    "fat-1-1": binomial(1, 1),
    "fat-1-2-1": binomial(1, 2, 1),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_the_textbooks_sequence_is_that_of_its_closed_form(name):
    problem = Problem.load(name)
    known = problem.conventional
    check_alike(known.flip_angle, known.delay, *TEXTBOOK[name](problem))


def bound(problem, flip, spacing):
    """Loss of two echoes."""
    ((m0, t1, t2),), (term,) = tissues_of(problem).values(), problem.objective.terms
    signals = two_echoes((m0, t1, t2), flip, spacing, problem.acquisition.tr)
    return bound_of_t2(signals, spacing * np.array([1, 2]), t2, term.estimate.noise)


def test_the_bound_of_two_echoes_is_that_of_the_closed_form():
    problem = Problem.load(TWO_POINT)
    known = problem.conventional
    expected = bound(problem, known.flip_angle[0], 2 * known.delay[0])
    assert problem.evaluate(conventional_sequence(problem)).loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_search_finds_the_two_echoes_that_tell_t2_best():
    problem = Problem.load(TWO_POINT)
    flip, spacing = minimize(lambda x: bound(problem, *x), (1.5, 0.02), bounds=[(1, 2), (0.01, 0.1)]).x
    flips, _, delays = found_by_search(problem)
    check_alike(flips, delays, [flip, math.pi, math.pi], [spacing / 2])


def by_closed_form(problem):
    return Form(problem, precesses=True).best()


@pytest.mark.parametrize("find", [by_closed_form, pytest.param(found_by_search, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "band"), [("fat-1-1", 0), ("fat-1-2-1", 20)])
def test_water_excitation_without_relaxation_is_binomial(name, band, find):
    """1-1 for one frequency of fat, 1-2-1 for a band; smaller by a like part, as energy counts."""
    problem = Problem.load(name)
    imaging = replace(problem.imaging, b0=Uniform(-band, band))
    flips, phases, delays = find(replace(without_relaxation(problem), imaging=imaging))
    expected, waits = TEXTBOOK[name](problem)
    assert 70 < np.rad2deg(flips.sum()) < 90
    check_alike(flips * (math.pi / 2 / flips.sum()), delays[:-1], expected, waits[:-1])
    assert np.abs(np.rad2deg(phases)) == pytest.approx(0, abs=5)
