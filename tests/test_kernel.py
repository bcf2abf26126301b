"""The compiled kernel against an independent plain sum, and what compiled code can get wrong.

Values and gradients also pass the contract of all engines in test_simulate.py.
"""

import concurrent.futures
import itertools
import logging
import os
import time

import numpy as np
import pytest

from kernel_cases import arranged, everything, make_encoding, make_sequences, make_voxels, plain
from sequence_search.engines.kernel import grid, run
from sequence_search.engines.kernel.functions import economised
from sequence_search.engines.kernel.objective import arrange_objective


@pytest.mark.parametrize("same_spread", [True, False])
@pytest.mark.parametrize("n_rf", range(1, 9))
def test_signals_are_those_of_the_plain_sum(n_rf, same_spread):
    rng = np.random.default_rng(n_rf)
    for count in (1, 3, 37) if n_rf < 6 else (3,):
        voxels = make_voxels(rng, count, same_spread)
        blocks = arranged(voxels, rng.integers(0, 4, count))
        sequences = make_sequences(rng, 3, n_rf, echoes=n_rf % 2 == 0)
        counts = np.array([n_rf, max(n_rf - 1, 0), 0])
        actual = run.forward(sequences, counts, blocks, 2)
        np.testing.assert_allclose(actual, plain(sequences, counts, voxels), atol=1e-13, rtol=0)


@pytest.mark.parametrize("n_rf", [1, 2, 3, 5])
def test_products_are_those_of_the_signals_with_what_their_row_has(n_rf):
    rng = np.random.default_rng(n_rf)
    blocks, sequences = arranged(make_voxels(rng, 700), rng.integers(0, 3, 700)), make_sequences(rng, 6, n_rf)
    counts = np.array([n_rf, n_rf, max(n_rf - 1, 0), n_rf, 0, n_rf])
    given = rng.normal(size=(2, 700)) + 1j * rng.normal(size=(2, 700))
    signals = run.forward(sequences, counts, blocks, 1)
    expected = (given.repeat(3, 0).conj() * signals).sum(-1).real
    np.testing.assert_allclose(
        run.products(sequences, counts, blocks, given, 2), expected, atol=1e-11, rtol=0
    )


def richardson(function, x, step):
    """Derivative by central differences, extrapolated three times."""
    slopes = [(function(x + h) - function(x - h)) / (2 * h) for h in (step, step / 2, step / 4, step / 8)]
    for power in (4, 16, 64):
        slopes = [(power * b - a) / (power - 1) for a, b in itertools.pairwise(slopes)]
    return slopes[0]


def nearest_echo(delay):
    """Smallest |tau| of any pathway of any sequence or its first part."""
    return min(
        abs(np.dot(signs, row[:n]) + row[n])
        for row in delay
        for n in range(len(row))
        for signs in itertools.product((1, 0, -1), repeat=n)
    )


@pytest.mark.parametrize("same_spread", [True, False])
@pytest.mark.parametrize("n_rf", [1, 2, 3, 4, 6])
def test_adjoint_is_the_derivative(n_rf, same_spread):
    rng = np.random.default_rng(n_rf)
    blocks = arranged(make_voxels(rng, 11, same_spread))
    sequences = make_sequences(rng, 2, n_rf)
    while nearest_echo(sequences[2]) < (3e-4 if n_rf < 6 else 3e-5):  # |tau| has a kink at 0
        sequences = make_sequences(rng, 2, n_rf)
    counts = np.array([n_rf, max(n_rf - 1, 1)])
    bar = rng.normal(size=(2, 11)) + 1j * rng.normal(size=(2, 11))
    slopes = run.adjoint(sequences, counts, blocks, bar, 2)
    for i, b, k in itertools.product(range(3), range(2), range(n_rf)):

        def total(x, i=i, b=b, k=k):
            changed = [part.copy() for part in sequences]
            changed[i][b, k] = x
            return (bar.conj() * run.forward(tuple(changed), counts, blocks, 1)).sum().real

        expected = richardson(total, sequences[i][b, k], 0.05 if i < 2 else (2e-4 if n_rf < 6 else 2e-5))
        scale = max(1, abs(slopes[:, i]).max())
        assert slopes[b, i, k] == pytest.approx(expected, abs=(1e-10 if n_rf < 6 else 1e-8) * scale)


