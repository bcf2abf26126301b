"""Textbooks' signal equations in numpy, apart from the simulator, and the least loss that they allow.

A tissue is (M0, T1, T2), each [n_voxels]; angles are in rad, times in s. Delays are those of a problem file:
one after each pulse, the last up to the readout.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from sequence_search.problem.problem import Problem
from sequence_search.tissue import Imaging, Normal, Tissue

N_STARTS = 8


def recovered(mz, t1, time):
    """Mz after some time; M0 is 1."""
    return 1 + (mz - 1) * np.exp(-time / t1)


def spoiled(tissue, flips, delays, *, tr=math.inf, b1=1.0, n_echo=0):
    """|Mxy| where only Mz goes from pulse to pulse: a spoiler after each but the last, which is read.

    With `n_echo` of 1 the last two are a crushed spin echo, of which a refocusing pulse passes sin²(flip/2).
    Repeated, Mz at the end of a TR is linear in that at its start, so that both are start = c / (1 - d).
    """
    m0, t1, t2 = tissue
    turned = [flip * b1 for flip in flips]
    excitation = len(turned) - 1 - n_echo

    def mz_at(last, mz):
        for flip, delay in zip(turned[:last], delays[:last], strict=True):
            mz = recovered(mz * np.cos(flip), t1, delay)
        return mz

    def at_end(mz):
        last = len(turned) - 1
        return recovered(mz_at(last, mz) * np.cos(turned[last]), t1, tr - sum(delays[:last]))

    start = 1.0 if math.isinf(tr) else at_end(0.0) / (1 - (at_end(1.0) - at_end(0.0)))
    excited = m0 * mz_at(excitation, start) * np.sin(turned[excitation])
    passed = np.sin(turned[-1] / 2) ** 2 if n_echo else 1.0
    return np.abs(excited) * passed * np.exp(-sum(delays[excitation:]) / t2)


def precessing(tissue, flips, phases, delays, b0):
    """|Mxy| of instantaneous pulses from equilibrium, with free precession by b0 [Hz] after each."""
    m0, t1, t2 = tissue
    mxy, mz = np.zeros_like(b0, dtype=complex), np.ones_like(b0)
    for flip, phase, delay in zip(flips, phases, delays, strict=True):
        seen = mxy * np.exp(-1j * phase)  # the pulse is about x here
        y, z = np.cos(flip) * seen.imag - np.sin(flip) * mz, np.cos(flip) * mz + np.sin(flip) * seen.imag
        mxy = (seen.real + 1j * y) * np.exp(1j * phase + (2j * np.pi * b0 - 1 / t2) * delay)
        mz = recovered(z, t1, delay)
    return m0 * np.abs(mxy)


def two_echoes(tissue, flip, spacing, tr):
    """|Mxy| of both echoes of an excitation and two crushed 180°, each of which turns Mz over."""
    m0, t1, t2 = tissue

    def at_end(mz):
        before = recovered(mz * np.cos(flip), t1, spacing / 2)
        between = recovered(-before, t1, spacing)
        return recovered(-between, t1, tr - 1.5 * spacing)

    start = at_end(0.0) / (1 - (at_end(1.0) - at_end(0.0)))
    return np.array([m0 * start * np.sin(flip) * np.exp(-n * spacing / t2) for n in (1, 2)])


def bound_of_t2(signals, times, t2, noise):
    """Relative Cramér-Rao bound of T2 with M0 unknown, each known within a factor of e beforehand."""
    slopes = np.array([signals, signals * times / t2]) / noise  # by ln M0 and ln T2
    return math.sqrt(np.linalg.inv(slopes @ slopes.T + np.eye(2))[1, 1])


def null_after_inversion(t1, tr=math.inf):
    """TI at which a 90° finds Mz at 0: T1 (ln 2 - ln(1 + exp(-TR/T1)))."""
    return t1 * math.log(2 / (1 + math.exp(-tr / t1)))


def crossing(first, second):
    """Time at which two decays (a, T) of a exp(-t/T) are alike."""
    (a, time_a), (b, time_b) = first, second
    return math.log(a / b) / (1 / time_a - 1 / time_b)


@dataclass(frozen=True)
class Form:
    """The closed form of a problem's loss, over the voxels of its ensemble.

    Attributes
    ----------
    n_echo : 1 where the last two pulses are a crushed spin echo; the readout is at it if there is a spread
    precesses : whether nothing is spoiled, so that b0 and phases count, too
    """

    problem: Problem
    n_echo: int = 0
    precesses: bool = False

    def tissues(self):
        """Of each tissue (M0, T1, T2), b1 and b0, [n_voxels]."""
        voxels = self.problem.voxels()
        own = [voxels.tissue == index for index in range(len(self.problem.tissues))]
        columns = [getattr(voxels, name) for name in ("m0", "t1", "t2", "b1", "b0")]
        rows = [[column[which].numpy() for column in columns] for which in own]
        return [(row[:3], *row[3:]) for row in rows]

    def loss(self, flips, phases, delays, tissues=None):
        """Weighted sum of the terms of the objective."""
        tr, magnitudes = self.problem.acquisition.tr, []
        tissues = tissues or self.tissues()
        for tissue, b1, b0 in tissues:
            if self.precesses:
                magnitudes.append(precessing(tissue, flips, phases, delays, b0))
            else:
                magnitudes.append(spoiled(tissue, flips, delays, tr=tr, b1=b1, n_echo=self.n_echo))
        return sum(
            term.weight * value(term, magnitudes, [tissue[0] for tissue, *_ in tissues], flips, tr)
            for term in self.problem.objective.terms
        )

    def best(self, seed=0):
        """Flip angles, phases and delays of the least loss within the bounds of the search space.

        What the file gives as a tail stays. The starts are the conventional sequence and others around it.
        """
        space, known, tail = self.problem.search_space, self.problem.conventional, self.problem.limits.tail
        n, tissues = len(known.flip_angle), self.tissues()
        flips = [(0.0, space.max_flip)] * n
        delays = [(math.log(space.min_rf_delay), math.log(space.max_delay))] * n
        if tail is not None:
            flips[-len(tail) :] = [(flip, flip) for flip in tail.flip_angle]
            delays[-len(tail) :] = [(math.log(delay), math.log(delay)) for delay in tail.delay]
        if self.n_echo and self.problem.imaging.spread.centre:
            delays[-1] = (0.0, 0.0)  # as that before it
        bounds = [*flips, (0.0, 0.0), *[(-10.0, 10.0) if self.precesses else (0.0, 0.0)] * (n - 1), *delays]
        low, high = np.transpose(bounds)

        def parts(x):
            times = np.exp(x[2 * n :])
            return x[:n], x[n : 2 * n], np.append(times[:-1], times[-1 if high[-1] else -2])

        start = np.array([*known.flip_angle, *known.phase, *np.log(known.delay)])
        draws = np.random.default_rng(seed)
        found = [
            minimize(
                lambda x: self.loss(*parts(x), tissues),
                (start + spread * draws.standard_normal(3 * n) * 0.3).clip(low, high),
                bounds=bounds,
                options={"ftol": 1e-14, "gtol": 1e-9},
            )
            for spread in [0, *[1] * (N_STARTS - 1)]
        ]
        return parts(min(found, key=lambda each: each.fun).x)


def value(term, magnitudes, m0, flips, tr):
    """Of a term of the objective before its weight."""
    wanted = range(len(magnitudes)) if term.tissues is None else term.tissues
    s, m0 = (np.concatenate([each[index] for index in wanted]) for each in (magnitudes, m0))
    match term.kind.name:
        case "signal":
            return np.mean((m0 - s) ** 2)
        case "null":
            return np.mean(s**2)
        case "contrast":
            means = {index: magnitudes[index].mean() for index in wanted}
            difference = 2 * means[term.brighter] - sum(means.values())
            return -difference * abs(difference)
        case "snr_efficiency":
            return -np.mean(s) / math.sqrt(tr)
        case "rf_energy":
            return sum(flip**2 for flip in flips)
        case "rf_number":
            return len(flips)
    raise ValueError(term.kind.name)


def ideal(problem):
    """With pulses, crushers and readouts that take no time, mean tissues, no spreads and no T2'."""
    properties = ("m0", "t1", "t2")
    tissues = [
        Tissue(each.name, *(Normal(getattr(each, name).centre) for name in properties), Normal(math.inf))
        for each in problem.tissues
    ]
    known = replace(problem.conventional, pulses=())
    space = replace(problem.search_space, pulses=("hard",), crusher=0.0)
    same = {"imaging": Imaging(b1=1, b0=0, spread=0), "search_space": space, "conventional": known}
    acquisition = replace(problem.acquisition, readout=0.0)
    return replace(problem, tissues=tuple(tissues), pulses={}, acquisition=acquisition, **same)


def without_relaxation(problem):
    """With T1, T2 and T2' infinite."""
    endless = dict.fromkeys(("t1", "t2", "t2_prime"), Normal(math.inf))
    return replace(problem, tissues=tuple(replace(each, **endless) for each in problem.tissues))
