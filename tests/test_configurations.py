"""The reference engine over layouts: closed forms, a textbook phase graph, and what each must keep."""

import math

import numpy as np
import pytest
import torch

from conftest import make_voxels, random_brain_voxels
from sequence_search.engines import configurations
from sequence_search.engines.configurations import Configurations
from sequence_search.engines.simulation import evolve, simulate
from sequence_search.engines.simulator import Simulator
from sequence_search.engines.spins import play_spins
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.pulses.kinds import Hard
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc
from sequence_search.pulses.slices import inversion_efficiency
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

T1, T2, T2_PRIME, SPREAD, B0, B1 = 0.9, 0.08, 0.15, 25.0, 17.0, 0.85
VOXEL = {"m0": 0.8, "t1": T1, "t2": T2, "t2_prime": T2_PRIME, "spread": SPREAD, "b0": B0, "b1": B1}
A, B = math.radians(80), math.radians(155)


def design(layout, flip_deg, phase_deg, delay_ms):
    return Sequence.from_degrees_ms(flip_deg, phase_deg, delay_ms, layout=layout)


def signal(sequence, voxels):
    return simulate(sequence, voxels, "configurations")


def close(actual, expected, tolerance=1e-13):
    expected = torch.as_tensor(expected, dtype=actual.dtype)
    torch.testing.assert_close(actual, expected.expand_as(actual), atol=tolerance, rtol=0)


def e1(time):
    return math.exp(-time / T1)


# Without a layout.


@pytest.mark.parametrize("delays_ms", [[13], [13, 17], [10, 30, 20], [100, 200, 300], [6.2] * 5])
def test_without_a_layout_they_are_the_pathways(delays_ms):
    generator = torch.Generator().manual_seed(1)
    flip, phase = 3 * torch.rand((2, 4, len(delays_ms)), generator=generator, dtype=torch.float64)
    delay = torch.tensor(delays_ms, dtype=torch.float64).expand_as(flip) / 1e3
    sequence, voxels = Sequence(flip, phase, delay), random_brain_voxels(5)
    start = torch.linspace(-1, 1, 5, dtype=torch.float64)
    pairs = (
        Simulator(voxels, engine=engine).magnetization(sequence, start)
        for engine in ("configurations", "pathways")
    )
    for mine, theirs in zip(*pairs, strict=True):
        close(mine, theirs)


# Closed forms.


def test_a_crushed_spin_echo_is_the_refocused_part_for_any_flip_and_field():
    # S = i sin(a) sin²(b/2) exp(i (2 q - p)) exp(-TE/T2), with a and b as b1 makes them.
    sequence = design(Layout.plain(2, gradients=(1, 1)), [80, 155], [30, 100], [10, 10])
    phase = math.radians(2 * 100 - 30 + 90)
    size = 0.8 * math.sin(B1 * A) * math.sin(B1 * B / 2) ** 2 * math.exp(-0.02 / T2)
    close(signal(sequence, make_voxels(**VOXEL)), size * complex(math.cos(phase), math.sin(phase)))


def test_a_crushed_stimulated_echo():
    # Of three pulses, 1/2 sin(a) sin(b) sin(c) exp(-2t/T2 - tm/T1).
    layout = Layout(((1, 0), (0, 1), (1, 0)), (1, SPOILER, 1), ("hard",) * 3, (Readout(2, (1, 0), 1),))
    sequence = design(layout, [80, 155, 70], [10, 20, 30], [6, 100])
    flips = (math.sin(B1 * flip) for flip in (A, B, math.radians(70)))
    expected = 0.4 * math.prod(flips) * math.exp(-0.012 / T2) * e1(0.1)
    close(signal(sequence, make_voxels(**VOXEL)).abs(), expected)


def test_what_a_spoiler_dephases_no_crusher_refocuses():
    layout = Layout.plain(2, gradients=(SPOILER, 1))
    assert signal(design(layout, [80, 155], [0, 0], [10, 10]), make_voxels(t1=math.inf, t2=T2)).abs() < 1e-15
    # A crusher does: moment 1 of both intervals.
    assert signal(design(Layout.plain(2, gradients=(1, 1)), [80, 155], [0, 0], [10, 10]), make_voxels()) != 0


