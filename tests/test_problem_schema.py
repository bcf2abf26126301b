import math
from dataclasses import fields, make_dataclass, replace
from pathlib import Path

import pytest

from sequence_search.problem import schema
from sequence_search.problem.digest import digest
from sequence_search.problem.errors import ProblemError, keys_of
from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem
from sequence_search.problem.writing import write_table
from sequence_search.search_space import SearchSpace
from sequence_search.tissue import Imaging, Normal, Tissue, Uniform

GOOD = problem_text("gm-wm")


def read(text):
    return Problem.from_toml(text, "mine.toml")


def test_the_shipped_file_is_read():
    problem = read(GOOD)
    assert problem.tissues[0] == Tissue(
        "GM", Normal(0.8, 0.02), Normal(1.331, 0.057), Normal(0.11, 0.009), Normal(0.17, 0.027)
    )
    assert problem.imaging == Imaging(Uniform(0.8, 1.2), Uniform(-50, 50), 30)
    assert problem.objective.terms[1].tissues == (0, 1)
    assert problem.search_space == SearchSpace()


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
            "tissues.GM: t1_ms must lie between 1 ms and 100000 ms or be inf, got 0.331 ms",
        ),
        (
            "mean = 110,",
            "mean = -110,",
            "tissues.GM: t2_ms must lie between 0.01 ms and 100000 ms or be inf, got -110 ms",
        ),
        ("sd = 9 ", "sd = -9 ", "tissues.GM.t2_ms: sd must be at least 0, got -9"),
        (
            "sd = 9 ",
            "sd = 90 ",
            r"tissues.GM: t2_ms: sd must be at most half of the mean \(110 ms\), got 90 ms",
        ),
        ("{ mean = 110, sd = 9 }", "{ mean = 110, std = 9 }", r"must be a number, \{ mean, sd \} or"),
        ("{ mean = 110, sd = 9 }", '"110"', "must be a number, got '110'"),
        ("{ mean = 110, sd = 9 }", "3000.0", "t2_ms must not exceed twice t1_ms"),
        (
            "low = 0.8, high = 1.2",
            "low = 80, high = 120",
            "imaging: b1 must lie between 0 and 5 .relative to nominal",
        ),
        ("low = 0.8, high = 1.2", "low = 1.2, high = 0.8", "imaging.b1: low must not exceed high"),
        (
            "{ low = 0.8, high = 1.2 }",
            "{ mean = 1, sd = 5 }",
            "imaging: b1: sd must be at most half of the mean",
        ),
        (
            "spread_hz = 30 ",
            "spread_hz = { mean = 30, sd = 3000 }",
            "imaging: spread_hz: sd must be at most half",
        ),
        ("high = 1.2", "high = inf", "imaging.b1: low must not exceed high, both finite"),
        ("weight = 30.0", "weight = 1" + 400 * "0", "must be a number below 1e308"),
        ("{ mean = 110, sd = 9 }", "{ low = 100, high = 90000 }", "t2_ms must not exceed twice t1_ms"),
        ("low = -50", 'low = "a"', "imaging.b0_hz: must be a number, got 'a'"),
        ("low = -50", "low = true", "must be a number, got True"),
        ('term = "contrast"', 'term = "contrst"', "unknown term 'contrst', did you mean 'contrast'"),
        (
            "weight = 30.0",
            "weight = -30.0",
            r"objective\[2\]: weight of term 'contrast' must be at least 0",
        ),
        ("weight = 30.0", "weight = nan", r"objective\[2\].weight: must be a number"),
        ('tissues = ["GM", "WM"]', "", "term 'contrast' needs tissues"),
        ('tissues = ["GM", "WM"]', 'tissues = ["GM"]', "term 'contrast' needs exactly 2 tissues, got 1"),
        ('tissues = ["GM", "WM"]', 'tissues = ["GM", "GM"]', "tissues must differ"),
        ('tissues = ["GM", "WM", "CSF"]', "", "term 'signal' needs tissues"),
        (
            'tissues = ["GM", "WM", "CSF"]',
            'tissues = ["GM", "CFS"]',
            r"objective\[1\] .signal.: tissue 'CFS' is not defined, did you mean 'CSF'",
        ),
        (
            'tissues = ["GM", "WM"]',
            'tissues = ["GM", "WM"]\nbrighter = "CSF"',
            r"brighter must be one of the tissues \['GM', 'WM'\], got 'CSF'",
        ),
        (
            'tissues = ["GM", "WM", "CSF"]',
            'tissues = ["GM", "WM"]\nbrighter = "GM"',
            "brighter of term 'signal' must be one of the two tissues of a contrast",
        ),
        ("weight = 0.001", 'weight = 0.001\ntissues = ["GM"]', "takes no tissues"),
        (
            "weight = 1.0",
            "weight = 1.0\nworst_share = 5",
            r"objective\[1\]: worst_share of term 'signal' must",
        ),
        (
            "weight = 30.0",
            "weight = 30.0\nworst_share = 0.1",
            "worst_share of term 'contrast' needs brighter",
        ),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = -6.2", "min_rf_delay_ms must be above 0"),
        ("min_rf_delay_ms = 6.2", "min_rf_delay_ms = 20000.0", "below max_delay_ms"),
        ("[100, 1000]]", "[1000, 100]]", "wait_ranges_ms must rise"),
        ("flip_range_deg = [0, 180]", "flip_range_deg = [180, 0]", "flip_range_deg must rise"),
        (
            "max_rf = 5",
            "max_rf = 0",
            "search_space: max_rf must be a whole number from 1 to 8, got 0",
        ),
        ("flips_deg =", "flip_deg =", r"category\[1\].flip_deg: unknown key, did you mean 'flips_deg'"),
        ("[90, 180]", "[90, 720]", r"category\[1\]: flips_deg must be at least one angle within 0° to 360°"),
        ("[90, 180]", "[]", r"category\[1\]: flips_deg must be at least one angle"),
        ("[90, 180]", "[90]", "refocusing_phase_deg needs flips_deg of two pulses or more"),
        ("[180, 90, 180]", "[90]", "ti_above_ms needs flips_deg of two pulses or more"),
        ("[90, 180]", "[90, 180]\nn_rf = [1, 2]", r"n_rf must be at least the 2 of flips_deg, got \[1, 2\]"),
        (
            "[90, 180]",
            "[90, 180]\nflip_tolerance_deg = -1",
            "flip_tolerance_deg must lie within 0° to 180°, got -1 deg",
        ),
        (
            "[90, 180]",
            "[90, 180]\nphase_tolerance_deg = 181",
            "phase_tolerance_deg must lie within 0° to 180°, got 181 deg",
        ),
        (
            '"Other spin-echo-like sequences"',
            '"Others"',
            "name must not be empty or 'Others', which is what no",
        ),
        ("phase ≈ 0°", "phase ≈ 180°", "the names of categories must differ"),
        (
            "ti_above_ms = 100",
            "ti_above_ms = true",
            r"category\[4\].ti_above_ms: must be a number, got True",
        ),
        ("phase_deg = [0, ", "phases_deg = [0, ", "grid.phases_deg: unknown key, did you mean 'phase_deg'"),
        (
            "start = 85, ",
            "begin = 85, ",
            r"grid.flip_deg\[1\]: must be a number or { start, stop, step }, got the keys .'begin'",
        ),
        (
            "start = 85, ",
            "",
            r"grid.flip_deg\[1\]: must be a number or { start, stop, step }, got the keys .'step', 'stop'",
        ),
        ("stop = 95, ", "stop = 95.5, ", r"grid.flip_deg\[1\]: stop must be a whole number .* got 95.5"),
        ("phase_deg = [0, ", "phase_deg = [", "grid: flip_deg, phase_deg and delay_ms need one entry"),
        ('name = "gm-wm"', 'name = "gm wm"', "name must be of letters, digits"),
        ("[imaging]", "[imaging", "not valid TOML: .*line 24"),
    ],
)
def test_faults_name_file_key_given_and_right(old, new, message):
    assert old in GOOD
    with pytest.raises(ProblemError, match=message) as caught:
        read(GOOD.replace(old, new, 1))
    assert all(line.startswith("mine.toml: ") for line in str(caught.value).splitlines())


