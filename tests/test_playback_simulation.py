import math
from functools import cache

import numpy as np
import pypulseq
import pytest

from pulseq_cases import SIZE, Builder, gradient_echo, hyperbolic_secant, spin_echo, train
from sequence_search import Sequence, Voxels
from sequence_search.engines.spins import play_spins
from sequence_search.layout import Layout
from sequence_search.playback.events import PulseqError
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import find_repetitions
from sequence_search.playback.simulation import first_pulse, play_file
from sequence_search.playback.voxel import find_voxel
from sequence_search.pulses.shapes import HyperbolicSecant, Samples, Sinc

LONG = Voxels(t1=1e3, t2=1e3)
TISSUE = Voxels(t1=0.8, t2=0.08, t2_prime=0.16, b1=[0.9, 1.1], b0=[20, -40], spread=30)


def played(made, voxels, **options):
    file = read_seq(made.sequence)
    repetitions = find_repetitions(file)
    return play_file(file, repetitions, find_voxel(file, repetitions, SIZE), voxels, **options)


def test_phase_and_precession_are_those_of_the_engines():
    made = Builder()
    made.hard(1e-3, 90, 30, duration=2e-5)
    made.read(3e-3)
    signal = played(made, Voxels(b0=[0, 40]))[0]
    assert signal == pytest.approx(
        -1j * np.exp(1j * (math.pi / 6 + 2 * math.pi * np.array([0, 40 * 2e-3]))), abs=1e-3
    )


def test_a_receiver_that_turns_with_the_spins_sees_none_turn():
    made = Builder()
    made.hard(1e-3, 90, 0, duration=2e-5)
    made.read(3e-3, phase_deg=40, frequency=100.0, duration=1.28e-3)
    lag = 2 * math.pi * 100 * 0.64e-3  # from the start of the readout to its middle
    turned = math.radians(40) + lag - 2 * math.pi * 100 * 2e-3
    assert played(made, Voxels(b0=[100]))[0] == pytest.approx(-1j * np.exp(-1j * turned), abs=3e-3)


def test_a_frequency_offset_turns_the_spins_that_have_it():
    made = Builder()
    made.hard(2e-3, 90, 0, duration=2e-3, freq_offset=400.0)
    made.read(5e-3)
    on, off = abs(played(made, Voxels(b0=[400, -400]))[0])
    assert on == pytest.approx(1, abs=1e-4)
    turn = 2 * math.pi * 2e-3 * math.hypot(125, 800)
    tilt = 125 / math.hypot(125, 800)
    mz = 1 - tilt**2 * (1 - math.cos(turn))
    assert off == pytest.approx(math.sqrt(1 - mz**2), abs=1e-4)


@pytest.mark.parametrize(("flips", "b1"), [((90, 180), 1.0), ((70, 150), 0.8)])
def test_crushed_spin_echo_of_any_flips(flips, b1):
    signal = abs(played(spin_echo(flips=flips), Voxels(t1=1e3, t2=0.08, b1=[b1], spread=20))[0])
    a, b = b1 * math.radians(flips[0]), b1 * math.radians(flips[1])
    # Half the time of the pulses, 0.2 ms each, is spent on the way down and along z.
    assert signal == pytest.approx(math.sin(a) * math.sin(b / 2) ** 2 * math.exp(-0.02 / 0.08), rel=3e-3)


def test_unequal_crushers_leave_nothing():
    assert abs(played(spin_echo(second=2), TISSUE)).max() < 2e-3


def test_stimulated_echo():
    made = Builder()
    te, tm = 0.01, 0.1
    for time in (1e-3, 1e-3 + te, 1e-3 + te + tm):
        made.hard(time, 90)
        if time > 0.1 or time < 2e-3:
            made.crush(time + 2e-3, 4)
        else:
            made.crush(time + 1e-2, 7)  # a spoiler while it is stored
    made.read(1e-3 + 2 * te + tm)
    signal = abs(played(made, Voxels(t1=0.5, t2=1e3, spread=20))[0])
    assert signal == pytest.approx(0.5 * math.exp(-tm / 0.5), rel=3e-3)


def test_inversion_by_a_hyperbolic_secant():
    made = Builder()
    signal = np.repeat(hyperbolic_secant(), 10)
    rf = pypulseq.make_arbitrary_rf(
        signal, math.pi, no_signal_scaling=True, system=made.system, delay=1e-4, use="inversion"
    )
    made.at(0, rf)
    made.crush(0.01, 6, axis="x")
    made.hard(0.0141, 90)
    made.read(0.0171)
    kind = HyperbolicSecant(duration=8e-3, peak_b1=800, bandwidth=1000)
    design = Sequence.from_degrees_ms(
        [180, 90], [0, 0], [10, 3], layout=Layout.plain(2, gradients=("spoiler", 0), kinds=("hs", "hard"))
    )
    expected = play_spins(design, TISSUE, kinds={"hs": kind}, during_pulse="full")
    assert abs(played(made, TISSUE)[0]) == pytest.approx(abs(expected.signal[0]), abs=3e-3)


def test_a_train_is_that_of_the_judge_and_nearer_with_more_spins():
    layout = Layout.train(4, crusher=4, kinds=("steps",) * 5)
    design = Sequence.from_degrees_ms([90] + [130] * 4, [90] + [0] * 4, [5], layout=layout)
    steps = {"steps": Samples(duration=2e-4, samples=(1.0,) * 4)}
    expected = play_spins(design, TISSUE, kinds=steps, during_pulse="full", n_spins=2**15).signal
    errors = [abs(played(train(), TISSUE, n_spins=2**power) - expected).max() for power in (10, 13)]
    assert errors[1] < 4e-4
    assert errors[1] < errors[0] / 4


