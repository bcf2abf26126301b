"""A trade-off front in a page."""

import json
import re

from page_results import front_of, result_of
from sequence_search.page.front import front_section
from sequence_search.page.report import report
from sequence_search.problem.problem import Problem

PROBLEM = Problem.load("max-signal")


def test_its_points_are_numbered_on_from_the_designs_and_escaped():
    text = front_section(front_of(PROBLEM), 7)
    numbers = [int(part.split('"')[0]) for part in text.split('data-play="')[1:]]
    assert numbers == [7, 8]
    assert "kind &lt;1&gt;" in text
    assert "kind &lt;3&gt;" not in text
    assert "<td>0.300000</td>" in text  # the loss of the second, without the cost


def test_a_page_holds_the_sequences_that_its_rows_play_with():
    page = report(result_of(PROBLEM, 2), front=front_of(PROBLEM))
    data = json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))
    numbers = [int(part.split('"')[0]) for part in page.split('data-play="')[1:]]
    assert numbers == list(range(len(data["sequences"])))
    assert len(numbers) == len(data["designs"]) + 2
    second = front_of(PROBLEM).front[1].design.sequence
    assert data["sequences"][-1]["flip"] == second.flip_angle.tolist()
