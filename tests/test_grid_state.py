import pytest

from sequence_search.grid.state import GridPoint, GridState, load_state, save_state

STATE = GridState(17, (GridPoint(0.1 + 0.2, 4), GridPoint(0.5, 2)), 3.5)


def test_the_state_is_read_to_the_last_bit(tmp_path):
    path = tmp_path / "new" / "state.json"
    save_state(path, "key", STATE)
    assert load_state(path, "key") == STATE
    assert [entry.name for entry in path.parent.iterdir()] == ["state.json"]


def test_without_a_file_it_is_the_beginning(tmp_path):
    assert load_state(tmp_path / "state.json", "key") == GridState()


def test_another_grid_is_refused(tmp_path):
    path = tmp_path / "state.json"
    save_state(path, "key", STATE)
    with pytest.raises(ValueError, match="is of another grid search"):
        load_state(path, "other")


@pytest.mark.parametrize("text", ["", "[]", '{"grid_sha256": "key", "next": 1, "seconds": 0}'])
def test_what_is_no_state_is_refused(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not the state of a grid search"):
        load_state(path, "key")


def test_points_sort_by_loss_then_index():
    assert sorted([GridPoint(1.0, 3), GridPoint(1.0, 2), GridPoint(0.5, 9)])[0].index == 9
    assert GridPoint(1.0, 2) < GridPoint(1.0, 3)
