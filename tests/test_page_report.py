"""The page of what a search found."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from page_results import SPIN_ECHO, result_of
from sequence_search.explanation.explanation import summarize
from sequence_search.page.designs import cards_of, change_text
from sequence_search.page.report import measured_line, report
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import SearchResult, failed

PROBLEM = Problem.load("max-signal")


@pytest.fixture(scope="module")
def page():
    return report(result_of(PROBLEM, 4), command="sequence-search run max-signal --out 'a<b'")


class Reader(HTMLParser):
    """Elements of a page, and its text outside of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        self.text += "" if self._hidden else data


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page).group(1))


def test_the_answer_comes_first_with_the_numbers_the_words_and_the_verdict(page):
    text = Reader(page).text
    summary = summarize(PROBLEM, SPIN_ECHO)
    order = [
        PROBLEM.title,
        measured_line(summary.compared),
        summary.sentences[0],
        "1 of 4 independent searches agree",
        "Designs to compare",
        "Every seed",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


def test_distinct_designs_and_the_conventional_sequence_are_cards_to_play_with(page):
    data = data_of(page)
    titles = [design["title"] for design in data["designs"]]
    assert titles == [
        *("Design 1", "Design 2", "Design 3"),
        *("Conventional sequence", "Conventional sequence, polished"),
    ]
    assert len(data["sequences"]) == len(titles)
    rows = {row["label"]: row["number"] for row in data["designs"][0]["rows"]}
    assert rows["loss"] == PROBLEM.evaluate(SPIN_ECHO).loss
    assert rows["pulses"] == 2
    assert sum("data-play" in given for _, given in Reader(page).tags) == len(titles)


def test_a_loss_is_told_relative_to_the_conventional_one_or_as_a_difference():
    assert change_text(0.9, 1.0) == "−10.0\u00a0%"
    assert change_text(4.1, 1.0) == "+310.0\u00a0%"
    assert change_text(-0.5, -1.0) == "+50.0\u00a0%"
    assert change_text(-1.4, 0.2) == "−1.6000"
    assert change_text(0.3, 0.01) == "+0.2900"
    assert change_text(0.25, 0.0) == "+0.2500"


def test_a_loss_without_a_conventional_sequence_beside_it_has_a_minus_too():
    design, *_ = summarize(PROBLEM, SPIN_ECHO).compared
    assert measured_line((replace(design, loss=-0.25),)).startswith("Loss −0.2500; no conventional")


def test_each_card_but_the_last_tells_how_it_stands_beside_the_conventional_sequence(page):
    polished = data_of(page)["designs"][-1]["rows"][0]["number"]
    third = data_of(page)["designs"][2]["rows"][0]["number"]
    assert f", {change_text(third, polished)} against the conventional sequence, polished" in page
    assert page.count("against the conventional sequence, polished") == 4


def test_the_best_of_a_grid_is_a_card_too():
    result = result_of(PROBLEM, 2)
    worse = result.runs[0].families[1]
    cards = cards_of(PROBLEM, list(result.runs), summarize(PROBLEM, SPIN_ECHO).compared, worse)
    assert [card.title for card in cards[3:]] == [
        *("Best point of the grid", "Conventional sequence", "Conventional sequence, polished")
    ]
    assert cards[3].evaluation.loss == worse.loss


def test_nothing_is_asked_of_the_network(page):
    for tag, given in Reader(page).tags:
        assert tag != "link"
        assert given.get("src", "data:").startswith("data:")
        assert "href" not in given
    assert "default-src 'none'" in page


def test_every_text_is_escaped(page):
    assert "&#x27;a&lt;b&#x27;" in page  # of the command
    text = PROBLEM.to_toml().replace("[tissues.GM]", '[tissues."<script>x</script>"]')
    named = Problem.from_toml(text.replace('"GM"', '"<script>x</script>"'))
    other = report(result_of(named, 2))
    scripts = [given for tag, given in Reader(other).tags if tag == "script"]
    assert len(scripts) == 2
    assert "<script>x</script>" in Reader(other).text


def test_pictures_say_what_they_show(page):
    pictures = [given for tag, given in Reader(page).tags if tag == "img"]
    assert all(given["alt"] for given in pictures)


def test_the_strip_tells_how_many_seeds_are_within_5_percent(page):
    assert "1 of 4 seeds within 5 % of the best loss" in Reader(page).text


@pytest.mark.slow
def test_a_thousand_seeds_are_under_3_mb():
    assert len(report(result_of(PROBLEM, 1000)).encode()) < 3_000_000


@pytest.mark.slow
def test_kinds_of_pulse_are_shown_across_the_slice():
    problem = Problem.load("spin-echo-2d")
    played = problem.played(
        Sequence.from_degrees_ms([180, 90, 170], [0, 0, 90], [500, 10, 10]),
        kinds=["invert", "excite", "refocus"],
        gradients=["spoiler", "crusher", "crusher"],
    )
    text = Reader(report(result_of(problem, 2, (played,)))).text
    assert "Across the slice" in text
    assert "the spoiler after pulse 1" in text


def test_gradients_and_a_tr_are_shown():
    text = PROBLEM.to_toml().replace("[search_space]", "[sequence]\ntr_ms = 3000\n\n[search_space]")
    problem = Problem.from_toml(text.replace('gradients = ["none"]', 'gradients = ["none", "crusher"]'))
    played = problem.played(
        Sequence.from_degrees_ms([90, 170], [0, 90], [10, 10]), gradients=["crusher", "crusher"]
    )
    page = report(result_of(problem, 2, (played,)))
    assert "the crushers after pulses 1 and 2" in Reader(page).text
    assert data_of(page)["sequences"][0]["layout"]["steady"]


def test_runs_without_a_design_are_refused_if_there_is_no_other():
    with pytest.raises(ValueError, match="no run of 'max-signal' ended with a sequence"):
        report(SearchResult(PROBLEM, "multistart", (failed(0, "too slow", 1.0),)))
