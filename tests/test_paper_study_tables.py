import csv
import io
import json

import pytest

from sequence_search.paper import study_tables
from sequence_search.paper.study_tables import WRITERS, study_table
from sequence_search.problem.problem import Problem
from test_paper_tables import GRID, PROBLEM, RUNS


@pytest.fixture(scope="module")
def tables():
    return [study_table(PROBLEM, RUNS, GRID), study_table(Problem.load("csf-null-w1"), [], None)]


def test_both_problems_are_in_every_format(tables):
    for write in WRITERS.values():
        text = write(tables)
        assert "max-signal" in text
        assert "csf-null-w1" in text


def test_csv_has_one_header(tables):
    rows = list(csv.DictReader(io.StringIO(study_tables.csv(tables))))
    assert {row["problem"] for row in rows} == {"max-signal", "csf-null-w1"}
    assert study_tables.csv(tables).count("paper_mean") == 1
    assert study_tables.csv([]) == ""


def test_json_holds_the_rows_found(tables):
    first, second = json.loads(study_tables.json_text(tables))
    found = {row["category"]: row for row in first["paper_rows"]}
    three = found["Three-RF Hahn-echo-like sequences"]
    assert (three["agrees"], three["seed"], three["rank"]) == (True, 2, 1)
    assert three["checks"][0]["paper"] == {"mean": 6.1, "sd": 0.3}
    assert [row["sequence"] for row in second["paper_rows"]] == [None, None]


def test_markdown_says_where_the_papers_designs_are(tables):
    text = study_tables.markdown(tables)
    line = next(line for line in text.splitlines() if line.startswith("| V | Three-RF"))
    assert line.split(" | ")[2:5] == ["yes", "2", "1"]
    assert "| VIII-b | Inversion-prepared spin-echo-like sequences | no design of the category |" in text


def test_latex_has_a_table_for_each(tables):
    assert study_tables.latex(tables).count(r"\begin{table*}") == 2