def test_ernst():
    te, tr, flip = 5e-3, 0.03, B1 * math.radians(25)
    sequence = design(Layout.plain(1, steady=True), [25], [0], [te * 1e3, (tr - te) * 1e3])
    mz = (1 - e1(tr)) / (1 - math.cos(flip) * e1(tr))
    decay = math.exp(-te / T2 - te / T2_PRIME) * np.sinc(2 * SPREAD * te)
    close(signal(sequence, make_voxels(**VOXEL)).abs(), 0.8 * math.sin(flip) * mz * decay)


def test_saturation_recovery():
    sequence = design(Layout.plain(2, gradients=(SPOILER, 0)), [90, 70], [0, 0], [300, 5])
    expected = math.sin(math.radians(70)) * (1 - e1(0.3)) * math.exp(-5e-3 / T2)
    close(signal(sequence, make_voxels(t1=T1, t2=T2)).abs(), expected)
    repeated = design(Layout.plain(1, steady=True), [90], [0], [5, 295])
    close(signal(repeated, make_voxels(t1=T1, t2=T2)).abs(), (1 - e1(0.3)) * math.exp(-5e-3 / T2))


def test_behind_spoilers_only_mz_is_left():
    flips, delays, mz = [110, 67, 81, 93, 127, 90], [135, 231, 40, 91, 26, 5], 1.0
    for flip, delay in zip(flips[:-1], delays[:-1], strict=True):
        mz = 1 - (1 - mz * math.cos(B1 * math.radians(flip))) * e1(delay / 1e3)
    layout = Layout.plain(6, gradients=(SPOILER,) * 5 + (0,))
    found = signal(
        design(layout, flips, [0, 115, 59, 128, 190, 15], delays), make_voxels(t1=T1, t2=T2, b1=B1)
    )
    close(found.abs(), abs(mz) * math.sin(B1 * math.pi / 2) * math.exp(-5e-3 / T2))


@pytest.mark.parametrize("flips", [(80.0, 155.0), (90.0, 180.0), (40.0, 100.0)])
def test_a_crushed_spin_echo_at_finite_tr(flips):
    # sin a sin²(b/2) [1 - cos b E(TR) - (1 - cos b) E(TR - TE/2)] / (1 - cos a cos b E(TR)) exp(-TE/T2)
    te, tr = 0.02, 0.5
    a, b = (B1 * math.radians(flip) for flip in flips)
    recovered = 1 - math.cos(b) * e1(tr) - (1 - math.cos(b)) * e1(tr - te / 2)
    expected = math.sin(a) * math.sin(b / 2) ** 2 * recovered / (1 - math.cos(a) * math.cos(b) * e1(tr))
    layout = Layout.plain(2, gradients=(1, 1), steady=True)
    sequence = design(layout, flips, [0, 90], [10, 10, 480])
    close(signal(sequence, make_voxels(**VOXEL)).abs(), 0.8 * expected * math.exp(-te / T2))


def test_inversion_recovery_at_finite_tr():
    ti, te, tr = 0.4, 4e-3, 1.5
    layout = Layout.plain(2, gradients=(SPOILER, 0), steady=True)
    sequence = design(layout, [180, 90], [0, 0], [ti * 1e3, te * 1e3, (tr - ti - te) * 1e3])
    expected = (1 - 2 * e1(ti) + e1(tr)) * math.exp(-te / T2)
    close(signal(sequence, make_voxels(t1=T1, t2=T2)), -1j * expected)


@pytest.mark.parametrize("crusher", [0, 1])
def test_a_train_of_ideal_pulses_decays_with_t2(crusher):
    sequence = design(Layout.train(8, crusher=crusher), [90] + [180] * 8, [0] + [90] * 8, [5])
    echoes = signal(sequence, make_voxels(t1=T1, t2=T2, t2_prime=T2_PRIME, spread=SPREAD, b0=B0))
    assert echoes.shape == (8, 1)
    close(echoes[:, 0].abs(), np.exp(-0.01 * np.arange(1, 9) / T2))


def test_a_hyperecho_refocuses_whatever_was_before_it():
    # Hennig and Scheffler, "Hyperechoes", Magn Reson Med 46 (2001), DOI 10.1002/mrm.1153: flips a and -a, of
    # phases p and -p, in opposite order on both sides of a pulse of 180°(0°), give an echo of all of M0.
    flips, phases = [37, 105, 68], [20, -75, 140]
    rows = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    layout = Layout(tuple(rows + rows[::-1]), (0,) * 8, ("hard",) * 8, (Readout(7, (1, 0, 0, 0)),))
    sequence = design(
        layout,
        [90, *flips, 180, *(-flip for flip in flips[::-1])],
        [90, *phases, 0, *(-phase for phase in phases[::-1])],
        [7, 11, 5, 9],
    )
    close(signal(sequence, make_voxels(t2_prime=5e-3, spread=80.0, b0=B0)).abs(), 1.0)


