import math
from dataclasses import dataclass, replace

import pytest

from sequence_search.sequence import Sequence
from sequence_search.strategies.base import Monitor, Progress, Settings
from sequence_search.strategies.drive import drive
from strategy_cases import Memory

ECHO = Sequence.from_degrees_ms([90], [0], [7])


@dataclass(frozen=True)
class Count:
    step: int = 0
    total: float = 0.0


class Counting:
    """Ten steps of three evaluations each; asks in between."""

    def __init__(self):
        self.done = 0

    def init(self, seeds):
        return Count(total=float(sum(seeds)))

    def step(self, state, meter):
        self.done += 1
        new = replace(state, step=state.step + 1)
        for _ in range(3):
            meter.spend(1)
            if meter.must_end():
                return new
        return replace(new, total=state.total + 1)

    def is_over(self, state):
        return state.step == 10

    def progress(self, state):
        return Progress(0, state.step, 10, state.total, ECHO) if state.step % 2 else None

    def finish(self, state, meter):
        return state, meter.status, meter.evaluations


def test_a_search_is_stepped_to_its_end():
    seen = []
    end, status, evaluations = drive(Counting(), (3, 4), Settings(monitor=Monitor(seen.append)))
    assert (end, status, evaluations) == (Count(10, 17.0), "done", 30)
    assert [each.step for each in seen] == [1, 3, 5, 7, 9]


def test_it_goes_on_from_the_last_whole_step():
    memory = Memory(stop_at=6)  # in the second step
    end, status, _ = drive(Counting(), (0,), Settings(monitor=Monitor(stop=memory.stop), checkpoint=memory))
    assert (end, status) == (Count(2, 1.0), "interrupted")
    assert memory.states[-1]["state"] == {"step": 1, "total": 1.0}
    assert memory.states[-1]["evaluations"] == 3
    again = Memory()
    again.started_from = memory.states[-1]
    search = Counting()
    assert drive(search, (0,), Settings(checkpoint=again)) == (Count(10, 10.0), "done", 30)
    assert search.done == 9


def test_a_spent_budget_takes_no_step_but_the_first():
    search = Counting()
    end, status, _ = drive(search, (0,), Settings(max_seconds=1e-9))
    assert (end.step, status, search.done) == (1, "cut", 1)
    spent = Memory()
    spent.started_from = {"state": {"step": 4, "total": 4.0}, "evaluations": 12, "seconds": 1e6}
    search = Counting()
    end, status, evaluations = drive(search, (0,), Settings(max_seconds=1e5, checkpoint=spent))
    assert (end.step, status, evaluations, search.done) == (4, "cut", 12, 0)


def test_a_budget_that_just_suffices_is_no_cut():
    assert drive(Counting(), (0,), Settings(max_evaluations=31.0))[1] == "done"


def test_an_end_at_once_leaves_the_state():
    def end_at_once(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    memory = Memory()
    memory.due = lambda: False
    with pytest.raises(KeyboardInterrupt):
        drive(Counting(), (0,), Settings(monitor=Monitor(end_at_once), checkpoint=memory))
    assert [each["state"]["step"] for each in memory.states] == [5]
    assert math.isfinite(memory.states[0]["seconds"])
