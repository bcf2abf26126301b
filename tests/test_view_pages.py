"""Pages as the server gives them."""

import base64
import hashlib
import re
from dataclasses import replace

from sequence_search.page.html import POLICY, document
from sequence_search.problem.problem import Problem
from sequence_search.view.pages import SERVED_POLICY, served, task_page, waiting_page


def test_a_page_of_a_file_is_served_whole_with_a_place_to_follow():
    page = document("a title", "<p>a report</p>", {"a": 1})
    made = served(page, {"token": "secret"})
    assert POLICY in page
    assert POLICY not in made  # which would let it ask for nothing
    assert made.index('<section id="live"') < made.index("<p>a report</p>")
    assert '<script type="application/json" id="live-data">{"token":"secret"}</script>' in made
    assert made.count("<script") == page.count("<script") + 1


def test_what_the_live_data_hold_ends_no_script():
    made = served(document("a", "b", {}), {"folder": "</script><script>alert(1)</script>"})
    assert "alert(1)</script>" not in made.replace("\\u003c/script>", "")


def test_the_script_that_may_run_is_that_of_the_page():
    script = re.findall(r"<script>(.*?)</script>", task_page({}), re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in SERVED_POLICY
    assert "script-src 'unsafe-inline'" not in SERVED_POLICY


def test_titles_are_escaped():
    problem = replace(Problem.load("max-signal"), title="<img src=x onerror=alert(1)>")
    page = waiting_page(problem, {})
    assert "<img" not in page
    assert "&lt;img src=x" in page
    assert "Wanted: as much signal" in page
    assert "<h1>A study</h1>" in waiting_page(None, {})