def textbook_train(flip, n_echoes, half, crushed):
    """Echoes of a CPMG train in a voxel by the phase graph of orders 0, 1, ...; rows are F+, F-*, Z."""
    alpha, states, echoes = B1 * flip, np.zeros((3, 2 * n_echoes + 2), complex), []
    states[:, 0] = 0, 0, 1

    def rotate(states, angle, phase):
        cos, sin, axis = math.cos(angle / 2), math.sin(angle / 2), np.exp(1j * phase)
        rows = [
            [cos**2, axis**2 * sin**2, -1j * axis * math.sin(angle)],
            [axis**-2 * sin**2, cos**2, 1j / axis * math.sin(angle)],
            [-0.5j / axis * math.sin(angle), 0.5j * axis * math.sin(angle), math.cos(angle)],
        ]
        return np.array(rows) @ states

    def wait(states):
        plus, minus, along = states * np.array([[math.exp(-half / T2)]] * 2 + [[e1(half)]])
        along[0] += 1 - e1(half)
        plus, minus = np.roll(plus, 1), np.append(minus[1:], 0)
        plus[0] = minus[0].conj()
        return np.array([plus, minus, along])

    weight = np.exp(-np.arange(2 * n_echoes + 2) * half / T2_PRIME) * np.sinc(
        2 * SPREAD * half * np.arange(2 * n_echoes + 2)
    )
    weight[1:] *= not crushed
    states = wait(rotate(states, B1 * math.pi / 2, math.pi / 2))
    for _ in range(n_echoes):
        states = wait(rotate(states, alpha, 0))
        echoes.append((states[0] * weight).sum() + (states[1].conj() * weight)[1:].sum())
        states = wait(states)
    return np.array(echoes)


@pytest.mark.parametrize("crusher", [0, 1])
@pytest.mark.parametrize("flip", [120, 90])
def test_a_train_is_that_of_a_textbook_phase_graph(flip, crusher):
    sequence = design(Layout.train(32, crusher=crusher), [90] + [flip] * 32, [90] + [0] * 32, [4])
    expected = 0.8 * textbook_train(math.radians(flip), 32, 4e-3, crusher)
    close(signal(sequence, make_voxels(**VOXEL | {"b0": 0.0}))[:, 0], expected)


# Properties.

EXAMPLES = {
    "spin echo": (Layout.plain(2, gradients=(1, 1), steady=True), [80, 155], [10, 100], [10, 10, 480]),
    "prepared": (
        Layout.plain(4, gradients=(1, SPOILER, 2, 2)),
        [70, 120, 80, 155],
        [0, 40, 10, 100],
        [20, 300, 9, 9],
    ),
    "train": (Layout.train(3, crusher=1), [80, 130, 120, 110], [0, 90, 80, 70], [5]),
    "inverted train": (
        Layout.train(2, before=(SPOILER,), steady=True),
        [160, 80, 130, 120],
        [0, 30, 90, 80],
        [400, 5, 800],
    ),
    "not crushed": (Layout.plain(3, steady=True), [80, 155, 70], [0, 90, 20], [11, 12, 13, 100]),
}
every_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


@every_example
def test_a_batch_is_its_sequences(example):
    layout, *numbers = example
    voxels, one = random_brain_voxels(4), design(layout, *numbers)
    other = design(layout, *([1.1 * number for number in part] for part in numbers))
    both = signal(Sequence.stack([one, other]), voxels)
    close(both, torch.stack([signal(one, voxels), signal(other, voxels)]))
    close(signal(one, voxels[2:]), both[0, ..., 2:])
    n_readouts = (len(layout.readouts),) if len(layout.readouts) > 1 else ()
    assert both.shape == (2, *n_readouts, 4)


@every_example
def test_a_common_phase_turns_the_signal(example):
    layout, flip, phase, delay = example
    voxels, turn = random_brain_voxels(4), complex(math.cos(0.7), math.sin(0.7))
    turned = design(layout, flip, np.array(phase) + math.degrees(0.7), delay)
    close(signal(turned, voxels), turn * signal(design(layout, flip, phase, delay), voxels))


