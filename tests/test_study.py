import dataclasses
import json
import shutil
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from sequence_search.limits import Limits, Range, SignalLimits
from sequence_search.problem.problem import Problem
from sequence_search.search_space import SearchSpace
from sequence_search.storage import (
    StorageError,
    StudyError,
    is_locked,
    json_text,
    locked,
    read_arrays,
    write_bytes,
)
from sequence_search.strategies import STRATEGIES, search
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.record import result_record
from sequence_search.strategies.rounds.multistart import Multistart
from sequence_search.study import run as work
from sequence_search.study.plan import Task
from sequence_search.study.seeds import seed_folder
from sequence_search.study.status import status_record
from sequence_search.study.study import Study


def small(name):
    """A problem whose sequences have two pulses at most."""
    problem = Problem.load(name)
    return replace(problem, search_space=replace(problem.search_space, max_rf=2))


PROBLEM, CONTRAST = small("max-signal"), small("gm-wm")
QUICK = {"n_starts": 4, "n_children": 4, "max_rounds": 4, "steps": 3, "n_polished": 1, "n_per_tissue": 4}
BATCHED = {"strategy": "proxyless", "steps": 6, "n_voxels": 200, "voxels_per_step": 60}
GOLDEN = Path(__file__).parent / "data" / "study-v1"


def make(path, problems=PROBLEM, seeds=range(3), **options):
    return Study.create(path, problems, seeds=seeds, **(QUICK | options))


def final(path):
    """Contents of the files that must not depend on time, workers or interruptions."""
    names = [*path.glob("*/*/result.json"), *path.glob("derived/*"), path / "study.toml"]
    return {str(name.relative_to(path)): name.read_bytes() for name in names}


