from dataclasses import replace

import pytest

from paper_runs import GRID, PROBLEM, RUNS, TWO_RF
from sequence_search.paper.numbers import numbers_table
from sequence_search.paper.tables import make_table
from sequence_search.paper.values import Stat


@pytest.fixture(scope="module")
def lines():
    text = numbers_table([make_table(PROBLEM, RUNS, GRID)])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    return {(row[1].removeprefix("max-signal: "), row[2]): row for row in rows}


def test_every_printed_number_has_a_line_and_no_other(lines):
    # Two references of 8 numbers; categories of 9 and 10 with their occurrence; Others of 6.
    assert len(lines) == 2 * 8 + 9 + 10 + 6
    assert {row[0] for row in lines.values()} == {"V"}


def test_a_mean_has_students_interval(lines):
    """Of 88 and 89 degrees: 12.706 times a standard error of 0.5, as of two values."""
    assert lines[TWO_RF, "Flip angles 1 (°)"][3:] == ["88.4 ± 0.1", "88.5 (82.1 to 94.9)", "2"]
    assert lines[TWO_RF, "Occurrence (%)"][3:] == ["55 (45 to 64)", "40 (12 to 77)", "2"]


def test_of_one_design_or_none_there_is_no_interval(lines):
    grid = next(name for name, _ in lines if name.startswith("Optimal"))
    assert lines[grid, "Flip angles 2 (°)"][3:] == ["177", "177.0", "–"]
    text = numbers_table([make_table(PROBLEM, RUNS[3:4], GRID)])
    assert f"| V | max-signal: {TWO_RF} | Flip angles 1 (°) | 88.4 ± 0.1 | – | 0 |" in text


def test_a_pulse_before_those_of_the_paper_shifts_none(lines):
    table = make_table(PROBLEM, RUNS, GRID)
    row = next(each for each in table.rows if each.name == TWO_RF)
    cell = row.cells["flips"]
    longer = replace(row, cells=row.cells | {"flips": replace(cell, ours=(Stat(6.3), *cell.ours))})
    text = numbers_table([replace(table, rows=(longer,))])
    assert "6.3" not in text
    for pulse in (1, 2):
        assert "| " + " | ".join(lines[TWO_RF, f"Flip angles {pulse} (°)"][2:]) + " |" in text
