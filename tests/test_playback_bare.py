import math

import numpy as np
import pypulseq
import pytest

from pulseq_cases import Builder, gradient_echo, hyperbolic_secant, spin_echo, train
from sequence_search import Sequence
from sequence_search.layout import Layout
from sequence_search.playback.bare import bare_sequence, is_fixed
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import find_repetitions
from sequence_search.pulses.kinds import Hard


def found(made):
    file = read_seq(made.sequence)
    return bare_sequence(file, find_repetitions(file))


def test_a_spin_echo_is_its_pulses_and_delays():
    bare = found(spin_echo(flips=(85, 170), phases=(10, 100)))
    expected = Sequence.from_degrees_ms([85, 170], [10, 100], [10, 10])
    for name in ("flip_angle", "phase", "delay"):
        assert getattr(bare.sequence, name).tolist() == pytest.approx(getattr(expected, name).tolist())
    assert list(bare.kinds) == ["rf1", "rf2"]
    assert all(isinstance(kind, Hard) for kind in bare.kinds.values())
    assert bare.kinds["rf1"].duration == pytest.approx(2e-4)


def test_a_repeated_train_goes_to_the_end_of_its_tr():
    bare = found(train(3, n=2))
    assert bare.sequence.is_steady
    assert float(bare.sequence.tr) == pytest.approx(0.5)
    assert bare.sequence.readout_times.tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert bare.sequence.layout.kinds == ("rf1", "rf2", "rf2", "rf2")
    assert float(bare.sequence.rf_energy) == pytest.approx((math.pi / 2) ** 2 + 3 * math.radians(130) ** 2)


def test_pulses_after_the_last_readout_of_what_is_played_once_are_none():
    made = spin_echo()
    made.hard(0.03, 90, -90)
    assert found(made).sequence.layout == Layout.plain(2, kinds=("rf1", "rf2"))


def test_a_phase_counts_at_the_centre_whatever_the_frequency():
    made = Builder()
    made.hard(2e-3, 90, 30, freq_offset=250.0, duration=1e-3)
    made.read(5e-3)
    bare = found(made)
    assert float(bare.sequence.phase[0]) == pytest.approx(math.radians(30 + 45))
    assert bare.kinds == {"rf1": Hard(duration=1e-3, offset=250.0)}


def test_an_adiabatic_pulse_has_its_amplitude_and_counts_as_180():
    made = Builder()
    signal = np.repeat(hyperbolic_secant(), 10)
    made.at(
        0,
        pypulseq.make_arbitrary_rf(
            signal, math.pi, no_signal_scaling=True, system=made.system, delay=1e-4, use="inversion"
        ),
    )
    made.hard(0.02, 90)
    made.read(0.025)
    bare = found(made)
    assert float(bare.sequence.flip_angle[0]) == pytest.approx(math.pi)
    kind = bare.kinds["rf1"]
    assert kind.peak_b1_ut(math.pi) == pytest.approx(800 / 42.577478518, rel=1e-3)
    assert kind.fixed_flip == pytest.approx(math.pi)


def test_only_what_sweeps_or_cancels_is_of_fixed_amplitude():
    assert is_fixed(hyperbolic_secant())
    assert is_fixed(np.exp(2j * math.pi * np.arange(10) / 10))
    assert not is_fixed(np.sinc(np.linspace(-2, 2, 100)) * np.exp(0.3j))


def test_rf_spoiling_leaves_one_pulse():
    assert found(gradient_echo(n=5)).sequence.flip_angle.shape == (1,)