@every_example
def test_negated_phases_and_offsets_give_the_conjugate(example):
    layout, flip, phase, delay = example
    voxels, mirrored = random_brain_voxels(4), random_brain_voxels(4)
    mirrored.b0.neg_()
    # The axis of phase 0 is kept, so that its sign is too: -i sin(flip) becomes i sin(flip).
    negated = signal(design(layout, flip, -np.array(phase), delay), mirrored)
    close(negated, -signal(design(layout, flip, phase, delay), voxels).conj())


@every_example
def test_a_pulse_of_0_degrees_changes_nothing(example):
    layout, flip, phase, delay = example
    voxels, n = random_brain_voxels(4), layout.n_delay
    # The second interval in two: the delay before the new pulse is one more.
    rows = [(*row, 0) for row in layout.multiples]
    extra = (*[0] * n, 1)
    split = Layout(
        (*rows[:1], extra, *rows[1:]),
        (layout.gradients[0], 0, *layout.gradients[1:]),
        ("hard",) * (layout.n_rf + 1),
        tuple(Readout(each.pulse + 1, (*each.multiples, 0), each.gradient) for each in layout.readouts),
        layout.steady,
    )
    with_pulse = design(split, [flip[0], 0, *flip[1:]], [phase[0], 50, *phase[1:]], [*delay, 0])
    close(signal(with_pulse, voxels), signal(design(layout, flip, phase, delay), voxels))


@every_example
def test_gradients_match_finite_differences(example):
    layout, *numbers = example
    voxels, sequence = random_brain_voxels(2), design(layout, *numbers)
    names = ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")

    def run(flip, phase, delay, *properties):
        changed = dict(zip(names, properties, strict=True), tissue=voxels.tissue)
        return signal(Sequence(flip, phase, delay, layout=layout), type(voxels)(**changed))

    inputs = [*sequence.columns().values(), *(getattr(voxels, name) for name in names)]
    assert torch.autograd.gradcheck(run, [part.clone().requires_grad_() for part in inputs], fast_mode=True)


def test_moments_that_nothing_undoes_are_not_followed():
    # Of 3^4 pathways that reach the readout of five free pulses, with crushers only the echo of the last two.
    layout = Layout.plain(5, gradients=(4, 2, 8, 1, 1))
    sequence, engine = design(layout, [80] * 5, [0] * 5, [3, 4, 5, 6, 6]), Configurations(make_voxels())
    batch = sequence.map(lambda part: part[None])
    *_, last = engine._play(batch, engine._pulses(batch), 1.0)
    assert all(abs(moment) <= 1 for moment, *_ in last.transverse)


def test_too_many_states_are_refused(monkeypatch):
    monkeypatch.setattr(configurations, "MAX_AMPLITUDES", 20_000)
    free = Sequence.from_degrees_ms([80] * 5, [0] * 5, [5] * 5)
    with pytest.raises(ValueError, match=r"at most 20 states .* got 27 states, a batch of 1, 1 voxels"):
        signal(free, make_voxels())
    tied = design(Layout.train(4), [80] * 5, [0] * 5, [5])
    assert signal(tied, make_voxels()).shape == (4, 1)


# Against other engines.


