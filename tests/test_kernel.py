"""The compiled kernel against an independent plain sum, and what compiled code can get wrong.

Values and gradients also pass the contract of all engines in test_simulate.py.
"""

import concurrent.futures
import itertools
import logging
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from sequence_search.engines.kernel import run
from sequence_search.engines.kernel.blocks import arrange_voxels
from sequence_search.engines.kernel.lanes import economised

NAMES = ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")


def plain_signal(flip, phase, delay, voxels):
    """Pathway sum with one list entry for each pathway, nothing merged or shared."""
    m0, t1, t2, t2_prime, b1, b0, spread = (voxels[name] for name in NAMES)
    paths = [("z", np.ones(len(m0), complex), 0.0)]
    for a, p, t in zip(flip, phase, delay, strict=True):
        turn, cos, sin = np.exp(1j * p), np.cos(a * b1), np.sin(a * b1)
        after = []
        for kind, amplitude, tau in paths:
            if kind == "m":
                after += [
                    ("m", (1 + cos) / 2 * amplitude, tau),
                    ("m*", (1 - cos) / 2 * turn.conj() ** 2 * amplitude, tau),
                    ("z", sin * turn.conj() * amplitude / 2j, tau),
                ]
            elif kind == "m*":
                after += [
                    ("m*", (1 + cos) / 2 * amplitude, tau),
                    ("m", (1 - cos) / 2 * turn**2 * amplitude, tau),
                    ("z", -sin * turn * amplitude / 2j, tau),
                ]
            else:
                after += [
                    ("z", cos * amplitude, tau),
                    ("m", -1j * turn * sin * amplitude, tau),
                    ("m*", 1j * turn.conj() * sin * amplitude, tau),
                ]
        e1, e2 = np.exp(-t / t1), np.exp(-t / t2 - 2j * np.pi * b0 * t)
        change = {"m": (e2, t), "m*": (e2.conj(), -t), "z": (e1, 0.0)}
        paths = [(kind, amplitude * change[kind][0], tau + change[kind][1]) for kind, amplitude, tau in after]
        paths.append(("z", 1 - e1 + 0j, 0.0))
    total = np.zeros(len(m0), complex)
    for kind, amplitude, tau in paths:
        if kind == "m":
            total += amplitude * np.exp(-abs(tau) / t2_prime) * np.sinc(2 * spread * tau)
    return m0 * total


def plain(sequences, n_rf, voxels):
    return np.array(
        [plain_signal(f[:n], p[:n], d[:n], voxels) for f, p, d, n in zip(*sequences, n_rf, strict=True)]
    )


def make_voxels(rng, count, same_spread=True):
    return {
        "m0": rng.uniform(0.5, 1, count),
        "t1": rng.uniform(0.1, 2, count),
        "t2": rng.uniform(0.02, 0.3, count),
        "t2_prime": np.where(rng.random(count) < 0.1, np.inf, rng.uniform(0.01, 0.2, count)),
        "b1": rng.uniform(0.5, 1.5, count),
        "b0": rng.normal(0, 50, count),
        "spread": np.full(count, 7.0) if same_spread else rng.uniform(0, 20, count),
    }


def arranged(voxels, group=None):
    count = len(voxels["m0"])
    return arrange_voxels([voxels[name] for name in NAMES], np.zeros(count, int) if group is None else group)


def make_sequences(rng, batch, n_rf, echoes=False):
    delay = (
        rng.choice([0.01, 0.02, 0.03], (batch, n_rf)) if echoes else rng.uniform(0.001, 0.05, (batch, n_rf))
    )
    return rng.uniform(0, 2 * np.pi, (batch, n_rf)), rng.uniform(-4, 4, (batch, n_rf)), delay


def make_objective(rng, blocks, contrasts=((0, 1, 3.0),), penalties=(0.1, 0.2, 0.3)):
    linear, square, weight = rng.random((3, blocks.n_voxels))
    return run.arrange_objective(blocks, linear, square, weight, 0.7, list(contrasts), penalties), (
        linear,
        square,
        weight,
    )


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


