import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.grid.search import grid_search
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis, Grid
from sequence_search.strategies.base import Monitor
from strategy_cases import ONE_SIDED

DEGREE = math.pi / 180
GRID = Grid(
    (Axis(86 * DEGREE, 2 * DEGREE, 3), Axis(174 * DEGREE, DEGREE, 5)),
    (Axis(0.0), Axis(0.0, 45 * DEGREE, 5)),
    (Axis(6.2e-3, 1e-4, 4), Axis(6.2e-3, 1e-4, 4)),
)
PROBLEM = replace(Problem.load("max-signal"), grid=GRID)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of ten points on four voxels a tissue."""
    monkeypatch.setattr(sys.modules["sequence_search.grid.search"], "CHUNK_VOXELS", 120)


def test_it_finds_the_least_loss_of_all_points():
    result = grid_search(PROBLEM, n_per_tissue=16, top=7)
    loss = PROBLEM.loss(GRID.sequences(np.arange(GRID.n_points)), PROBLEM.voxels(16))
    expected = torch.sort(loss, stable=True)
    assert [point.index for point in result.top] == expected.indices[:7].tolist()
    assert [point.loss for point in result.top] == pytest.approx(expected.values[:7].tolist(), abs=1e-13)
    assert result.status == "done"
    assert result.n_done == GRID.n_points
    assert result.sequences()[0].to_dict() == result.optimum.sequence.to_dict()
    assert result.optimum.loss == PROBLEM.evaluate(result.optimum.sequence).loss


def test_the_polish_leaves_the_grid_for_a_lesser_loss():
    result = grid_search(PROBLEM, n_per_tissue=16)
    assert result.polished.loss < result.optimum.loss - 1e-6
    flips = result.polished.sequence.to_dict()["flip_deg"]
    assert flips == pytest.approx([88.4, 176.7], abs=0.2)  # Table V


def test_progress_counts_points(small_chunks):
    seen = []
    grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(seen.append))
    assert [each.step for each in seen] == [*range(10, GRID.n_points, 10), GRID.n_points]
    assert all(each.n_steps == GRID.n_points for each in seen)
    assert [each.loss for each in seen] == sorted((each.loss for each in seen), reverse=True)
    assert "points/s" in seen[0].note
    assert seen[-1].note.endswith(" 0 s left")


def test_a_stopped_search_goes_on_where_it_was(small_chunks, tmp_path):
    seen = []
    state_file = tmp_path / "state.npz"
    monitor = Monitor(seen.append, lambda: len(seen) == 3)
    stopped = grid_search(PROBLEM, n_per_tissue=4, monitor=monitor, state_file=state_file)
    assert (stopped.status, stopped.n_done, stopped.polished) == ("interrupted", 30, None)
    assert len(stopped.top) == 10
    seen.clear()
    resumed = grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(seen.append), state_file=state_file)
    assert seen[0].step == 40
    assert resumed.top == grid_search(PROBLEM, n_per_tissue=4).top
    assert resumed.seconds > stopped.seconds
    assert not state_file.exists()


def test_an_exception_leaves_the_state(small_chunks, tmp_path):
    def fail(progress):
        if progress.step == 50:
            raise KeyboardInterrupt

    state_file = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(fail), state_file=state_file)
    resumed = []
    grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(resumed.append), state_file=state_file)
    assert resumed[0].step == 60


@pytest.mark.parametrize(
    "change",
    [
        {"top": 3},
        {"n_per_tissue": 5},
        {"problem": Problem.load("gm-wm")},
        {"problem": replace(PROBLEM, grid=replace(GRID, phase=(Axis(0.0), Axis(0.1, 0.1, 5))))},
    ],
)
def test_the_state_of_another_grid_is_refused(small_chunks, tmp_path, change):
    state_file = tmp_path / "state.npz"
    given = {"problem": PROBLEM, "n_per_tissue": 4, "state_file": state_file}
    grid_search(**given, monitor=Monitor(stop=lambda: True))
    with pytest.raises(ValueError, match="is of another grid search"):
        grid_search(**(given | change))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"grid_sha256": "key"}'])
def test_what_is_no_state_is_refused(tmp_path, content):
    state_file = tmp_path / "state.npz"
    state_file.write_bytes(content)
    with pytest.raises(ValueError, match="is not the state of a grid search: remove it"):
        grid_search(PROBLEM, n_per_tissue=4, state_file=state_file)


def test_the_polished_is_no_worse_than_the_best_point():
    """Not its mirror either, where b0 is not symmetric."""
    result = grid_search(ONE_SIDED)
    assert result.optimum.loss == pytest.approx(0.0778, abs=1e-4)
    assert result.polished.loss == pytest.approx(0.0759, abs=1e-4)


def test_threads_do_not_change_the_result(small_chunks):
    before = torch.get_num_threads()
    try:
        results = []
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(grid_search(PROBLEM, n_per_tissue=4).top)
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1]


def test_a_stop_after_the_last_point_is_no_interruption():
    done = grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(stop=lambda: True))
    assert done.n_done == GRID.n_points
    assert done.status == "done"


def test_a_state_of_all_points_is_only_polished(tmp_path):
    def fail(progress):
        raise KeyboardInterrupt

    state_file = tmp_path / "state.npz"
    with pytest.raises(KeyboardInterrupt):
        grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(fail), state_file=state_file)
    result = grid_search(PROBLEM, n_per_tissue=4, monitor=Monitor(fail), state_file=state_file)
    assert result.n_done == GRID.n_points
    assert result.polished.loss < result.optimum.loss


def test_what_cannot_be_searched_is_refused():
    with pytest.raises(ValueError, match="top must be at least 1, got 0"):
        grid_search(PROBLEM, top=0)
    with pytest.raises(ValueError, match="at least 1 voxel is needed, got 0"):
        grid_search(PROBLEM, n_per_tissue=0)
    with pytest.raises(ValueError, match=r"has no \[grid\]"):
        grid_search(replace(PROBLEM, grid=None))
    lost = PROBLEM.with_term("lost", lambda magnitude, sequence, voxels: magnitude.sum(-1) * math.nan, 1.0)
    with pytest.raises(ValueError, match="no point of the grid of 'max-signal' has a finite loss"):
        grid_search(lost, n_per_tissue=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flips", "phase", "te", "ti"),
    [
        ("max-signal", (88, 177), 180, (12.4, 0.01), None),
        ("gm-wm-t2-w30", None, 180, (37.0, 2.0), None),
        ("csf-null-w0.25", (176, 89), None, None, 3750),
        ("csf-null-w1", (178, 89), None, None, 3070),
    ],
)
def test_published_optima_of_table_iv(name, flips, phase, te, ti):
    """The paper's grid optima: flips within 1°, phase within 2°, TE as stated, TI within 30 ms."""
    found = grid_search(Problem.load(name)).optimum.sequence.to_dict()
    if flips is not None:
        assert found["flip_deg"] == pytest.approx(flips, abs=1.0)
    if phase is not None:
        assert found["phase_deg"][1] == pytest.approx(phase, abs=2.0)
    if te is not None:
        assert sum(found["delay_ms"]) == pytest.approx(te[0], abs=te[1])
    if ti is not None:
        assert found["delay_ms"][0] == pytest.approx(ti, abs=30.0)
