import math
from dataclasses import replace

import pytest
import torch

from limit_cases import TAIL, limited
from sequence_search.layout import Layout
from sequence_search.limits import Limits, Range
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.sequence import Sequence
from sequence_search.structure import find_structure

ALL = """
[limits]
time_to_readout_ms = 2000
te_ms = { low = 35, high = 40 }
ti_ms = { low = 900 }
relative_rf_energy = 1.5
max_flip_deg = 170
n_rf = { low = 2, high = 4 }
[limits.signal.CSF]
mean = 0.05
percentile_95 = { low = 0.01, high = 0.1 }
[limits.signal.GM]
mean = { low = 0.5 }
"""
PROBLEM = limited(ALL)
INVERSION = Sequence.from_degrees_ms([180, 90, 180], [0, 0, 90], [2700, 15, 15])
ECHO = Sequence.from_degrees_ms([90, 180], [0, 90], [10, 10])


def wish(sequence, name, problem=PROBLEM):
    return next(each for each in problem.evaluate(sequence).wishes if each.name == name)


def test_values_bounds_and_margins_of_a_known_design():
    """An inversion recovery spin echo: TE 30 ms, TI 2,700 ms, energy (1 + 1/4 + 1) / (1 + 1/4) = 1.8."""
    expected = {
        "time_to_readout_ms": (2730, False, -730),
        "te_ms": (30, False, -5),
        "ti_ms": (2700, True, 1800),
        "relative_rf_energy": (1.8, False, -0.3),
        "max_flip_deg": (180, False, -10),
        "n_rf": (3, True, 1),
    }
    for name, (value, met, margin) in expected.items():
        found = wish(INVERSION, name)
        assert (found.value, found.met, found.margin) == (pytest.approx(value), met, pytest.approx(margin))
    assert (wish(INVERSION, "te_ms").low, wish(INVERSION, "te_ms").high) == (35, 40)
    assert wish(INVERSION, "ti_ms").high is None


def test_signals_are_of_the_standard_ensemble():
    signal = PROBLEM.simulator(PROBLEM.voxels()).signal(INVERSION).abs()
    csf = signal[PROBLEM.voxels().tissue == 1]
    assert wish(INVERSION, "signal.CSF.mean").value == pytest.approx(float(csf.mean()))
    below = float((csf <= wish(INVERSION, "signal.CSF.percentile_95").value).double().mean())
    assert below == pytest.approx(0.95, abs=2e-3)
    assert wish(INVERSION, "signal.GM.mean").value == pytest.approx(float(signal[:1024].mean()))


def test_what_a_design_does_not_have_meets_an_upper_limit_alone():
    found = wish(ECHO, "ti_ms")
    assert (found.value, found.margin, found.met) == (None, None, False)
    assert wish(ECHO, "ti_ms", limited("[limits]\nti_ms = 900")).met
    assert not PROBLEM.evaluate(ECHO).meets_limits
    assert limited("[limits]\nte_ms = 20").evaluate(ECHO).meets_limits
    assert limited().evaluate(ECHO).wishes == ()


def test_given_pulses_are_a_wish():
    problem = limited(TAIL)
    assert [(each.name, each.met) for each in problem.evaluate(INVERSION).wishes] == [("tail", True)]
    assert not problem.evaluate(ECHO).meets_limits


def test_a_bound_that_is_met_but_for_rounding_is_met():
    echo = Sequence.from_degrees_ms([90, 180], [0, 90], [10 * (1 + ALLOWED / 2), 10])
    assert wish(echo, "te_ms", limited("[limits]\nte_ms = 20")).met
    late = Sequence.from_degrees_ms([90, 180], [0, 90], [10 * (1 + 4 * ALLOWED), 10])
    assert not wish(late, "te_ms", limited("[limits]\nte_ms = 20")).met


