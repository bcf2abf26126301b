import re

import pytest

from paper_runs import GRID, OTHER_ECHO, PROBLEM, RUNS, THREE_RF, TWO_RF, design, run
from sequence_search.paper.conditions import CONDITIONS
from sequence_search.paper.rates import (
    ALL,
    Rate,
    categories_tables,
    compare,
    distances,
    paper_rates,
    rates_of_csv,
    readings_table,
    title_of,
)
from sequence_search.paper.summary import make_condition, occurrence_rows
from sequence_search.sequence import Sequence
from sequence_search.strategies.proxyless.strategy import Proxyless
from sequence_search.study.records import csv_text

FIVE = ("max-signal", "gm-wm-t2-w30", "gm-wm", "csf-null-w0.25", "csf-null-w1")


def reading(*percents, runs=100):
    """Rates of all categories of the first conditions of which the paper has every one."""
    return {
        name: {ALL: Rate(round(each * runs / 100), runs)} for name, each in zip(FIVE, percents, strict=False)
    }


def rates_of(runs, grid):
    """Of runs of the first condition, by what is kept of them."""
    condition = make_condition(PROBLEM, runs, grid)
    return rates_of_csv(csv_text(occurrence_rows([condition], "proxyless")))["proxyless"]["max-signal"]


def test_the_interval_is_wilsons():
    """Newcombe 1998, Table I: 81 of 263 is 0.2553 to 0.3662, 0 of 20 is 0 to 0.1611."""
    assert Rate(81, 263).interval == pytest.approx((25.53, 36.62), abs=0.005)
    assert Rate(0, 20).interval == pytest.approx((0.0, 16.11), abs=0.005)
    assert str(Rate(10, 20)) == "50 (30 to 70)"


def test_rates_differ_where_newcombes_interval_is_off_zero():
    """Newcombe 1998, Table II, method 10."""
    assert Rate(56, 70).differs(Rate(48, 80))  # by 0.0524 to 0.3339
    assert Rate(2, 7).differs(Rate(6, 7))  # by 0.0582 to 0.8062
    assert not Rate(5, 56).differs(Rate(0, 29))  # by -0.0381 to 0.1926
    assert not Rate(5, 10).differs(Rate(5, 10))


def test_the_papers_rates_are_those_of_its_tables():
    rates = paper_rates()
    assert [rates[name][ALL].percent for name in FIVE] == [66, 59, 73, 66, 28]
    assert rates["gm-wm-t2-w20"] == {"Hahn-echo-like sequences (refocusing phase ≈ 180°)": Rate(25, 100)}
    assert set(rates) == set(CONDITIONS.values())


def test_a_run_counts_if_it_succeeds_and_is_of_a_category():
    rates = rates_of(RUNS, design(GRID))
    assert rates[ALL] == Rate(3, 5)  # neither the small flip angle nor the failed seed
    assert (rates[TWO_RF], rates[THREE_RF], rates[OTHER_ECHO]) == (Rate(2, 5), Rate(1, 5), Rate(0, 5))
    # An inversion in front succeeds here and is of no category.
    needless = run(5, [180, 178, 88, 176], [0, 0, 0, 180], [6.2, 6.2, 6.2, 6.2])
    worse = Sequence.from_degrees_ms([88, 177], [0, 180], [17, 17])
    assert rates_of([*RUNS, needless], design(worse))[ALL].found == 3


def test_a_reading_wins_if_it_is_nearer_on_most_and_worse_on_none():
    base = reading(50, 70, 73, 40, 20)  # 16, 11, 0, 26, 8 points from the paper
    nearer = compare(reading(60, 60, 73, 66, 28), base)
    assert (nearer.nearer, nearer.worse, nearer.conditions, nearer.wins) == (4, 0, 5, True)
    assert str(nearer) == "nearer on 4 of 5, worse on none"
    assert not compare(reading(60, 60, 72, 66, 28), base).wins  # worse on gm-wm
    assert not compare(reading(60, 60, 73, 40, 20), base).wins  # nearer on two of five alone
    assert str(compare(reading(90), base)) == "nearer on 0 of 1, worse on 1"  # only what both have
    assert distances(base) == dict(zip(FIVE, (16, 11, 0, 26, 8), strict=True))
    assert distances({"gm-wm-t2-w20": {ALL: Rate(1, 2)}}) == {}  # of which the paper has one category


def test_tables_have_every_reading_with_intervals():
    readings = {"first": reading(50, 70, 73, 40, 20), "other": reading(60, runs=20)}
    lines = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in readings_table(readings).splitlines()
    ]
    assert lines[0] == ["reading", *FIVE, "mean distance", "differs beyond chance", "to the first"]
    assert lines[2][:3] == ["the paper", "66 (56 to 75)", "59 (49 to 68)"]
    assert lines[3][-3:] == ["12", "max-signal, csf-null-w0.25", ""]
    to_first = ["none", "nearer on 1 of 1, worse on none"]
    assert lines[4] == ["other", "60 (39 to 78) of 20", *["–"] * 4, "6", *to_first]


def test_a_table_of_categories_has_readings_of_the_same_conditions():
    ours = {"max-signal": rates_of(RUNS, design(GRID))}
    (few,) = categories_tables({"ours": ours, "same": ours})
    assert f"| V | max-signal | {TWO_RF} | 55 (45 to 64) | {'40 (12 to 77) of 5 | ' * 2}".strip() in few
    assert "csf-null" not in few

    every = {name: {} for name in paper_rates()}
    one, two = categories_tables({"ours": every | ours, "one": ours, "two": ours, "three": ours})
    near_zero = "Hahn-echo-like sequences (refocusing phase ≈ 0°)"
    assert f"| VII | gm-wm-t2-w50 | {near_zero} | 43 (34 to 53) | – |" in one
    assert len(re.findall("all categories", one)) == 5
    # Of four readings and three categories: a line for each reading, the first among them.
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in two.splitlines()]
    assert lines[0] == ["reading", *(f"max-signal: {title}" for title in (ALL, TWO_RF, THREE_RF))]
    assert lines[2] == ["the paper", "66 (56 to 75)", "55 (45 to 64)", "11 (6 to 19)"]
    assert [line[0] for line in lines[3:]] == ["ours", "one", "two", "three"]
    assert lines[3][1:] == ["60 (23 to 88) of 5", "40 (12 to 77) of 5", "20 (4 to 62) of 5"]


def test_titles_name_the_schedule_and_what_differs_from_it():
    usual = {name: getattr(Proxyless(), name) for name in ("steps", "momentum", "architecture_betas")}
    assert title_of("proxyless", usual) == "proxyless, paper"
    assert title_of("proxyless", usual | {"momentum": 0.9}) == "proxyless, paper, momentum 0.9"
    fast = Proxyless(**Proxyless.presets["fast"])
    of_fast = {name: getattr(fast, name) for name in ("steps", "weight_rate", "spins")}
    assert title_of("proxyless", of_fast) == "proxyless, fast"
    assert title_of("multistart", {}) == "multistart"
