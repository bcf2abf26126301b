import math
from dataclasses import replace

import pytest

from explanation_cases import BRAIN, make_problem, play
from sequence_search.explanation import beside, comparison
from sequence_search.limits import FixedPulses, Limits
from sequence_search.objective import TERMS, Objective
from sequence_search.problem.conventional import Conventional
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.strategies.drafting import near_draft
from sequence_search.strategies.limited import Limited
from strategy_cases import WIDE

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


def test_a_suppressed_signal_is_told_from_nothing():
    problem = make_problem(BRAIN, ("signal", 1.0, (0,)))
    design, known, *_ = compare(problem, ECHO, 0.04)
    dark = (
        replace(design, mean={"GM": 1.234e-4}, sd={"GM": 5e-5}),
        replace(known, mean={"GM": 0.02}, sd={"GM": 0.01}),
    )
    assert beside.signal_texts("GM", dark) == ["0.000123 ± 0.000050", "0.020000 ± 0.010000"]
    assert beside.signal_texts("GM", dark[1:]) == ["0.020 ± 0.010"]
    assert "|Mxy| is GM 0.00012 on average" in beside.signals_text(dark)


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


def ending_with(monkeypatch, change):
    """Polishes that end with a change of where they begin; the search spaces of which they were."""
    spaces = []

    def polish(limited, loss_and_gradient, sequence, meter, *rest):
        spaces.append(limited.space)
        return -math.inf, change(sequence)

    monkeypatch.setattr(comparison.Limited, "polish", polish)
    monkeypatch.setattr(comparison.math, "isfinite", lambda _: True)
    return spaces


def test_the_polish_stays_within_what_tables_of_pulses_hold(monkeypatch):
    """Shaped pulses have tables up to 360°, wherever the search space ends."""
    problem, design = selective(max_flip=math.inf)
    spaces = ending_with(monkeypatch, lambda proposed: proposed)
    assert len(compare(problem, design, 0.02)) == 3
    assert spaces[0].max_flip == pytest.approx(2 * math.pi)


def test_a_polish_that_leaves_no_excitation_is_no_row(monkeypatch):
    problem, design = selective()
    ending_with(monkeypatch, lambda proposed: replace(proposed, flip_angle=0 * proposed.flip_angle))
    rows = compare(problem, design, 0.02)
    assert [each.name for each in rows] == ["this design", "conventional sequence"]
    assert beside.signals_text(rows).endswith("; not polished, since a polish leaves no excitation of it")


def test_an_inversion_alone_is_no_sequence_to_compare_with(monkeypatch):
    problem, _ = selective()
    design = problem.played(play([180, 90], [0, 0], [600, 10]), kinds=("invert", "excite"))
    null = replace(problem.objective.terms[0], kind=TERMS["null"], tissues=(0,), brighter=None)
    problem = replace(problem, objective=Objective((null,)))
    ending_with(monkeypatch, lambda one: replace(one, flip_angle=one.flip_angle * (one.kind == 2)))
    _, conventional = compare(problem, design, 0.02)
    assert conventional.sequence.layout.kinds == ("invert", "excite", "refocus")


def test_a_given_sequence_is_polished_within_the_limits():
    """The tail that is given stays, what stands before it does not: a null of GM at T1 ln 2."""
    own = Conventional((math.pi, 1.5, 3.0), (0.0, 0.0, 0.0), (0.8, 0.02, 0.02), name="IR")
    tail = FixedPulses((1.5, 3.0), (0.0, 0.0), (0.02, 0.02))
    problem = make_problem(BRAIN, ("null", 1.0, (0,)), b1=1.0, spread=100.0, min_rf_delay=6e-3)
    limited = replace(problem, conventional=own, limits=Limits(tail=tail))
    _, given, polished = compare(limited, play([90, 86, 172], [0, 0, 0], [90, 20, 20]), 0.04)
    assert (given.name, polished.name) == (
        "conventional sequence (IR)",
        "conventional sequence (IR), polished",
    )
    assert polished.sequence.flip_angle[1:].tolist() == pytest.approx([1.5, 3.0])
    assert polished.sequence.delay[1:].tolist() == pytest.approx([0.02, 0.02])
    assert polished.loss < 0.1 * given.loss
    other = FixedPulses((1.5, 2.0), (0.0, 0.0), (0.02, 0.02))
    rows = compare(replace(limited, limits=Limits(tail=other)), ECHO, 0.04)
    assert [each.unpolished for each in rows] == ["", "it has other pulses than the problem gives"]


def test_a_polish_at_a_symmetric_point_is_not_the_end_of_it():
    """Of T2 preparation over wide b1, phases of 0 and 90 are a saddle; others are better by 14 %."""
    two = Conventional(
        tuple(math.radians(flip) for flip in (90, 180, 180, 90, 15)),
        tuple(math.radians(phase) for phase in (0, 90, 270, 180, 180)),
        (0.025, 0.05, 0.025, 0.005, 0.003),
        gradients=("none", "none", "none", "spoiler", "none"),
        name="two refocusing pulses",
    )
    problem = replace(Problem.load("t2prep"), conventional=two)
    design = problem.played(
        play([90.4, 180, 180, 90, 15], [0, -14, 137, 123, 123], [24.5, 49, 24.5, 5, 3]),
        gradients=("none", "none", "none", "spoiler", "none"),
    )
    ours, known, polished = compare(problem, design, 0.003)
    assert ours.loss < 1.3 * known.loss < 0
    assert polished.loss == pytest.approx(ours.loss, rel=2e-3)


def test_a_polished_sequence_is_one_that_a_search_would_keep():
    """From 30° and 140° a polish makes the pulse for refocusing, of a wide slice, the excitation."""
    flips = tuple(map(math.radians, (30, 140)))
    poor = Conventional(flips, (0.0, 0.0), (9e-3, 9e-3), ("excite", "refocus"))
    problem = replace(Problem.from_toml(WIDE), conventional=poor)
    design = problem.played(play([90, 180], [0, 90], [9, 9]), kinds=("excite", "refocus"))
    _, known, polished = compare(problem, design, 0.018)
    assert polished.loss < known.loss
    assert Limited(problem, "auto").may_stand(near_draft(problem, polished.sequence))


def test_a_delay_below_the_shortest_is_lengthened():
    """The textbook's half spacing of 5 ms is shorter than the crushers of the problem allow, 5.5 ms."""
    problem = Problem.load("t2-map")
    known = problem.conventional.sequence(problem.acquisition)
    _, _, polished = compare(problem, known, 0.08)
    assert float(polished.sequence.delay[0]) >= 5.5e-3 - 1e-9
    assert polished.loss < problem.evaluate(known).loss


def test_terms_add_up_and_the_brighter_comes_first():
    problem = Problem.load("spgr-contrast")
    (design, *_) = compare(problem, problem.conventional.sequence(problem.acquisition), None)
    assert sum(design.terms.values()) == pytest.approx(design.loss)
    assert list(design.contrast) == ["WM-GM"]
    assert design.contrast["WM-GM"] > 0
