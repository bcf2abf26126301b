"""The brute-force engine, which judges the others, against closed forms."""

import math

import numpy as np
import pytest
import scipy.linalg

from conftest import make_voxels
from sequence_search.engines.spins import Played, play_spins
from sequence_search.layout import Layout, Readout
from sequence_search.pulses.shapes import Hard, HyperbolicSecant, Samples, Sinc
from sequence_search.sequence import Sequence

T1, T2, T2_PRIME, SPREAD, B0 = 0.9, 0.08, 0.15, 25.0, 17.0
RELAXING = {"t1": T1, "t2": T2}
DEPHASING = {**RELAXING, "t2_prime": T2_PRIME, "spread": SPREAD, "b0": B0}


SINC = Sinc(duration=2.56e-3, time_bandwidth=4.0, slice=True)


def play(flip_deg, phase_deg, delay_ms, layout=None, *, n_spins=2**12, **options) -> Played:
    """Of one voxel; its properties are told from the options by their names."""
    properties = {name: options.pop(name) for name in list(options) if name in make_voxels().__slots__}
    sequence = Sequence.from_degrees_ms(flip_deg, phase_deg, delay_ms, layout=layout)
    return play_spins(sequence, make_voxels(**properties), n_spins=n_spins, **options)


def signal(*arguments, **options):
    return play(*arguments, **options).signal[:, 0]


def e1(time):
    return math.exp(-time / T1)


def test_free_induction_decay():
    t, x = 0.013, 2 * math.pi * SPREAD * 0.013
    found = signal([70], [30], [13], m0=0.8, b1=1.1, n_spins=2**16, **DEPHASING)
    size = 0.8 * math.sin(math.radians(77)) * math.exp(-t / T2 - t / T2_PRIME) * math.sin(x) / x
    phase = math.radians(30) - math.pi / 2 + 2 * math.pi * B0 * t
    np.testing.assert_allclose(found, [size * np.exp(1j * phase)], atol=1e-5)


def test_hahn_echo_of_each_spin():
    found = signal([90, 180], [0, 90], [20, 20], **DEPHASING)
    np.testing.assert_allclose(abs(found), math.exp(-0.04 / T2), atol=1e-10)


def test_null_of_inversion_recovery():
    found = signal([180, 90], [0, 0], [T1 * math.log(2) * 1e3, 0], **DEPHASING)
    np.testing.assert_allclose(found, 0, atol=1e-12)


@pytest.mark.parametrize(("b0", "b1"), [(0.0, 1.0), (-40.0, 0.8), (33.0, 1.25)])
def test_crushed_spin_echo(b0, b1):
    excitation, refocusing = math.radians(80) * b1, math.radians(150) * b1
    crushed = Layout.plain(2, gradients=(1, 1))
    expected = math.sin(excitation) * math.sin(refocusing / 2) ** 2 * math.exp(-0.02 / T2)
    found = signal([80, 150], [0, 90], [10, 10], crushed, n_spins=2**16, **{**DEPHASING, "b0": b0, "b1": b1})
    np.testing.assert_allclose(abs(found), expected, atol=3e-5)


def test_sampling_error_falls_with_the_number_of_spins():
    crushed, errors = Layout.plain(2, gradients=(1, 2)), []
    for n_spins in (2**10, 2**13, 2**16):
        found = [
            signal([80, 120], [0, 90], [9, 14], crushed, n_spins=n_spins, seed=seed, **DEPHASING)
            for seed in range(6)
        ]
        errors.append(np.abs(found).max())  # unequal crushers leave nothing
    assert errors[1] < errors[0] / 4
    assert errors[2] < errors[1] / 4
    assert errors[2] < 2e-5


def test_stimulated_echo_of_three_crushed_pulses():
    layout = Layout.plain(3, gradients=(1, "spoiler", 1))
    found = signal([90, 90, 90], [0, 0, 0], [6, 100, 6], layout, n_spins=2**16, **DEPHASING)
    np.testing.assert_allclose(abs(found), 0.5 * math.exp(-0.012 / T2) * e1(0.1), atol=3e-5)


def test_a_spoiler_is_refocused_by_no_other():
    spoiled = Layout.plain(2, gradients=("spoiler", "spoiler"))
    # Of the last interval only the moment of its readout counts, which is 0.
    found = signal([90, 180], [0, 90], [10, 10], spoiled, **RELAXING)
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_of_seven_spoiled_pulses_only_mz_is_left():
    """Water suppression: Tkac et al., Magn Reson Med 41 (1999)."""
    flips, phases = [110, 67, 81, 93, 127, 77, 169, 90], [0, 115, 59, 128, 190, 15, 228, 252]
    delays, mz = [135, 231, 40, 91, 46, 28, 26, 5], 1.0
    for flip, delay in zip(flips[:-1], delays[:-1], strict=True):
        mz = 1 - (1 - mz * math.cos(0.9 * math.radians(flip))) * e1(delay / 1e3)
    expected = abs(mz) * math.sin(0.9 * math.pi / 2) * math.exp(-0.005 / T2)
    layout = Layout.plain(8, gradients=("spoiler",) * 7 + (0,))
    found = signal(flips, phases, delays, layout, b1=0.9, **RELAXING)
    np.testing.assert_allclose(abs(found), expected, atol=1e-12)