@every_example
def test_the_compiled_engine_gives_the_same(example):
    layout, *numbers = example
    voxels, sequence = random_brain_voxels(9), design(layout, *numbers)
    slopes = {}
    for engine in ("fused", "configurations"):
        inputs = [part.clone().requires_grad_() for part in sequence.columns().values()]
        found = simulate(Sequence(*inputs, layout=layout), voxels, engine)
        close(found.detach(), signal(sequence, voxels))
        slopes[engine] = torch.autograd.grad(found.abs().square().sum(), inputs)
    for mine, theirs in zip(*slopes.values(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=1e-10)


@every_example
def test_spins_with_gradients_give_the_same(example):
    layout, *numbers = example
    sequence, voxels = design(layout, *numbers), make_voxels(**VOXEL)
    spins = torch.from_numpy(play_spins(sequence, voxels, n_spins=2**13).signal)
    close(signal(sequence, voxels).reshape(spins.shape), spins, 1e-4)


# Kinds of pulse.

SINC = Sinc(duration=2.56e-3, time_bandwidth=4.0, slice=True)
SLICED = Layout.plain(2, gradients=(1, 1), kinds=("sinc", "sinc")), [85, 160], [30, 100], [8, 8]


def test_a_slice_is_that_of_spins_that_play_the_waveform():
    voxels, sequence = make_voxels(**VOXEL), design(*SLICED)
    spins = play_spins(sequence, voxels, kinds={"sinc": SINC}, n_spins=2**12, n_places=8).signal
    found = Simulator(voxels, engine="configurations", kinds={"sinc": SINC}).signal(sequence)
    close(found, torch.from_numpy(spins[0]), 1e-4)
    finer = Simulator(voxels, kinds={"sinc": SINC}, n_places=16).signal(sequence)
    assert 1e-7 < float((finer - found).abs().max()) < 3e-4


def test_the_rotation_of_a_pulse_is_about_its_centre():
    # Without a slice it is of every place; a short one is the instantaneous pulse.
    layout = Layout.plain(2, gradients=(1, 1), kinds=("short", "hard"))
    numbers = [80, 155], [10, 100], [10, 10]
    voxels = random_brain_voxels(3)
    instantaneous = signal(design(Layout.plain(2, gradients=(1, 1)), *numbers), voxels)
    for duration, tolerance in ((0.0, 1e-13), (1e-7, 2e-6)):
        kinds = {"short": Hard(duration=duration)}
        close(Simulator(voxels, kinds=kinds).signal(design(layout, *numbers)), instantaneous, tolerance)


def test_gradients_through_kinds():
    voxels, sequence = random_brain_voxels(2), design(*SLICED)
    simulator = Simulator(voxels, kinds={"sinc": SINC}, n_places=3)
    inputs = [part.clone().requires_grad_() for part in sequence.columns().values()]
    layout = sequence.layout

    def run(*parts):
        return simulator.signal(Sequence(*parts, layout=layout))

    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)
    voxels.b0.requires_grad_()
    with pytest.raises(ValueError, match="derivatives by b1 and b0 are known of hard pulses only"):
        simulator.signal(sequence)


def test_a_kind_that_is_not_given_is_told():
    with pytest.raises(ValueError, match=r"kinds must hold \['sinc'\], got \[\]"):
        signal(design(*SLICED), make_voxels())


# Repetition.


def test_the_last_repetitions_followed_exactly():
    # One repetition is the steady state as it is; what crushers stored adds echoes in the next.
    layout, *numbers = EXAMPLES["spin echo"]
    simulator, sequence = Simulator(make_voxels(**VOXEL)), design(layout, *numbers)
    once, difference = simulator.unvaried_signal(sequence, 1)
    close(once, simulator.signal(sequence))
    close(once + difference, simulator.unvaried_signal(sequence, 2)[0])
    spins = play_spins(sequence, simulator.voxels, n_spins=2**13, end_of_tr="spoiled").signal
    assert 1e-2 < float((once - torch.from_numpy(spins[0])).abs()) < 5e-2
    close(simulator.unvaried_signal(sequence)[0], torch.from_numpy(spins[0]), 2e-3)


# Over time.


@every_example
def test_evolution_meets_the_signal_at_its_readouts(example):
    layout, *numbers = example
    voxels, sequence = random_brain_voxels(4), design(layout, *numbers)
    mxy, _ = evolve(sequence, voxels, sequence.readout_times)
    close(voxels.m0 * mxy, signal(sequence, voxels).reshape(mxy.shape))


def test_a_steady_evolution_ends_where_it_starts():
    layout, *numbers = EXAMPLES["spin echo"]
    voxels, sequence = make_voxels(**VOXEL), design(layout, *numbers)
    _, mz = evolve(sequence, voxels, torch.tensor([0.0, 0.5], dtype=torch.float64))
    close(mz[0], math.cos(B1 * A) * mz[1])


def test_a_crusher_dephases_evenly_until_the_next_pulse():
    sequence = design(Layout.plain(2, gradients=(1, 1)), [90, 180], [0, 90], [10, 10])
    times = torch.tensor([0.0, 5e-3, 10e-3 - 1e-12, 15e-3, 20e-3], dtype=torch.float64)
    mxy, _ = evolve(sequence, make_voxels(), times)
    close(mxy[:, 0].abs(), [1, 2 / math.pi, 0, 2 / math.pi, 1], 1e-9)


