from dataclasses import replace

import pytest

from paper_runs import GRID, PROBLEM, RUNS, THREE_RF, TWO_RF, design, run
from sequence_search.paper.reproduce import derive, figure_designs
from sequence_search.paper.summary import make_condition
from sequence_search.search_space import Axis
from sequence_search.strategies.base import Monitor
from sequence_search.study import grid_optimum as grids
from sequence_search.study.study import Study

DELAY = Axis(0.0062, 0.0002, 2)
SMALL = replace(PROBLEM, grid=replace(PROBLEM.grid, phase=(Axis(0.0), Axis(3.0)), delay=(DELAY, DELAY)))
QUICK = {"n_starts": 8, "n_children": 8, "max_rounds": 6, "n_polished": 2, "n_per_tissue": 4, "steps": 6}
FILES = {
    "summary.md",
    "derived/grid/max-signal.json",
    "derived/occurrence.csv",
    *(f"derived/tables/1-max-signal.{suffix}" for suffix in ("md", "csv", "tex", "json")),
    *(f"derived/figures/1-max-signal-designs.{suffix}" for suffix in ("png", "svg")),
    *(f"derived/figures/1-max-signal-convergence.{suffix}" for suffix in ("png", "svg")),
}


@pytest.fixture(autouse=True)
def few_voxels(monkeypatch):
    search = grids.grid_search
    monkeypatch.setattr(grids, "grid_search", lambda problem, **how: search(problem, n_per_tissue=1, **how))


def test_grids_tables_figures_and_summary_are_made_and_made_again(tmp_path):
    study = Study.create(tmp_path, [SMALL], seeds=(0, 1), **QUICK)
    study.run()
    told = []
    assert derive(study, "the command", tell=told.append) == tmp_path / "summary.md"
    assert told == ["grid of max-signal", "tables and figures of max-signal"]
    made = {file: (tmp_path / file).read_bytes() for file in FILES}
    text = made["summary.md"].decode()
    assert "derived/figures/1-max-signal-designs.png" in text
    assert "| 1 | max-signal |" in text
    derive(Study.open(tmp_path), "the command")
    assert {file: (tmp_path / file).read_bytes() for file in FILES} == made


def test_a_stop_ends_before_anything_is_written(tmp_path):
    study = Study.create(tmp_path, [SMALL], seeds=(0,), **QUICK)
    assert derive(study, "the command", Monitor(stop=lambda: True)) is None
    assert not (tmp_path / "summary.md").exists()


def test_without_runs_there_is_a_figure_of_the_grid_alone(tmp_path):
    study = Study.create(tmp_path, [SMALL], seeds=(0,), **QUICK)
    derive(study, "the command")
    names = {path.name for path in (tmp_path / "derived" / "figures").iterdir()}
    assert names == {"1-max-signal-designs.png", "1-max-signal-designs.svg"}


def test_figures_show_the_grid_optimum_and_the_papers_rows():
    condition = make_condition(PROBLEM, RUNS, design(GRID))
    designs = figure_designs(condition)
    assert list(designs) == [
        "Optimal grid-search sequence",
        "Two-RF Hahn-echo-like",
        "Three-RF Hahn-echo-like",
    ]
    matches = {match.row.name: match.sequence for match in condition.table.matches}
    assert list(designs.values())[1:] == [matches[TWO_RF], matches[THREE_RF]]


def test_the_best_design_is_shown_if_no_row_of_the_paper_is_like_it():
    assert list(figure_designs(make_condition(PROBLEM, RUNS[:1], None))) == ["Two-RF Hahn-echo-like"]
    prepared = run(0, [150, 88, 177], [0, 0, 180], [6.2, 6.2, 6.2])
    designs = figure_designs(make_condition(PROBLEM, [prepared], None))
    assert list(designs) == ["Best design: 3 RF: spin echo,\ninversion-prepared"]
    assert designs.popitem()[1] is prepared.sequence