def test_saturation_recovery():
    found = play([90], [0], [0, 400], Layout.plain(1, steady=True), **RELAXING)
    np.testing.assert_allclose(abs(found.signal), 1 - e1(0.4), atol=1e-12)
    np.testing.assert_allclose(found.mz, 1 - e1(0.4), atol=1e-12)


def test_ernst_angle():
    te, tr = 5e-3, 0.03
    best = math.acos(e1(tr))
    signals = [
        abs(
            signal(
                [flip], [0], [te * 1e3, (tr - te) * 1e3], Layout.plain(1, steady=True), n_spins=2, **RELAXING
            )
        )[0]
        for flip in np.degrees(best) + np.array([-0.5, 0.0, 0.5])
    ]
    expected = math.sin(best) * (1 - e1(tr)) / (1 - math.cos(best) * e1(tr)) * math.exp(-te / T2)
    assert signals[1] == pytest.approx(expected, abs=1e-11)
    assert signals[1] == max(signals)


def test_crushed_spin_echo_at_finite_tr():
    te, tr, a, b = 0.02, 0.5, math.radians(80), math.radians(155)
    layout = Layout.plain(2, gradients=(1, 1), steady=True)
    found = signal([80, 155], [0, 86], [10, 10, 480], layout, **DEPHASING)
    mz = 1 - math.cos(b) * e1(tr) - (1 - math.cos(b)) * e1(tr - te / 2)
    mz /= 1 - math.cos(a) * math.cos(b) * e1(tr)
    expected = math.sin(a) * math.sin(b / 2) ** 2 * mz * math.exp(-te / T2)
    np.testing.assert_allclose(abs(found), expected, atol=3e-5)


def test_inversion_recovery_at_finite_tr():
    ti, te, tr = 0.4, 4e-3, 1.5
    layout = Layout.plain(2, gradients=("spoiler", 0), steady=True)
    delays = [ti * 1e3, te * 1e3, (tr - ti - te) * 1e3]
    found = signal([180, 90], [0, 0], delays, layout, **RELAXING)
    np.testing.assert_allclose(found, -1j * (1 - 2 * e1(ti) + e1(tr)) * math.exp(-te / T2), atol=1e-11)


def test_carr_purcell_meiboom_gill():
    found = signal([90] + [180] * 8, [90] + [0] * 8, [5], Layout.train(8), **DEPHASING)
    np.testing.assert_allclose(abs(found), np.exp(-0.01 * np.arange(1, 9) / T2), atol=1e-10)


def extended_phase_graph(flip, n_echoes, half):
    """Echoes of a train, crushed: Weigel, J Magn Reson Imaging 41 (2015)."""
    c, s, h = math.cos(flip / 2) ** 2, math.sin(flip / 2) ** 2, math.sin(flip)
    mix = np.array([[c, s, -1j * h], [s, c, 1j * h], [-0.5j * h, 0.5j * h, math.cos(flip)]])
    state = np.zeros((3, 2 * n_echoes + 3), complex)  # F+, conjugate of F-, Z by their number of cycles
    state[:2, 0] = 1.0

    def shift():
        state[:2] *= math.exp(-half / T2)
        state[2] *= e1(half)
        state[2, 0] += 1 - e1(half)
        state[0, 1:] = state[0, :-1].copy()
        state[1, :-1] = state[1, 1:].copy()
        state[0, 0] = state[1, 0].conj()

    echoes = []
    for _ in range(n_echoes):
        shift()
        state[:] = mix @ state
        shift()
        echoes.append(state[0, 0])
    return np.array(echoes)


@pytest.mark.parametrize("flip_deg", [120, 90])
def test_a_train_is_the_extended_phase_graph(flip_deg):
    found = signal([90] + [flip_deg] * 32, [90] + [0] * 32, [5], Layout.train(32, crusher=1), **RELAXING)
    np.testing.assert_allclose(found, extended_phase_graph(math.radians(flip_deg), 32, 5e-3), atol=1e-12)


