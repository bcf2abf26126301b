import math

import pytest

from pulseq_cases import SIZE, gradient_echo, spin_echo, train
from sequence_search import Problem
from sequence_search.playback.facts import facts, how_played
from sequence_search.playback.score import play

FEW = {"n_per_tissue": 1, "n_spins": 2**6, "size": SIZE}


def played(made, problem="gm-wm"):
    return play(made.sequence, Problem.load(problem), **FEW)


def test_times_and_rf_of_a_spin_echo_played_once():
    found = facts(played(spin_echo(te=0.02)))
    assert found.tr is None
    assert found.te == pytest.approx((0.02,))
    assert found.peak_b1_ut == pytest.approx(0.5 / 2e-4 / 42.577478518)
    square = (0.25 / 2e-4) ** 2 * 2e-4 + (0.5 / 2e-4) ** 2 * 2e-4
    assert found.rms_b1_ut == pytest.approx(math.sqrt(square / found.duration) / 42.577478518)
    assert found.rf_energy == pytest.approx((math.pi / 2) ** 2 + math.pi**2)


def test_b1_is_over_a_repetition():
    found = facts(played(gradient_echo(flip=30, tr=0.01, n=4), "spin-echo-2d"))
    assert found.tr == pytest.approx(0.01)
    b1 = 1 / 12 / 2e-4
    assert found.rms_b1_ut == pytest.approx(b1 * math.sqrt(2e-4 / 0.01) / 42.577478518)


def test_echo_times_of_a_train():
    assert facts(played(train(3, n=2))).te == pytest.approx((0.01, 0.02, 0.03))


def test_tells_how_much_was_played():
    assert how_played(played(spin_echo())) == [
        "Played once, from equilibrium: 2 pulses.",
        "A voxel is 5 mm along z.",
    ]
    assert how_played(played(train(1, n=3)))[0] == "Played: 3 of 3 repetitions, from equilibrium."
    long = train(1, n=30, tr=3.0)
    told = how_played(played(long, "spin-echo-2d"))[0]
    assert told.startswith("Played: 5 of 30 repetitions, before the readouts")  # 8 T1 of GM are 10.6 s
