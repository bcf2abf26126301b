import math

import pytest

from sequence_search import Problem
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.preview import conventional
from sequence_search.problem.library import problem_text

SPIN_ECHO = problem_text("spin-echo-2d")


def null_of_gm(**changes):
    text = (
        SPIN_ECHO.replace('term = "contrast"', 'term = "null"')
        .replace('brighter = "WM"', "")
        .replace('tissues = ["GM", "WM"]', 'tissues = ["GM"]')
    )
    for old, new in changes.values():
        text = text.replace(old, new)
    return Problem.from_toml(text)


def test_without_layouts_it_is_the_textbooks():
    problem = Problem.load("csf-null-w1")
    assert str(conventional(problem)) == str(conventional_sequence(problem))


def test_a_contrast_is_a_crushed_spin_echo_of_the_problems_pulses():
    problem = Problem.from_toml(SPIN_ECHO)
    found = conventional(problem)
    te = 2 * float(conventional_sequence(problem).delay[0])
    assert found.layout.kinds == ("excite", "refocus")
    assert found.layout.gradients == (1, 1)
    assert 1e3 * found.intervals.sum() == pytest.approx(3000)
    assert float(found.readout_times) == pytest.approx(te)


def test_a_null_is_an_inversion_a_spoiler_and_a_spin_echo_at_the_null_of_that_tr():
    problem = null_of_gm()
    found = conventional(problem)
    assert found.layout.kinds == ("invert", "excite", "refocus")
    assert found.layout.gradients == ("spoiler", 1, 1)
    # Mz before the excitation: 1 - 2 E(TI) + 2 E(TR - TE/2) - E(TR) = 0, of pulses that turn fully.
    t1, tr, half = 1.331, 3.0, float(found.delay[1])
    ti = -t1 * math.log((1 + 2 * math.exp(-(tr - half) / t1) - math.exp(-tr / t1)) / 2)
    assert float(found.delay[0]) == pytest.approx(ti, rel=0.03)
    nominal = problem.simulator(problem.voxels(method="nominal"))
    gm, wm = nominal.signal(found).abs().tolist()
    assert gm < 0.02 * wm


def test_what_does_not_fit_into_the_tr_is_none():
    assert conventional(null_of_gm(tr=("tr_ms = 3000", "tr_ms = 20"))) is None


def test_a_train_has_its_echoes_and_the_longest_tr():
    text = SPIN_ECHO.replace("# echoes = 4 ", "echoes = 4 ").replace(
        "tr_ms = 3000", "tr_ms = {low=1000, high=2000}"
    )
    found = conventional(Problem.from_toml(text))
    assert found.n_readouts == 4
    assert float(found.tr) == pytest.approx(2)
