import math
from dataclasses import replace

import pytest

from explanation_cases import BRAIN, make_problem, play
from sequence_search.explanation import comparison, sentences
from sequence_search.limits import FixedPulses, Limits
from sequence_search.objective import TERMS, Objective
from sequence_search.problem.conventional import Conventional
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT

ECHO = play([90, 180], [0, 90], [20, 20])


def compare(problem, sequence, te):
    simulator = problem.simulator(problem.voxels(), n_places=IN_REPORT)
    return comparison.compare(problem, sequence, te, simulator)


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


def selective(**space):
    """Spin echoes of a slice, from flip angles of any size."""
    problem = Problem.load("spin-echo-2d")
    played = problem.played(
        play([180, 90, 150], [0, 0, 90], [500, 10, 10]),
        kinds=("invert", "excite", "refocus"),
        gradients=("spoiler", "crusher", "crusher"),
    )
    return replace(problem, search_space=replace(problem.search_space, **space)), played


def test_the_polish_stays_within_what_tables_of_pulses_hold(monkeypatch):
    """Shaped pulses have tables up to 360°, wherever the search space ends."""
    problem, design = selective(max_flip=math.inf)
    spaces = []

    def polish(loss_and_gradient, space, proposed):
        spaces.append(space)
        return 0.0, proposed

    monkeypatch.setattr(comparison, "polish", polish)
    assert len(compare(problem, design, 0.02)) == 3
    assert spaces[0].max_flip == pytest.approx(2 * math.pi)


def test_a_polish_that_leaves_no_pulse_is_no_row():
    """The inversion recovery has the wrong tissue bright, and its costs lead down to none."""
    problem, design = selective()
    rows = compare(problem, design, 0.02)
    assert [each.name for each in rows] == ["this design", "conventional sequence"]
    assert "of which a polish leaves no excitation, gives" in sentences._signals(rows)


def test_an_inversion_alone_is_no_sequence_to_compare_with(monkeypatch):
    problem, _ = selective()
    design = problem.played(play([180, 90], [0, 0], [600, 10]), kinds=("invert", "excite"))
    null = replace(problem.objective.terms[0], kind=TERMS["null"], tissues=(0,), brighter=None)
    problem = replace(problem, objective=Objective((null,)))

    def polish(loss_and_gradient, space, proposed):
        return 0.0, replace(proposed, flip_angle=proposed.flip_angle * (proposed.kind == 2))

    monkeypatch.setattr(comparison, "polish", polish)
    _, conventional = compare(problem, design, 0.02)
    assert conventional.sequence.layout.kinds == ("invert", "excite", "refocus")


def test_a_given_sequence_within_limits_stands_as_it_is():
    """A polish would leave the given tail, and compare with what no design may be."""
    own = Conventional((1.5, 3.0), (0.0, 0.0), (0.02, 0.02), name="SE")
    tail = FixedPulses((1.5, 3.0), (0.0, 0.0), (0.02, 0.02))
    problem = make_problem(BRAIN, ("signal", 1.0, (0,)), min_rf_delay=6e-3)
    free = replace(problem, conventional=own)
    assert [each.name for each in compare(free, ECHO, 0.04)][1:] == [
        "conventional sequence (SE)",
        "conventional sequence (SE), polished",
    ]
    rows = compare(replace(free, limits=Limits(tail=tail)), ECHO, 0.04)
    assert [each.as_given for each in rows] == [False, True]
    assert "the conventional sequence (SE; 86°-172°, 40 ms) gives GM" in sentences._signals(rows)