def test_hyperecho():
    """All is refocused about a 180°: Hennig and Scheffler, Magn Reson Med 46 (2001)."""
    flips, phases, delays = [40, 75, 110], [10, 200, 95], [3, 7, 5, 4]
    found = signal(
        [90, *flips, 180, *[-flip for flip in flips[::-1]]],
        [90, *phases, 0, *[-phase for phase in phases[::-1]]],
        [*delays, *delays[::-1]],
        t2_prime=5e-3,
        spread=100.0,
        b0=B0,
    )
    np.testing.assert_allclose(abs(found), 1, atol=1e-10)


def play_pulse(kind, flip_deg=180, **options):
    """One pulse, read at its centre."""
    layout = Layout.plain(1, kinds=("this",))
    return play([flip_deg], [0], [0], layout, kinds={"this": kind}, n_spins=2, **options)


def test_profile_of_a_small_flip_is_the_transform_of_the_waveform():
    found = play_pulse(SINC, 0.5, n_places=40, extent=3.0)
    time = (np.arange(256) + 0.5) * 1e-5 - SINC.duration / 2
    frequency = SINC.slice_bandwidth * found.place
    transform = np.exp(2j * math.pi * np.outer(frequency, time)) @ SINC.waveform
    held = np.sinc(frequency * 1e-5)  # each sample for its time
    expected = -1j * math.radians(0.5) * transform * held
    np.testing.assert_allclose(found.profile[0, 0], expected, atol=math.radians(0.5) ** 3)


def test_signal_of_a_slice_is_the_integral_of_its_profile():
    found = play_pulse(SINC, 90, n_places=64)
    np.testing.assert_allclose(found.signal[0, 0], found.profile[0, 0].sum() * 2 / 64)
    assert abs(found.signal[0, 0]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("peak_hz", [200, 500, 800, 1500])
def test_inversion_by_a_hyperbolic_secant(peak_hz):
    """Silver, Joseph and Hoult, Phys Rev A 31 (1985): Mz of a pulse that is not cut off, at any amplitude."""
    duration, cutoff, mu = 8e-3, 10.0, 5.0
    wave = np.cosh(cutoff * ((np.arange(500) + 0.5) / 250 - 1)) ** -(1 + 1j * mu)
    kind = Samples(duration=duration, samples=tuple(wave.tolist()), peak_b1=peak_hz)
    beta = 2 * cutoff / duration
    for b0 in (0.0, 300.0, -700.0, 1500.0):
        ends = math.pi * 2 * math.pi * b0 / beta / 2 + math.pi * mu / 2 * np.array([1, -1])
        root = np.sqrt((2 * math.pi * peak_hz / beta) ** 2 - mu**2 + 0j)
        expected = np.tanh(ends).prod() + (np.cos(math.pi * root) / np.cosh(ends).prod()).real
        np.testing.assert_allclose(play_pulse(kind, b0=b0).mz, expected, atol=2e-3)


def test_adiabatic_inversion_holds_over_b1_whatever_its_flip():
    kind = HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2108, raster=4e-5)
    for b1 in (0.8, 1.0, 1.3):
        assert play_pulse(kind, b1=b1).mz < -0.98
    assert play_pulse(kind, b1=0.2).mz > 0
    assert play_pulse(kind, 30).mz == play_pulse(kind).mz


def bloch_matrix(flip, duration, frequency):
    """Mx, My, Mz and 1 after a rectangular pulse of phase 0 with relaxation."""
    w, o = flip / duration, 2 * math.pi * frequency
    rates = [[-1 / T2, -o, 0, 0], [o, -1 / T2, -w, 0], [0, w, -1 / T1, 1 / T1], [0, 0, 0, 0]]
    return scipy.linalg.expm(np.array(rates) * duration)


def test_relaxation_in_a_pulse():
    flip, duration, t = math.radians(110), 20e-3, 30e-3
    kinds, layout = (
        {"block": Samples(duration=duration, samples=(1,) * 100)},
        Layout.plain(1, kinds=("block",)),
    )
    found = play([110], [0], [t * 1e3], layout, kinds=kinds, during_pulse="full", b0=B0, **RELAXING)
    x, y, z, _ = bloch_matrix(flip, duration, B0) @ [0, 0, 1, 1]
    rest = t - duration / 2
    expected = (x + 1j * y) * np.exp((2j * math.pi * B0 - 1 / T2) * rest)
    np.testing.assert_allclose(found.signal, expected, atol=1e-5)
    np.testing.assert_allclose(found.mz, 1 + (z - 1) * e1(rest), atol=1e-5)


