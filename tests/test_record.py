import dataclasses
import json
import math
from pathlib import Path

import pytest

import paper_runs
from limit_cases import limited
from sequence_search.layout import SPOILER, Layout
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.storage import json_text
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.record import read_result, read_run, result_record, run_record, seed_record
from sequence_search.strategies.result import Point, SearchResult, failed

GOLDEN = Path(__file__).parent / "data" / "study-v1"
PROBLEM = Problem.load("max-signal")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])


FINISHER = Finisher(PROBLEM, "auto")


def done(seed=0):
    return FINISHER.finish(
        seed,
        [ECHO],
        Meter(Settings()),
        history=(Point(0, 0.5, 9, 0.1), Point(1, math.nan, 9, 0.1)),
    )


def test_the_record_of_a_run():
    record = run_record(PROBLEM, done())
    assert record["sequence"] == {"flip_deg": [88, 177], "phase_deg": [0, 180], "delay_ms": [6.2, 6.2]}
    assert record["families"][0]["loss"] == record["loss"]
    assert record["check_loss"] == pytest.approx(record["loss"], rel=0.01)
    assert set(record) >= {"seed", "status", "category", "loss", "terms", "signal", "seconds"}
    assert record["loss"] == pytest.approx(sum(record["terms"].values()))


def test_the_record_of_a_failed_run_says_why():
    record = run_record(PROBLEM, failed(3, "loss is nan at step 7", 0.1))
    assert record["status"] == "failed"
    assert record["reason"] == "loss is nan at step 7"
    assert record["loss"] is record["sequence"] is None
    assert set(record) == set(run_record(PROBLEM, done())) | {"reason"}


def test_the_record_of_a_search():
    result = SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1), done(1)))
    record = json.loads(json.dumps(result_record(result)))
    assert list(record) == [
        "schema_version",
        "problem",
        "problem_sha256",
        "strategy",
        "options",
        "engine",
        "ensemble",
        "check_ensemble",
        "versions",
        "device",
        "verdict",
        "runs",
    ]
    assert (record["schema_version"], record["problem"]) == (2, "max-signal")
    assert record["problem_sha256"] == PROBLEM.digest
    assert set(record["versions"]) >= {"python", "sequence-search", "torch"}
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    expected = {
        "n_islands": 1,
        "n_agree": 1,
        "n_families": 1,
        "chance_left": pytest.approx(2 / 3),
        "verdict": "more search",
    }
    assert record["verdict"] == expected


def test_a_seed_is_read_back_from_its_record():
    run = done(7)
    record = json.loads(json.dumps(seed_record(PROBLEM, run)))
    assert record["schema_version"] == 2
    assert record["problem_sha256"] == PROBLEM.digest
    again = read_run(record, run.history[:1], run.seconds)
    assert seed_record(PROBLEM, again) == record
    assert (again.seed, again.status, again.loss) == (7, "done", run.loss)
    assert (again.seconds, again.history) == (run.seconds, run.history[:1])
    assert str(again.sequence) == str(run.sequence)
    assert again.evaluation.signal == run.evaluation.signal
    assert again.evaluation.time_to_readout == pytest.approx(12.4e-3)


def test_wishes_are_on_record_where_there_are_limits():
    problem = limited("[limits]\nte_ms = 22\nti_ms = { low = 300 }\n")
    run = paper_runs.run(0, [88, 177], [0, 180], [10, 10], problem=problem)
    record = json.loads(json_text(seed_record(problem, run)))
    te, ti = record["wishes"]
    assert te == {"name": "te_ms", "met": True, "value": 20, "low": None, "high": 22, "margin": 2}
    assert ti == {"name": "ti_ms", "met": False, "value": None, "low": 300, "high": None, "margin": None}
    assert read_run(record, (), 1.0).families[0].evaluation.wishes == run.families[0].evaluation.wishes
    assert "wishes" not in seed_record(PROBLEM, done())


def test_nothing_in_the_record_of_a_seed_depends_on_time():
    slow = dataclasses.replace(done(), seconds=1e6, history=())
    assert seed_record(PROBLEM, slow) == seed_record(PROBLEM, done())


@pytest.mark.parametrize("loss", [math.inf, math.nan])
def test_a_check_loss_that_is_no_number_is_strict_json_and_comes_back(loss):
    best = dataclasses.replace(done().families[0], check_loss=loss)
    run = dataclasses.replace(done(), families=(best,))
    text = json_text(seed_record(PROBLEM, run))
    assert not {"NaN", "Infinity"} & set(text.replace(",", " ").split())
    again = read_run(json.loads(text), (), run.seconds)
    assert str(again.families[0].check_loss) == str(loss)


def test_results_of_version_1_are_read():
    record = json.loads((GOLDEN / "max-signal" / "seed-0000" / "result.json").read_text())
    assert record["schema_version"] == 1
    run = read_run(record, (), 1.0)
    assert (run.seed, run.status, run.loss) == (0, "done", record["loss"])
    assert run.sequence.to_dict() == record["sequence"]
    assert run.sequence.layout is None


def test_a_design_with_a_layout_is_read_back():
    layout = Layout.train(2, before=(SPOILER,), crusher=1, steady=True)
    sequence = Sequence.from_degrees_ms([180, 90, 150, 150], [0, 90, 0, 0], [100, 4, 880], layout=layout)
    run = done()
    run = dataclasses.replace(run, families=(dataclasses.replace(run.families[0], sequence=sequence),))
    record = json.loads(json_text(seed_record(PROBLEM, run)))
    assert record["category"] == (
        "4 RF: spin echo train of 2 refocusing pulses (CPMG), inversion-prepared;"
        " spoiler, crushers, 2 readouts, TR 996 ms"
    )
    assert read_run(record, (), 1.0).sequence == sequence


def test_a_search_is_read_back_from_its_record():
    result = SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1), done(1)), {"steps": 7})
    read = read_result(json.loads(json_text(result_record(result))), PROBLEM)
    assert result_record(read) == result_record(result)
    record = result_record(result)
    for name, value, message in (
        ("schema_version", 1, "schema_version must be"),
        ("problem_sha256", "0" * 64, r"is of 'max-signal' \(0{12}\), not of 'max-signal'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_result(record | {name: value}, PROBLEM)
