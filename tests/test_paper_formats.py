import csv
import io
import json
import shutil
import subprocess
from dataclasses import replace

import pytest

from paper_runs import GRID, PROBLEM, RUNS, TWO_RF, run
from sequence_search.paper import formats
from sequence_search.paper.formats import WRITERS, caption, csv_text, headings, lines, record
from sequence_search.paper.tables import make_table
from sequence_search.problem.problem import Problem


@pytest.fixture(scope="module")
def table():
    return make_table(PROBLEM, RUNS, GRID)


def test_ours_paper_and_difference_stand_below_each_other(table):
    text = lines(table)
    at = next(i for i, line in enumerate(text) if line[0] == TWO_RF)
    flips = headings(table).index("Flip angles (°)")
    assert [line[1] for line in text[at : at + 3]] == ["ours", "paper", "difference"]
    assert [line[flips] for line in text[at : at + 3]] == [
        "[88.5 ± 0.5, 177.0 ± 1.0]",
        "[88.4 ± 0.1, 176.7 ± 0.2]",
        "[+0.1, +0.3]",
    ]
    assert all(len(line) == len(headings(table)) for line in text)


def test_signals_have_the_papers_two_decimals_in_its_line_and_three_in_ours(table):
    assert lines(table)[0][3] == "0.715"
    assert lines(table)[1][3] == "0.72"
    assert lines(table)[2][3] == "−0.005"


def test_a_row_that_the_paper_lacks_has_one_line(table):
    names = [line[0] for line in lines(table)]
    at = names.index("Other spin-echo-like sequences")
    assert lines(table)[at][2:4] == ["0", "–"]
    assert names[at + 1] == "Others"


def test_markdown_has_a_cell_for_each_column(table):
    text = formats.markdown([table]).split("The paper's designs")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {len(headings(table)) + 1}
    assert formats.markdown([table]).startswith("### max-signal, as Table V: ")
    assert f"- {table.notes[0]}" in formats.markdown([table])


def test_csv_has_one_line_for_each_number(table):
    rows = list(csv.DictReader(io.StringIO(csv_text([table]))))
    chosen = [row for row in rows if row["category"] == TWO_RF and row["quantity"] == "flips"]
    assert [row["pulse"] for row in chosen] == ["1", "2"]
    assert float(chosen[1]["mean"]) == pytest.approx(177)
    assert (chosen[1]["paper_mean"], chosen[1]["paper_sd"]) == ("176.7", "0.2")
    assert float(chosen[1]["difference"]) == pytest.approx(0.3)
    nothing = [row for row in rows if row["category"] == "Other spin-echo-like sequences"]
    assert [(row["quantity"], row["mean"]) for row in nothing] == [("occurrence", "0")]
    assert "nan" not in csv_text([table])


def test_record_is_plain_data(table):
    plain = json.loads(json.dumps(record(table), allow_nan=False))
    assert plain["rows"][2]["cells"]["flips"]["difference"] == pytest.approx([0.1, 0.3])
    assert plain["rows"][2]["cells"]["occurrence"]["paper"] == [{"mean": 55.0, "sd": None}]
    assert plain["columns"][0]["key"] == "occurrence"


def test_latex_escapes_what_has_a_meaning(table):
    odd = replace(table, title=r"50 % of {A_B} & $C$ #1 ~ ^ \end <x>")
    text = formats.latex([odd])
    assert r"50 \% of \{A\_B\} \& \$C\$ \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}end" in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    ampersands = {line.count(" & ") for line in body.splitlines() if line.endswith(r"\\")}
    assert ampersands == {len(headings(table)) - 1}
    assert formats.latex([table]).isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", ["max-signal", "gm-wm", "csf-null-w1"])
def test_latex_compiles(name, tmp_path):
    body = formats.latex([make_table(Problem.load(name), RUNS if name == "max-signal" else [])])
    head = r"\documentclass{article}\usepackage[a4paper,margin=16mm]{geometry}\usepackage{booktabs,array}"
    text = head + r"\begin{document}" + body + r"\end{document}"
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert r"Overfull \hbox" not in done.stdout
    assert (tmp_path / "table.pdf").stat().st_size > 0


def test_caption_without_the_papers_table(table):
    assert caption(replace(table, paper_table="")).startswith("max-signal: Maximise")


@pytest.fixture(scope="module")
def tables(table):
    return [table, make_table(Problem.load("csf-null-w1"), [])]


def test_both_problems_are_in_every_format(tables):
    for write in WRITERS.values():
        text = write(tables)
        assert "max-signal" in text
        assert "csf-null-w1" in text


def test_csv_has_one_header(tables):
    rows = list(csv.DictReader(io.StringIO(csv_text(tables))))
    assert {row["problem"] for row in rows} == {"max-signal", "csf-null-w1"}
    assert csv_text(tables).count("paper_mean") == 1
    assert csv_text([]) == ""


def test_json_holds_the_rows_found(tables):
    first, second = json.loads(formats.json_text(tables))
    found = {row["category"]: row for row in first["paper_rows"]}
    three = found["Three-RF Hahn-echo-like sequences"]
    assert (three["agrees"], three["seed"], three["rank"]) == (True, 2, 1)
    assert three["checks"][0]["paper"] == {"mean": 6.1, "sd": 0.3}
    assert [row["sequence"] for row in second["paper_rows"]] == [None, None]


def test_markdown_says_where_the_papers_designs_are(tables):
    text = formats.markdown(tables)
    line = next(line for line in text.splitlines() if line.startswith("| V | Three-RF"))
    assert line.split(" | ")[2:5] == ["yes", "2", "1"]
    assert "| VIII-b | Inversion-prepared spin-echo-like sequences | no such design |" in text


def test_latex_has_a_table_for_each(tables):
    assert formats.latex(tables).count(r"\begin{table*}") == 2


def odd_table():
    """Names that mean something in Markdown or LaTeX."""
    names = ("a|b", "[left](x)", "WM_*<b>")
    tissues = [replace(tissue, name=name) for tissue, name in zip(PROBLEM.tissues, names, strict=True)]
    rule = replace(PROBLEM.categories[0], name="[crushed]")
    problem = replace(PROBLEM, name="mine", tissues=tuple(tissues), categories=(rule,))
    return make_table(problem, [run(0, [88, 176], [0, 179], [6.2, 6.2], problem=problem)])


def test_names_are_text_in_markdown_and_latex():
    text = formats.markdown([odd_table()])
    assert r"| a\|b | \[left\](x) | WM\_\*\<b\> |" in text
    assert r"| \[crushed\] |" in text
    assert r"a|b & {[}left{]}(x) & WM\_*\ensuremath{<}b\ensuremath{>}" in formats.latex([odd_table()])
    assert "\n{[}crushed{]} & " in formats.latex([odd_table()])


def test_a_table_without_the_paper_has_no_place_for_it():
    table = odd_table()
    assert "ours" not in formats.markdown([table])
    assert {line[1] for line in lines(table)} == {""}
    header, *rows = csv_text([table]).splitlines()
    assert header == "problem,paper_table,kind,category,quantity,unit,pulse,mean,sd"
    assert {len(row) for row in csv.reader(rows)} == {9}
    columns = formats.latex([table]).split(r"\toprule")[0].count("raggedright")
    assert columns == len(headings(table)) - 1