@pytest.mark.parametrize(
    "complex_contrasts",
    [(), ((1, 0, 1.5, "complex"),), ((2, 1, 4.0, "complex"), (0, 1, 0.3, "complex"))],
)
def test_loss_is_that_of_the_signals_and_its_gradient_that_of_the_adjoint(complex_contrasts):
    rng = np.random.default_rng(3)
    count, batch, n_rf = 203, 4, 4
    voxels, group = make_voxels(rng, count), rng.integers(0, 3, count)
    blocks = arranged(voxels, group)
    contrasts = (
        (0, 1, 3.0, "plain"),
        (1, 2, 0.5, "plain"),
        (0, 2, 2.0, "signed"),
        (2, 0, 0.7, "signed"),
        *complex_contrasts,
    )
    encoding = make_encoding(rng, group, contrasts)
    linear, square, weight = encoding[:3]
    sequences, counts = make_sequences(rng, batch, n_rf), np.array([4, 2, 0, 3])
    loss, gradient = run.loss(sequences, counts, blocks, arrange_objective(blocks, encoding), 2)

    signal = run.forward(sequences, counts, blocks, 2)
    size = abs(signal)
    present = np.arange(n_rf) < counts[:, None]
    of_group = (weight * (group == np.arange(3)[:, None])).T
    means, complex_means = size @ of_group, signal @ of_group
    flip, _, delay = sequences
    expected = 0.7 + size @ linear + size**2 @ square + 0.2 * counts
    expected += (0.1 * flip**2 * present).sum(1) + (0.3 * delay * present).sum(1)
    by_size, by_signal = linear + 2 * square * size, 0.0
    for a, b, factor, kind in contrasts:
        toward = of_group[:, a] - of_group[:, b]
        if kind == "complex":
            difference = complex_means[:, a] - complex_means[:, b]
            expected -= factor * abs(difference) ** 2
            by_signal -= 2 * factor * difference[:, None] * toward
            continue
        difference = means[:, a] - means[:, b]
        steep = abs(difference) if kind == "signed" else difference
        expected -= factor * difference * steep
        by_size -= 2 * factor * steep[:, None] * toward
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    direction = np.divide(signal, size, out=np.zeros_like(signal), where=size > 0)
    slopes = run.adjoint(sequences, counts, blocks, direction * by_size + by_signal, 2)
    slopes[:, 0] += 0.2 * flip * present
    slopes[:, 2] += 0.3 * present
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-11)


def test_a_signed_contrast_falls_as_its_first_group_brightens():
    rng = np.random.default_rng(11)
    group = np.array([0, 1])
    voxels = make_voxels(rng, 2)
    blocks, sequences = arranged(voxels, group), make_sequences(rng, 1, 2)
    size = abs(plain(sequences, [2], voxels)[0])

    def contrast(first, second, flip):
        encoding = make_encoding(rng, group, [(first, second, 3.0, "signed")], np.zeros(3))
        encoding = encoding._replace(linear=np.zeros(2), square=np.zeros(2), mean=np.ones(2), constant=0.0)
        changed = (np.array([[flip, sequences[0][0, 1]]]), *sequences[1:])
        value, gradient = run.loss(changed, np.array([2]), blocks, arrange_objective(blocks, encoding), 1)
        return value[0], gradient[0, 0, 0]

    flip = sequences[0][0, 0]
    for first, second in ((0, 1), (1, 0)):
        value, slope = contrast(first, second, flip)
        difference = size[first] - size[second]
        assert value == pytest.approx(-3.0 * difference * abs(difference), rel=1e-12)
        assert (value < 0) == (size[first] > size[second])
        expected = richardson(lambda x, a=first, b=second: contrast(a, b, x)[0], flip, 0.01)
        assert slope == pytest.approx(expected, rel=1e-8)


def test_the_grid_has_the_losses_of_the_kernel():
    rng = np.random.default_rng(12)
    group = rng.integers(0, 3, 31)
    voxels = make_voxels(rng, 31, same_spread=False)
    encoding = make_encoding(rng, group, [(0, 1, 3.0, "plain"), (1, 2, 0.5, "signed"), (2, 1, 0.9, "signed")])
    flips, phase = (rng.uniform(0, 3, 2), rng.uniform(0, 3, 3)), rng.uniform(-4, 4, 5)
    delays = rng.uniform(0.001, 0.05, 2), rng.uniform(0.001, 0.05, 4)
    points = [axis.ravel() for axis in np.meshgrid(*delays, *flips, phase, indexing="ij")]
    first_delay, second_delay, first_flip, second_flip, second_phase = points
    sequences = tuple(
        np.stack(columns, 1)
        for columns in (
            (first_flip, second_flip),
            (np.zeros(240), second_phase),
            (first_delay, second_delay),
        )
    )
    tables = grid.make_tables(flips, phase, delays, list(voxels.values()))
    blocks = arranged(voxels, group)
    expected, _ = run.loss(sequences, np.full(240, 2), blocks, arrange_objective(blocks, encoding), 1)
    np.testing.assert_allclose(grid.losses(tables, encoding, 7, 239), expected[7:239], rtol=1e-12)