def test_one_category_needs_double_brackets():
    text = GOOD.partition("[[category]]")[0] + '[category]\nname = "mine"\nflips_deg = [90]\n'
    with pytest.raises(ProblemError, match=r"category: must be a list of tables, each \[\[category\]\]"):
        read(text)


def test_every_fault_is_told_at_once():
    text = GOOD.replace("t1_ms = { mean = 1331", "t1 = { mean = 1331").replace("weight = 30.0", "weight = -1")
    with pytest.raises(ProblemError) as caught:
        read(text)
    assert len(str(caught.value).splitlines()) == 2


def test_no_dephasing_is_inf():
    text = GOOD.replace("t2_prime_ms = { mean = 170, sd = 27 }", "t2_prime_ms = inf")
    assert read(text).tissues[0].t2_prime == Normal(math.inf)


def test_the_limits_of_textbooks_are_inf_in_toml_and_in_json():
    text = GOOD.replace("t1_ms = { mean = 1331, sd = 57 }", "t1_ms = inf").replace(
        "t2_ms = { mean = 110, sd = 9 }", 't2_ms = "inf"'
    )
    problem = read(text)
    assert (problem.tissues[0].t1, problem.tissues[0].t2) == (Normal(math.inf), Normal(math.inf))
    assert read(problem.to_toml()) == problem
    with pytest.raises(ProblemError, match="t2_ms must not exceed twice t1_ms, got inf ms and 1331 ms"):
        read(GOOD.replace("t2_ms = { mean = 110, sd = 9 }", "t2_ms = inf"))


