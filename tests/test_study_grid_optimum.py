import sys
from dataclasses import replace

import pytest
import torch

from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis
from sequence_search.strategies.base import Monitor
from sequence_search.study import grid_optimum as grids
from sequence_search.study.grid_optimum import grid_optimum, stored_optimum

FULL = Problem.load("max-signal")
DELAY = Axis(0.0062, 0.0002, 2)
PROBLEM = replace(FULL, grid=replace(FULL.grid, phase=(Axis(0.0), Axis(3.0)), delay=(DELAY, DELAY)))


@pytest.fixture
def searches(monkeypatch):
    """Grid searches made, over few voxels."""
    made = []
    search = grids.grid_search

    def few(problem, **how):
        made.append(problem.name)
        return search(problem, n_per_tissue=2, **how)

    monkeypatch.setattr(grids, "grid_search", few)
    return made


def test_a_grid_is_searched_once_and_kept(tmp_path, searches):
    first = grid_optimum(tmp_path, PROBLEM)
    again = grid_optimum(tmp_path, PROBLEM)
    assert searches == ["max-signal"]
    assert torch.equal(again.sequence.flip_angle, first.sequence.flip_angle)
    assert again.evaluation.terms == first.evaluation.terms
    assert [path.name for path in (tmp_path / "derived" / "grid").iterdir()] == ["max-signal.json"]


def test_another_grid_or_objective_is_searched_again(tmp_path, searches):
    grid_optimum(tmp_path, PROBLEM)
    longer = replace(PROBLEM, grid=replace(PROBLEM.grid, delay=(Axis(0.007), DELAY)))
    assert stored_optimum(tmp_path, longer) is None
    assert float(grid_optimum(tmp_path, longer).sequence.delay[0]) == pytest.approx(0.007)
    assert stored_optimum(tmp_path, PROBLEM.with_term("more", lambda m, s, v: m.mean(-1), 1.0)) is None
    assert searches == ["max-signal", "max-signal"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"optimum": 1}'])
def test_a_damaged_file_is_no_optimum(tmp_path, searches, text):
    grid_optimum(tmp_path, PROBLEM)
    (tmp_path / "derived" / "grid" / "max-signal.json").write_text(text)
    assert stored_optimum(tmp_path, PROBLEM) is None


def test_a_stopped_search_is_not_kept_and_goes_on(tmp_path, searches, monkeypatch):
    monkeypatch.setattr(sys.modules["sequence_search.grid.search"], "CHUNK_VOXELS", 6 * 50)
    assert grid_optimum(tmp_path, PROBLEM, Monitor(stop=lambda: True)) is None
    folder = tmp_path / "derived" / "grid"
    assert (folder / "max-signal-state.npz").exists()
    assert grid_optimum(tmp_path, PROBLEM) is not None
    assert [path.name for path in folder.iterdir()] == ["max-signal.json"]


def test_a_problem_without_a_grid_has_no_optimum(tmp_path, searches):
    assert grid_optimum(tmp_path, replace(PROBLEM, grid=None)) is None
    assert not searches
