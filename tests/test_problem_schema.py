import pytest

from sequence_search.distributions import Normal, Uniform
from sequence_search.problem.library import problem_text
from sequence_search.problem.schema import ProblemError, read_tables

GOOD = problem_text("gm-wm")


def test_the_shipped_file_is_read():
    tables = read_tables(GOOD, "gm-wm.toml")
    assert tables.tissues["GM"].t1_ms == Normal(1331.0, 57.0)
    assert tables.imaging.b1 == Uniform(0.8, 1.2)
    assert tables.objective[1].tissues == ("GM", "WM")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("t1_ms = { mean = 1331", "t1 = { mean = 1331", "tissues.GM.t1: unknown key, did you mean 't1_ms'"),
        (
            "t1_ms = { mean = 1331",
            "t1_s = { mean = 1331",
            "tissues.GM.t1_s: unknown key, did you mean 't1_ms'",
        ),
        ("[imaging]", "[imagin]", "imagin: unknown key, did you mean 'imaging'"),
        ("spread_hz = 30 ", "# ", "imaging.spread_hz: is missing"),
        (
            'tissues = ["GM", "WM", "CSF"]',
            'tissues = "CSF"',
            r"must be a list of values in brackets, as \['CSF'\]",
        ),
        ("max_rf = 5", "max_pulses = 5", "search_space.max_pulses: unknown key"),
        ("weight = 30.0", "wieght = 30.0", r"objective\[2\].wieght: unknown key, did you mean 'weight'"),
        (
            "{ mean = 1331, sd = 57 }",
            "0.331",
            "t1_ms: must lie between 1 and 100000 .milliseconds., got 0.331",
        ),
        (
            "mean = 110,",
            "mean = -110,",
            "tissues.GM.t2_ms: must lie between 0.01 and 100000 .milliseconds., got -110",
        ),
        ("sd = 9 ", "sd = -9 ", "tissues.GM.t2_ms: sd must be at least 0, got -9"),
        ("sd = 9 ", "sd = 90 ", r"tissues.GM.t2_ms: sd must be at most half of the mean \(110\), got 90"),
        ("{ mean = 110, sd = 9 }", "{ mean = 110, std = 9 }", r"must be a number, \{ mean, sd \} or"),
        ("{ mean = 110, sd = 9 }", '"110"', "must be a number, got '110'"),
        ("{ mean = 110, sd = 9 }", "3000.0", "t2_ms must not exceed twice t1_ms"),
        (
            "low = 0.8, high = 1.2",
            "low = 80, high = 120",
            "imaging.b1: must lie between 0 and 5 .relative to nominal",
        ),
        ("low = 0.8, high = 1.2", "low = 1.2, high = 0.8", "imaging.b1: low must not exceed high"),
        (
            "{ low = 0.8, high = 1.2 }",
            "{ mean = 1, sd = 5 }",
            "imaging.b1: sd must be at most half of the mean",
        ),
        (
            "spread_hz = 30 ",
            "spread_hz = { mean = 30, sd = 3000 }",
            "imaging.spread_hz: sd must be at most half",
        ),
        ("high = 1.2", "high = inf", "imaging.b1: low must not exceed high, both finite"),
        ("weight = 30.0", "weight = 1" + 400 * "0", "must be a number below 1e308"),
        ("{ mean = 110, sd = 9 }", "{ low = 100, high = 90000 }", "t2_ms must not exceed twice t1_ms"),
        ("low = -50", 'low = "a"', "imaging.b0_hz: must be a number, got 'a'"),
        ("low = -50", "low = true", "must be a number, got True"),
        ('term = "contrast"', 'term = "contrst"', "unknown term 'contrst', did you mean 'contrast'"),
        ("weight = 30.0", "weight = -30.0", r"objective\[2\]: weight must be at least 0, got -30"),
        ("weight = 30.0", "weight = nan", r"objective\[2\].weight: must be a number"),
        ('tissues = ["GM", "WM"]', "", "term 'contrast' needs exactly two tissues, got 0"),
        ('tissues = ["GM", "WM"]', 'tissues = ["GM"]', "term 'contrast' needs exactly two tissues, got 1"),
        ('tissues = ["GM", "WM"]', 'tissues = ["GM", "GM"]', "tissues must differ"),
        ('tissues = ["GM", "WM", "CSF"]', "", "term 'signal' needs tissues"),
        (
            'tissues = ["GM", "WM", "CSF"]',
            'tissues = ["GM", "CFS"]',
            r"objective\[1\] .signal.: tissue 'CFS' is not defined; defined are GM, WM, CSF",
        ),
        ("weight = 0.001", 'weight = 0.001\ntissues = ["GM"]', "takes no tissues"),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = -6.2", "min_rf_delay_ms must be above 0"),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = 20000.0", "below max_delay_ms"),
        ("[100, 1000]]", "[1000, 100]]", "wait_ranges_ms must rise"),
        ("flip_range_deg = [0, 180]", "flip_range_deg = [180, 0]", "flip_range_deg must rise"),
        (
            "max_rf = 5",
            "max_rf = 0",
            "search_space.max_rf: input should be greater than or equal to 1, got 0",
        ),
        ("flips_deg =", "flip_deg =", r"category\[1\].flip_deg: unknown key, did you mean 'flips_deg'"),
        ("[90, 180]", "[90, 720]", r"category\[1\]: flips_deg must be at least one angle within 0 to 360"),
        ("[90, 180]", "[]", r"category\[1\]: flips_deg must be at least one angle"),
        ("[90, 180]", "[90]", "refocusing_phase_deg needs flips_deg of two pulses or more"),
        ("[180, 90, 180]", "[90]", "ti_above_ms needs flips_deg of two pulses or more"),
        ("[90, 180]", "[90, 180]\nn_rf = [1, 2]", r"n_rf must be at least the 2 of flips_deg, got \[1, 2\]"),
        ("[90, 180]", "[90, 180]\nflip_tolerance_deg = -1", "flip_tolerance_deg must lie within 0 to 180"),
        ("[90, 180]", "[90, 180]\nphase_tolerance_deg = 181", "phase_tolerance_deg must lie within 0 to 180"),
        ('"Other spin-echo-like sequences"', '"Others"', "name must not be 'Others', which is what no"),
        ("phase ≈ 0°", "phase ≈ 180°", "the names of categories must differ"),
        (
            "ti_above_ms = 100",
            "ti_above_ms = true",
            r"category\[4\].ti_above_ms: input should be a valid number, got True",
        ),
        ("phase_deg = [0, ", "phases_deg = [0, ", "grid.phases_deg: unknown key, did you mean 'phase_deg'"),
        (
            "start = 85, ",
            "begin = 85, ",
            r"grid.flip_deg\[1\].begin: unknown key; known are start, stop, step",
        ),
        ("start = 85, ", "", r"grid.flip_deg\[1\].start: is missing"),
        ("stop = 95, ", "stop = 95.5, ", r"grid.flip_deg\[1\]: stop must be a whole number .* got 95.5"),
        ("phase_deg = [0, ", "phase_deg = [", "grid: flip_deg, phase_deg and delay_ms need one entry"),
        ('name = "gm-wm"', 'name = "gm wm"', "name: must be of letters, digits"),
        ("[imaging]", "[imaging", "not valid TOML: .*line 24"),
    ],
)
def test_faults_name_file_key_given_and_right(old, new, message):
    assert old in GOOD
    with pytest.raises(ProblemError, match=message) as caught:
        read_tables(GOOD.replace(old, new, 1), "mine.toml")
    assert all(line.startswith("mine.toml: ") for line in str(caught.value).splitlines())


def test_one_category_needs_double_brackets():
    text = GOOD.partition("[[category]]")[0] + '[category]\nname = "mine"\nflips_deg = [90]\n'
    with pytest.raises(ProblemError, match=r"category: must be a list of tables, each \[\[category\]\]"):
        read_tables(text, "mine.toml")


def test_every_fault_is_told_at_once():
    text = GOOD.replace("t1_ms = { mean = 1331", "t1 = { mean = 1331").replace("weight = 30.0", "weight = -1")
    with pytest.raises(ProblemError) as caught:
        read_tables(text, "mine.toml")
    assert len(str(caught.value).splitlines()) == 2


def test_no_dephasing_is_inf():
    text = GOOD.replace("t2_prime_ms = { mean = 170, sd = 27 }", "t2_prime_ms = inf")
    assert read_tables(text, "mine.toml").tissues["GM"].t2_prime_ms == Normal(float("inf"))