def test_a_file_may_begin_with_a_byte_order_mark():
    assert read("\ufeff" + GOOD) == read(GOOD)


def test_a_title_may_be_left_out():
    lines = [line for line in GOOD.splitlines() if not line.startswith("title")]
    assert read("\n".join(lines)).title == "gm-wm"


def test_a_tissue_needs_a_name():
    with pytest.raises(
        ProblemError, match=r"mine\.toml: the name of a tissue must be a text that is not empty"
    ):
        read(problem_text("max-signal").replace("[tissues.GM]", '[tissues.""]').replace('"GM", ', ""))


def test_t2_star_stands_for_t2_prime():
    text = GOOD.replace("t2_prime_ms = { mean = 170, sd = 27 }", "t2_star_ms = 50")
    assert pytest.approx(1 / 0.11 + 1 / read(text).tissues[0].t2_prime.mean) == 1 / 0.05
    assert read(text.replace("t2_star_ms = 50", "t2_star_ms = 110")).tissues[0].t2_prime.mean == math.inf


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "t2_star_ms = 120",
            "tissues.GM: t2_star_ms must be above 0 and at most t2_ms, got 120 ms and 110 ms",
        ),
        ("t2_star_ms = { mean = 50, sd = 5 }", "t2_star_ms must be a plain number: state t2_prime_ms"),
        ("t2_star_ms = 50\nt2_prime_ms = 100", "t2_star_ms takes the place of t2_prime_ms"),
        ("t2_stars_ms = 50", "t2_stars_ms: unknown key, did you mean 't2_star_ms'"),
    ],
)
def test_t2_star_that_is_refused(line, message):
    with pytest.raises(ProblemError, match=message):
        read(GOOD.replace("t2_prime_ms = { mean = 170, sd = 27 }", line))


def test_a_tissue_has_a_frequency_of_its_own():
    problem = read(GOOD.replace("[tissues.GM]", "[tissues.GM]\nb0_hz = -440"))
    assert problem.tissues[0].b0 == Normal(-440)
    assert read(problem.to_toml()) == problem


def test_contrasts_with_a_sign():
    problem = read(GOOD.replace('tissues = ["GM", "WM"]', 'tissues = ["GM", "WM"]\nbrighter = "WM"'))
    assert problem.objective.terms[1].brighter == 1
    assert read(problem.to_toml()) == problem
    assert problem.digest != read(GOOD).digest
    assert read(GOOD.replace('"contrast"', '"signed_contrast"')).objective.terms[1].kind.of == "signal"


def test_the_worst_share_of_a_term():
    problem = read(GOOD.replace("weight = 1.0", "weight = 1.0\nworst_share = 0.05"))
    assert problem.objective.terms[0].worst_share == 0.05
    assert read(problem.to_toml()) == problem
    assert problem.digest != read(GOOD).digest
    assert read(GOOD.replace("weight = 1.0", "weight = 1.0\nworst_share = 1")).digest == read(GOOD).digest


def test_ranges_that_are_not_stated_follow_the_bounds():
    text = GOOD.partition("[search_space]")[0]
    space = read(text + "[search_space]\nmax_delay_ms = 500\nmax_flip_deg = 90").search_space
    assert space.wait_ranges == ((0.001, 0.01), (0.01, 0.1), (0.1, 0.5))
    assert space.flip_range == pytest.approx((0, math.pi / 2))
    for stated, message in (
        (
            "max_delay_ms = 500\nwait_ranges_ms = [[100, 1000]]",
            "rise within 0 to max_delay_ms, 500 ms, got 100 ms",
        ),
        (
            "max_flip_deg = 90\nflip_range_deg = [0, 180]",
            r"within 0 to 90 deg .max_flip_deg., got 0 deg to 180 deg",
        ),
        ("max_flip_deg = 0", "max_flip_deg must be above 0, got 0 deg"),
    ):
        with pytest.raises(ProblemError, match=message):
            read(text + f"[search_space]\n{stated}")


