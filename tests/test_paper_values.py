import math

import pytest

from sequence_search.classify import OTHERS
from sequence_search.limits import CONVENTIONAL_RF_ENERGY
from sequence_search.paper.values import Stat, paper_rows
from sequence_search.problem.library import builtin_problems
from sequence_search.problem.problem import Problem

ALL = [row for name in builtin_problems() for row in paper_rows(name)]


def test_one_row_in_full():
    row = next(row for row in paper_rows("max-signal") if row.name.startswith("Three-RF"))
    assert (row.table, row.occurrence_percent, row.time_ms) == ("V", Stat(11.0), Stat(18.9, 0.3))
    assert row.signal == {"GM": Stat(0.71, 0.0), "WM": Stat(0.60, 0.0), "CSF": Stat(0.99, 0.0)}
    assert row.flips_deg == (Stat(6.1, 0.3), Stat(87.4, 0.2), Stat(170.1, 0.3))
    assert (row.rf_energy_percent, row.refocusing_phase_deg) == (Stat(90.4, 0.2), Stat(180.0, 0.2))
    assert (row.contrast, row.ti_ms) == (None, None)


@pytest.mark.parametrize("name", builtin_problems())
def test_rows_of_categories_are_categories_of_the_problem(name):
    categories = {rule.name for rule in Problem.load(name).categories}
    assert {row.name for row in paper_rows(name) if row.kind == "category"} <= categories
    assert OTHERS not in categories


@pytest.mark.parametrize("name", ["max-signal", "gm-wm-t2-w30", "gm-wm", "csf-null-w0.25", "csf-null-w1"])
def test_occurrences_of_a_table_add_up_to_all_seeds(name):
    assert sum(row.occurrence_percent.mean for row in paper_rows(name) if row.occurrence_percent) == 100


# The paper's own figures hang together: a slip in typing one of them breaks this.
@pytest.mark.parametrize("row", [row for row in ALL if row.flips_deg and row.rf_energy_percent], ids=repr)
def test_energy_follows_from_the_flip_angles(row):
    energy = sum(math.radians(flip.mean) ** 2 for flip in row.flips_deg) / CONVENTIONAL_RF_ENERGY
    assert 100 * energy == pytest.approx(row.rf_energy_percent.mean, abs=0.25)


@pytest.mark.parametrize("row", [row for row in ALL if row.contrast and row.kind != "others"], ids=repr)
def test_contrast_is_the_difference_of_the_signals(row):
    assert row.signal["GM"].mean - row.signal["WM"].mean == pytest.approx(row.contrast.mean, abs=0.0101)


@pytest.mark.parametrize("row", [row for row in ALL if row.ti_ms], ids=repr)
def test_ti_is_the_time_less_the_shortest_echo(row):
    rest = row.time_ms.mean - row.ti_ms.mean
    assert -0.1 <= rest <= 12.5


def test_a_problem_of_ones_own_has_no_rows():
    assert paper_rows("mine") == ()