def test_loss_is_that_of_the_signals_and_its_gradient_that_of_the_adjoint():
    rng = np.random.default_rng(3)
    count, batch, n_rf = 203, 4, 4
    voxels, group = make_voxels(rng, count), rng.integers(0, 3, count)
    blocks = arranged(voxels, group)
    contrasts = ((0, 1, 3.0), (1, 2, 0.5))
    objective, (linear, square, weight) = make_objective(rng, blocks, contrasts)
    sequences, counts = make_sequences(rng, batch, n_rf), np.array([4, 2, 0, 3])
    loss, gradient = run.loss(sequences, counts, blocks, objective, 2)

    signal = run.forward(sequences, counts, blocks, 2)
    size = abs(signal)
    present = np.arange(n_rf) < counts[:, None]
    means = np.stack([size @ (weight * (group == g)) for g in range(3)], 1)
    flip, _, delay = sequences
    expected = 0.7 + size @ linear + size**2 @ square + 0.2 * counts
    expected += (0.1 * flip**2 * present).sum(1) + (0.3 * delay * present).sum(1)
    by_size = linear + 2 * square * size
    for a, b, factor in contrasts:
        difference = means[:, a] - means[:, b]
        expected -= factor * difference**2
        by_size -= 2 * factor * difference[:, None] * weight * (1.0 * (group == a) - (group == b))
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    direction = np.divide(signal, size, out=np.zeros_like(signal), where=size > 0)
    slopes = run.adjoint(sequences, counts, blocks, direction * by_size, 2)
    slopes[:, 0] += 0.2 * flip * present
    slopes[:, 2] += 0.3 * present
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-11)


def everything(sequences, counts, blocks, objective, threads=2):
    bar = np.ones((len(counts), blocks.n_voxels), complex)
    return (
        run.forward(sequences, counts, blocks, threads),
        run.adjoint(sequences, counts, blocks, bar, threads),
        *run.loss(sequences, counts, blocks, objective, threads),
    )


def equal_to_the_bit(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_depends_on_threads_neighbours_or_padding():
    rng = np.random.default_rng(4)
    count, batch, n_rf = 3000, 9, 5
    blocks = arranged(make_voxels(rng, count), rng.integers(0, 3, count))
    objective, _ = make_objective(rng, blocks)
    sequences, counts = make_sequences(rng, batch, n_rf), rng.integers(0, n_rf + 1, batch)
    whole = everything(sequences, counts, blocks, objective)
    for threads in (1, 2, 5):
        assert equal_to_the_bit(whole, everything(sequences, counts, blocks, objective, threads))
    for b in range(batch):
        own = tuple(np.ascontiguousarray(part[b : b + 1, : counts[b]]) for part in sequences)
        alone = everything(own, counts[b : b + 1], blocks, objective)
        for together, by_itself in zip(whole, alone, strict=True):
            row = together[b : b + 1]
            if row.ndim == 3:
                assert not row[..., counts[b] :].any()
                row = row[..., : counts[b]]
            assert np.array_equal(row, by_itself)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for other in pool.map(lambda _: everything(sequences, counts, blocks, objective), range(12)):
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
    objective, _ = make_objective(rng, blocks, contrasts=())
    assert all(np.isfinite(part).all() for part in everything(sequences, counts, blocks, objective))


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


def test_it_works_where_no_cache_can_be_written():
    code = (
        "import numba.core.caching as caching; caching.CacheImpl._locator_classes = []\n"
        "import torch; from sequence_search import Problem, Sequence, simulate\n"
        "echo = Sequence.from_degrees_ms([90], [0], [5])\n"
        "voxels = Problem.load('max-signal').voxels(method='nominal')\n"
        "exact = simulate(echo, voxels, 'pathways')\n"
        "assert (simulate(echo, voxels, 'fused') - exact).abs().max() < 1e-14"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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
