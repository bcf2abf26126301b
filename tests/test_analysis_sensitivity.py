import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from sequence_search.acquisition import Acquisition
from sequence_search.analysis.errors import ERRORS
from sequence_search.analysis.sensitivity import sensitivity, worst_voxels
from sequence_search.layout import Layout
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.tissue import Imaging, Tissue, Uniform

T2, TE = 0.08, 0.02


def problem_of(kind="signal", b1=1.0, b0=0.0, **tissue):
    """One tissue without relaxation but T2, whose signal after one pulse is sin(b1 flip) exp(-TE / T2)."""
    water = Tissue("water", **({"m0": 2.0, "t1": math.inf, "t2": T2, "t2_prime": math.inf} | tissue))
    objective = Objective((Term(kind, TERMS[kind], 1.0, (0,)),))
    return Problem("one", (water,), Imaging(b1=b1, b0=b0, spread=0.0), objective)


def pulse(flip_deg, delay=TE):
    return Sequence.from_degrees_ms([flip_deg], [0], [1e3 * delay])


def effect_of(found, pulse, parameter, error):
    (effect,) = [
        each
        for each in found.effects
        if (each.pulse, each.parameter, each.error) == (pulse, parameter, error)
    ]
    return effect


@pytest.mark.parametrize(
    ("parameter", "error", "change"),
    [
        ("flip_angle", "1 %", lambda flip, te, side: (flip * (1 + 0.01 * side), te)),
        ("flip_angle", "1°", lambda flip, te, side: (flip + math.radians(side), te)),
        ("delay", "1 %", lambda flip, te, side: (flip, te * (1 + 0.01 * side))),
        ("delay", "0.1 ms", lambda flip, te, side: (flip, te + 1e-4 * side)),
    ],
)
def test_an_error_changes_the_signal_of_a_pulse_as_its_closed_form(parameter, error, change):
    def signal(flip, te):
        return 2 * math.sin(flip) * math.exp(-te / T2)

    flip = math.radians(60)
    found = sensitivity(problem_of(), pulse(60))
    own = signal(flip, TE)
    wrong = [signal(*change(flip, TE, side)) for side in (-1, 1)]
    effect = effect_of(found, 1, parameter, error)
    assert found.signal == {"water": pytest.approx(own)}
    assert effect.signal["water"] == pytest.approx([each - own for each in wrong], abs=1e-13)
    assert effect.loss == pytest.approx([(2 - each) ** 2 - (2 - own) ** 2 for each in wrong], abs=1e-13)


def test_every_parameter_of_every_pulse_has_its_errors():
    problem = Problem.load("max-signal")
    echo = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2])
    found = sensitivity(problem, echo)
    assert len(found.effects) == 1 + 2 * len(ERRORS)
    both = effect_of(found, None, "flip_angle", "1 %")
    scaled = replace(echo, flip_angle=1.01 * echo.flip_angle)
    assert found.loss == pytest.approx(problem.evaluate(echo).loss, rel=1e-12)
    assert both.loss[1] == pytest.approx(problem.evaluate(scaled).loss - found.loss, rel=1e-9)
    # A phase of either pulse turned is the other turned back.
    first, second = (effect_of(found, number, "phase", "1°").loss for number in (1, 2))
    assert first == pytest.approx(second[::-1], abs=1e-12)
    assert not [each for each in sensitivity(problem, pulse(90)).effects if each.parameter == "phase"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_delay_does_not_become_negative():
    effect = effect_of(sensitivity(problem_of(), pulse(90, delay=5e-5)), 1, "delay", "0.1 ms")
    signal = [2 * (math.exp(-te / T2) - math.exp(-5e-5 / T2)) for te in (0, 1.5e-4)]
    assert effect.signal["water"] == pytest.approx(signal, abs=1e-12)


@pytest.mark.parametrize(
    ("flip_deg", "kind", "side", "trait", "bound"),
    [
        # Of b1 uniform in 0.8 to 1.2, the worst percent are within 0.004 of the end; nine tenths of that.
        (60, "signal", "least", "below", 0.8036),
        (120, "signal", "least", "above", 1.1964),
        (90, "signal", "least", "off", 0.1982),
        (60, "null", "most", "above", 1.1964),
    ],
)
def test_the_worst_voxels_are_told_by_what_sets_them_apart(flip_deg, kind, side, trait, bound):
    (worst,) = worst_voxels(problem_of(kind, b1=Uniform(0.8, 1.2)), pulse(flip_deg))
    (found,) = worst.traits
    assert (worst.tissue, worst.side, found.name, found.side) == ("water", side, "b1", trait)
    assert found.bound == pytest.approx(bound, abs=4e-4)
    assert found.share == pytest.approx(0.009, abs=0.001)
    assert re.fullmatch(
        {"off": r"b1 more than 0\.198\d* from 1"}.get(trait, rf"b1 {trait} [\d.]+"), str(found)
    )
    mean = np.sin(np.radians(flip_deg) * np.linspace(0.8, 1.2, 4097)).mean() * math.exp(-TE / T2)
    assert worst.of_all == pytest.approx(mean, rel=1e-3)


def test_traits_are_in_the_units_of_tables_and_around_the_tissues_own_frequency():
    problem = problem_of(b0=Uniform(-50.0, 50.0), t1=Uniform(1.0, 2.0), t2=Uniform(0.05, 0.1))
    (worst,) = worst_voxels(problem, pulse(90))
    assert [str(each).split()[:2] for each in worst.traits] == [["T2", "below"]]
    assert worst.traits[0].bound == pytest.approx(50.45, abs=0.1)
    fat = replace(problem, tissues=(replace(problem.tissues[0], t1=4.0, t2=4.0, b0=-440.0),))
    (worst,) = worst_voxels(fat, Sequence.from_degrees_ms([45, 45], [0, -72], [5, 5]))
    assert re.fullmatch(r"b0 more than (49\.\d*|50) Hz from -440 Hz", str(worst.traits[0]))


def test_the_costliest_tissue_comes_first_and_one_that_does_not_count_is_left_out():
    problem = Problem.load("max-signal")
    only = replace(problem.objective.terms[0], tissues=(2, 0))
    problem = replace(problem, objective=Objective((only,)))
    worst = worst_voxels(problem, Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 6.2]))
    assert {each.tissue for each in worst} == {"GM", "CSF"}
    assert worst[0].tissue == "GM"


