"""The compiled kernel over tables of states against closed forms, the tree, plain states and spins."""

import math

import numpy as np
import pytest
import torch

from kernel_cases import (
    KINDS,
    LAYOUTS,
    NAMES,
    arranged,
    everything_of_layout,
    layout_sequences,
    make_encoding,
    make_sequences,
    make_voxels,
    rotations_of,
)
from sequence_search.engines.kernel import run, table_run
from sequence_search.engines.kernel.objective import arrange_objective
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout
from sequence_search.pulses.slices import places
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


def one_voxel(**properties):
    known = {"m0": 1.0, "t1": 0.9, "t2": 0.08, "t2_prime": np.inf, "b1": 1.0, "b0": 0.0, "spread": 0.0}
    return {name: np.array([value]) for name, value in (known | properties).items()}


def signal(layout, flip, phase, delay, **properties):
    """Signals [n_readouts] of one voxel."""
    sequences = tuple(np.array([part], float) for part in (flip, phase, delay))
    return table_run.forward(sequences, layout, arranged(one_voxel(**properties)), 1)[0, :, 0]


@pytest.mark.parametrize("same_spread", [True, False])
@pytest.mark.parametrize("n_rf", range(1, 7))
def test_free_delays_give_what_the_tree_gives(n_rf, same_spread):
    rng = np.random.default_rng(n_rf)
    count, layout = 19, Layout.plain(n_rf)
    blocks, sequences = (
        arranged(make_voxels(rng, count, same_spread)),
        make_sequences(rng, 2, n_rf, n_rf == 4),
    )
    bar = rng.normal(size=(2, 1, count)) + 1j * rng.normal(size=(2, 1, count))
    whole = np.full(2, n_rf)
    expected = run.forward(sequences, whole, blocks, 1)
    actual = table_run.forward(sequences, layout, blocks, 1)[:, 0]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-14)
    slopes = run.adjoint(sequences, whole, blocks, bar[:, 0].copy(), 1)
    for i, slope in enumerate(table_run.adjoint(sequences, layout, blocks, bar, 1)):
        np.testing.assert_allclose(slope, slopes[:, i], rtol=0, atol=2e-14 * max(1, abs(slopes[:, i]).max()))


@pytest.mark.parametrize("b0", [0.0, 33.0])
def test_a_crushed_spin_echo_is_the_refocused_path_alone(b0):
    first, second, te = 1.3, 2.2, 0.03
    found = signal(
        Layout.plain(2, gradients=(1, 1)), (first, second), (0, 0), (te / 2, te / 2), b1=0.9, b0=b0
    )
    expected = 1j * math.sin(0.9 * first) * math.sin(0.9 * second / 2) ** 2 * math.exp(-te / 0.08)
    assert found[0] == pytest.approx(expected, abs=1e-15)


def test_a_stimulated_echo_has_half_the_magnetisation():
    layout = Layout.plain(3, gradients=(1, SPOILER, 1))
    found = signal(layout, (math.pi / 2,) * 3, (0, 0, 0), (0.01, 0.2, 0.01), b0=20.0)
    assert abs(found[0]) == pytest.approx(math.exp(-0.02 / 0.08 - 0.2 / 0.9) / 2, abs=1e-15)


def test_refocusing_by_180_gives_every_echo():
    n_echoes, half = 9, 0.006
    flips, phases = [math.pi / 2] + [math.pi] * n_echoes, [math.pi / 2] + [0.0] * n_echoes
    for crusher in (0, 1):
        found = signal(Layout.train(n_echoes, crusher=crusher), flips, phases, [half], b0=15.0, spread=9.0)
        times = 2 * half * np.arange(1, n_echoes + 1)
        np.testing.assert_allclose(abs(found), np.exp(-times / 0.08), rtol=0, atol=2e-15)