def test_own_frequency_in_a_pulse_is_that_of_voxels_elsewhere():
    kinds, layout = {"block": Hard(duration=4e-3)}, Layout.plain(2, kinds=("block", "block"))
    given = [90, 170], [0, 90], [9, 12], layout
    together = signal(*given, kinds=kinds, spread=100.0, during_pulse="frequency")
    points, weights = np.polynomial.legendre.leggauss(16)
    apart = [signal(*given, kinds=kinds, b0=100 * point, n_spins=2) for point in points]
    np.testing.assert_allclose(together, weights @ np.array(apart) / 2, atol=1e-5)
    assert abs(together - signal(*given, kinds=kinds, spread=100.0)) > 0.01


def test_a_short_pulse_is_a_hard_one():
    given = [80, 150], [10, 90], [9, 12]
    kinds = {"block": Hard(duration=1e-8)}
    found = signal(
        *given, Layout.plain(2, kinds=("block", "block")), kinds=kinds, during_pulse="full", **DEPHASING
    )
    np.testing.assert_allclose(found, signal(*given, **DEPHASING), atol=1e-6)


def test_a_crusher_along_the_slice():
    # The excitation's free decay under 0.3 cycles over a slice thickness, of two thicknesses.
    found = signal(
        [90], [0], [0], Layout.plain(1, gradients=(1,)), crusher_cycles=0.3, n_places=200, n_spins=2
    )
    np.testing.assert_allclose(found, -2j * np.sinc(0.6), atol=1e-4)


def test_several_readouts_come_in_their_order():
    layout = Layout(
        ((3,), (4,)), (0, 0), ("hard", "hard"), (Readout(0, (2,)), Readout(1, (1,)), Readout(1, (3,)))
    )
    found = signal([90, 180], [0, 90], [5], layout, **DEPHASING)
    np.testing.assert_allclose(abs(found[2]), math.exp(-0.03 / T2), atol=1e-10)
    np.testing.assert_allclose(
        abs(found[0]) / math.exp(-0.01 / T2), abs(found[1]) / math.exp(-0.02 / T2), atol=1e-3
    )


GRADIENT_ECHO = [25], [0], [0, 30], Layout.plain(1, steady=True)


def test_a_constant_spoiler_is_the_free_induction_decay_of_steady_free_precession():
    """Haenicke and Vogel, Magn Reson Med 49 (2003): FISP with a gradient of whole cycles."""
    cos, decay = math.cos(math.radians(25)), math.exp(-0.03 / T2)
    p = 1 - e1(0.03) * cos - decay**2 * (e1(0.03) - cos)
    q = decay * (1 - e1(0.03)) * (1 + cos)
    expected = math.tan(math.radians(25) / 2) * (
        1 - (e1(0.03) - cos) * (1 - decay**2) / math.sqrt(p**2 - q**2)
    )
    found = signal(*GRADIENT_ECHO, end_of_tr="constant", **RELAXING)
    np.testing.assert_allclose(abs(found), expected, atol=1e-6)
    ideal = signal(*GRADIENT_ECHO, **RELAXING)
    assert abs(found - ideal) > 0.01
    np.testing.assert_allclose(signal(*GRADIENT_ECHO, end_of_tr="spoiled", **RELAXING), ideal, atol=1e-10)
    varied = signal(*GRADIENT_ECHO, end_of_tr="random", repetitions=200, **RELAXING)
    np.testing.assert_allclose(varied, ideal, atol=2e-3)


def test_unvaried_repetition_is_that_of_the_last_ones_unrolled():
    layout = Layout.plain(3, gradients=("spoiler", 1, 1), steady=True)
    sequence = Sequence.from_degrees_ms([170, 85, 160], [17, 0, 69], [350, 8, 8, 634], layout=layout)
    voxels = make_voxels(b1=0.85, **DEPHASING)
    steady = play_spins(sequence, voxels, end_of_tr="spoiled", repetitions=30, n_spins=2**13).signal
    errors = [
        abs(play_spins(sequence.repeat(n), voxels, n_spins=2**13).signal - steady).max() for n in (1, 3)
    ]
    assert errors[0] > 1e-4
    assert errors[1] < 1e-4


def test_change_tells_whether_it_is_steady():
    layout = Layout.plain(1, steady=True)
    given = [25], [0], [0, 300], layout
    assert play(*given, **RELAXING).change < 1e-12
    assert play(*given, repetitions=2, **RELAXING).change > 1e-3


def test_a_kind_that_is_not_given_is_refused():
    with pytest.raises(ValueError, match=r"kinds must hold \['sinc'\], got \['hs'\]"):
        play([90], [0], [5], Layout.plain(1, kinds=("sinc",)), kinds={"hs": SINC})


def test_more_spoilers_than_axes_are_refused():
    with pytest.raises(ValueError, match="at most 9 spoilers have an axis, got 10"):
        play([90] * 10, [0] * 10, [5] * 10, Layout.plain(10, gradients=("spoiler",) * 10))
