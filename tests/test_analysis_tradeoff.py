import math
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.acquisition import Acquisition
from sequence_search.analysis.tradeoff import tradeoff
from sequence_search.limits import Limits, Range, SignalLimits
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.strategies import search
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.result import Verdict
from sequence_search.tissue import Imaging, Tissue

QUICK = {"max_evaluations": 4000.0}
SHORT = {"n_starts": 16, "n_children": 8, "max_rounds": 4, "n_polished": 2, "n_per_tissue": 8}
N_ISLANDS = 3


@pytest.fixture(autouse=True)
def searches(monkeypatch):
    """Short searches; what a front asks for, problems and seeds."""
    asked = []

    def short(problem, *, seeds, **how):
        asked.append((problem, seeds))
        return search(problem, seeds=range(N_ISLANDS) if seeds is None else seeds, **SHORT, **how)

    monkeypatch.setattr("sequence_search.analysis.tradeoff.search", short)
    monkeypatch.setattr("sequence_search.analysis.tradeoff.N_WEIGHED", 2)
    return asked


def problem_of(terms, max_rf=1, **t2):
    """Tissues of M0 = 1 and one T2 each, without any other relaxation or inhomogeneity."""
    tissues = tuple(Tissue(name, 1.0, 50.0, value, math.inf) for name, value in t2.items())
    space = SearchSpace(max_rf=max_rf, min_rf_delay=1e-3, max_delay=1.0)
    return Problem("small", tissues, Imaging(b1=1, b0=0, spread=0), Objective(terms), space)


SIGNAL = Term("signal", TERMS["signal"], 1.0, (0,))


def test_signal_of_a_pulse_against_its_energy():
    """|S| = sin(a) exp(-TE / T2), the energy a²: of every energy up to 90° the front has the whole flip."""
    problem = problem_of((SIGNAL, Term("rf_energy", TERMS["rf_energy"], 0.01)), a=0.1)
    front = tradeoff(problem, "rf_energy", n_points=6, **QUICK)
    best = math.exp(-0.001 / 0.1)
    assert len(front.front) == 6
    for each in front.front:
        assert each.cost <= (math.pi / 2) ** 2 + 1e-6
        assert each.loss == pytest.approx((1 - best * math.sin(math.sqrt(each.cost))) ** 2, rel=1e-4)
    assert front.front[-1].cost == pytest.approx((math.pi / 2) ** 2, rel=1e-3)
    # No part of the range is left out: no box between neighbours holds a quarter of the whole.
    cost, loss = (np.array(part) for part in zip(*[(p.cost, p.loss) for p in front.front], strict=True))
    assert (np.diff(cost) * -np.diff(loss)).max() < np.ptp(cost) * np.ptp(loss) / 4
    # The knee has the slope of the chord: d/dE (1 - sin(√E))², near 49° by a dense curve of the same ends.
    energy = np.linspace(cost[0], cost[-1], 10_001)
    curve = (1 - best * np.sin(np.sqrt(energy))) ** 2
    below = 1 - (energy - energy[0]) / np.ptp(energy) - (curve - curve[-1]) / np.ptp(curve)
    distance = np.abs(front.knee.cost - energy[below.argmax()])
    assert distance <= np.diff(cost).max()


def test_signal_of_one_tissue_against_that_of_another():
    """With 90° and TE = -Tb ln |Sb|, Sa = |Sb|^(Tb / Ta): no shorter TE or smaller flip gives as much."""
    problem = problem_of((SIGNAL, Term("null", TERMS["null"], 0.3, (1,))), a=0.2, b=0.05)
    front = tradeoff(problem, "null", n_points=6, max_evaluations=8000.0)
    assert len(front.front) == 6
    for each in front.front:
        expected = (1 - math.sqrt(each.cost) ** (0.05 / 0.2)) ** 2
        assert each.loss == pytest.approx(expected, rel=2e-3)
        assert math.degrees(float(each.design.sequence.flip_angle[0])) == pytest.approx(90, abs=0.5)


def test_signal_of_a_repeated_pulse_against_its_energy():
    """Ernst: at every energy up to that of his angle the front has the whole flip, whatever the TE."""
    tissue = Tissue("a", 1.0, 0.5, 0.1, math.inf)
    problem = replace(problem_of((SIGNAL,), a=0.1), tissues=(tissue,), acquisition=Acquisition(tr=0.1))
    front = tradeoff(problem, "rf_energy", n_points=4, **QUICK)
    e1 = math.exp(-0.1 / 0.5)
    ernst = math.acos(e1)
    assert len(front.front) >= 3
    assert front.front[-1].cost == pytest.approx(ernst**2, rel=1e-2)
    for each in front.front:
        flip = math.sqrt(each.cost)
        signal = math.sin(flip) * (1 - e1) / (1 - math.cos(flip) * e1) * math.exp(-0.001 / 0.1)
        assert each.loss == pytest.approx((1 - signal) ** 2, rel=1e-4)
        assert (float(each.design.sequence.tr), each.kind) == (
            pytest.approx(0.1),
            "1 RF: gradient echo; TR 100 ms",
        )


