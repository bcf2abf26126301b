import math

import pytest

from explanation_cases import make_problem, play
from sequence_search.explanation.crossings import zero_crossings
from sequence_search.tissue import Uniform

TISSUES = {"fat": (0.25, 0.07), "water": (1.2, 0.05)}


def test_inverted_tissues_cross_at_t1_ln_2():
    fat, water = zero_crossings(make_problem(TISSUES), play([180, 90], [0, 0], [300, 6]), 1)
    assert (fat.tissue, fat.pulse, water.tissue) == ("fat", 0, "water")
    assert fat.nominal == pytest.approx(0.3 - 0.25 * math.log(2), abs=1e-6)
    assert fat.mean == pytest.approx(fat.nominal, abs=1e-6)
    # Water is still negative at the excitation, and would cross later.
    assert water.nominal == pytest.approx(0.3 - 1.2 * math.log(2), abs=1e-6)


def test_the_mean_over_b1_crosses_earlier():
    # 1 = (1 - mean cos(b1 pi)) exp(-t / T1), with the mean -sin(0.2 pi) / (0.2 pi)
    (fat,) = zero_crossings(
        make_problem({"fat": (0.25, 0.07)}, b1=Uniform(0.8, 1.2)), play([180, 90], [0, 0], [300, 6]), 1
    )
    mean = 1 + math.sin(0.2 * math.pi) / (0.2 * math.pi)
    assert fat.mean == pytest.approx(0.3 - 0.25 * math.log(mean), abs=2e-4)
    assert fat.nominal < fat.mean


def test_each_delay_before_the_excitation_may_have_a_crossing():
    found = zero_crossings(make_problem(TISSUES), play([180, 180, 90], [0, 0, 0], [1000, 100, 6]), 2)
    of = {(each.tissue, each.pulse): each.nominal for each in found}
    assert of["fat", 0] == pytest.approx(1.1 - 0.25 * math.log(2), abs=1e-6)
    assert of["water", 0] == pytest.approx(1.1 - 1.2 * math.log(2), abs=1e-6)
    after = 1 - 2 * math.exp(-1 / 0.25)
    assert of["fat", 1] == pytest.approx(0.1 - 0.25 * math.log(1 + after), abs=1e-6)


def test_what_is_not_negative_or_never_recovers_does_not_cross():
    assert zero_crossings(make_problem(TISSUES), play([90, 90], [0, 0], [300, 6]), 1) == ()
    still = make_problem({"still": (math.inf, 0.1)})
    assert zero_crossings(still, play([180, 90], [0, 0], [300, 6]), 1) == ()