@pytest.mark.parametrize("name", builtin_problems())
def test_what_is_read_is_written_as_it_stands_in_the_file(name):
    problem = Problem.load(name)
    grid = problem.to_dict()["grid"]
    assert f"start = {grid['delay_ms'][1]['start']:g}," in problem_text(name).replace("15.0", "15")
    assert read(problem.to_toml()) == problem


def test_a_category_of_ones_own_with_every_key_round_trips():
    text = (
        problem_text("max-signal").partition("# Table II,")[0]
        + """
[[category]]
name = "CPMG-like"
flips_deg = [180, 90, 150]
flip_tolerance_deg = 12
early_flips_below_deg = 25
n_rf = [3, 4]
refocusing_phase_deg = [90]
phase_tolerance_deg = 15
ti_above_ms = 50
"""
    )
    problem = read(text)
    assert read(problem.to_toml()) == problem
    written = problem.to_toml().partition("[[category]]")[2].replace(".0", "")
    assert text.partition("[[category]]")[2].strip() == written.strip()


def test_categories_are_read_in_si_units():
    problem = Problem.load("gm-wm")
    rule = problem.categories[-1]
    assert rule.flips == pytest.approx((math.pi, math.pi / 2, math.pi))
    assert rule.flip_tolerance == pytest.approx(math.radians(20))
    assert rule.ti_above == pytest.approx(0.1)
    assert problem.categories[0].refocusing_phases == pytest.approx((math.pi,))
    assert problem.categories[0].early_below == pytest.approx(math.radians(20))
    assert Problem.load("max-signal").categories[0].n_rf == (2,)


@pytest.mark.parametrize(
    ("of", "key", "value"),
    [
        (Problem.load("gm-wm").tissues[0], "tissues", Normal(0.5)),
        (Problem.load("gm-wm").imaging, "imaging", Normal(0.5)),
        (SearchSpace(), "search_space", 0.5),
    ],
)
def test_a_new_field_needs_the_type_and_a_line_of_the_schema(of, key, value, monkeypatch):
    """One with a default changes no file that leaves defaults out, thus no digest."""
    grown = make_dataclass(
        "Grown",
        [("strength", type(value), replace(value) if isinstance(value, Normal) else value)],
        bases=(type(of),),
        frozen=True,
    )
    unit, kind = (schema.Quantity, Normal(2)) if isinstance(value, Normal) else (schema.Number, 2.0)

    class GrownTable(schema.TABLES[key]):
        makes = staticmethod(lambda *name, **given: grown(*(name or names[:1]), **given))
        strength: unit = schema.Field(None)

    names = ("GM",) if key == "tissues" else ()
    problem = Problem.load("gm-wm")
    before = problem.digest
    monkeypatch.setitem(schema.TABLES, key, GrownTable)
    parts = {each.name: getattr(of, each.name) for each in fields(of)}
    of_problem = [
        problem.tissues,
        problem.imaging,
        problem.objective,
        problem.search_space,
        problem.limits,
    ]
    for strength, same in ({}, True), ({"strength": kind}, False):
        changed = grown(**parts, **strength)
        place = {"tissues": 0, "imaging": 1, "search_space": 3}[key]
        with_it = (changed, *problem.tissues[1:]) if key == "tissues" else changed
        now = digest(*of_problem[:place], with_it, *of_problem[place + 1 :])
        assert (now == before) is same
    written = write_table(key, grown(**parts, strength=kind))
    assert written["strength"] == 2.0
    assert GrownTable.model_validate(written).make() == grown(**parts, strength=kind)


@pytest.mark.parametrize("table", schema.TABLES.values(), ids=schema.TABLES)
def test_every_key_is_documented(table):
    page = (Path(__file__).parents[1] / "docs" / "problem-files.md").read_text(encoding="utf-8")
    top = set(schema.TABLES)
    assert [key for key in keys_of(table).values() if f"`{key}`" not in page and key not in top] == []


def test_the_readouts_of_a_term():
    train = GOOD + "\n[sequence]\nechoes = 3\n"
    problem = read(train.replace("weight = 1.0", "weight = 1.0\nreadouts = [1, 3]"))
    assert problem.objective.terms[0].readouts == (1, 3)
    assert read(problem.to_toml()) == problem
    assert problem.digest != read(train).digest
    with pytest.raises(ProblemError, match=r"objective\[1\]: readouts of term 'signal' must be different"):
        read(GOOD.replace("weight = 1.0", "weight = 1.0\nreadouts = [0]"))