def test_echoes_of_a_train_against_the_number_of_pulses():
    """Of one refocusing pulse, which is that of all, none can be left out; what prepares can."""
    problem = replace(problem_of((SIGNAL,), max_rf=3, a=0.1), acquisition=Acquisition(echoes=3))
    front = tradeoff(problem, "rf_number", max_evaluations=6000.0)
    best = front.front[0]
    assert best.cost == 4
    assert best.design.sequence.n_readouts == 3
    mean = sum((1 - math.exp(-0.002 * n / 0.1)) ** 2 for n in (1, 2, 3)) / 3
    assert best.loss == pytest.approx(mean, rel=1e-2)


def test_one_point_for_each_number_of_pulses():
    problem = replace(Problem.load("max-signal"), search_space=SearchSpace(max_rf=2, min_rf_delay=6.2e-3))
    front = tradeoff(problem, "rf_number", max_evaluations=20_000.0)
    assert [(each.cost, each.kind) for each in front.front] == [
        (1.0, "1 RF: gradient echo"),
        (2.0, "Two-RF Hahn-echo-like sequences"),
    ]
    # The published optimum of experiment 1, its loss without the RF number.
    assert front.front[1].loss == pytest.approx(0.0115 - 0.002, abs=1e-4)
    assert front.knee is None


def test_every_point_meets_the_limits_of_the_problem():
    limits = Limits(max_flip=math.radians(50), time_to_readout=Range(low=0.02))
    problem = replace(problem_of((SIGNAL,), a=0.1), limits=limits)
    front = tradeoff(problem, "rf_energy", n_points=3, **QUICK)
    flips = [math.degrees(float(each.design.sequence.flip_angle[0])) for each in front.front]
    assert flips[-1] == pytest.approx(50, abs=1e-6)
    for each, flip in zip(front.front, flips, strict=True):
        expected = (1 - math.sin(math.radians(flip)) * math.exp(-0.02 / 0.1)) ** 2
        assert each.loss == pytest.approx(expected, rel=1e-5)
    impossible = Limits(signal=(SignalLimits("a", mean=Range(low=0.999)),))
    with pytest.raises(ValueError, match=r"no front of 'small': .*no design found meets"):
        tradeoff(replace(problem, limits=impossible), "rf_energy", max_evaluations=100.0)


def test_the_first_search_is_of_islands_and_those_of_low_costs_are_of_one(searches):
    front = tradeoff(problem_of((SIGNAL,), a=0.1), "rf_energy", n_points=2)
    assert [seeds for _, seeds in searches] == [None, (0,), (1,)]
    first, second = (problem.objective.terms[-1].weight for problem, _ in searches[1:])
    assert first > 0
    assert abs(second / first - 1) > 0.05
    assert front.verdict == Verdict(N_ISLANDS, N_ISLANDS, 1)
    searches.clear()
    tradeoff(problem_of((SIGNAL,), a=0.1), "rf_energy", n_points=2, max_evaluations=100.0)
    assert {seeds for _, seeds in searches} == {(0,)}  # islands do not share a number of evaluations


def test_a_stopped_front_is_what_was_found():
    problem = problem_of((SIGNAL,), a=0.1)
    seen = []
    monitor = Monitor(seen.append, lambda: any("points of the front" in each.note for each in seen))
    front = tradeoff(problem, "rf_energy", monitor=monitor, max_evaluations=200_000.0)
    assert front.status == "interrupted"
    assert 2 <= len(front.front) < 20
    at_once = tradeoff(problem, "rf_energy", monitor=Monitor(stop=lambda: True))
    assert at_once.status == "interrupted"
    assert len(at_once.points) >= 1


def test_a_budget_ends_the_front():
    front = tradeoff(problem_of((SIGNAL,), a=0.1), "rf_energy", max_evaluations=3000.0)
    assert front.status == "cut"
    assert "max_evaluations" in front.reason
    assert front.n_evaluations < 2 * 3000
    assert front.front


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"against": "energy"}, "against must be a cost or a term of 'small', got 'energy', did you mean"),
        ({"n_points": 1}, "n_points must be a whole number from 2"),
        ({"max_seconds": 0.0}, "must be above 0"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tradeoff(problem_of((SIGNAL,), a=0.1), **({"against": "rf_energy"} | options))
