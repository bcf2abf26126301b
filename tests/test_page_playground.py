"""The page of a sequence to play with."""

import json
import re
from html.parser import HTMLParser

import pytest

from sequence_search.page.html import inside_script
from sequence_search.page.playground import first_sequence, playground
from sequence_search.problem.library import builtin_problems, templates
from sequence_search.problem.problem import Problem
from sequence_search.report.robustness import N_B0
from sequence_search.sequence import Sequence

PROBLEM = Problem.load("max-signal")
SPIN_ECHO = Sequence.from_degrees_ms([90, 180], [0, 180], [7, 7])


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))


class Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self, page):
        super().__init__()
        self.names = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)


def test_it_holds_the_problem_and_the_sequence():
    data = data_of(playground(PROBLEM, SPIN_ECHO, "my/problem.toml"))
    assert data["problem"]["source"] == "my/problem.toml"
    assert [tissue["name"] for tissue in data["problem"]["tissues"]] == ["GM", "WM", "CSF"]
    assert data["sequences"][0]["delay"] == [0.007, 0.007]
    assert len(data["problem"]["b0"]) == N_B0  # of the figures beside it


def test_text_of_the_users_ends_no_element():
    text = PROBLEM.to_toml().replace('title = "', 'title = "</h1></title><script>alert(1)</script> ')
    page = playground(Problem.from_toml(text), SPIN_ECHO)
    assert Tags(page).names.count("script") == 2  # the data and the bundle
    assert "</script>" not in inside_script({"name": "</script><!--"})


def test_nothing_but_numbers_goes_into_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        inside_script({"loss": float("nan")})


def test_a_sequence_that_cannot_be_played_is_refused():
    with pytest.raises(ValueError, match="at least one pulse"):
        playground(PROBLEM, Sequence.from_degrees_ms([], [], []))


WM_OVER_GM = ("contrast", "spin-echo-2d")  # GM is nulled for it


@pytest.mark.parametrize("name", [*builtin_problems(), *templates()])
def test_every_problem_has_a_sequence_to_begin_with(name):
    problem = Problem.load(name)
    first = first_sequence(problem)
    problem.check_sequence(first)
    assert first.is_steady == problem.acquisition.is_repeated
    assert len(first.flip_angle) == (3 if name in WM_OVER_GM else 2)
