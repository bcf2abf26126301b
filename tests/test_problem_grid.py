import math

import pytest
from pydantic import ValidationError

from sequence_search.problem.grid_table import GridTable, read_grid, write_grid
from sequence_search.search_space import Axis

TABLE = {
    "flip_deg": [{"start": 85, "stop": 95, "step": 1}, 180],
    "phase_deg": [0, {"start": 0, "stop": 180, "step": 5}],
    "delay_ms": [{"start": 6.2, "stop": 7.2, "step": 0.1}, 6.2],
}


def test_ranges_include_their_stop_and_are_in_si_units():
    grid = read_grid(GridTable.model_validate(TABLE))
    assert [axis.count for axis in grid.delay] == [11, 1]
    assert grid.delay[0].values[-1] == pytest.approx(7.2e-3)
    assert grid.flip_angle == (Axis(math.radians(85), math.radians(1), 11), Axis(math.pi))
    assert grid.phase[1].values[-1] == pytest.approx(math.pi)


def test_what_is_read_is_written_again():
    assert write_grid(read_grid(GridTable.model_validate(TABLE))).model_dump(mode="json") == TABLE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip_deg": [90]}, "need one entry for each pulse, got 1, 2, 2"),
        ({"flip_deg": [], "phase_deg": [], "delay_ms": []}, "need one entry for each pulse, got 0, 0, 0"),
        ({"phase_deg": [0, {"start": 0, "stop": 181, "step": 5}]}, "for example 180, got 181"),
        ({"phase_deg": [0, {"start": 0, "stop": 180, "step": 0}]}, "step must be above 0"),
        ({"phase_deg": [0, {"start": 10, "stop": 0, "step": 1}]}, "stop not below start"),
        ({"phase_deg": [0, "180"]}, "valid number"),
        ({"phase_deg": [0, math.inf]}, "finite number"),
        ({"phase_deg": [0, {"start": 0, "stop": 180}]}, "required"),
    ],
)
def test_faults_are_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        GridTable.model_validate(TABLE | change)
