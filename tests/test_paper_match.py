from dataclasses import replace

import pytest

from paper_runs import GRID, PROBLEM, RUNS, THREE_RF, TWO_RF, run
from sequence_search.paper.match import Check, RowMatch, match_references, match_rows
from sequence_search.paper.values import Stat, paper_rows
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence


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
    assert (match.sequence, match.agrees, match.checks) == (None, False, ())
    assert match.verdict == "no such design"


def test_deviation_is_in_tolerances():
    check = Check("time", 10.5, Stat(10.0, 0.6), 0.25)
    assert check.deviation == pytest.approx(2.0)
    assert not check.agrees
    assert check.within_sd
    assert not Check("time", 10.5, Stat(10.0), 0.25).within_sd


def grid_match(problem, sequence):
    return {match.row.kind: match for match in match_references(problem, sequence)}["grid"]


@pytest.mark.parametrize(
    ("flips", "phase", "delays", "agrees"),
    [
        ([89, 178], 180, [6.2, 6.2], True),
        ([89.1, 177], 180, [6.2, 6.2], False),
        ([88, 177], 178, [6.2, 6.2], True),
        ([88, 177], -178, [6.2, 6.2], True),
        ([88, 177], 177, [6.2, 6.2], False),
        ([88, 177], 180, [6.3, 6.2], True),
        ([88, 177], 180, [6.3, 6.3], False),
    ],
)
def test_the_grid_optimum_agrees_within_its_tolerances(flips, phase, delays, agrees):
    match = grid_match(PROBLEM, Sequence.from_degrees_ms(flips, [0, phase], delays))
    beyond = [check for check in match.checks if not check.agrees and "energy" not in check.quantity]
    assert (not beyond) is agrees


@pytest.mark.parametrize(("ti", "agrees"), [(3090, True), (3100, False)])
def test_an_inversion_recovery_grid_may_miss_by_30_ms(ti, agrees):
    sequence = Sequence.from_degrees_ms([178, 89], [0, 0], [ti, 6.2])
    assert grid_match(Problem.load("csf-null-w1"), sequence).agrees is agrees


def test_without_a_grid_its_row_does_not_agree():
    conventional, grid = match_references(PROBLEM, None)
    assert conventional.agrees
    assert (grid.sequence, grid.agrees) == (None, False)
    assert match_references(replace(PROBLEM, name="mine"), GRID) == []


def test_a_design_and_its_mirror_match_alike():
    mirrored = run(0, [6.1, 87.4, 170.1], [0, -178, 3], [6.2, 6.2, 6.2])
    plain = run(0, [6.1, 87.4, 170.1], [0, 178, -3], [6.2, 6.2, 6.2])
    first, second = (by_name(PROBLEM, [each])[THREE_RF] for each in (mirrored, plain))
    assert first.agrees
    assert str(first.sequence) == str(second.sequence)
    assert [check.ours for check in first.checks] == pytest.approx([check.ours for check in second.checks])


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [(10.2, "yes"), (10.5, "within the paper's SD"), (10.7, "no")],
)
def test_verdicts_in_words(ours, verdict):
    match = RowMatch(paper_rows("max-signal")[0], GRID, checks=(Check("time", ours, Stat(10.0, 0.6), 0.25),))
    assert match.verdict == verdict
    assert match.largest_difference == f"time: {ours:g}, paper 10 ± 0.6, tolerance 0.25"
