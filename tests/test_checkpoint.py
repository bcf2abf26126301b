"""A search that was interrupted and goes on from its checkpoint ends at the result of one that was not."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from sequence_search.problem.problem import Problem
from sequence_search.strategies import STRATEGIES, make_strategy
from sequence_search.strategies.base import Monitor, Settings
from strategy_cases import QUICK, Memory

PROBLEM = Problem.load("max-signal")
CASES = QUICK | {"proxyless": QUICK["proxyless"] | {"polish": True, "momentum": 0.9}}
SEEDS = {"proxyless": (3, 5)}
pytestmark = pytest.mark.parametrize("strategy", STRATEGIES)


def run(strategy, memory, **budget):
    settings = Settings(monitor=Monitor(stop=memory.stop), checkpoint=memory, **budget)
    return make_strategy(strategy, CASES[strategy]).run(PROBLEM, SEEDS.get(strategy, (3,)), settings)


def same(run):
    """What must not depend on interruptions: all but the time."""
    designs = [
        (
            design.sequence.flip_angle.tolist(),
            design.sequence.phase.tolist(),
            design.sequence.delay.tolist(),
            design.evaluation,
            design.check_loss,
        )
        for design in run.families
    ]
    history = [(point.step, point.loss, point.evaluations) for point in run.history]
    return run.seed, run.status, run.reason, run.n_evaluations, designs, history


@pytest.fixture(scope="module")
def uninterrupted():
    def compute(strategy):
        if strategy not in known:
            memory = Memory()
            known[strategy] = [same(each) for each in run(strategy, memory)], memory.asked
        return known[strategy]

    known = {}
    return compute


def test_from_any_interruption_the_same_end_is_reached(strategy, uninterrupted):
    expected, asked = uninterrupted(strategy)
    assert asked > 10
    for stop_at in np.linspace(1, asked, 4).astype(int):
        first = Memory(stop_at)
        interrupted = run(strategy, first)
        assert {each.status for each in interrupted} <= {"interrupted", "failed"}
        second = Memory()
        second.started_from = first.states[-1]
        assert [same(each) for each in run(strategy, second)] == expected, stop_at


def test_from_any_checkpoint_on_the_way_the_same_end_is_reached(strategy, uninterrupted):
    expected, _ = uninterrupted(strategy)
    memory = Memory()
    run(strategy, memory)
    assert len(memory.states) > 3
    for state in memory.states[:: max(1, len(memory.states) // 3)]:
        again = Memory()
        again.started_from = copy.deepcopy(state)
        assert [same(each) for each in run(strategy, again)] == expected


def test_budgets_count_what_was_spent_before(strategy):
    memory = Memory()
    whole = run(strategy, memory, max_evaluations=60.0)
    assert {each.status for each in whole} == {"cut"}
    first = Memory(3)
    run(strategy, first, max_evaluations=60.0)
    again = Memory()
    again.started_from = first.states[-1]
    assert [same(each) for each in run(strategy, again, max_evaluations=60.0)] == [same(e) for e in whole]
    again = Memory()
    again.started_from = first.states[-1] | {"seconds": 1e6}
    cut = run(strategy, again, max_seconds=1e5)
    assert {each.reason for each in cut} == {"cut at max_seconds = 100000; the best so far"}


def test_threads_do_not_change_a_bit(strategy):
    large = {"n_voxels": 4000, "voxels_per_step": 2000} if strategy == "proxyless" else {"steps": 8}
    ends = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            search = make_strategy(strategy, CASES[strategy] | large)
            ends.append([same(each) for each in search.run(PROBLEM, SEEDS.get(strategy, (3,)), Settings())])
    finally:
        torch.set_num_threads(before)
    assert ends[0] == ends[1] == ends[2]


def test_a_state_is_arrays_and_plain_values(strategy):
    memory = Memory()
    run(strategy, memory)

    def is_plain(value):
        if isinstance(value, dict):
            return all(isinstance(key, str) and is_plain(part) for key, part in value.items())
        if isinstance(value, list):
            return all(map(is_plain, value))
        return value is None or isinstance(value, str | bool | int | float)

    for value in memory.states[-1].values():
        if isinstance(value, np.ndarray):
            assert value.dtype != object
        else:
            assert is_plain(value)
    assert not any(dataclasses.is_dataclass(value) for value in memory.states[-1].values())
