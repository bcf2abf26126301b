import math

import pytest

from explanation_cases import BRAIN, make_problem, play
from sequence_search.explanation.comparison import compare

ECHO = play([90, 180], [0, 90], [20, 20])


def test_beside_the_conventional_sequence_and_its_polish():
    problem = make_problem(BRAIN, ("signal", 0.75, (0, 1)), ("null", 1.0, (2,)), min_rf_delay=6e-3)
    design, conventional, polished = compare(problem, ECHO, 0.04)
    assert (conventional.name, polished.name) == ("conventional sequence", "conventional sequence, polished")
    assert design.loss == pytest.approx(problem.evaluate(ECHO).loss)
    assert conventional.mean["CSF"] == pytest.approx(0, abs=1e-6)
    assert polished.loss < conventional.loss
    assert design.mean["GM"] == pytest.approx(math.exp(-0.04 / 0.1))
    assert design.sd["GM"] == pytest.approx(0, abs=1e-9)
    assert design.time_to_readout == pytest.approx(0.04)
    assert design.relative_rf_energy == pytest.approx(1)
    assert design.contrast == {}


def test_contrasts_are_differences_of_means():
    problem = make_problem(BRAIN, ("contrast", 30.0, (1, 0)))
    design, *_ = compare(problem, ECHO, 0.04)
    expected = math.exp(-0.04 / 0.08) - math.exp(-0.04 / 0.1)
    assert design.contrast == {"WM-GM": pytest.approx(expected)}


def test_a_signed_contrast_counts_opposite_signs_as_apart():
    # After an inversion GM and WM of opposite Mz: magnitudes differ by little, signals by their sum.
    problem = make_problem(BRAIN, ("signed_contrast", 30.0, (0, 1)), min_rf_delay=6e-3)
    design, *_ = compare(problem, play([180, 90, 180], [0, 0, 90], [700, 6, 6]), 0.012)
    (gm, wm) = (
        (1 - 2 * math.exp(-0.7 / t1)) * math.exp(-0.012 / t2) for t1, t2 in (BRAIN["GM"], BRAIN["WM"])
    )
    assert gm < 0 < wm
    assert design.contrast == {"signed GM-WM": pytest.approx(wm - gm, abs=1e-3)}
    loss = problem.objective.terms[0].weight * design.contrast["signed GM-WM"] ** 2
    assert design.loss == pytest.approx(-loss)


@pytest.mark.parametrize("terms", [[("rf_energy", 1.0, ())], [("null", 1.0, (2,))]])
def test_where_none_is_allowed_a_spin_echo_of_the_same_te(terms):
    # TI at the null of CSF is 2.77 s, beyond the longest delay.
    problem = make_problem(BRAIN, *terms, min_rf_delay=6e-3, max_delay=1.0)
    assert compare(problem, ECHO, 0.04)[1].name == "plain spin echo"
    assert compare(problem, ECHO, 0.04)[1].time_to_readout == pytest.approx(0.04)
    assert compare(problem, ECHO, None)[1].time_to_readout == pytest.approx(0.012)