def textbook_train(n_echoes, flip, half, t1, t2):
    """Echoes of a crushed train by the extended phase graph: columns of a matrix, one for each moment."""
    e1, e2 = math.exp(-half / t1), math.exp(-half / t2)
    turn = lambda a, p: np.array(  # noqa: E731
        [
            [math.cos(a / 2) ** 2, np.exp(2j * p) * math.sin(a / 2) ** 2, -1j * np.exp(1j * p) * math.sin(a)],
            [
                np.exp(-2j * p) * math.sin(a / 2) ** 2,
                math.cos(a / 2) ** 2,
                1j * np.exp(-1j * p) * math.sin(a),
            ],
            [-0.5j * np.exp(-1j * p) * math.sin(a), 0.5j * np.exp(1j * p) * math.sin(a), math.cos(a)],
        ]
    )

    def shift(state):
        state = np.diag([e2, e2, e1]) @ state
        state[2, 0] += 1 - e1
        state[0, 1:], state[1, :-1] = state[0, :-1].copy(), state[1, 1:].copy()
        state[1, -1], state[0, 0] = 0, state[1, 0].conj()
        return state

    state = np.zeros((3, 2 * n_echoes + 2), complex)
    state[2, 0] = 1
    state, echoes = turn(math.pi / 2, math.pi / 2) @ state, []
    for _ in range(n_echoes):
        state = shift(turn(flip, 0.0) @ shift(state))
        echoes.append(state[0, 0])
    return np.array(echoes)


def test_a_train_of_130_degrees_is_that_of_the_textbook():
    n_echoes, half, flip = 12, 0.005, math.radians(130)
    flips, phases = [math.pi / 2] + [flip] * n_echoes, [math.pi / 2] + [0.0] * n_echoes
    found = signal(Layout.train(n_echoes, crusher=1), flips, phases, [half], b0=40.0)
    expected = textbook_train(n_echoes, flip, half, 0.9, 0.08)
    np.testing.assert_allclose(abs(found), abs(expected), rtol=0, atol=1e-13)


def lattice_train(n_echoes, flips, phases, half, t1, t2, t2_prime, b0, spread):
    """Last echo of an uncrushed train from 4 n + 1 equidistant spins: clocks are whole numbers of `half`, so
    that a Fourier sum tells them apart, each to be weighed by what the voxel's offsets make of it."""
    clock = np.arange(-2 * n_echoes, 2 * n_echoes + 1)
    offset = 2 * np.pi * clock / (len(clock) * half)
    mxy, mz = np.zeros(len(clock), complex), np.ones(len(clock))
    for k, (flip, phase) in enumerate(zip(flips, phases, strict=True)):
        mxy = mxy * np.exp(-1j * phase)
        mxy, mz = (
            mxy.real + 1j * (math.cos(flip) * mxy.imag - math.sin(flip) * mz),
            math.cos(flip) * mz + math.sin(flip) * mxy.imag,
        )
        time = half if k in (0, n_echoes) else 2 * half
        mxy = mxy * np.exp(1j * phase - time / t2 + 1j * (offset + 2 * np.pi * b0) * time)
        mz = 1 + (mz - 1) * math.exp(-time / t1)
    parts = np.array([np.mean(mxy * np.exp(-1j * offset * tau * half)) for tau in clock])
    return (parts * np.exp(-abs(clock) * half / t2_prime) * np.sinc(2 * spread * clock * half)).sum()


def test_a_train_without_crushers_is_that_of_spins_on_a_lattice():
    rng, n_echoes = np.random.default_rng(0), 10
    flips, phases = rng.uniform(0.5, 3, n_echoes + 1), rng.uniform(-3, 3, n_echoes + 1)
    voxel = {"t1": 0.9, "t2": 0.08, "t2_prime": 0.06, "b0": 17.0, "spread": 12.0}
    found = signal(Layout.train(n_echoes), flips, phases, [0.005], **voxel)
    assert found[-1] == pytest.approx(lattice_train(n_echoes, flips, phases, 0.005, **voxel), abs=1e-13)


def test_ernst():
    flip, te, tr = 0.4, 0.004, 0.03
    found = signal(Layout.plain(1, steady=True), [flip], [0], (te, tr - te))
    e1 = math.exp(-tr / 0.9)
    expected = math.sin(flip) * (1 - e1) / (1 - e1 * math.cos(flip)) * math.exp(-te / 0.08)
    assert found[0] == pytest.approx(-1j * expected, abs=1e-14)


def test_a_spin_echo_in_steady_state():
    a, b, te, tr, t1 = 1.2, 2.5, 0.02, 0.6, 0.9
    found = signal(Layout.plain(2, gradients=(1, 1), steady=True), (a, b), (0, 0), (te / 2, te / 2, tr - te))
    whole, rest = math.exp(-tr / t1), math.exp(-(tr - te / 2) / t1)
    start = (1 - math.cos(b) * whole - (1 - math.cos(b)) * rest) / (1 - math.cos(a) * math.cos(b) * whole)
    expected = math.sin(a) * math.sin(b / 2) ** 2 * start * math.exp(-te / 0.08)
    assert found[0] == pytest.approx(1j * expected, abs=1e-14)


