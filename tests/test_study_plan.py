import json
import math
import shutil
from pathlib import Path

import pytest

from sequence_search.storage import StudyError
from sequence_search.study import plan as plan_module
from sequence_search.study.plan import Plan, Task, ranges_text, read_plan, read_ranges


def plan(**changes):
    content = {
        "problems": {"a": {}, "b": {}},
        "strategy": "multistart",
        "engine": "auto",
        "options": {},
        "seeds": ((0, 1, 2, 3, 4), (7, 8)),
    }
    return Plan(**{**content, **changes})


def test_every_seed_of_every_problem_is_in_one_task():
    for size in (1, 2, 3, 100):
        tasks = plan(batch_size=size).tasks
        for problem in ("a", "b"):
            seeds = [seed for task in tasks if task.problem == problem for seed in task.seeds]
            assert seeds == [0, 1, 2, 3, 4, 7, 8]
        assert all(len(task.seeds) <= size for task in tasks)


def test_seeds_added_later_are_batches_of_their_own():
    before = plan(seeds=((0, 1, 2),), batch_size=8).tasks
    after = plan(seeds=((0, 1, 2), (3, 4)), batch_size=8).tasks
    assert before == (Task("a", (0, 1, 2)), Task("b", (0, 1, 2)))
    assert set(before) < set(after)


@pytest.mark.parametrize(
    ("seeds", "text"),
    [((0, 1, 2, 3), "0-3"), ((5,), "5"), ((3, 1, 2, 9), "3, 1-2, 9"), ((0, 2, 1), "0, 2, 1")],
)
def test_ranges(seeds, text):
    assert ranges_text(seeds) == text
    assert read_ranges(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "1--2", "-3"])
def test_other_ranges_are_refused(text):
    with pytest.raises(ValueError, match='must be as "0-9, 12"'):
        read_ranges(text)


def test_budgets_without_limit_are_left_out():
    assert "max_seconds" not in plan().to_dict()
    assert plan(max_seconds=3.0, max_evaluations=math.inf).to_dict()["max_seconds"] == 3.0


def test_what_is_no_study_is_told(tmp_path):
    with pytest.raises(StudyError, match=r"holds no study: study.toml is missing"):
        read_plan(tmp_path)
    with pytest.raises(StudyError, match=r"holds no study"):
        read_plan(tmp_path / "nothing")
    (tmp_path / "study.toml").write_text('strategy = "x"\n')
    with pytest.raises(StudyError, match=r"study.json is missing or damaged"):
        read_plan(tmp_path)
    (tmp_path / "study.json").write_text('{"schema_version": 1, "problems": {}}')
    with pytest.raises(StudyError, match=r"study.toml cannot be read"):
        read_plan(tmp_path)
    facts = {"schema_version": 3, "problems": {}, "versions": {"sequence-search": "7.0"}}
    (tmp_path / "study.json").write_text(json.dumps(facts))
    with pytest.raises(
        StudyError, match=r"schema version 3, .* reads 1 and 2: take the version that wrote it, 7.0"
    ):
        read_plan(tmp_path)


def test_files_of_an_older_version_are_migrated_step_by_step(tmp_path, monkeypatch):
    shutil.copytree(Path(__file__).parent / "data" / "study-v1", tmp_path / "study")
    before = {file: file.read_bytes() for file in (tmp_path / "study").rglob("*") if file.is_file()}
    steps = {
        1: lambda facts, tables: (facts | {"steps": [1]}, tables),
        2: lambda facts, tables: (facts | {"steps": [*facts["steps"], 2]}, tables | {"engine": "fused"}),
    }
    monkeypatch.setattr(plan_module, "MIGRATIONS", steps)
    monkeypatch.setattr(plan_module, "SCHEMA_VERSION", 3)
    facts, tables = plan_module.read_files(tmp_path / "study")
    assert facts["steps"] == [1, 2]
    assert tables["engine"] == "fused"
    assert {file: file.read_bytes() for file in before} == before
