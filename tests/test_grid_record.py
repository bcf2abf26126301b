import json
from dataclasses import replace

from sequence_search.grid.record import grid_record, save_grid
from sequence_search.grid.search import grid_search
from sequence_search.problem.problem import Problem
from sequence_search.search_space import Axis

PROBLEM = Problem.load("max-signal")


def test_the_record_of_a_grid_search(tmp_path):
    delay = Axis(0.0062, 0.0002, 2)
    small = replace(PROBLEM.grid, phase=(Axis(0.0), Axis(3.0)), delay=(delay, delay))
    result = grid_search(replace(PROBLEM, grid=small), n_per_tissue=2, top=3)
    path = save_grid(result, tmp_path / "new")
    record = json.loads(path.read_text())
    assert record == json.loads(json.dumps(grid_record(result)))
    assert record["problem_sha256"] == PROBLEM.digest
    assert record["grid"]["delay_ms"] == [{"start": 6.2, "stop": 6.4, "step": 0.2}] * 2
    assert record["n_points"] == record["n_done"] == small.n_points
    assert [point["index"] for point in record["top"]] == [point.index for point in result.top]
    assert record["top"][0]["sequence"] == record["optimum"]["sequence"]
    assert record["polished"]["loss"] == result.polished.loss
    assert grid_record(replace(result, polished=None))["polished"] is None