class StopAt:
    """Stops at the n-th question whether to stop."""

    def __init__(self, number):
        self.left = number

    def __call__(self):
        self.left -= 1
        return self.left < 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study of two problems that was never interrupted."""
    study = make(tmp_path_factory.mktemp("whole") / "study", (PROBLEM, CONTRAST), range(2))
    study.run()
    return study


def without(whole, path, seed):
    """A copy of the whole study in which one seed of max-signal is to do."""
    shutil.copytree(whole.folder, path, dirs_exist_ok=True)
    shutil.rmtree(seed_folder(path, "max-signal", seed))
    return Study.open(path)


def raise_for(monkeypatch, *seeds, error=ArithmeticError):
    """Make the search of these seeds raise."""
    make_strategy = work.make_strategy

    class Raising:
        def __init__(self, *arguments):
            self._strategy = make_strategy(*arguments)

        def run(self, problem, task_seeds, settings):
            for seed in task_seeds:
                if seed in seeds:
                    raise error(f"seed {seed} raises")
            return self._strategy.run(problem, task_seeds, settings)

    monkeypatch.setattr(work, "make_strategy", Raising)


def test_a_study_holds_what_a_search_finds(whole):
    for problem in (PROBLEM, CONTRAST):
        expected = search(problem, seeds=range(2), **QUICK).runs
        runs = whole.runs(problem.name)
        assert [run.loss for run in runs] == [run.loss for run in expected]
        assert [run.n_evaluations for run in runs] == [run.n_evaluations for run in expected]
        assert [len(run.families) for run in runs] == [len(run.families) for run in expected]
        assert [str(run.sequence) for run in runs] == [str(run.sequence) for run in expected]
        for run, other in zip(runs, expected, strict=True):
            assert [point[:3] for point in run.history] == [point[:3] for point in other.history]
            assert run.seconds > 0


def test_the_layout(whole):
    found = sorted(str(path.relative_to(whole.folder)) for path in whole.folder.rglob("*") if path.is_file())
    of_seeds = [
        f"{problem}/seed-{seed:04d}/{name}"
        for problem in ("gm-wm", "max-signal")
        for seed in range(2)
        for name in ("history.npz", "lock", "result.json", "status.json")
    ]
    assert found == sorted(
        [*of_seeds, "derived/results.csv", "derived/table.md", "lock", "study.json", "study.toml"]
    )
    facts = json.loads((whole.folder / "study.json").read_text())
    assert facts["schema_version"] == 2
    assert facts["problems"] == {"max-signal": PROBLEM.digest, "gm-wm": CONTRAST.digest}
    assert set(facts) == {"schema_version", "problems", "versions", "device", "created"}
    plan = tomllib.loads((whole.folder / "study.toml").read_text())
    assert plan["options"]["steps"] == 3
    assert plan["options"]["learning_rate"] == 0.08
    assert plan["problems"]["gm-wm"] == CONTRAST.to_dict()


def test_a_study_keeps_limits_and_prefers_seeds_that_meet_them(tmp_path):
    """That grey matter gives 0.79 of 0.8 is beyond reach; a seed that is not marked so is the best."""
    bright = SignalLimits("GM", mean=Range(low=0.79))
    study = make(tmp_path, replace(PROBLEM, limits=Limits(signal=(bright,))), seeds=range(2))
    study.run()
    again = Study.open(tmp_path)
    assert again.problems["max-signal"].limits.signal == (bright,)
    runs = again.runs("max-signal")
    assert [run.meets_limits for run in runs] == [False, False]
    assert all("no design found meets signal.GM.mean at least 0.79" in str(run.reason) for run in runs)
    (status,) = again.status()
    assert status.best is not None
    first = status.best["seed"]
    record = status_record(status)["best"]
    assert record["reason"] == runs[first].reason
    assert list(record) == ["seed", "loss", "category", "reason", "sequence"]
    file = seed_folder(tmp_path, "max-signal", 1 - first) / "status.json"
    content = json.loads(file.read_text())
    assert content.pop("meets_limits") is False
    file.write_text(json.dumps(content, indent=1) + "\n")
    (status,) = again.status()
    assert status.best is not None
    assert status.best["seed"] == 1 - first


def test_results_are_tidy(whole):
    pandas = pytest.importorskip("pandas")
    table = whole.results()
    assert isinstance(table, pandas.DataFrame)
    assert list(table["problem"]) == ["max-signal", "max-signal", "gm-wm", "gm-wm"]
    assert list(table["seed"]) == [0, 1, 0, 1]
    assert table["loss"].min() == min(run.loss for name in whole.problems for run in whole.runs(name))
    assert (table["seconds"] > 0).all()


def test_results_are_plain_without_pandas(whole, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert [row["seed"] for row in whole.results()] == [0, 1, 0, 1]


def test_the_table_tells_the_best_of_each_problem(whole):
    rows = whole.table()
    assert [(row["problem"], row["done"], row["failed"]) for row in rows] == [
        ("max-signal", 2, 0),
        ("gm-wm", 2, 0),
    ]
    assert rows[0]["best_loss"] == min(run.loss for run in whole.runs("max-signal"))


def test_tables_are_made_of_what_is_read_under_their_lock(whole, monkeypatch):
    read = Study.runs
    states = []

    def watched(study, problem):
        states.append(is_locked(whole.folder / "lock"))
        return read(study, problem)

    monkeypatch.setattr(Study, "runs", watched)
    whole.derive()
    assert states
    assert all(states)


def test_derived_files_can_be_rebuilt(whole):
    before = final(whole.folder)
    shutil.rmtree(whole.folder / "derived")
    whole.derive()
    assert final(whole.folder) == before
    assert b"seconds" not in before["derived/results.csv"]


def test_what_is_done_is_not_computed_again(whole, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in whole.folder.glob("*/*/*")}
    raise_for(monkeypatch, 0, 1)
    tally = Study.open(whole.folder).run()
    assert dataclasses.astuple(tally) == (4, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in whole.folder.glob("*/*/*")} == before


@pytest.mark.parametrize("batched", [False, True])
def test_interrupted_at_any_moment_a_study_ends_at_the_same_files(tmp_path, batched):
    options = BATCHED if batched else QUICK
    expected = Study.create(tmp_path / "whole", PROBLEM, seeds=range(2), **options)
    expected.run()
    study = Study.create(tmp_path / "study", PROBLEM, seeds=range(2), **options)
    n_interruptions = 0
    assert study.run(monitor=Monitor(stop=lambda: True)).left == 2
    while study.tally().left:
        tally = study.run(monitor=Monitor(stop=StopAt(3 + 9 * n_interruptions)))
        n_interruptions += tally.left > 0
    assert n_interruptions > (0 if batched else 2)
    assert final(study.folder) == final(expected.folder)
    assert not list(study.folder.glob("*/*/checkpoint.npz"))


def test_an_interrupted_seed_is_no_result_and_shows_where_it_stands(tmp_path):
    study = make(tmp_path)
    tally = study.run(monitor=Monitor(stop=StopAt(8)))
    assert dataclasses.astuple(tally) == (0, 0, 3)
    first = seed_folder(tmp_path, "max-signal", 0)
    status = json.loads((first / "status.json").read_text())
    assert (status["state"], status["seed"], status["step"]) == ("interrupted", 0, 1)
    state = read_arrays(first / "checkpoint.npz")
    assert (state["state"]["seed"], state["state"]["n_rounds"]) == (0, 0)
    assert not (first / "result.json").exists()
    assert study.runs("max-signal") == []
    assert [view.state for view in study.status()[0].views] == ["interrupted", "waiting", "waiting"]


def test_checkpoints_come_by_time(tmp_path, monkeypatch):
    saved = []
    save = work.TaskRecorder.save
    monkeypatch.setattr(
        work.TaskRecorder, "save", lambda recorder, state: (saved.append(state), save(recorder, state))
    )
    make(tmp_path / "few", seeds=(0,)).run()
    assert saved == []
    make(tmp_path / "many", seeds=(0,)).run(checkpoint_every_s=0.0)
    assert len(saved) > 3
    assert final(tmp_path / "many") == final(tmp_path / "few")


def test_a_damaged_checkpoint_is_told_and_begun_again(tmp_path, whole):
    study = without(whole, tmp_path, 0)
    study.run(monitor=Monitor(stop=StopAt(12)))
    file = seed_folder(tmp_path, "max-signal", 0) / "checkpoint.npz"
    write_bytes(file, file.read_bytes()[:200])
    study.run()
    status = json.loads((seed_folder(tmp_path, "max-signal", 0) / "status.json").read_text())
    assert (status["state"], status["note"]) == ("done", "the checkpoint was damaged: begun again")
    assert final(tmp_path) == final(whole.folder)


def test_a_checkpoint_of_other_versions_is_not_trusted(tmp_path, whole, monkeypatch):
    study = without(whole, tmp_path, 0)
    with monkeypatch.context() as other:
        other.setattr(work, "environment", lambda: {"versions": {"sequence-search": "0.0.1"}})
        study.run(monitor=Monitor(stop=StopAt(12)))
    assert study.run().left == 0
    assert final(tmp_path) == final(whole.folder)


@pytest.mark.parametrize("damage", ["empty result", "half a result", "half a status", "deleted folder"])
def test_damage_is_mended_by_the_same_command(tmp_path, whole, damage):
    shutil.copytree(whole.folder, tmp_path / "study")
    study = Study.open(tmp_path / "study")
    hurt = seed_folder(study.folder, "max-signal", 0)
    if damage == "empty result":
        (hurt / "result.json").write_bytes(b"")
    elif damage == "half a result":
        (hurt / "result.json").write_bytes((hurt / "result.json").read_bytes()[:300])
    elif damage == "half a status":
        (hurt / "status.json").write_bytes((hurt / "status.json").read_bytes()[:20])
        (hurt / "history.npz").write_bytes(b"")
    else:
        shutil.rmtree(hurt)
    lost = damage != "half a status"
    assert dataclasses.astuple(study.tally()) == (3, 0, 1) if lost else (4, 0, 0)
    assert len(study.runs("max-signal")) == (1 if lost else 2)
    study.run()
    assert final(study.folder) == final(whole.folder)


def test_a_seed_that_raises_is_on_record_and_the_others_go_on(tmp_path, monkeypatch):
    study = make(tmp_path)
    seen = []
    with monkeypatch.context() as patch:
        raise_for(patch, 1)
        tally = study.run(on_outcome=seen.append)
        assert dataclasses.astuple(tally) == (2, 1, 0)
        assert [outcome.state for outcome in seen] == ["done", "failed", "done"]
        status = json.loads((seed_folder(tmp_path, "max-signal", 1) / "status.json").read_text())
        assert status["reason"] == "ArithmeticError: seed 1 raises"
        assert "Traceback" in status["traceback"]
        assert status["attempts"] == 1
        assert [run.status for run in study.runs("max-signal")] == ["done", "failed", "done"]
        assert "seed 1 raises" in (tmp_path / "derived" / "results.csv").read_text()
        study.run()
        study.run()
        assert study.open_tasks() == []
        seen.clear()
        study.run(on_outcome=seen.append)
        assert seen == []
    assert json.loads((seed_folder(tmp_path, "max-signal", 1) / "status.json").read_text())["attempts"] == 3
    shutil.rmtree(seed_folder(tmp_path, "max-signal", 1))
    assert study.run().done == 3


def test_a_failed_seed_succeeds_once_the_cause_is_gone(tmp_path, whole, monkeypatch):
    study = without(whole, tmp_path, 1)
    with monkeypatch.context() as patch:
        raise_for(patch, 1)
        assert study.run().failed == 1
    assert study.run().done == 4
    assert final(tmp_path) == final(whole.folder)


def test_a_search_that_does_nothing_says_so(tmp_path):
    study = make(tmp_path, nothing_to_do(), seeds=(0,), steps=150)
    assert study.run().done == 1
    assert "nothing beats doing nothing" in study.runs("max-signal")[0].reason


def nothing_to_do():
    terms = [term for term in PROBLEM.objective.terms if term.name == "rf_energy"]
    objective = replace(PROBLEM.objective, terms=(replace(terms[0], weight=10.0),))
    return replace(PROBLEM, objective=objective)


def test_a_full_disk_ends_the_run_and_loses_nothing(tmp_path, whole, monkeypatch):
    study = without(whole, tmp_path, 1)
    with monkeypatch.context() as patch:

        def full(path, content):
            if "seed-0001" in str(path):
                raise StorageError(28, f"{path} cannot be written: No space left on device")
            write_json(path, content)

        write_json = work.write_json
        patch.setattr(work, "write_json", full)
        with pytest.raises(StorageError, match=r"seed-0001/result.json cannot be written: No space left"):
            study.run()
    assert dataclasses.astuple(study.tally()) == (3, 0, 1)
    study.run()
    assert final(tmp_path) == final(whole.folder)


def test_a_seed_in_other_hands_is_left_to_them(tmp_path):
    study = make(tmp_path, seeds=(0, 1))
    states = []
    with locked(seed_folder(tmp_path, "max-signal", 0) / "lock") as mine:
        assert mine
        assert work.run_task(tmp_path, Task("max-signal", (0,)), lambda: False).state == "running"
        assert study.status()[0].counts["running"] == 1
        tally = study.run(monitor=Monitor(stop=lambda: len(states) > 0), on_outcome=states.append)
    assert [outcome.task.seeds for outcome in states] == [(1,)]
    assert (tally.done, tally.left) == (1, 1)


def test_shares_are_fixed_and_whole(tmp_path):
    study = make(tmp_path, (PROBLEM, CONTRAST), range(5))
    for n in (1, 2, 3, 7, 20):
        shares = [task for i in range(n) for task in study.open_tasks((i, n))]
        assert sorted(shares) == sorted(study.plan.tasks)
    seen = []
    study.run(share=(1, 5), on_outcome=lambda outcome: seen.append(outcome.task))
    assert seen == [Task("max-signal", (1,)), Task("gm-wm", (1,))]


def test_seeds_may_be_added_but_not_taken_away(tmp_path):
    study = make(tmp_path, seeds=range(2))
    study.run()
    before = final(tmp_path)
    study = make(tmp_path, seeds=range(4))
    assert study.plan.seeds == ((0, 1), (2, 3))
    assert study.run().done == 4
    assert {name: final(tmp_path)[name] for name in before if "seed" in name} == {
        name: content for name, content in before.items() if "seed" in name
    }
    with pytest.raises(StudyError, match="seeds: 0-3 in the study, 0-1 asked for"):
        make(tmp_path, seeds=range(2))


def test_a_study_keeps_the_batch_size_that_it_was_made_with(tmp_path, monkeypatch):
    options = {"strategy": "proxyless", "steps": 2}
    monkeypatch.setattr(STRATEGIES["proxyless"], "batch_size", 2)
    Study.create(tmp_path, PROBLEM, seeds=range(3), **options)
    monkeypatch.undo()
    study = Study.create(tmp_path, PROBLEM, seeds=range(3), **options)
    assert [task.seeds for task in study.plan.tasks] == [(0, 1), (2,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 4}, "options.steps: 3 in the study, 4 asked for"),
        ({"max_seconds": 9.5}, "max_seconds: nothing in the study, 9.5 asked for"),
        ({"engine": "pathways"}, "engine: auto in the study, pathways asked for"),
        ({"problems": CONTRAST}, "problems: max-signal in the study, gm-wm asked for"),
    ],
)
def test_another_study_is_refused_with_the_difference(tmp_path, change, message):
    make(tmp_path)
    before = final(tmp_path)
    with pytest.raises(StudyError) as refused:
        make(tmp_path, **change)
    assert message in str(refused.value)
    assert final(tmp_path) == before


def test_a_changed_problem_is_refused_with_the_differences(tmp_path):
    make(tmp_path)
    terms = list(PROBLEM.objective.terms)
    terms[1] = replace(terms[1], weight=0.5)
    changed = replace(
        PROBLEM,
        search_space=replace(PROBLEM.search_space, max_delay=5.0, wait_ranges=((0.001, 0.02),)),
        objective=replace(PROBLEM.objective, terms=(*terms, replace(terms[2], name="again"))),
        title="Other",
    )
    with pytest.raises(StudyError) as refused:
        make(tmp_path, changed)
    assert str(refused.value).splitlines() == [
        f"{tmp_path} holds a study that differs from what is asked for:",
        "  objective[2].weight: 0.0001 in the study, 0.5 asked for",
        "  objective[4]: nothing in the study, {term = rf_number, weight = 0.001} asked for",
        "  search_space.wait_ranges_ms[1][2]: 10 in the study, 20 asked for",
        "  search_space.wait_ranges_ms[2]: [10, 100] in the study, nothing asked for",
        "  search_space.wait_ranges_ms[3]: [100, 1000] in the study, nothing asked for",
        "  search_space.max_delay_ms: 10000 in the study, 5000 asked for",
        "choose another folder (--out), or ask for the same, to which seeds may be added",
    ]
    make(tmp_path, replace(PROBLEM, title="A title affects no result"))


def test_a_range_that_follows_a_bound_is_no_difference_of_its_own(tmp_path):
    make(tmp_path, replace(PROBLEM, search_space=SearchSpace(max_rf=2)))
    space = SearchSpace(max_rf=2, max_delay=0.5)
    with pytest.raises(StudyError) as refused:
        make(tmp_path, replace(PROBLEM, search_space=space))
    keys = [line.split(":")[0].strip() for line in str(refused.value).splitlines()[1:-1]]
    assert keys == ["search_space.max_delay_ms"]


def test_of_several_problems_the_one_that_differs_is_named(tmp_path):
    make(tmp_path, (PROBLEM, CONTRAST))
    other = replace(CONTRAST, search_space=replace(CONTRAST.search_space, max_rf=3))
    with pytest.raises(StudyError, match=r"  gm-wm: search_space.max_rf: 2 in the study, 3 asked for"):
        make(tmp_path, (PROBLEM, other))


def test_another_strategy_is_refused_with_the_difference(tmp_path):
    make(tmp_path)
    with pytest.raises(StudyError, match="strategy: multistart in the study, random asked for") as refused:
        Study.create(tmp_path, PROBLEM, "random", range(3))
    assert "options" not in str(refused.value)


def test_a_folder_whose_study_was_not_begun_takes_another(tmp_path):
    make(tmp_path)
    (tmp_path / "study.toml").unlink()
    assert list(make(tmp_path, CONTRAST).problems) == ["gm-wm"]


def test_a_study_that_was_edited_is_refused(tmp_path):
    make(tmp_path)
    file = tmp_path / "study.toml"
    file.write_text(file.read_text().replace("max_delay_ms = 10000.0", "max_delay_ms = 5000.0"))
    with pytest.raises(StudyError, match="problem 'max-signal' is not the one that the study began with"):
        Study.open(tmp_path)


def test_a_study_of_a_newer_schema_is_refused(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "study")
    file = tmp_path / "study" / "study.json"
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 3'))
    before = final(tmp_path / "study")
    for use in (Study.open, lambda path: make(path, (PROBLEM, CONTRAST), range(2))):
        with pytest.raises(StudyError, match="is a study of schema version 3, and this version"):
            use(tmp_path / "study")
    assert final(tmp_path / "study") == before


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StudyError, match=r"holds thesis.tex but no study.toml: choose a new"):
        make(tmp_path)
    with pytest.raises(StudyError, match="is a file, not a folder"):
        make(tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": ()}, "at least one seed"),
        ({"seeds": (-1,)}, "none negative"),
        ({"stps": 3}, "has no option 'stps'"),
        ({"engine": "epg"}, "engine must be one of auto"),
        ({"max_seconds": 0.0}, "must be above 0"),
        ({"problems": (PROBLEM, PROBLEM)}, "problems of different names"),
        ({"problems": replace(PROBLEM, name="derived")}, "none 'derived'"),
        ({"problems": PROBLEM.with_term("mine", lambda m, s, v: m.sum(-1), 1.0)}, "is a Python function"),
    ],
)
def test_a_study_that_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_an_unknown_problem_is_told(whole):
    with pytest.raises(StudyError, match="has no problem 'gm'; it has max-signal, gm-wm"):
        whole.runs("gm")


def test_workers_do_not_change_a_bit(tmp_path, whole):
    study = make(tmp_path, (PROBLEM, CONTRAST), range(2))
    assert study.run(workers=2).done == 4
    assert final(tmp_path) == final(whole.folder)


def test_a_study_of_version_1_is_read():
    study = Study.open(GOLDEN)
    first, second = study.runs("max-signal")
    assert (first.seed, first.status, second.seed, second.status) == (0, "done", 2, "failed")
    expected = json.loads((GOLDEN / "max-signal" / "seed-0000" / "result.json").read_text())
    assert first.loss == expected["loss"]
    assert first.sequence.to_dict() == expected["sequence"]
    assert [point.step for point in first.history] == [1, 2, 3, 4]
    assert first.history[-1].loss < first.history[0].loss
    assert second.reason == "ArithmeticError: seed 2 raises"
    state = read_arrays(GOLDEN / "max-signal" / "seed-0001" / "checkpoint.npz")
    assert state["number"] == 2
    assert study.status()[0].counts == {"done": 1, "running": 0, "interrupted": 1, "waiting": 1, "failed": 1}
    assert study.table()[0]["best_loss"] == first.loss


def test_a_study_of_version_1_goes_on(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "study")
    made_with = QUICK | {"n_starts": 6, "n_children": 6, "n_elite": 4, "fresh": 0.15, "patience": 30}
    study = make(tmp_path / "study", Problem.load("max-signal"), seeds=range(5), **made_with)
    assert study.plan.seeds == ((0, 1, 2, 3), (4,))
    before = (seed_folder(study.folder, "max-signal", 0) / "result.json").stat().st_mtime_ns
    assert dataclasses.astuple(study.run()) == (5, 0, 0)
    assert (seed_folder(study.folder, "max-signal", 0) / "result.json").stat().st_mtime_ns == before
    again = json.loads((seed_folder(study.folder, "max-signal", 1) / "status.json").read_text())
    assert again["note"] == "the checkpoint was of other versions or another machine: begun again"
    assert [row["seed"] for row in study.results().to_dict("records")] == [0, 1, 2, 3, 4]
    assert (study.folder / "study.json").read_bytes() == (GOLDEN / "study.json").read_bytes()
    plan = (study.folder / "study.toml").read_text()
    assert plan.replace('["0-3", "4"]', '["0-3"]') == (GOLDEN / "study.toml").read_text()


def test_a_study_of_version_1_that_was_edited_is_refused(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "study")
    file = tmp_path / "study" / "study.toml"
    file.write_text(file.read_text().replace("mean = 1331.0", "mean = 1332.0"))
    with pytest.raises(StudyError, match="problem 'max-signal' is not the one that the study began with"):
        Study.open(tmp_path / "study")


def test_a_study_opens_after_keys_with_a_default_were_added(tmp_path):
    make(tmp_path, seeds=(0,))
    file = tmp_path / "study.toml"
    lines = file.read_text().splitlines(keepends=True)
    later = ("max_flip_deg", "b0_hz = 0.0")
    assert {line.split(" =")[0] for line in lines if line.startswith(later)} == {"max_flip_deg", "b0_hz"}
    before = "".join(line for line in lines if not line.startswith(later))
    file.write_text(before)
    assert make(tmp_path, seeds=(0, 1)).plan.seeds == ((0,), (1,))
    assert file.read_text() == before.replace('["0"]', '["0", "1"]')
    other = replace(PROBLEM, search_space=replace(PROBLEM.search_space, max_flip=4.0))
    with pytest.raises(StudyError) as refused:
        make(tmp_path, other)
    assert "search_space.max_flip_deg: inf in the study, 229.183118052 asked for" in str(refused.value)


@dataclasses.dataclass(frozen=True)
class SlowMultistart(Multistart):
    """Multistart of a later version, with one more option."""

    patience_s: float = 3.0


def test_a_study_opens_after_an_option_with_a_default_was_added(tmp_path, monkeypatch):
    make(tmp_path, seeds=(0,))
    monkeypatch.setitem(STRATEGIES, "multistart", SlowMultistart)
    assert make(tmp_path, seeds=(0, 1)).plan.seeds == ((0,), (1,))
    with pytest.raises(StudyError, match=r"options.patience_s: 3 in the study, 4 asked for"):
        make(tmp_path, seeds=(0, 1), patience_s=4.0)


def test_a_study_says_in_a_line_what_it_is(whole):
    assert repr(whole) == (
        f"Study('{whole.folder}': max-signal, gm-wm, multistart, seeds 0-1; 4 done, 0 failed, 0 left)"
    )


def test_the_record_of_a_study_is_that_of_its_searches(whole):
    records = json.loads(json_text(whole.records()))
    for problem, record in zip((PROBLEM, CONTRAST), records, strict=True):
        expected = json.loads(json_text(result_record(search(problem, seeds=range(2), **QUICK))))
        for run in (*record["runs"], *expected["runs"]):
            del run["seconds"]
        assert record == expected


def test_a_seed_folder_sorts_by_number():
    assert seed_folder(Path("s"), "p", 7) == Path("s/p/seed-0007")
    assert seed_folder(Path("s"), "p", 123456) == Path("s/p/seed-123456")