def phase_graph(flip, phase, t1, t2, tr, te):
    """Signal of the last of many repetitions: the extended phase graph of Weigel 2015, a state for each."""
    n = len(phase)
    f_plus, f_minus, z = np.zeros(n, complex), np.zeros(n, complex), np.zeros(n, complex)
    z[0] = 1
    e1, e2 = math.exp(-tr / t1), math.exp(-tr / t2)
    cos, sin = math.cos(flip), math.sin(flip)
    for turn in phase:
        p = np.exp(1j * turn)
        plus = (1 + cos) / 2 * f_plus + p**2 * (1 - cos) / 2 * f_minus - 1j * p * sin * z
        minus = (1 - cos) / 2 / p**2 * f_plus + (1 + cos) / 2 * f_minus + 1j / p * sin * z
        z = -0.5j / p * sin * f_plus + 0.5j * p * sin * f_minus + cos * z
        signal = plus[0] * math.exp(-te / t2)
        f_plus, f_minus, z = e2 * np.roll(plus, 1), e2 * np.append(minus[1:], 0), e1 * z
        z[0] += 1 - e1
        f_plus[0] = np.conj(f_minus[0])
    return signal


@pytest.mark.parametrize("increment", [0.0, 50.0])
def test_an_rf_spoiled_gradient_echo_is_that_of_the_phase_graph(increment):
    n = 60
    phase = np.radians(np.cumsum(increment * np.arange(n)))
    expected = abs(phase_graph(math.radians(30), phase, 0.3, 0.05, 0.01, 3e-3))
    made = gradient_echo(30, n=n, increment=increment, cycles=1)
    signal = abs(played(made, Voxels(t1=0.3, t2=[0.05]))[0])
    assert signal == pytest.approx(expected, rel=1e-2)


def selective(te=0.016, thickness=5e-3, crusher=8, offset=0.0):
    """A spin echo of sincs on slice gradients, 2.56 ms long."""
    made = Builder()
    for number, (flip, use) in enumerate(((90, "excitation"), (175, "refocusing"))):
        rf, gradient, _ = pypulseq.make_sinc_pulse(
            math.radians(flip),
            duration=2.56e-3,
            slice_thickness=thickness,
            time_bw_product=4,
            apodization=0.5,
            system=made.system,
            return_gz=True,
            use=use,
            phase_offset=number * math.pi / 2,
            delay=1e-4,
        )
        strength = gradient.amplitude
        rf.freq_offset = strength * offset
        rf.phase_offset -= 2 * math.pi * rf.freq_offset * rf.center
        time = 3e-3 + number * te / 2
        half = gradient.amplitude * (gradient.flat_time + gradient.rise_time) / 2
        balance = pypulseq.make_trapezoid(
            "z", area=-half + number * crusher / thickness, duration=2e-3, system=made.system
        )
        if number:
            made.at(time - 4e-3, balance)
        made.at(time - 1.28e-3 - rf.delay, rf, gradient)
        made.at(made.time, balance)
    made.read(3e-3 + te)
    made.sequence.set_definition("SliceThickness", thickness)
    return made


@cache
def judged_slice():
    kind = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
    layout = Layout.plain(2, gradients=(8, 8), kinds=("sinc", "sinc"))
    design = Sequence.from_degrees_ms([90, 175], [0, 90], [8, 8], layout=layout)
    more = {"n_places": 48, "n_spins": 2**9, "extent": 3.0, "crusher_cycles": 1.0}
    return play_spins(design, TISSUE[:1], kinds={"sinc": kind}, during_pulse="full", **more).signal[0]


@pytest.mark.parametrize("offset", [0.0, 0.02])
def test_a_slice_is_that_of_the_judge_wherever_it_is(offset):
    signal = played(selective(offset=offset), TISSUE[:1], n_spins=2**14)[0]
    assert abs(signal) == pytest.approx(abs(judged_slice()), abs=6e-4)


def test_a_pulse_amid_the_ramps_of_its_gradient_acts_place_by_place():
    """With the gradient from ramp to ramp, that pulse without one as far as its bandwidth is large."""
    made = Builder()
    rf = pypulseq.make_block_pulse(
        math.pi / 2, duration=2e-4, system=made.system, delay=1e-4, use="excitation"
    )
    ramp = pypulseq.make_trapezoid("z", amplitude=4e4, flat_time=1e-5, rise_time=2e-4, fall_time=2e-4)
    made.at(1e-3, rf, ramp)
    half = pypulseq.make_trapezoid("z", area=-ramp.area / 2, duration=1e-3, system=made.system)
    made.at(made.time, half)
    made.read(5e-3)
    made.sequence.set_definition("SliceThickness", 5e-3)
    signal = abs(played(made, LONG)[0])
    assert signal == pytest.approx(2.5, abs=0.05)  # of all that counts, two and a half thicknesses


def test_what_has_faded_is_not_played():
    made = train(n=30, n_echoes=1)
    file = read_seq(made.sequence)
    repetitions = find_repetitions(file)
    short = Voxels(t1=0.2, t2=[0.08])
    first = first_pulse(file, repetitions, short)
    assert first == 2 * 25  # eight T1, 1.6 s, are more than three repetitions of 0.5 s
    assert first_pulse(file, repetitions, Voxels(t1=[math.inf])) == 0
    whole = played(train(n=12, n_echoes=1), short)
    assert played(made, short) == pytest.approx(whole, rel=1e-3)


def test_too_many_waveforms_and_overlaps_are_refused():
    made = Builder()
    for number in range(65):
        made.hard(1e-3 + 2e-3 * number, 1 + number)
    made.read(0.2)
    with pytest.raises(PulseqError, match="plays 65 different RF waveforms: at most 64"):
        played(made, LONG)
