import numpy as np
import pytest

from sequence_search.problem.problem import Problem
from sequence_search.strategies import search
from sequence_search.strategies.operations import Choice, Operations, operations_arrays, read_operations
from sequence_search.study.records import read_runs
from sequence_search.study.seeds import HISTORY_FILE, seed_folder
from sequence_search.study.study import Study

LAYER = Choice("layer 1", ("88°", "wait 6.2 ms", "hs"), ((0.2, 0.3, 0.5), (0.0, 0.0001, 0.9999)))
GRADIENT = Choice("gradient 1", ("none", "crusher"), ((0.5, 0.5), (1.0, 0.0)))
OPERATIONS = Operations((1, 20), (LAYER, GRADIENT))
SHORT = {"n_voxels": 200, "voxels_per_step": 60}


def test_they_come_back_from_arrays():
    arrays = operations_arrays(OPERATIONS)
    assert arrays["operation_probability"].shape == (2, 5)
    assert arrays["operation_probability"].dtype == np.float32
    assert read_operations(arrays) == OPERATIONS
    assert operations_arrays(None) == {}
    assert read_operations({"step": np.zeros(2)}) is None


def test_a_run_keeps_how_likely_each_operation_was():
    problem = Problem.load("max-signal")
    options = {"steps": 30, "architecture_rate": 1.0, "architecture_every": 1, **SHORT}
    (run,) = search(problem, "proxyless", seeds=(3,), progress=False, **options).runs
    operations = run.operations
    assert operations.steps[0] == 1
    assert operations.steps[-1] == 30
    assert len(operations.steps) == 9  # a fourth of the points, and the last
    assert [choice.name for choice in operations.choices] == [f"layer {number}" for number in range(1, 6)]
    for choice in operations.choices:
        probability = np.array(choice.probability)
        assert probability.sum(-1) == pytest.approx(1, abs=1e-3)
        assert abs(probability[-1] - probability[0]).max() > 0.1
    first = operations.choices[0]
    assert [name.startswith("wait") for name in first.candidates] == [False] * 5 + [True] * 3
    assert not np.array(first.probability)[:, 5:].any()
    likeliest = first.candidates[int(np.argmax(first.probability[-1]))]
    assert likeliest == f"{run.sequence.to_dict()['flip_deg'][0]:.0f}°"


def test_a_study_keeps_them_and_older_ones_have_none(tmp_path):
    problem = Problem.load("max-signal")
    study = Study.create(
        tmp_path / "study", [problem], strategy="proxyless", seeds=range(2), steps=3, **SHORT
    )
    study.run()
    runs = study.runs("max-signal")
    options = {"steps": 3, **SHORT}
    fresh = search(problem, "proxyless", seeds=(0, 1), progress=False, **options).runs
    assert [run.operations for run in runs] == [run.operations for run in fresh]
    file = seed_folder(study.folder, "max-signal", 0) / HISTORY_FILE
    with np.load(file) as content:
        old = {name: content[name] for name in content.files if not name.startswith("operation")}
    old["plain"] = np.array("{}")
    np.savez(file, **old)
    older, newer = read_runs(study.folder, "max-signal", [0, 1])
    assert older.operations is None
    assert older.history == runs[0].history
    assert newer.operations == runs[1].operations