def test_an_objective_of_costs_alone_has_no_worst_voxels():
    assert (
        worst_voxels(
            replace(problem_of(), objective=Objective((Term("rf_energy", TERMS["rf_energy"], 1.0),))),
            pulse(90),
        )
        == ()
    )


def repeated(problem, **how):
    return replace(problem, acquisition=Acquisition(**how))


@pytest.mark.parametrize(
    ("parameter", "error", "change"),
    [
        ("flip_angle", "1 %", lambda flip, te, tr, side: (flip * (1 + 0.01 * side), te, tr)),
        ("delay", "0.1 ms", lambda flip, te, tr, side: (flip, te + 1e-4 * side, tr)),
        ("tr", "1 %", lambda flip, te, tr, side: (flip, te, tr * (1 + 0.01 * side))),
    ],
)
def test_an_error_of_a_repeated_pulse_keeps_its_tr(parameter, error, change):
    """Ernst and Anderson, Rev Sci Instrum 37 (1966): sin a (1 - E1) / (1 - cos a E1) exp(-TE/T2)."""

    def signal(flip, te, tr):
        e1 = math.exp(-tr / 0.8)
        return 2 * math.sin(flip) * (1 - e1) / (1 - math.cos(flip) * e1) * math.exp(-te / T2)

    right = math.radians(40), 0.005, 0.3
    found = sensitivity(repeated(problem_of(t1=0.8), tr=0.3), pulse(40, delay=0.005))
    wrong = [signal(*change(*right, side)) - signal(*right) for side in (-1, 1)]
    effect = effect_of(found, None if parameter == "tr" else 1, parameter, error)
    assert found.signal["water"] == pytest.approx(signal(*right))
    assert effect.signal["water"] == pytest.approx(wrong, abs=1e-12)


def test_like_pulses_of_a_train_err_alike_and_so_do_its_delays():
    """Echoes of 180° pulses are exp(-n ESP / T2), and ESP is twice the delay."""
    problem = repeated(problem_of(), echoes=3)
    found = sensitivity(problem, Sequence.from_degrees_ms([90, 180], [90, 0], [5, 5]))
    rows = [(each.pulse, each.last_pulse, each.parameter, each.error) for each in found.effects]
    assert rows == [
        (None, None, "flip_angle", "1 %"),
        *[(1, None, *error[:2]) for error in ERRORS[:3]],
        (1, 4, "delay", "1 %"),
        (1, 4, "delay", "0.1 ms"),
        *[(2, 4, *error[:2]) for error in ERRORS[:3]],
    ]

    def signal(spacing):
        return 2 * sum(math.exp(-n * spacing / T2) for n in (1, 2, 3)) / 3

    effect = effect_of(found, 1, "delay", "1 %")
    wrong = [signal(0.01 * (1 + 0.01 * side)) - signal(0.01) for side in (-1, 1)]
    assert effect.signal["water"] == pytest.approx(wrong, abs=1e-12)
    record = found.to_dict()["effects"]
    assert [each.get("last_pulse") for each in record[:5]] == [None, None, None, None, 4]
    assert "last_pulse" not in record[0]


def test_a_pulse_of_fixed_amplitude_errs_with_b1_alone():
    problem = Problem.load("spin-echo-2d")
    kinds = ("invert", "excite", "refocus")
    numbers = [180, 90, 150], [0, 0, 90], [600, 9, 9]
    played = problem.played(
        Sequence.from_degrees_ms(*numbers), kinds=kinds, gradients=("spoiler",) + ("crusher",) * 2
    )
    found = sensitivity(problem, played)
    flips = [each.pulse for each in found.effects if each.parameter == "flip_angle"]
    assert flips == [None, 2, 2, 3, 3]
    assert found.loss == pytest.approx(problem.evaluate(played).loss, rel=1e-12)
    field = problem.voxels()
    field = replace(field, b1=1.01 * field.b1)
    parts = problem.simulator(field, n_places=IN_REPORT).parts(played)
    # B1 is stronger by the gain in every pulse, of fixed amplitude or not.
    loss = float(sum((1.01 if name == "b1_rms" else 1.0) * part for name, part in parts.items()))
    assert found.effects[0].loss[1] == pytest.approx(loss - found.loss, rel=1e-9)
    assert {each.tissue for each in found.worst} == {"GM", "WM"}


def test_a_sequence_that_cannot_be_played_is_refused():
    steady = Sequence.from_degrees_ms([90], [0], [5, 95], layout=Layout.plain(1, steady=True))
    with pytest.raises(ValueError, match="plays a sequence once"):
        sensitivity(problem_of(), steady)
