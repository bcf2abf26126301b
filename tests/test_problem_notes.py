import re

import pytest

from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem

TEXT = problem_text("max-signal")


@pytest.mark.parametrize("name", builtin_problems())
def test_the_paper_gives_no_cause(name):
    assert Problem.load(name).notes() == []


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("{ mean = 1331, sd = 57 }", "1.331", "t1_ms of GM is 1.331 ms: seconds given for milliseconds"),
        ("{ mean = 80, sd = 3 }", "0.08", "t2_ms of WM is 0.08 ms: seconds given for milliseconds"),
        ("{ mean = 170, sd = 27 }", "0.05", "t2_prime_ms of GM is 0.05 ms: seconds given for milliseconds"),
        ("m0 = 1.0", "m0 = 500", "m0 of CSF is 500: is it meant so large"),
        (
            "weight = 1.0",
            "weight = 1.0\nworst_share = 0.001",
            "worst_share 0.001 of term 'signal' is of hardly",
        ),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = 0.0062", "min_rf_delay_ms is 0.0062 ms: seconds given"),
        ("max_delay_ms = 10000 ", "max_delay_ms = 10 ", "max_delay_ms is 10 ms: seconds given"),
        (
            "b0_hz = { low = -50, high = 50 }",
            "b0_hz = { mean = 0, sd = 1e4 }",
            "b0_hz is 1e.04 Hz: is it meant",
        ),
        ("spread_hz = 30 ", "spread_hz = 30000 ", "spread_hz is 3e.04 Hz: is it meant so large"),
        ("{ low = 0.8, high = 1.2 }", "0.05", "b1 is 0.05: is it meant so small"),
        ("flip_range_deg = [0, 180]", "flip_range_deg = [0, 3.14]", "radians given for degrees"),
        ("max_rf = 5 ", "max_flip_deg = 3\n", "max_flip_deg is 3 deg: radians given for degrees"),
        (
            "[search_space]",
            "[limits]\nte_ms = { low = 0.03 }\n[search_space]",
            "te_ms of the limits is 0.03 ms: seconds",
        ),
        (
            "[search_space]",
            "[limits]\nti_ms = { low = 0.9 }\n[search_space]",
            "ti_ms of the limits is 0.9 ms",
        ),
        (
            "[search_space]",
            "[limits]\nmax_flip_deg = 3\n[search_space]",
            "max_flip_deg of the limits is 3 deg",
        ),
        (
            "flip_range_deg = [0, 180]",
            "flip_range_deg = [0, 30]",
            "at 30 and holds for the start only",
        ),
        ("sd = 27", "sd = 80", "1.8 % of the draws of t2_prime in GM fall below 1 % of the mean"),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = 100", "T2 of WM is shorter than min_rf_delay_ms"),
        (
            'term = "signal"\nweight = 1.0\ntissues = ["GM", "WM", "CSF"]',
            'term = "rf_number"\nweight = 1.0',
            "no term of the objective is of the signal",
        ),
    ],
)
def test_likely_mistakes_are_noted(old, new, note):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    if new in ("1.331", "max_flip_deg = 3\n", "max_delay_ms = 10 "):
        text = (
            text.replace("{ mean = 110, sd = 9 }", "2.0")
            .replace("flip_range_deg", "# ")
            .replace("wait_", "# ")
        )
    assert any(re.search(note, each) for each in Problem.from_toml(text).notes())


def test_times_of_what_is_not_played_are_noted():
    pulse = "[pulses.short]\nshape = 'sinc'\nduration_ms = 2\ntime_bandwidth = 4\n"
    text = TEXT.replace("[search_space]", "[search_space]\npulses = ['short']\n")
    assert Problem.from_toml(text + pulse).notes() == []
    text = text.replace("[search_space]", "[search_space]\ncrusher_ms = 3")
    crusher, rephaser = sorted(Problem.from_toml(text + pulse + "rephaser_ms = 2").notes())
    assert crusher == "crusher_ms is of crushers and spoilers, and there are none: state gradients"
    assert "rephaser_ms of pulse short is of a slice" in rephaser
    text = text.replace("[search_space]", "[search_space]\ngradients = ['none', 'spoiler']")
    assert Problem.from_toml(text + pulse + "rephaser_ms = 2\nslice = true").notes() == []


def test_a_bound_that_holds_needs_no_note():
    text = TEXT.replace("flip_range_deg = [0, 180]", "flip_range_deg = [0, 30]\nmax_flip_deg = 30")
    assert Problem.from_toml(text).notes() == []
