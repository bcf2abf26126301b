from dataclasses import replace

import pytest

from sequence_search.paper.match import Check, match_rows
from sequence_search.paper.values import Stat
from sequence_search.problem.problem import Problem
from test_paper_tables import PROBLEM, RUNS, THREE_RF, TWO_RF, run


def by_name(problem, runs):
    return {match.row.name: match for match in match_rows(problem, runs)}


def test_the_nearest_design_of_the_category_is_taken():
    matches = by_name(PROBLEM, RUNS)
    assert set(matches) == {TWO_RF, THREE_RF}
    assert matches[TWO_RF].seed == 0
    assert matches[TWO_RF].agrees
    assert matches[THREE_RF].seed == 2
    assert matches[THREE_RF].rank == 1
    checks = {check.quantity: check for check in matches[TWO_RF].checks}
    assert checks["flip angle 2 (°)"].ours == pytest.approx(176)
    assert checks["flip angle 2 (°)"].paper == Stat(176.7, 0.2)
    assert set(checks) == {
        "flip angle 1 (°)",
        "flip angle 2 (°)",
        "first RF to readout (ms)",
        "signal of GM",
        "signal of WM",
        "signal of CSF",
        "relative RF energy (%)",
    }


def test_all_families_are_looked_at():
    both = replace(RUNS[0], families=(*RUNS[0].families, *RUNS[2].families))
    match = by_name(PROBLEM, [both])[THREE_RF]
    assert (match.agrees, match.seed, match.rank) == (True, 0, 2)


def test_the_published_prepared_echo_is_found_with_its_ti():
    problem = Problem.load("gm-wm")
    found = run(7, [178.1, 88.5, 176.9], [0, 0, 179.9], [452.9, 6.2, 6.2], problem=problem)
    match = by_name(problem, [found])["Inversion-prepared spin-echo-like sequences"]
    assert match.agrees
    checks = {check.quantity: check for check in match.checks}
    assert checks["TI (ms)"].ours == pytest.approx(452.9)
    assert checks["contrast"].ours == pytest.approx(0.206, abs=1e-3)


@pytest.mark.parametrize(
    ("flips", "delays", "disagreeing"),
    [
        ([87.0, 176.7], [6.2, 6.2], []),
        ([86.8, 176.7], [6.2, 6.2], ["flip angle 1 (°)"]),
        ([88.4, 176.7], [6.2, 6.4], []),
        ([88.4, 176.7], [6.2, 6.6], ["first RF to readout (ms)"]),
    ],
)
def test_tolerances(flips, delays, disagreeing):
    match = by_name(PROBLEM, [run(0, flips, [0, 180], delays)])[TWO_RF]
    told = [check.quantity for check in match.checks if not check.agrees]
    assert [quantity for quantity in told if not quantity.startswith("relative")] == disagreeing
    assert match.agrees is (not told)


def test_a_row_without_a_design_does_not_agree():
    match = by_name(PROBLEM, RUNS[:1])[THREE_RF]
    assert (match.design, match.agrees, match.checks) == (None, False, ())


def test_deviation_is_in_tolerances():
    check = Check("time", 10.5, Stat(10.0, 0.6), 0.25)
    assert check.deviation == pytest.approx(2.0)
    assert not check.agrees
    assert check.within_sd
    assert not Check("time", 10.5, Stat(10.0), 0.25).within_sd