def test_gradients_are_those_of_finite_differences():
    measured = PROBLEM.measures(PROBLEM.voxels(16))
    rough = Sequence.from_degrees_ms([160, 80, 150], [0, 20, 100], [1000, 13, 16])
    assert find_structure(rough).ti == pytest.approx(1.0)
    step = 1e-6
    for each in measured:
        value, gradient = each.value_and_gradient(rough)
        assert value.shape == ()
        for name, part in rough.columns().items():
            for i in range(3):
                moved = part + step * torch.eye(3, dtype=part.dtype)[i] * torch.tensor([[-1.0], [1.0]])
                columns = {key: col.expand(2, 3) for key, col in rough.columns().items()} | {name: moved}
                low, high = each.value_and_gradient(Sequence(**columns))[0].tolist()
                slope = (high - low) / (2 * step)
                if each.is_smooth:
                    assert float(gradient.columns()[name][i]) == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_excess_is_relative_to_the_bound_with_its_slope():
    te = next(each for each in PROBLEM.measures(PROBLEM.voxels(1)) if each.name == "te_ms")
    values = torch.tensor([0.0, 0.028, 0.035, 0.04, 0.05, math.nan], dtype=torch.float64)
    excess, slope = te.excess(values)
    assert excess.tolist() == pytest.approx([1, 0.2, 0, 0, 0.25, 1])
    assert slope.tolist() == pytest.approx([-1 / 0.035, -1 / 0.035, 0, 0, 25, 0], abs=1e-9)


def test_te_before_and_after_the_echo_is_counted_to_it():
    """90° - 30 ms - 180° - 10 ms: read 20 ms before the echo, which is at 60 ms, twice the first delay."""
    problem = limited("[limits]\nte_ms = 100")
    early = Sequence.from_degrees_ms([90, 180], [0, 90], [30, 10])
    assert wish(early, "te_ms", problem).value == pytest.approx(60)
    (te,) = problem.measures(problem.voxels(1))
    assert te.value_and_gradient(early)[1].delay.tolist() == [2, 0]
    assert Problem.load("gm-wm").evaluate(early).wishes == ()


def test_a_padded_batch_has_the_values_of_its_sequences():
    batch = Sequence.stack([INVERSION, ECHO])
    for each in PROBLEM.measures(PROBLEM.voxels(4)):
        value, _ = each.value_and_gradient(batch)
        singly = [float(each.value_and_gradient(one)[0]) for one in (INVERSION, ECHO)]
        assert value.tolist() == pytest.approx(singly, nan_ok=True)


def test_times_and_energy_of_a_layout_and_their_gradients():
    layout = Layout.train(2, steady=True)
    train = Sequence.from_degrees_ms([90, 150, 180], [0, 90, 90], [10, 900], layout=layout)
    problem = limited("[limits]\ntime_to_readout_ms = 3500\nrelative_rf_energy = 9\nmax_flip_deg = 200\n")
    time, energy, flip = problem.measures(problem.voxels(1))
    value, slope = time.value_and_gradient(train)
    assert float(value) == pytest.approx(0.040)
    assert slope.delay.tolist() == [4, 0]
    value, slope = energy.value_and_gradient(train)
    assert float(value) == pytest.approx((1 + 25 / 9 + 4) / 5)
    assert slope.flip_angle.shape == (3,)
    assert float(flip.value_and_gradient(train)[0]) == pytest.approx(math.pi)


def test_times_of_a_train_are_those_of_its_delays():
    """TI to the excitation, TE from it to the first echo and to the third; slopes count the delays."""
    problem = limited("[sequence]\nechoes = 3\n[limits]\nte_ms = 100\nti_ms = 900\nn_rf = 3\n")
    layout = Layout.train(3, before=("spoiler",), crusher=1, kinds=["hard"] * 5)
    train = Sequence.from_degrees_ms([180, 90, *[150] * 3], [0, 0, *[90] * 3], [400, 8], layout=layout)
    te, ti, n_rf = (each.value_and_gradient(train) for each in problem.measures(problem.voxels(1)))
    third = replace(problem, limits=Limits(te=Range(high=0.1), te_readout=3))
    (late,) = (each.value_and_gradient(train) for each in third.measures(problem.voxels(1)))
    assert [float(each[0]) for each in (te, ti, n_rf, late)] == pytest.approx([0.016, 0.4, 3, 0.048])
    assert [each[1].delay.tolist() for each in (te, ti, late)] == [[0, 2], [1, 0], [0, 6]]
    # However the readouts are listed, TE is that of the earliest, and the third that of the latest.
    listed = replace(train, layout=replace(layout, readouts=layout.readouts[::-1]))
    for each, value in ((problem, 0.016), (third, 0.048)):
        assert float(each.measures(each.voxels(1))[0].value_and_gradient(listed)[0]) == pytest.approx(value)
