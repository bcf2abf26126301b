"""Tasks as a page states them."""

import json

import pytest

from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.view.guard import Refused
from sequence_search.view.task import choices, stated_text, task_data


def test_every_choice_is_a_task_to_play_with():
    found = choices()
    names = [each["name"] for group in found["groups"] for each in group["problems"]]
    assert {"max-signal", "spin-echo-2d"} <= set(names)
    for name in names:
        data = task_data({"name": name})
        assert data["words"].startswith("Wanted: ")
        assert len(data["sequence"]["flip"]) >= 1
        json.dumps(data, allow_nan=False)


def test_terms_tell_what_tissues_they_take():
    terms = {each["name"]: each for each in choices()["terms"]}
    assert terms["contrast"] == {"name": "contrast", "tissues": True, "brighter": True}
    assert terms["rf_energy"] == {"name": "rf_energy", "tissues": False, "brighter": False}


def test_the_tables_of_a_task_state_the_same_task():
    for name in ("csf-null-w1", "spin-echo-2d"):
        data = task_data({"name": name})
        again = task_data({"tables": data["tables"]})
        assert Problem.from_toml(again["toml"]).digest == Problem.load(name).digest


def test_a_file_is_named_by_its_problem_on_the_command_line():
    text = problem_text("max-signal")
    assert task_data({"name": "max-signal"})["problem"]["source"] == "max-signal"
    assert task_data({"toml": text})["problem"]["source"] == "max-signal.toml"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "../../etc/passwd"}, "no problem is named"),
        ({"toml": "a = "}, "nvalid"),
        ({"toml": 'name = "x"'}, "tissues: is missing"),
        ({"tables": {"name": "x", "y": None}}, "cannot be written"),
        ({"toml": "title = '\ud800'"}, "cannot be written"),
        ({"toml": problem_text("max-signal").replace('"max-signal"', '"../x"')}, "name must be of letters"),
    ],
)
def test_what_is_no_task_is_refused_line_by_line(given, says):
    with pytest.raises(Refused) as refused:
        task_data(given)
    assert refused.value.status == 200
    assert any(says in line for line in refused.value.lines)


@pytest.mark.parametrize("given", [{}, {"name": 3}, {"toml": ["a"]}, {"tables": "a"}])
def test_what_states_nothing_is_refused(given):
    with pytest.raises(Refused) as refused:
        stated_text(given)
    assert refused.value.status == 400


def test_no_file_is_read_for_a_task(tmp_path):
    (tmp_path / "samples.csv").write_text("1\n2\n")
    pulse = f'\n[pulses.own]\nshape = "samples"\nduration_ms = 1\nfile = "{tmp_path}/samples.csv"\n'
    with pytest.raises(Refused, match=r"pulses\.own: state samples in place of a file"):
        task_data({"toml": problem_text("max-signal") + pulse})


def test_an_endless_table_is_refused():
    with pytest.raises(Refused):
        task_data({"toml": "a = " + "[" * 100_000})
