import dataclasses
import json
import math

import pytest

from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Meter, Settings
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.record import read_run, result_record, run_record, seed_record
from sequence_search.strategies.result import Point, SearchResult, failed

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
    record = run_record(done())
    assert record["sequence"] == {"flip_deg": [88, 177], "phase_deg": [0, 180], "delay_ms": [6.2, 6.2]}
    assert record["families"][0]["loss"] == record["loss"]
    assert record["check_loss"] == pytest.approx(record["loss"], rel=0.01)
    assert set(record) >= {"seed", "status", "loss", "terms", "signal", "seconds", "history"}
    assert record["loss"] == pytest.approx(sum(record["terms"].values()))
    assert record["history"][0] == {"step": 0, "loss": 0.5, "evaluations": 9, "seconds": 0.1}
    assert record["history"][1]["loss"] is None
    assert "history" not in run_record(done(), history=False)


def test_the_record_of_a_failed_run_says_why():
    record = run_record(failed(3, "loss is nan at step 7", 0.1))
    assert record["status"] == "failed"
    assert record["reason"] == "loss is nan at step 7"
    assert record["loss"] is record["sequence"] is None
    assert set(record) == set(run_record(done())) | {"reason"}


def test_the_record_of_a_search():
    result = SearchResult(PROBLEM, "multistart", (failed(0, "no", 0.1), done(1)))
    record = json.loads(json.dumps(result_record(result)))
    assert record["problem"] == "max-signal"
    assert record["problem_sha256"] == PROBLEM.digest
    assert set(record["versions"]) >= {"python", "sequence-search", "torch"}
    assert [run["seed"] for run in record["runs"]] == [0, 1]


def test_a_seed_is_read_back_from_its_record():
    run = done(7)
    record = json.loads(json.dumps(seed_record(PROBLEM, run)))
    assert record["schema_version"] == 1
    assert record["problem_sha256"] == PROBLEM.digest
    again = read_run(record, run.history[:1], run.seconds)
    assert seed_record(PROBLEM, again) == record
    assert (again.seed, again.status, again.loss) == (7, "done", run.loss)
    assert (again.seconds, again.history) == (run.seconds, run.history[:1])
    assert str(again.sequence) == str(run.sequence)
    assert again.evaluation.signal == run.evaluation.signal
    assert again.evaluation.time_to_readout == pytest.approx(12.4e-3)


def test_nothing_in_the_record_of_a_seed_depends_on_time():
    slow = dataclasses.replace(done(), seconds=1e6, history=())
    assert seed_record(PROBLEM, slow) == seed_record(PROBLEM, done())
