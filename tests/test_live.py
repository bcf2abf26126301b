import pytest

from sequence_search.problem.problem import Problem
from sequence_search.strategies import search
from sequence_search.strategies.base import Monitor
from strategy_cases import QUICK

PROBLEM = Problem.load("max-signal")


@pytest.mark.parametrize(
    ("terminal", "options", "shown"),
    [
        (True, {}, True),
        (True, {"progress": False}, False),
        (True, {"monitor": Monitor()}, False),
        (False, {}, False),
    ],
)
def test_progress_is_shown_where_a_person_watches(monkeypatch, capsys, terminal, options, shown):
    monkeypatch.setenv("COLUMNS", "100")
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    search(PROBLEM, **QUICK["multistart"], **options)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("seed 0  " in printed.err) is shown
    assert ("loss 0.0" in printed.err) is shown
    assert ("structures" in printed.err) is shown
    if not shown:
        assert printed.err == ""
