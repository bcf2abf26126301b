"""A trade-off front in a page."""

import json
import re
from dataclasses import replace

from page_results import result_of
from sequence_search.analysis.costs import cost_of
from sequence_search.analysis.front import Front, FrontPoint
from sequence_search.page.front import front_section
from sequence_search.page.report import report
from sequence_search.problem.problem import Problem

PROBLEM = Problem.load("max-signal")


def with_loss(design, loss):
    return replace(design, evaluation=replace(design.evaluation, loss=loss))


def front():
    """Of three designs, the last of which the others beat."""
    designs = result_of(PROBLEM, 1).runs[0].families
    cost = cost_of(PROBLEM, "rf_energy")
    points = [
        FrontPoint(0.1 * number, with_loss(design, 0.5 - 0.1 * number), f"kind <{number}>", number < 3)
        for number, design in enumerate(designs, start=1)
    ]
    verdict = result_of(PROBLEM, 4).verdict
    return Front(PROBLEM, cost, tuple(points), verdict, "done", None, 1.0, 100)


def test_its_points_are_numbered_on_from_the_designs_and_escaped():
    text = front_section(front(), 7)
    numbers = [int(part.split('"')[0]) for part in text.split('data-play="')[1:]]
    assert numbers == [7, 8]
    assert "kind &lt;1&gt;" in text
    assert "kind &lt;3&gt;" not in text
    assert "<td>0.300000</td>" in text  # the loss of the second, without the cost


def test_a_page_holds_the_sequences_that_its_rows_play_with():
    page = report(result_of(PROBLEM, 2), front=front())
    data = json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))
    numbers = [int(part.split('"')[0]) for part in page.split('data-play="')[1:]]
    assert numbers == list(range(len(data["sequences"])))
    assert len(numbers) == len(data["designs"]) + 2
    second = front().front[1].design.sequence
    assert data["sequences"][-1]["flip"] == second.flip_angle.tolist()
