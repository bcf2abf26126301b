import math
from dataclasses import replace

import pytest

from explanation_cases import make_problem, play
from sequence_search.explanation.readout import measure_readout
from sequence_search.tissue import Imaging, Normal, Uniform

PROBLEM = make_problem({"GM": (1.3, 0.1)}, b1=Uniform(0.8, 1.2), b0=Uniform(-50.0, 50.0))


def read(sequence, problem=PROBLEM, first=0):
    return measure_readout(problem, sequence, tuple(range(first, len(sequence.delay))), {"GM": 1.0})


def test_a_spin_echo_after_an_inversion():
    found = read(play([180, 90, 180], [0, 0, 90], [800, 10, 10]), first=1)
    assert (found.kind, found.excitation, found.refocusing, found.train) == ("spin echo", 1, (2,), None)
    assert found.te == pytest.approx(0.02)
    assert found.echoes == (pytest.approx(0.02),)
    assert found.kept_by_one is None


def test_without_relaxation_an_echo_keeps_the_cube_of_the_sine_over_b1():
    # sin(x) sin²(x) with x = b1 pi/2; mean over b1 by its antiderivative cos³/3 - cos.
    def integral(x):
        return math.cos(x) ** 3 / 3 - math.cos(x)

    expected = (integral(0.6 * math.pi) - integral(0.4 * math.pi)) / (0.2 * math.pi)
    found = read(play([90, 180], [0, 90], [40, 40]))
    assert found.kept["GM"] == pytest.approx(expected, abs=1e-3)
    train = read(play([90, 180, 180], [0, 90, 90], [20, 40, 20]))
    assert train.kept_by_one == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("phases", "name"), [([90, 90], "CPMG"), ([0, 0], "CP"), ([0, 180], "CP"), ([90, 45], "phase-modulated")]
)
def test_a_train_by_its_phases_and_echoes(phases, name):
    found = read(play([90, 180, 180], [0, *phases], [10, 20, 10]))
    assert found.train == name
    assert found.echoes == pytest.approx((0.02, 0.04))
    assert len(found.echo_signal) == 2


def test_a_cpmg_train_keeps_more_than_a_cp_train():
    cpmg, cp = (read(play([90, 160, 160], [0, p, p], [10, 20, 10])) for p in (90, 0))
    assert cpmg.kept["GM"] > cp.kept["GM"] + 0.05
    assert cpmg.kept["GM"] == pytest.approx(cpmg.echo_signal[-1], abs=1e-9)


def test_a_train_without_an_echo_for_each_pulse_is_incomplete():
    found = read(play([90, 180, 180, 180], [0, 90, 90, 90], [20, 10, 10, 20]))
    assert found.train == "incomplete CPMG"
    assert found.echoes == pytest.approx((0.06,))


def test_an_echo_at_a_pulse_counts_once():
    found = read(play([90, 180, 180, 180, 180], [0, 90, 90, 90, 90], [6, 12, 6, 6, 6]))
    assert found.echoes == pytest.approx((0.012, 0.024, 0.036))


def test_a_stimulated_echo_and_no_signal():
    found = read(play([90, 90, 90], [0, 0, 0], [10, 50, 10]))
    assert (found.kind, found.storing, found.echoes) == ("stimulated echo", (1,), ())
    assert found.tm == pytest.approx(0.05)
    assert read(play([0], [0], [10])).kind == "no signal"


def test_pulses_whose_pathways_add_up_are_a_composite_excitation():
    # 1-2-1 with half a turn of fat between: 90° of water, 22.5° - 45° + 22.5° of fat.
    water = replace(PROBLEM.tissues[0], name="water", t2_prime=Normal(10.0))
    fat = replace(water, name="fat", b0=Normal(-220.0))
    problem = replace(PROBLEM, tissues=(water, fat), imaging=Imaging(1.0, 0.0, 0.0))
    found = read(play([22.5, 45, 22.5], [0, 0, 0], [1e3 / 440, 1e3 / 440, 1.0]), problem)
    assert found.kind == "composite excitation"
    assert found.largest_share < 0.5
    # Mean over its pathways, from 1 ms of what the last excites to 5.5 ms of what the first does.
    assert found.te == pytest.approx(3.33e-3, abs=1e-5)
    assert (found.kept["water"], found.kept["fat"]) == (
        pytest.approx(1, abs=0.01),
        pytest.approx(0, abs=0.01),
    )


def test_what_recovers_meanwhile_is_not_what_the_pulses_bring():
    short, long = (
        read(play([90, 160, 160], [0, 0, 0], [10, 20, 10]), make_problem({"GM": (t1, 0.1)}))
        for t1 in (0.1, 100.0)
    )
    assert short.kept["GM"] == pytest.approx(long.kept["GM"], abs=1e-9)
    assert short.echo_signal == pytest.approx(long.echo_signal)


def test_a_composite_excitation_with_two_refocusing_pulses_stands_beside_one_pulse():
    """Of 90° the mean of sin(b1 pi/2) over b1 of 0.5 to 1.5."""
    tissue = replace(PROBLEM.tissues[0], t2_prime=Normal(10.0))
    problem = replace(PROBLEM, tissues=(tissue,), imaging=Imaging(Uniform(0.5, 1.5), 0.0, 0.0))
    found = read(play([38.7, 227.4, 92.0], [0, 54, 176], [0.8, 0.8, 0.8]), problem)
    assert (found.kind, len(found.refocusing)) == ("composite excitation", 2)
    assert found.kept_by_one == pytest.approx(2 * math.sqrt(2) / math.pi, abs=2e-3)


@pytest.mark.parametrize(
    "sequence", [play([90, 180], [0, 90], [6, 6]), play([90, 90, 90], [0] * 3, [10, 500, 10])]
)
def test_an_echo_that_carries_the_signal_is_no_composite_excitation(sequence):
    assert read(sequence).kind != "composite excitation"


def test_a_train_of_small_refocusing_pulses_stays_a_train():
    found = read(play([90, *[120] * 4], [0, *[90] * 4], [10, 20, 20, 20, 10]))
    assert found.largest_share < 0.5
    assert found.train == "CPMG"