def test_evolution_knows_moments_that_no_readout_sees():
    # In the middle of the second interval what was dephased by 3 cycles stands at 3.5 or, turned over, -2.5.
    sequence = design(Layout.plain(2, gradients=(3, 1)), [80, 155], [0, 0], [10, 10])
    mxy, _ = evolve(sequence, make_voxels(), torch.tensor([15e-3], dtype=torch.float64))
    parts = (
        -math.sin(A) * math.cos(B / 2) ** 2 * np.sinc(3.5),
        math.sin(A) * math.sin(B / 2) ** 2 * np.sinc(2.5),
        -math.cos(A) * math.sin(B) * np.sinc(0.5),
    )
    close(mxy, 1j * sum(parts))


def test_evolution_is_differentiable_by_the_delays():
    # After 5 ms of the second interval, which begins later with a longer delay; a crusher's course is given.
    times = torch.tensor([15e-3], dtype=torch.float64)
    layout, voxels = Layout.plain(2, steady=True), make_voxels(**VOXEL)
    sequence = design(layout, [80, 155], [0, 90], [10, 10, 480])

    def run(*columns):
        return evolve(Sequence(*columns, layout=layout), voxels, times)

    inputs = [part.clone().requires_grad_() for part in sequence.columns().values()]
    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize("engine", ["configurations", "fused"])
def test_an_adiabatic_inversion_leaves_mz_times_its_efficiency(engine):
    """Mz at TI is 1 + (efficiency cos - 1) exp(-TI/T1), to 1e-4 that of the full Bloch equations."""
    kind = HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2108)
    t1, t2, b0 = 0.832, 0.08, 30.0
    layout = Layout.plain(2, gradients=("spoiler", 0), kinds=("hs", "hard"))
    sequence = Sequence.from_degrees_ms([180, 90], [0, 0], [300, 1e-6], layout=layout)
    voxel = Voxels(t1=t1, t2=t2, b1=[1.0], b0=b0)
    mz = abs(complex(Simulator(voxel, engine=engine, kinds={"hs": kind}).signal(sequence)))
    efficiency = float(inversion_efficiency(kind, t1, t2, 1.0, b0))
    inverted = efficiency * math.cos(float(kind.rotation(math.pi, 1.0, b0).angle))
    assert mz == pytest.approx(abs(1 + (inverted - 1) * math.exp(-0.3 / t1)), abs=1e-7)
    spins = play_spins(sequence, voxel, kinds={"hs": kind}, n_spins=64, during_pulse="full").signal
    assert mz == pytest.approx(abs(complex(spins[0, 0])), abs=1e-4)


@pytest.mark.parametrize("t2", [3e-5, 1e-5])
def test_where_t2_is_far_shorter_than_an_inversion_equilibrium_is_hardly_inverted(t2):
    """Its efficiency is negative; all engines give what the full Bloch equations leave of equilibrium."""
    kind = HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=1000)
    layout = Layout.plain(2, gradients=("spoiler", 0), kinds=("hs", "hard"))
    sequence = Sequence.from_degrees_ms([180, 90], [0, 0], [300, 1e-6], layout=layout)
    voxel = Voxels(t1=0.83, t2=t2, b1=[1.0], b0=0.0)
    assert inversion_efficiency(kind, 0.83, t2) < 0
    expected = play_spins(sequence, voxel, kinds={"hs": kind}, n_spins=16, during_pulse="full").signal[0, 0]
    for engine in ("configurations", "fused"):
        found = complex(Simulator(voxel, engine=engine, kinds={"hs": kind}).signal(sequence))
        assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("flip", [-180, 30])
def test_of_a_fixed_amplitude_neither_sign_nor_size_of_the_flip_angle_matter(flip):
    layout = Layout.plain(3, kinds=("hard", "hs", "hs"))
    kinds = {"hs": HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2108)}
    voxel = Voxels(t1=1.0, t2=0.1, b1=[0.45], b0=20.0)
    given, nominal = (
        Sequence.from_degrees_ms([90, second, 180], [0, 0, 0], [10, 14, 4], layout=layout)
        for second in (flip, 180)
    )
    expected = play_spins(nominal, voxel, kinds=kinds, n_spins=4).signal[0, 0]
    assert play_spins(given, voxel, kinds=kinds, n_spins=4).signal[0, 0] == expected
    for engine in ("configurations", "fused"):
        found = complex(Simulator(voxel, engine=engine, kinds=kinds).signal(given))
        assert found == pytest.approx(expected, abs=1e-9)