def test_inversion_recovery_in_steady_state():
    ti, te, tr, t1 = 0.4, 0.01, 1.5, 0.9
    flips = (math.pi, math.pi / 2)
    found = signal(
        Layout.plain(2, gradients=(SPOILER, 0), steady=True), flips, (0, 0), (ti, te, tr - ti - te)
    )
    expected = (1 - 2 * math.exp(-ti / t1) + math.exp(-tr / t1)) * math.exp(-te / 0.08)
    assert found[0] == pytest.approx(-1j * expected, abs=1e-14)


def differences(function, sequences, step=(1e-4, 1e-4, 1e-6)):
    """Central differences of the fourth order of a function [batch] of the sequences."""
    slopes = []
    for i, part in enumerate(sequences):
        slope = np.zeros_like(part)
        for j in range(part.shape[1]):

            def at(h, i=i, j=j):
                changed = [other.copy() for other in sequences]
                changed[i][:, j] += h * step[i]
                return function(tuple(changed))

            slope[:, j] = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step[i])
        slopes.append(slope)
    return slopes


@pytest.mark.parametrize("same_spread", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_adjoint_is_the_derivative(name, same_spread):
    layout, rng, count = LAYOUTS[name], np.random.default_rng(len(name)), 11
    blocks, sequences = arranged(make_voxels(rng, count, same_spread)), layout_sequences(rng, layout)
    shape = (2, len(layout.readouts), count)
    bar = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    slopes = table_run.adjoint(sequences, layout, blocks, bar, 1)
    total = lambda other: (bar.conj() * table_run.forward(other, layout, blocks, 1)).sum((1, 2)).real  # noqa: E731
    for slope, expected in zip(slopes, differences(total, sequences), strict=True):
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-8 * max(1, abs(expected).max()))


@pytest.mark.parametrize("name", ["crushed", "steady", "steady, crushed"])
def test_loss_in_one_pass_is_that_of_the_signals_and_its_gradient_their_differences(name):
    layout, rng, count = LAYOUTS[name], np.random.default_rng(5), 203
    group = rng.integers(0, 3, count)
    blocks, sequences = arranged(make_voxels(rng, count), group), layout_sequences(rng, layout)
    encoding = make_encoding(rng, group, ((0, 1, 3.0, "plain"), (2, 1, 0.5, "signed")))
    objective = arrange_objective(blocks, encoding)
    value, gradient = table_run.loss(sequences, layout, blocks, objective, 2)
    size = abs(table_run.forward(sequences, layout, blocks, 2)[:, 0])
    means = size @ (encoding.mean * (group == np.arange(3)[:, None])).T
    difference = means[:, 2] - means[:, 1]
    expected = 0.7 + size @ encoding.linear + size**2 @ encoding.square + 0.2 * layout.n_rf
    expected -= 3 * (means[:, 0] - means[:, 1]) ** 2 + 0.5 * difference * abs(difference)
    until_readout = sequences[2][:, : layout.n_rf].sum(1)  # of a plain layout: all but the rest of the TR
    expected += 0.1 * (sequences[0] ** 2).sum(1) + 0.3 * until_readout
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    slopes = differences(lambda other: table_run.loss(other, layout, blocks, objective, 2)[0], sequences)
    for slope, by_difference in zip(gradient, slopes, strict=True):
        scale = max(1, abs(by_difference).max())
        np.testing.assert_allclose(slope, by_difference, rtol=0, atol=1e-8 * scale)


@pytest.mark.parametrize("name", ["steady", "several readouts"])
def test_nothing_depends_on_threads_or_neighbours(name):
    layout, rng, count = LAYOUTS[name], np.random.default_rng(4), 2000
    group = rng.integers(0, 3, count)
    blocks, sequences = arranged(make_voxels(rng, count), group), layout_sequences(rng, layout, 5)
    encoding = make_encoding(rng, group, ((0, 1, 3.0, "plain"),))
    whole = everything_of_layout(sequences, layout, blocks, encoding, 1)
    for threads in (2, 4):
        again = everything_of_layout(sequences, layout, blocks, encoding, threads)
        assert all(map(np.array_equal, whole, again))
    for b in range(5):
        own = tuple(part[b : b + 1].copy() for part in sequences)
        alone = everything_of_layout(own, layout, blocks, encoding, 2)
        assert all(np.array_equal(part[b : b + 1], other) for part, other in zip(whole, alone, strict=True))