def equal_to_the_bit(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_depends_on_threads_neighbours_or_padding():
    rng = np.random.default_rng(4)
    count, batch, n_rf = 3000, 9, 5
    group = rng.integers(0, 3, count)
    blocks, encoding = arranged(make_voxels(rng, count), group), make_encoding(rng, group)
    sequences, counts = make_sequences(rng, batch, n_rf), rng.integers(0, n_rf + 1, batch)
    whole = everything(sequences, counts, blocks, encoding)
    for threads in (1, 2, 5):
        assert equal_to_the_bit(whole, everything(sequences, counts, blocks, encoding, threads))
    for b in range(batch):
        own = tuple(np.ascontiguousarray(part[b : b + 1, : counts[b]]) for part in sequences)
        alone = everything(own, counts[b : b + 1], blocks, encoding)
        for together, by_itself in zip(whole, alone, strict=True):
            row = together[b : b + 1]
            if row.ndim == 3:
                assert not row[..., counts[b] :].any()
                row = row[..., : counts[b]]
            assert np.array_equal(row, by_itself)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for other in pool.map(lambda _: everything(sequences, counts, blocks, encoding), range(12)):
            assert equal_to_the_bit(whole, other)


@pytest.mark.parametrize("n_rf", [1, 2, 3, 5, 8])
def test_extreme_inputs(n_rf):
    rng = np.random.default_rng(5)
    batch, count = 20, 9
    voxels = make_voxels(rng, count, same_spread=n_rf != 1)
    voxels["t2_prime"] = rng.choice([1e-3, 0.02, np.inf], count)
    voxels["b1"] = rng.choice([0.0, 1.0, 3.0], count)
    voxels["t1"], voxels["t2"] = rng.choice([1e-3, 1.0, 1e3], count), rng.choice([1e-4, 0.1, 1e3], count)
    if n_rf == 5:
        voxels["spread"] = np.zeros(count)
    if n_rf == 3:
        voxels["t2_prime"][:] = 100.0  # products of exponentials close to their limit
    sequences = (
        rng.choice([0.0, 1.0, np.pi, 2 * np.pi], (batch, n_rf)),
        rng.choice([0.0, np.pi / 2, -50.0], (batch, n_rf)),
        10 ** rng.uniform(-7, 2, (batch, n_rf)),
    )
    sequences[2][:5] = rng.choice([1e-7, 0.01, 100.0], (5, n_rf))
    if n_rf == 3:
        sequences[2][0] = 29900.0, 29950.0, 100.0  # sum just below 600 T2', |tau| from 50
    counts = np.full(batch, n_rf)
    blocks = arranged(voxels)
    signal = run.forward(sequences, counts, blocks, 2)
    if n_rf < 8:
        # Phases of 1e5 radians are known to 1e-11 only.
        np.testing.assert_allclose(signal, plain(sequences, counts, voxels), atol=1e-9, rtol=0)
    assert abs(signal).max() <= 1 + 1e-12
    encoding = make_encoding(rng, np.zeros(count, int), [(0, 0, 1.0, "signed"), (0, 0, 2.0, "complex")])
    assert all(np.isfinite(part).all() for part in everything(sequences, counts, blocks, encoding))


def test_empty_inputs():
    rng = np.random.default_rng(6)
    nobody = arranged(make_voxels(rng, 0))
    somebody = arranged(make_voxels(rng, 5))
    sequences = make_sequences(rng, 2, 3)
    assert run.forward(sequences, np.array([3, 3]), nobody, 2).shape == (2, 0)
    none = tuple(np.zeros((0, 3)) for _ in range(3))
    assert run.forward(none, np.zeros(0, int), somebody, 2).shape == (0, 5)
    no_pulse = tuple(np.zeros((2, 0)) for _ in range(3))
    assert not run.forward(no_pulse, np.zeros(2, int), somebody, 2).any()


def test_a_million_voxels():
    rng = np.random.default_rng(7)
    voxels = make_voxels(rng, 1_000_003)
    sequences = make_sequences(rng, 1, 2)
    signal = run.forward(sequences, np.array([2]), arranged(voxels), 2)
    last = {name: part[-3:] for name, part in voxels.items()}
    np.testing.assert_allclose(signal[:, -3:], plain(sequences, [2], last), atol=1e-13, rtol=0)


def test_too_many_pulses_are_refused():
    rng = np.random.default_rng(8)
    with pytest.raises(ValueError, match="at most 10 pulses, got 11"):
        run.forward(make_sequences(rng, 1, 11), np.array([11]), arranged(make_voxels(rng, 1)), 1)


def test_a_slow_first_call_says_that_it_compiles(caplog):
    with caplog.at_level(logging.WARNING):
        run._announce_compilation(lambda: time.sleep(1.3))
        run._announce_compilation(lambda: None)
    assert [record.message[:9] for record in caplog.records] == ["compiling"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_it_works_after_a_fork():
    rng = np.random.default_rng(9)
    blocks, sequences = arranged(make_voxels(rng, 3000)), make_sequences(rng, 8, 4)
    counts = np.full(8, 4)
    before = run.forward(sequences, counts, blocks, 2)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(before, run.forward(sequences, counts, blocks, 2)) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_economised_series_are_close_on_their_interval():
    from math import factorial

    short = economised([(-1) ** i / factorial(i) for i in range(14)], -1, 1, 7)
    x = np.linspace(-1, 1, 101)
    assert abs(np.polyval(short[::-1], x) - np.exp(-x)).max() < 3e-7
    assert len(short) == 8