@pytest.mark.parametrize("name", LAYOUTS)
def test_extreme_inputs(name):
    layout, rng, count, batch = LAYOUTS[name], np.random.default_rng(5), 9, 8
    voxels = make_voxels(rng, count)
    voxels["t2_prime"], voxels["b1"] = (
        rng.choice([1e-3, 0.02, np.inf], count),
        rng.choice([0.0, 1.0, 3.0], count),
    )
    voxels["t1"], voxels["t2"] = rng.choice([1e-3, 1.0, 1e3], count), rng.choice([1e-4, 0.1, 1e3], count)
    sequences = (
        rng.choice([0.0, 1.0, np.pi, 2 * np.pi], (batch, layout.n_rf)),
        rng.choice([0.0, np.pi / 2, -50.0], (batch, layout.n_rf)),
        10 ** rng.uniform(-7, 1, (batch, layout.n_delay)),
    )
    encoding = make_encoding(rng, np.zeros(count, int), ((0, 0, 1.0, "plain"),))
    found, *slopes = everything_of_layout(sequences, layout, arranged(voxels), encoding)
    numbers = {name: torch.from_numpy(voxels[name]) for name in NAMES}
    sequence = Sequence(*map(torch.from_numpy, sequences), layout=layout)
    expected = Simulator(Voxels(**numbers), engine="configurations").signal(sequence)
    np.testing.assert_allclose(found, expected.numpy().reshape(found.shape), rtol=0, atol=1e-11)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_lanes_without_a_voxel_and_voxels_without_relaxation_do_no_harm():
    layout = Layout.plain(2, gradients=(1, 1), steady=True)
    voxels = {name: np.repeat(value, 3) for name, value in one_voxel().items()}
    voxels["t1"] = np.array([0.9, np.inf, 0.9])
    blocks, rng = arranged(voxels), np.random.default_rng(1)
    bar = np.ones((2, 1, 3), complex)
    sequences = layout_sequences(rng, layout)
    found = table_run.forward(sequences, layout, blocks, 1)
    assert np.isfinite(found).all()
    assert not found[:, 0, 1].any()  # saturated for ever
    assert all(np.isfinite(part).all() for part in table_run.adjoint(sequences, layout, blocks, bar, 1))


@pytest.mark.parametrize("steady", [False, True])
@pytest.mark.parametrize(
    "kinds", [("hs", "sinc", "sinc"), ("sinc", "hard", "sinc"), ("hard", "sinc", "hard")]
)
def test_pulses_that_take_time_are_those_of_the_reference_between_the_nodes_of_its_table(kinds, steady):
    rng, layout = np.random.default_rng(2), Layout.plain(3, gradients=(0, 1, 1), kinds=kinds, steady=steady)
    voxels, (flip, phase, delay) = make_voxels(rng, 11), layout_sequences(rng, layout)
    blocks = arranged(voxels)
    rotations = rotations_of(layout, voxels, blocks)
    found = table_run.forward((flip, phase, delay), layout, blocks, 1, rotations)[:, 0]
    numbers = {name: torch.from_numpy(voxels[name]) for name in NAMES}
    sequence = Sequence(*map(torch.from_numpy, (flip, phase, delay)), layout=layout)
    reference = Simulator(Voxels(**numbers), engine="configurations", kinds=KINDS)
    np.testing.assert_allclose(found, reference.signal(sequence).numpy(), rtol=0, atol=3e-6)

    bar = rng.normal(size=(2, 1, 11)) + 1j * rng.normal(size=(2, 1, 11))
    slopes = table_run.adjoint((flip, phase, delay), layout, blocks, bar, 1, rotations)
    total = lambda other: (  # noqa: E731
        (bar.conj() * table_run.forward(other, layout, blocks, 1, rotations)).sum((1, 2)).real
    )
    for slope, expected in zip(slopes, differences(total, (flip, phase, delay)), strict=True):
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-8 * max(1, abs(expected).max()))


def test_turned_and_vanishing_flip_angles_have_their_signals_and_slopes():
    rng, layout = np.random.default_rng(3), Layout.plain(2, kinds=("sinc", "sinc"))
    voxels = one_voxel(b0=30.0)
    blocks = arranged(voxels)
    rotations = rotations_of(layout, voxels, blocks)
    bar = np.ones((1, 1, 1), complex)
    total = lambda other: table_run.forward(other, layout, blocks, 1, rotations).sum((1, 2)).real  # noqa: E731
    for flips in ((1.0, -2.0), (1.2, 0.0), (-0.7, 1e-3)):
        sequences = np.array([flips]), rng.uniform(0, 6, (1, 2)), np.array([[0.01, 0.012]])
        turned = abs(sequences[0]), sequences[1] + np.pi * (sequences[0] < 0), sequences[2]
        np.testing.assert_allclose(total(sequences), total(turned), rtol=0, atol=1e-14)
        slopes = table_run.adjoint(sequences, layout, blocks, bar, 1, rotations)
        for slope, expected in zip(slopes, differences(total, sequences), strict=True):
            np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-8 * max(1, abs(expected).max()))


def test_places_across_the_slice_add_up_before_the_magnitude():
    layout = Layout.plain(2, gradients=(1, 1), kinds=("slice", "slice"), steady=True)
    rng, count = np.random.default_rng(6), 13
    group = rng.integers(0, 2, count)
    voxels, (place, weight) = make_voxels(rng, count), places(8)
    lanes = {name: np.repeat(value, 8) for name, value in voxels.items()}
    lanes["m0"] *= np.tile(weight, count)
    blocks = arranged(lanes, np.repeat(group, 8))
    rotations = rotations_of(layout, lanes, blocks, np.tile(place, count))
    encoding = make_encoding(rng, group, ((0, 1, 3.0, "plain"),))
    whole = encoding._replace(
        linear=np.repeat(encoding.linear, 8),
        square=np.repeat(encoding.square, 8),
        mean=np.repeat(encoding.mean, 8),
        group=np.repeat(group, 8),
    )
    objective = arrange_objective(blocks, whole)
    sequences = layout_sequences(rng, layout)
    value, gradient = table_run.loss(sequences, layout, blocks, objective, 1, rotations)
    signal = table_run.forward(sequences, layout, blocks, 1, rotations)[:, 0].reshape(2, count, 8).sum(2)
    size = abs(signal)
    means = size @ (encoding.mean * (group == np.arange(2)[:, None])).T
    expected = 0.7 + size @ encoding.linear + size**2 @ encoding.square - 3 * (means[:, 0] - means[:, 1]) ** 2
    expected += 0.4 + 0.1 * (sequences[0] ** 2).sum(1) + 0.3 * sequences[2][:, :2].sum(1)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    total = lambda other: table_run.loss(other, layout, blocks, objective, 1, rotations)[0]  # noqa: E731
    for slope, by_difference in zip(gradient, differences(total, sequences), strict=True):
        scale = max(1, abs(by_difference).max())
        np.testing.assert_allclose(slope, by_difference, rtol=0, atol=1e-8 * scale)


@pytest.mark.parametrize("name", ["train", "several readouts"])
def test_the_loss_of_several_readouts_is_the_mean_of_those_at_each(name):
    layout, rng, count = LAYOUTS[name], np.random.default_rng(8), 23
    group = rng.integers(0, 2, count)
    blocks, sequences = arranged(make_voxels(rng, count), group), layout_sequences(rng, layout)
    encoding = make_encoding(rng, group, penalties=np.zeros(3))
    of_contrasts = ("pairs", "contrast_weight", "signed", "complex")
    encoding = encoding._replace(**{part: getattr(encoding, part)[:0] for part in of_contrasts})
    objective = arrange_objective(blocks, encoding)
    value, gradient = table_run.loss(sequences, layout, blocks, objective, 1)
    signal = table_run.forward(sequences, layout, blocks, 1)
    size = abs(signal)
    of_each = encoding.constant + size @ encoding.linear + size**2 @ encoding.square
    np.testing.assert_allclose(value, of_each.mean(1), rtol=1e-12)
    along = np.divide(signal, size, out=np.zeros_like(signal), where=size > 0)
    bar = (encoding.linear + 2 * encoding.square * size) * along / size.shape[1]
    for slope, expected in zip(gradient, table_run.adjoint(sequences, layout, blocks, bar, 1), strict=True):
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))


def test_a_contrast_of_several_readouts_or_of_complex_means_is_refused():
    rng, group = np.random.default_rng(1), np.zeros(3, int)
    blocks = arranged(make_voxels(rng, 3))
    for name, kind in (("train", "plain"), ("crushed", "complex")):
        objective = arrange_objective(blocks, make_encoding(rng, group, ((0, 0, 1.0, kind),)))
        sequences = layout_sequences(rng, LAYOUTS[name])
        with pytest.raises(ValueError, match="no contrast of several readouts, nor one of means"):
            table_run.loss(sequences, LAYOUTS[name], blocks, objective, 1)
